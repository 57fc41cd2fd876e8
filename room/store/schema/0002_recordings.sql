CREATE TABLE recordings (
	app BIGINT NOT NULL,
	id TEXT NOT NULL,
	room TEXT NOT NULL,
	stream TEXT NOT NULL,
	node TEXT NOT NULL, -- whose folder has its files
	running BIGINT NOT NULL, -- 1: more may come
	begun BIGINT NOT NULL,
	facts BLOB NOT NULL,
	PRIMARY KEY (app, id)
);
CREATE INDEX recordings_of_node ON recordings (node, id);

CREATE TABLE recording_files (
	app BIGINT NOT NULL,
	recording TEXT NOT NULL,
	n BIGINT NOT NULL,
	facts BLOB NOT NULL,
	segments BLOB NOT NULL,
	PRIMARY KEY (app, recording, n),
	FOREIGN KEY (app, recording) REFERENCES recordings (app, id) ON DELETE CASCADE
);
