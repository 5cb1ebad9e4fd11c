-- One row a record of a promotion. Its version orders the records of one promotion by time, then as they came.
CREATE TABLE products_promotions (
  pid STRING,
  SKU BIGINT,
  segment STRING,
  title STRING,
  discount DOUBLE,
  starts_at TIMESTAMP_LTZ(3),
  ends_at TIMESTAMP_LTZ(3),
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  `offset` BIGINT METADATA VIRTUAL,
  version AS (EXTRACT(EPOCH FROM ts) * 1000 + EXTRACT(MILLISECOND FROM ts)) * 1000000 + MOD(`offset`, 1000000),
  taken AS PROCTIME()
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}products_promotions'
);

-- One row a record that can be told of, with all that it says in one text, and the goods it is for: a SKU or, where it names none, a segment.
CREATE VIEW promotion_records AS
SELECT
  *,
  CASE WHEN SKU IS NULL THEN 'segment ' || segment ELSE 'SKU ' || CAST(SKU AS STRING) END AS goods,
  JSON_ARRAY(SKU, segment, title, discount, CAST(starts_at AS STRING), CAST(ends_at AS STRING) NULL ON NULL) AS says
FROM products_promotions
WHERE pid IS NOT NULL AND segment IS NOT NULL;

-- One row whenever a promotion changes: its first record, and each that differs from the one before.
CREATE VIEW promotion_changes AS
SELECT * FROM (
  SELECT *, LAG(says) OVER (PARTITION BY pid ORDER BY taken) AS said_before FROM promotion_records
)
WHERE said_before IS NULL OR said_before <> says;
