-- One row for each fix and offer within ${near_ft} ft, the fix at most ${location_window_s} s before it and ${live_s} s after it, stamped with the later time and keyed by the shopper: what decide reads.
CREATE TABLE NEARBY_CUSTOMERS (
  UID STRING,
  C_LATITUDE DECIMAL(10, 5),
  C_LONGITUDE DECIMAL(10, 5),
  PID STRING,
  SKU BIGINT,
  SEGMENT STRING,
  DIST_FT DOUBLE,
  COUNTRY STRING,
  `VARIANT` STRING,
  TITLE STRING,
  DISCOUNT DOUBLE,
  NAME STRING,
  PRICE DOUBLE,
  STOCK BIGINT,
  STORE STRING,
  SECTION STRING,
  LOCATION_ID STRING,
  S_LATITUDE DECIMAL(10, 5),
  S_LONGITUDE DECIMAL(10, 5),
  ENDS_AT TIMESTAMP_LTZ(3),
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  ${connection},
  ${sink},
  'topic' = '${prefix}NEARBY_CUSTOMERS',
  'sink.transactional-id-prefix' = '${prefix}${name}-nearby-customers',
  'key.format' = 'raw',
  'key.fields' = 'UID',
  'value.fields-include' = 'ALL'
);

-- The same rows: a fix is measured against the offers filed in its own cell, by the haversine of ksqlDB's GEO_DISTANCE, while the promotion holds.
INSERT INTO NEARBY_CUSTOMERS
SELECT
  uid, CAST(latitude AS DECIMAL(10, 5)), CAST(longitude AS DECIMAL(10, 5)), PID, SKU, P_SEGMENT, distance_ft, country,
  `VARIANT`, TITLE, DISCOUNT, NAME, PRICE, STOCK, STORE, SECTION, id,
  CAST(shelf_latitude AS DECIMAL(10, 5)), CAST(shelf_longitude AS DECIMAL(10, 5)), ENDS_AT, ts
FROM (
  SELECT
    C.uid, C.latitude, C.longitude, C.country, C.id, P.PID, P.SKU, P.P_SEGMENT, P.`VARIANT`, P.TITLE, P.DISCOUNT,
    P.NAME, P.PRICE, P.STOCK, P.STORE, P.SECTION, P.ENDS_AT, P.latitude AS shelf_latitude, P.longitude AS shelf_longitude,
    GREATEST(C.ts, P.ts) AS ts,
    2 * ${earth_radius_km} * ASIN(SQRT(
      POWER(SIN(RADIANS(P.latitude - C.latitude) / 2), 2)
      + POWER(SIN(RADIANS(P.longitude - C.longitude) / 2), 2) * COS(RADIANS(C.latitude)) * COS(RADIANS(P.latitude))
    )) * ${feet_per_km} AS distance_ft
  FROM fixes C JOIN offer_cells P
  ON C.cell = P.cell AND C.country = P.COUNTRY
  AND P.ts BETWEEN C.ts - ${live} AND C.ts + ${location_window}
  WHERE (P.STARTS_AT IS NULL OR P.STARTS_AT <= C.ts) AND (P.ENDS_AT IS NULL OR C.ts < P.ENDS_AT)
)
WHERE distance_ft <= ${near_ft};
