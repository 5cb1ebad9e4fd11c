-- One row a fix of a shopper, as it stands in the topic. A coordinate that is no number is null: it is near nothing, as in ksqlDB.
CREATE TABLE customers_locations (
  latitude DECIMAL(38, 18),
  LATITUDE DECIMAL(38, 18),
  longitude DECIMAL(38, 18),
  LONGITUDE DECIMAL(38, 18),
  country STRING,
  COUNTRY STRING,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS ts - ${late}
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}customers_locations'
);

-- One row a fix that ksqlDB can measure too: on Earth, and with five decimals at most.
CREATE VIEW fixes AS
SELECT
  CAST(latitude AS DECIMAL(10, 5)) AS latitude, CAST(longitude AS DECIMAL(10, 5)) AS longitude,
  CAST(latitude AS DOUBLE) AS latitude_deg, CAST(longitude AS DOUBLE) AS longitude_deg,
  country, ts
FROM (
  SELECT
    COALESCE(LATITUDE, latitude) AS latitude, COALESCE(LONGITUDE, longitude) AS longitude,
    COALESCE(COUNTRY, country) AS country, ts
  FROM customers_locations
)
WHERE latitude BETWEEN -90 AND 90 AND latitude = CAST(latitude AS DECIMAL(10, 5))
  AND longitude BETWEEN -180 AND 180 AND longitude = CAST(longitude AS DECIMAL(10, 5));
