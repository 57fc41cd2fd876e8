ALTER TABLE recordings ADD COLUMN doomed BIGINT NOT NULL DEFAULT 0; -- 1: its app was deleted, and it is to be erased
CREATE INDEX recordings_doomed ON recordings (app, id) WHERE doomed = 1;
