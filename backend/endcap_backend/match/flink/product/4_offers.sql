-- Two rows for each time that a product can be offered anew: promotions are for its SKU and for its segment.
CREATE VIEW shelf_goods AS
SELECT shelf, SKU, segment, `variant`, latitude, longitude, store, section, name, price, stock, ts, place_version, shelf_version, goods
FROM shelf_changes CROSS JOIN UNNEST(ARRAY['SKU ' || CAST(SKU AS STRING), 'segment ' || segment]) AS A(goods)
WHERE shelf_version IS NOT NULL;

-- One row for each of those and each change of a promotion for it. Nothing is taken back here: whether both still hold is asked when a shopper is near.
CREATE VIEW offers AS
SELECT /*+ STATE_TTL('S' = '0 s', 'P' = '0 s') */
  S.shelf, S.SKU, S.segment, S.`variant`, S.latitude, S.longitude, S.store, S.section, S.name, S.price, S.stock,
  S.place_version, S.shelf_version,
  P.pid, P.title, P.discount, P.starts_at, P.ends_at, P.version AS promotion_version,
  GREATEST(S.ts, P.ts) AS ts
FROM shelf_goods S JOIN promotion_changes P ON S.goods = P.goods;

-- Three rows an offer: its own row of the grid and the two beside it, each with its number of columns, as for fixes.
CREATE VIEW offer_rows AS
SELECT
  *,
  GREATEST(3, LEAST(360000, CAST(FLOOR(1180000 * COS(RADIANS((GREATEST(ABS(cell_row), ABS(cell_row + 1)) + 1) / 1000.0))) AS BIGINT))) AS cell_columns
FROM (SELECT *, CAST(FLOOR(latitude * 1000) AS BIGINT) AS own_row FROM offers)
CROSS JOIN UNNEST(ARRAY[own_row - 1, own_row, own_row + 1]) AS A(cell_row);

-- Nine rows an offer: the cells in which a fix within ${near_ft} ft of it can lie. Offers are few and slow, fixes many: so these are multiplied.
CREATE VIEW offer_cells AS
SELECT *, cell_row * 1000000 + MOD(cell_column + cell_columns, cell_columns) AS cell
FROM (SELECT *, CAST(FLOOR((longitude + 180) * cell_columns / 360) AS BIGINT) AS own_column FROM offer_rows)
CROSS JOIN UNNEST(ARRAY[own_column - 1, own_column, own_column + 1]) AS B(cell_column);
