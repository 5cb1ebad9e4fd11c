-- One row a product: where it stands. As in the seed.
CREATE STREAM stores_products (
  SKU BIGINT,
  segment VARCHAR,
  variant VARCHAR,
  latitude DECIMAL(10,5),
  longitude DECIMAL(10,5),
  country VARCHAR
) WITH (
  KAFKA_TOPIC = 'stores_products',
  VALUE_FORMAT = 'JSON'
);
