-- One row a record of a promotion, as it stands in the topic.
CREATE TABLE products_promotions (
  pid STRING,
  PID STRING,
  SKU STRING,
  sku STRING,
  segment STRING,
  SEGMENT STRING,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS ts - ${late}
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}products_promotions'
);

-- One row a record of a promotion that ksqlDB reads too.
CREATE VIEW promotions AS
SELECT COALESCE(PID, pid) AS pid, COALESCE(SEGMENT, segment) AS segment, ts
FROM products_promotions
WHERE COALESCE(SKU, sku) IS NULL OR TRY_CAST(COALESCE(SKU, sku) AS DECIMAL(38, 0)) IS NOT NULL;
