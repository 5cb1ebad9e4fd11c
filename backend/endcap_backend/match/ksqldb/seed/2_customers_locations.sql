-- One row a fix: where a shopper was. As in the seed; a sixth decimal in a coordinate drops the row.
CREATE STREAM customers_locations (
  uid VARCHAR,
  latitude DECIMAL(10,5),
  longitude DECIMAL(10,5),
  country VARCHAR
) WITH (
  KAFKA_TOPIC = 'customers_locations',
  VALUE_FORMAT = 'JSON'
);
