-- One row for each fix and promotion of one country within ${near_ft} ft, the fix at most ${location_window_s} s before it and ${live_s} s after it, stamped with the later time.
CREATE TABLE NEARBY_CUSTOMERS (
  COUNTRY STRING,
  C_LATITUDE DECIMAL(10, 5),
  C_LONGITUDE DECIMAL(10, 5),
  PID STRING,
  DIST_TO_STORE DOUBLE,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  ${connection},
  ${sink},
  'topic' = '${prefix}NEARBY_CUSTOMERS',
  'sink.transactional-id-prefix' = '${prefix}${name}-nearby-customers',
  'key.format' = 'raw',
  'key.fields' = 'COUNTRY',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- The same rows: every fix of a country is measured against every promotion there, by the haversine of ksqlDB's GEO_DISTANCE.
INSERT INTO NEARBY_CUSTOMERS
SELECT country, latitude, longitude, PID, distance_ft, ts
FROM (
  SELECT
    C.country, C.latitude, C.longitude, P.PID, GREATEST(C.ts, P.ts) AS ts,
    2 * ${earth_radius_km} * ASIN(SQRT(
      POWER(SIN(RADIANS(P.latitude_deg - C.latitude_deg) / 2), 2)
      + POWER(SIN(RADIANS(P.longitude_deg - C.longitude_deg) / 2), 2)
        * COS(RADIANS(C.latitude_deg)) * COS(RADIANS(P.latitude_deg))
    )) * ${feet_per_km} AS distance_ft
  FROM fixes C JOIN offers P
  ON C.country = P.COUNTRY
  AND P.ts BETWEEN C.ts - ${live} AND C.ts + ${location_window}
)
WHERE distance_ft <= ${near_ft};
