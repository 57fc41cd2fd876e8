-- What SQLite and PostgreSQL both understand. TEXT is for what is compared, and is in the order of its bytes; BLOB for
-- free texts and JSON. Times are Unix milliseconds, but those that clients see as seconds.

CREATE TABLE apps (
	id BIGINT PRIMARY KEY,
	created BIGINT NOT NULL,
	facts BLOB NOT NULL
);

CREATE TABLE accounts (
	app BIGINT NOT NULL,
	id TEXT NOT NULL,
	created BIGINT NOT NULL,
	no_c2c BIGINT NOT NULL,
	no_room BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	profile BLOB NOT NULL,
	PRIMARY KEY (app, id)
);

CREATE TABLE kept (
	app BIGINT NOT NULL,
	account TEXT NOT NULL,
	seq BIGINT NOT NULL,
	ends BIGINT NOT NULL,
	unread BIGINT NOT NULL, -- 1, or 0 for a message that does not count
	message BLOB NOT NULL,
	PRIMARY KEY (app, account, seq),
	FOREIGN KEY (app, account) REFERENCES accounts (app, id) ON DELETE CASCADE
);
CREATE INDEX kept_by_end ON kept (ends);

CREATE TABLE rooms (
	app BIGINT NOT NULL,
	id TEXT NOT NULL,
	type TEXT NOT NULL,
	owner TEXT NOT NULL,
	created BIGINT NOT NULL,
	info_seq BIGINT NOT NULL,
	last_info BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	attr_seq BIGINT NOT NULL DEFAULT 0,
	facts BLOB NOT NULL,
	PRIMARY KEY (app, id)
);
CREATE INDEX rooms_by_owner ON rooms (app, owner);

CREATE TABLE history (
	app BIGINT NOT NULL,
	room TEXT NOT NULL,
	seq BIGINT NOT NULL,
	ends BIGINT NOT NULL,
	message BLOB NOT NULL,
	PRIMARY KEY (app, room, seq),
	FOREIGN KEY (app, room) REFERENCES rooms (app, id) ON DELETE CASCADE
);
CREATE INDEX history_by_end ON history (ends);

CREATE TABLE members (
	app BIGINT NOT NULL,
	room TEXT NOT NULL,
	account TEXT NOT NULL,
	role TEXT NOT NULL,
	joined BIGINT NOT NULL,
	facts BLOB NOT NULL,
	PRIMARY KEY (app, room, account),
	FOREIGN KEY (app, room) REFERENCES rooms (app, id) ON DELETE CASCADE
);
CREATE INDEX members_by_account ON members (app, account);

CREATE TABLE mutes (
	app BIGINT NOT NULL,
	room TEXT NOT NULL,
	account TEXT NOT NULL,
	ends BIGINT NOT NULL, -- seconds
	PRIMARY KEY (app, room, account),
	FOREIGN KEY (app, room) REFERENCES rooms (app, id) ON DELETE CASCADE
);
CREATE INDEX mutes_by_account ON mutes (app, account);
CREATE INDEX mutes_by_end ON mutes (ends);

CREATE TABLE bans (
	app BIGINT NOT NULL,
	room TEXT NOT NULL,
	account TEXT NOT NULL,
	ends BIGINT NOT NULL, -- seconds
	PRIMARY KEY (app, room, account),
	FOREIGN KEY (app, room) REFERENCES rooms (app, id) ON DELETE CASCADE
);
CREATE INDEX bans_by_account ON bans (app, account);
CREATE INDEX bans_by_end ON bans (ends);

CREATE TABLE attributes (
	app BIGINT NOT NULL,
	room TEXT NOT NULL,
	name TEXT NOT NULL,
	value BLOB NOT NULL,
	PRIMARY KEY (app, room, name),
	FOREIGN KEY (app, room) REFERENCES rooms (app, id) ON DELETE CASCADE
);

CREATE TABLE counters (
	app BIGINT NOT NULL,
	room TEXT NOT NULL,
	name TEXT NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (app, room, name),
	FOREIGN KEY (app, room) REFERENCES rooms (app, id) ON DELETE CASCADE
);

CREATE TABLE seats (
	app BIGINT NOT NULL,
	room TEXT NOT NULL,
	account TEXT NOT NULL,
	state TEXT NOT NULL,
	given_by TEXT NOT NULL,
	since BIGINT NOT NULL,
	PRIMARY KEY (app, room, account),
	FOREIGN KEY (app, room) REFERENCES rooms (app, id) ON DELETE CASCADE
);
CREATE INDEX seats_by_account ON seats (app, account);

CREATE TABLE fields (
	app BIGINT NOT NULL,
	name TEXT NOT NULL,
	facts BLOB NOT NULL,
	PRIMARY KEY (app, name)
);

CREATE TABLE words (
	app BIGINT NOT NULL,
	word TEXT NOT NULL,
	PRIMARY KEY (app, word)
);

CREATE TABLE deliveries (
	id BIGINT PRIMARY KEY,
	receiver TEXT NOT NULL,
	app BIGINT NOT NULL,
	lane TEXT NOT NULL,
	dead BIGINT NOT NULL, -- 1: given up
	tries BIGINT NOT NULL,
	next BIGINT NOT NULL,
	created BIGINT NOT NULL,
	kind TEXT NOT NULL,
	url BLOB NOT NULL,
	header BLOB NOT NULL,
	body BLOB NOT NULL,
	fault BLOB NOT NULL
);
CREATE INDEX deliveries_waiting ON deliveries (receiver, id) WHERE dead = 0;
CREATE INDEX deliveries_of_lane ON deliveries (receiver, app, lane, next) WHERE dead = 0;
CREATE INDEX deliveries_dead ON deliveries (app, id) WHERE dead = 1;

-- The last number that was given out.
CREATE TABLE numbers (
	name TEXT PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO numbers (name, last) VALUES ('delivery', 0);
