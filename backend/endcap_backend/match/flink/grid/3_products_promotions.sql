-- One row a record of a promotion.
CREATE TABLE products_promotions (
  pid STRING,
  SKU BIGINT,
  segment STRING,
  title STRING,
  discount DOUBLE,
  starts_at TIMESTAMP_LTZ(3),
  ends_at TIMESTAMP_LTZ(3),
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS ts - ${late}
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}products_promotions'
);
