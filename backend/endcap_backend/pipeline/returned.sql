-- How far a topic of the cluster has been brought back here: the next offset, of each partition. A topic that was made
-- anew has another id, and begins at its beginning.
CREATE TABLE IF NOT EXISTS returned (
    topic_id  TEXT NOT NULL,
    partition INTEGER NOT NULL,
    offset    INTEGER NOT NULL,
    PRIMARY KEY (topic_id, partition)
) WITHOUT ROWID;
