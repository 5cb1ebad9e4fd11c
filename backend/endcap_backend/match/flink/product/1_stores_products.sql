-- One row a record of a product's place. Its version orders the records of one shelf by time, then as they came; its shelf is the SKU in the store.
CREATE TABLE stores_products (
  SKU BIGINT,
  segment STRING,
  `variant` STRING,
  latitude DOUBLE,
  longitude DOUBLE,
  country STRING,
  store STRING,
  section STRING,
  name STRING,
  price DOUBLE,
  stock BIGINT,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  `offset` BIGINT METADATA VIRTUAL,
  version AS (EXTRACT(EPOCH FROM ts) * 1000 + EXTRACT(MILLISECOND FROM ts)) * 1000000 + MOD(`offset`, 1000000),
  shelf AS CAST(SKU AS STRING) || '@' || COALESCE(store, ''),
  taken AS PROCTIME()
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}stores_products'
);

-- One row a record that says where a product stands, with its place: the point and the segment.
CREATE VIEW shelf_records AS
SELECT *, CAST(latitude AS STRING) || ' ' || CAST(longitude AS STRING) || ' ' || segment AS place, COALESCE(stock, 1) = 0 AS sold_out
FROM stores_products
WHERE SKU IS NOT NULL AND segment IS NOT NULL AND latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180;

-- The same rows, with what each changes: it brings a product to its place when it is the first of its shelf, moves it or changes its segment; it restocks it when the one before said that there was none.
CREATE VIEW shelf_steps AS
SELECT *, place_before IS NULL OR place_before <> place AS moved, sold_out_before AND NOT sold_out AS restocked
FROM (
  SELECT
    *,
    LAG(place) OVER (PARTITION BY shelf ORDER BY taken) AS place_before,
    LAG(sold_out) OVER (PARTITION BY shelf ORDER BY taken) AS sold_out_before
  FROM shelf_records
);

-- The same rows, with the version since when the product stands at its place and, for those that bring or restock it, the version since when it can be offered.
CREATE VIEW shelf_changes AS
SELECT
  *,
  MAX(CASE WHEN moved THEN version END) OVER (PARTITION BY shelf ORDER BY taken) AS place_version,
  CASE WHEN moved OR restocked THEN version END AS shelf_version
FROM shelf_steps;
