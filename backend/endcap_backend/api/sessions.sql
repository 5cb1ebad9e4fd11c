-- One shopper: her pseudonym, what she agreed to, and how often her refresh token was renewed.
CREATE TABLE IF NOT EXISTS sessions (
    uid          TEXT PRIMARY KEY,
    created_ms   INTEGER NOT NULL,
    purposes     TEXT NOT NULL,
    generation   INTEGER NOT NULL,
    renewed_ms   INTEGER NOT NULL,
    ends_ms      INTEGER NOT NULL,
    revoked_ms   INTEGER
) WITHOUT ROWID;

-- Every consent she gave or changed, as proof: what, which text, when.
CREATE TABLE IF NOT EXISTS consents (
    uid          TEXT NOT NULL,
    recorded_ms  INTEGER NOT NULL,
    purposes     TEXT NOT NULL,
    text_version TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS consents_by_uid ON consents (uid);

-- Finds the sessions that nobody can renew any more.
CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (ends_ms);
