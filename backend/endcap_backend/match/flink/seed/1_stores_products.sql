-- One row a record of a product's place, as it stands in the topic. Columns are text: what does not fit is seen below, not nulled or rounded. Names count in lower and in upper case, as ksqlDB writes them.
CREATE TABLE stores_products (
  SKU STRING,
  sku STRING,
  segment STRING,
  SEGMENT STRING,
  latitude STRING,
  LATITUDE STRING,
  longitude STRING,
  LONGITUDE STRING,
  country STRING,
  COUNTRY STRING,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS ts - ${late}
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}stores_products'
);

-- One row a record of a product's place that ksqlDB reads too: it drops the whole record when a column does not fit.
CREATE VIEW placements AS
SELECT segment, CAST(latitude AS DECIMAL(10, 5)) AS latitude, CAST(longitude AS DECIMAL(10, 5)) AS longitude, country, ts
FROM (
  SELECT
    COALESCE(SKU, sku) AS sku, COALESCE(SEGMENT, segment) AS segment, COALESCE(LATITUDE, latitude) AS latitude,
    COALESCE(LONGITUDE, longitude) AS longitude, COALESCE(COUNTRY, country) AS country, ts
  FROM stores_products
)
WHERE (sku IS NULL OR TRY_CAST(sku AS DECIMAL(38, 0)) IS NOT NULL)
  AND (latitude IS NULL OR TRY_CAST(latitude AS DECIMAL(38, 18)) = TRY_CAST(latitude AS DECIMAL(10, 5)))
  AND (longitude IS NULL OR TRY_CAST(longitude AS DECIMAL(38, 18)) = TRY_CAST(longitude AS DECIMAL(10, 5)));
