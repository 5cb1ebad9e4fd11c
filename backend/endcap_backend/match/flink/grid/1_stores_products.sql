-- One row a record of a product's place.
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
  WATERMARK FOR ts AS ts - ${late}
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}stores_products'
);
