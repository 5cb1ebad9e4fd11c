-- One row a fix of a shopper.
CREATE TABLE customers_locations (
  uid STRING,
  latitude DOUBLE,
  longitude DOUBLE,
  country STRING,
  id STRING,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  ${connection},
  ${source},
  'topic' = '${prefix}customers_locations'
);
-- One row a fix on Earth, with its row of the grid and how many columns that row has: 360,000 up to 72 degrees of latitude, fewer towards the poles, so that a column stays wider than ${near_ft} ft, and 3 at them.
CREATE VIEW fix_rows AS
SELECT
  uid, latitude, longitude, country, id, ts, cell_row,
  GREATEST(3, LEAST(360000, CAST(FLOOR(1180000 * COS(RADIANS((GREATEST(ABS(cell_row), ABS(cell_row + 1)) + 1) / 1000.0))) AS BIGINT))) AS cell_columns
FROM (
  SELECT *, CAST(FLOOR(latitude * 1000) AS BIGINT) AS cell_row
  FROM customers_locations
  WHERE uid IS NOT NULL AND latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180
);

-- One row a fix on Earth, with the one cell it lies in. Columns go round the Earth: -180 and 180 degrees are the same.
CREATE VIEW fixes AS
SELECT
  uid, latitude, longitude, country, id, ts,
  cell_row * 1000000 + MOD(CAST(FLOOR((longitude + 180) * cell_columns / 360) AS BIGINT), cell_columns) AS cell
FROM fix_rows;
