-- One row names the file for good; consumers elsewhere key their marks by it.
CREATE TABLE identity (uuid TEXT NOT NULL);

-- A topic's number, so that a record does not repeat the name.
CREATE TABLE topics (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- One record. Offsets rise over all topics and are never given twice, not even after the newest record is deleted.
CREATE TABLE records (
    offset       INTEGER PRIMARY KEY AUTOINCREMENT,
    topic        INTEGER NOT NULL REFERENCES topics (number),
    key          TEXT,
    value        TEXT,
    timestamp_ms INTEGER NOT NULL,
    appended_ms  INTEGER NOT NULL,
    id           TEXT
);

-- Recognises a record that comes twice, and finds all records of one key. A record without id is never a repeat.
CREATE UNIQUE INDEX records_by_key ON records (topic, ifnull(key, ''), id);

-- Finds the records of one topic in the order of their offsets.
CREATE INDEX records_by_topic ON records (topic);

-- How far each consumer has read: it has done with every record up to and including `offset`.
CREATE TABLE positions (consumer TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;

-- For a look from outside: the records with their topics' names.
CREATE VIEW log AS
SELECT offset, topics.name AS topic, key, value, timestamp_ms, appended_ms, id
FROM records JOIN topics ON topics.number = records.topic;
