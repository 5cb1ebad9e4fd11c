-- An erasure under way: whom it is about, and the tombstone that every consumer has to pass. Gone once it is done.
CREATE TABLE IF NOT EXISTS erasures (
    uid       TEXT PRIMARY KEY,
    receipt   TEXT NOT NULL,
    tombstone INTEGER NOT NULL
) WITHOUT ROWID;

-- What was asked and done, without a word on whom.
CREATE TABLE IF NOT EXISTS receipts (
    receipt  TEXT PRIMARY KEY,
    asked_ms INTEGER NOT NULL,
    done_ms  INTEGER,
    records  INTEGER NOT NULL
) WITHOUT ROWID;
