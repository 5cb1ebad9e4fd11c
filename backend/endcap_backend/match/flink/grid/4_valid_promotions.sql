-- One row for each product and promotion of one segment at most ${promotion_window_s} s apart, stamped with the later time: the seed's columns, then what a card says.
CREATE TABLE VALID_PROMOTIONS (
  S_SEGMENT STRING,
  LATITUDE DECIMAL(10, 5),
  LONGITUDE DECIMAL(10, 5),
  COUNTRY STRING,
  PID STRING,
  P_SEGMENT STRING,
  SKU BIGINT,
  `VARIANT` STRING,
  TITLE STRING,
  DISCOUNT DOUBLE,
  NAME STRING,
  PRICE DOUBLE,
  STOCK BIGINT,
  STORE STRING,
  SECTION STRING,
  STARTS_AT TIMESTAMP_LTZ(3),
  ENDS_AT TIMESTAMP_LTZ(3),
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS ts - ${late}
) WITH (
  ${connection},
  ${source},
  ${sink},
  'topic' = '${prefix}VALID_PROMOTIONS',
  'sink.transactional-id-prefix' = '${prefix}${name}-valid-promotions',
  'key.format' = 'raw',
  'key.fields' = 'S_SEGMENT',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- The same rows, of products on Earth that are in stock. A promotion that names a SKU is for that one, unless promotions count by segment alone, as in the seed.
INSERT INTO VALID_PROMOTIONS
SELECT
  S.segment, CAST(S.latitude AS DECIMAL(10, 5)), CAST(S.longitude AS DECIMAL(10, 5)), S.country, P.pid, P.segment,
  S.SKU, S.`variant`, P.title, P.discount, S.name, S.price, S.stock, S.store, S.section, P.starts_at, P.ends_at,
  GREATEST(S.ts, P.ts)
FROM stores_products S JOIN products_promotions P
ON S.segment = P.segment
AND P.ts BETWEEN S.ts - ${promotion_window} AND S.ts + ${promotion_window}
AND ${same_sku}
WHERE S.SKU IS NOT NULL AND P.pid IS NOT NULL AND (S.stock IS NULL OR S.stock > 0)
  AND S.latitude BETWEEN -90 AND 90 AND S.longitude BETWEEN -180 AND 180;

-- Three rows an offer: its own row of the grid and the two beside it, each with its number of columns, as for fixes.
CREATE VIEW offer_rows AS
SELECT
  *,
  GREATEST(3, LEAST(360000, CAST(FLOOR(1180000 * COS(RADIANS((GREATEST(ABS(cell_row), ABS(cell_row + 1)) + 1) / 1000.0))) AS BIGINT))) AS cell_columns
FROM (
  SELECT
    PID, P_SEGMENT, SKU, `VARIANT`, TITLE, DISCOUNT, NAME, PRICE, STOCK, STORE, SECTION, STARTS_AT, ENDS_AT, COUNTRY, ts,
    CAST(LATITUDE AS DOUBLE) AS latitude, CAST(LONGITUDE AS DOUBLE) AS longitude,
    CAST(FLOOR(CAST(LATITUDE AS DOUBLE) * 1000) AS BIGINT) AS own_row
  FROM VALID_PROMOTIONS
)
CROSS JOIN UNNEST(ARRAY[own_row - 1, own_row, own_row + 1]) AS A(cell_row);

-- Nine rows an offer: the cells in which a fix within ${near_ft} ft of it can lie. Offers are few and slow, fixes many: so these are multiplied.
CREATE VIEW offer_cells AS
SELECT *, cell_row * 1000000 + MOD(cell_column + cell_columns, cell_columns) AS cell
FROM (SELECT *, CAST(FLOOR((longitude + 180) * cell_columns / 360) AS BIGINT) AS own_column FROM offer_rows)
CROSS JOIN UNNEST(ARRAY[own_column - 1, own_column, own_column + 1]) AS B(cell_column);
