-- One row for each fix and offer within ${near_ft} ft, by the haversine of ksqlDB's GEO_DISTANCE, while the promotion holds. A fix waits ${standing_s} s for offers that come after it.
CREATE VIEW near_offers AS
SELECT * FROM (
  SELECT /*+ STATE_TTL('C' = '${standing_s} s', 'P' = '0 s') */
    C.uid, C.latitude AS fix_latitude, C.longitude AS fix_longitude, C.country, C.id, C.ts AS fix_ts, P.ts AS offer_ts,
    P.shelf, P.SKU, P.segment, P.`variant`, P.latitude, P.longitude, P.store, P.section, P.name, P.price, P.stock,
    P.place_version, P.shelf_version, P.pid, P.title, P.discount, P.ends_at, P.promotion_version,
    2 * ${earth_radius_km} * ASIN(SQRT(
      POWER(SIN(RADIANS(P.latitude - C.latitude) / 2), 2)
      + POWER(SIN(RADIANS(P.longitude - C.longitude) / 2), 2) * COS(RADIANS(C.latitude)) * COS(RADIANS(P.latitude))
    )) * ${feet_per_km} AS distance_ft
  FROM fixes C JOIN offer_cells P ON C.cell = P.cell
  WHERE P.ts <= C.ts + ${standing}
    AND (P.starts_at IS NULL OR P.starts_at <= GREATEST(C.ts, P.ts)) AND (P.ends_at IS NULL OR GREATEST(C.ts, P.ts) < P.ends_at)
)
WHERE distance_ft <= ${near_ft};

-- The same rows, each beside the newest version of its shelf and what that shelf's last record says. The shelves' own records, those without a uid, pass by here to be remembered.
CREATE VIEW near_shelves AS
SELECT
  *,
  MAX(shelf_version) OVER so_far AS newest_shelf_version,
  COALESCE(MAX(record_version) OVER so_far, 0) AS last_version,
  LAST_VALUE(CASE WHEN uid IS NULL THEN COALESCE(`variant`, '') END) OVER so_far AS last_variant,
  LAST_VALUE(CASE WHEN uid IS NULL THEN COALESCE(section, '') END) OVER so_far AS last_section,
  LAST_VALUE(CASE WHEN uid IS NULL THEN COALESCE(name, '') END) OVER so_far AS last_name,
  LAST_VALUE(CASE WHEN uid IS NULL THEN COALESCE(price, -1) END) OVER so_far AS last_price,
  LAST_VALUE(CASE WHEN uid IS NULL THEN COALESCE(stock, -1) END) OVER so_far AS last_stock
FROM (
  SELECT *, PROCTIME() AS taken FROM (
    SELECT
      uid, fix_latitude, fix_longitude, country, id, fix_ts, offer_ts, distance_ft,
      shelf, place_version, shelf_version, SKU, segment, `variant`, latitude, longitude, store, section, name, price, stock,
      pid, title, discount, ends_at, promotion_version, CAST(NULL AS BIGINT) AS record_version
    FROM near_offers
    UNION ALL
    SELECT
      CAST(NULL AS STRING), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), country, CAST(NULL AS STRING), ts, ts, CAST(NULL AS DOUBLE),
      shelf, place_version, shelf_version, SKU, segment, `variant`, latitude, longitude, store, section, name, price, stock,
      CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS DOUBLE), CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS BIGINT),
      version
    FROM shelf_changes
  )
)
WINDOW so_far AS (PARTITION BY shelf ORDER BY taken);

-- One row for each fix and offer whose product stands there still and is not sold out, as its last record says; as its offer came, where that record is still under way.
CREATE VIEW near_goods AS
SELECT
  uid, fix_latitude, fix_longitude, country, id, fix_ts, offer_ts, distance_ft, shelf, place_version, SKU, segment, latitude, longitude, store,
  CASE WHEN last_version < shelf_version THEN `variant` ELSE NULLIF(last_variant, '') END AS `variant`,
  CASE WHEN last_version < shelf_version THEN section ELSE NULLIF(last_section, '') END AS section,
  CASE WHEN last_version < shelf_version THEN name ELSE NULLIF(last_name, '') END AS name,
  CASE WHEN last_version < shelf_version THEN price ELSE NULLIF(last_price, -1) END AS price,
  CASE WHEN last_version < shelf_version THEN stock ELSE NULLIF(last_stock, -1) END AS stock,
  pid, title, discount, ends_at, promotion_version
FROM near_shelves
WHERE uid IS NOT NULL AND shelf_version = newest_shelf_version AND COALESCE(CASE WHEN last_version < shelf_version THEN stock ELSE last_stock END, 1) <> 0;

-- The same rows, each beside the newest version of its promotion. The changes of promotions, those without a uid, pass by here to be remembered.
CREATE VIEW near_promotions AS
SELECT *, MAX(promotion_version) OVER (PARTITION BY pid ORDER BY taken) AS newest_promotion_version
FROM (
  SELECT *, PROCTIME() AS taken FROM (
    SELECT * FROM near_goods
    UNION ALL
    SELECT
      CAST(NULL AS STRING), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), CAST(NULL AS STRING), CAST(NULL AS STRING), ts, ts, CAST(NULL AS DOUBLE),
      CAST(NULL AS STRING), CAST(NULL AS BIGINT), SKU, segment, CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), CAST(NULL AS STRING),
      CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS DOUBLE), CAST(NULL AS BIGINT),
      pid, title, discount, ends_at, version
    FROM promotion_changes
  )
);

-- One row for each fix and offer of which both sides hold.
CREATE VIEW near AS
SELECT
  uid, fix_latitude, fix_longitude, country, id, fix_ts, offer_ts, distance_ft, shelf, place_version, SKU, segment, latitude, longitude, store,
  `variant`, section, name, price, stock, pid, title, discount, ends_at, promotion_version
FROM near_promotions
WHERE uid IS NOT NULL AND promotion_version = newest_promotion_version;

-- Those whose offer came after the fix, each beside the time of the shopper's last one: she may have gone. All fixes, those without a pid, pass by here to be remembered.
CREATE VIEW standing AS
SELECT *, MAX(fix_ts) OVER (PARTITION BY uid ORDER BY taken) AS last_fix_ts
FROM (
  SELECT *, PROCTIME() AS taken FROM (
    SELECT * FROM near WHERE offer_ts > fix_ts
    UNION ALL
    SELECT
      uid, CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), CAST(NULL AS STRING), CAST(NULL AS STRING), ts, ts, CAST(NULL AS DOUBLE),
      CAST(NULL AS STRING), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS STRING), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE),
      CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS DOUBLE), CAST(NULL AS BIGINT),
      CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS DOUBLE), CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS BIGINT)
    FROM fixes
  )
);

-- One row for each shopper, product at its place and promotion as it stands: the first of them, so that each is told once.
CREATE VIEW news AS
SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY uid, shelf, place_version, pid, promotion_version ORDER BY taken) AS time_told
  FROM (
    SELECT *, PROCTIME() AS taken FROM (
      SELECT * FROM near WHERE offer_ts <= fix_ts
      UNION ALL
      SELECT
        uid, fix_latitude, fix_longitude, country, id, fix_ts, offer_ts, distance_ft, shelf, place_version, SKU, segment, latitude, longitude,
        store, `variant`, section, name, price, stock, pid, title, discount, ends_at, promotion_version
      FROM standing
      WHERE pid IS NOT NULL AND fix_ts = last_fix_ts
    )
  )
)
WHERE time_told = 1;

-- One row whenever an offer within ${near_ft} ft is news to a shopper, stamped with the later time and keyed by her: what decide reads.
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

-- The same rows.
INSERT INTO NEARBY_CUSTOMERS
SELECT
  uid, CAST(fix_latitude AS DECIMAL(10, 5)), CAST(fix_longitude AS DECIMAL(10, 5)), pid, SKU, segment, distance_ft, country,
  `variant`, title, discount, name, price, stock, store, section, id,
  CAST(latitude AS DECIMAL(10, 5)), CAST(longitude AS DECIMAL(10, 5)), ends_at, GREATEST(fix_ts, offer_ts)
FROM news;
