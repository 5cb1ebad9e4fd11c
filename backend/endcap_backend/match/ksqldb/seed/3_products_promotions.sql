-- One row a promotion of a segment. As in the seed.
CREATE STREAM products_promotions (
  pid VARCHAR,
  SKU BIGINT,
  segment VARCHAR
) WITH (
  KAFKA_TOPIC = 'products_promotions',
  VALUE_FORMAT = 'JSON'
);
