-- A log's file as format 1 had it.
PRAGMA application_id = 1164862563;
PRAGMA user_version = 1;
CREATE TABLE identity (uuid TEXT NOT NULL);

CREATE TABLE topics (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE records (
    offset       INTEGER PRIMARY KEY,
    topic        INTEGER NOT NULL REFERENCES topics (number),
    key          TEXT,
    value        TEXT,
    timestamp_ms INTEGER NOT NULL,
    appended_ms  INTEGER NOT NULL,
    id           TEXT,
    mark         BLOB NOT NULL
);

CREATE UNIQUE INDEX records_by_mark ON records (mark);

CREATE INDEX records_by_topic ON records (topic);

CREATE TABLE deleted (highest INTEGER NOT NULL);
INSERT INTO deleted VALUES (0);

CREATE TABLE positions (consumer TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;

CREATE VIEW log AS
SELECT offset, topics.name AS topic, key, value, timestamp_ms, appended_ms, id
FROM records JOIN topics ON topics.number = records.topic;

INSERT INTO identity VALUES ('5f1c6a0e-4c57-4a39-9d0c-1c8f5a9b7e11');
