-- One row an alert, for a cluster where nothing else decides what she hears: each row above, for a quarter of an hour.
-- RETENTION_MS is the topic's own: ksqlDB refuses a topic that is kept another time than what it reads.
CREATE STREAM ALERTS WITH (KAFKA_TOPIC='customers_alerts', RETENTION_MS=259200000) AS SELECT UID AS K_UID,
  UID + '.' + CAST(ROWTIME / 1000 AS VARCHAR) + '.' + CAST(SKU AS VARCHAR) AS `id`,
  AS_VALUE(UID) AS `uid`, 'deal' AS `kind`, PID AS `pid`, SKU AS `SKU`,
  COALESCE(TITLE, NAME, SEGMENT) AS `title`,
  'about ' + CAST(CAST(ROUND(DIST_FT) AS INTEGER) AS VARCHAR) + ' ft from you' AS `why`,
  DIST_FT AS `distance_ft`, STORE AS `store`, SECTION AS `section`,
  FORMAT_TIMESTAMP(FROM_UNIXTIME(ROWTIME + 900000), 'yyyy-MM-dd''T''HH:mm:ss.SSSX', 'UTC') AS `expires_at`
  FROM NEARBY PARTITION BY UID EMIT CHANGES;
