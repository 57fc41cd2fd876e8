CREATE TABLE relays (
	way TEXT NOT NULL, -- push or pull
	id TEXT NOT NULL,
	app BIGINT NOT NULL,
	created BIGINT NOT NULL,
	facts BLOB NOT NULL,
	PRIMARY KEY (way, id)
);
CREATE INDEX relays_of_app ON relays (app);
