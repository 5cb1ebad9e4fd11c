-- One row names the file for good; consumers elsewhere key their marks by it.
CREATE TABLE identity (uuid TEXT NOT NULL);

-- A topic's number, so that a record does not repeat the name.
CREATE TABLE topics (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- One record. Offsets rise over all topics and are never given twice. A mark is 4 bytes of the key and 12 of what tells the
-- record from all others.
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

-- Finds the records of one topic in the order of their offsets.
CREATE INDEX records_by_topic ON records (topic);

-- Where each mark stands: this finds the records of one key and recognises one that comes twice. Those of the newest records
-- come here later than the records, many at once, so that each page is written once for many.
CREATE TABLE marks (mark BLOB PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;

-- The offset up to which every record's mark is there; of later ones only some are.
CREATE TABLE marked (through INTEGER NOT NULL);
INSERT INTO marked VALUES (0);

-- The highest offset ever deleted: one that must not be given again.
CREATE TABLE deleted (highest INTEGER NOT NULL);
INSERT INTO deleted VALUES (0);

-- How far each consumer has read: it has done with every record up to and including `offset`.
CREATE TABLE positions (consumer TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;

-- For a look from outside: the records with their topics' names.
CREATE VIEW log AS
SELECT offset, topics.name AS topic, key, value, timestamp_ms, appended_ms, id
FROM records JOIN topics ON topics.number = records.topic;
