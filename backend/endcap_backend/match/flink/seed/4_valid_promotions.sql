-- One row for each product and promotion of one segment at most ${promotion_window_s} s apart, stamped with the later time. Written and read again, as ksqlDB does.
CREATE TABLE VALID_PROMOTIONS (
  S_SEGMENT STRING,
  LATITUDE DECIMAL(10, 5),
  LONGITUDE DECIMAL(10, 5),
  COUNTRY STRING,
  PID STRING,
  P_SEGMENT STRING,
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

-- The same rows: both ends of the hour are included, on either side.
INSERT INTO VALID_PROMOTIONS
SELECT S.segment, S.latitude, S.longitude, S.country, P.pid, P.segment, GREATEST(S.ts, P.ts)
FROM placements S JOIN promotions P
ON S.segment = P.segment
AND P.ts BETWEEN S.ts - ${promotion_window} AND S.ts + ${promotion_window};

-- The same rows as they come back, where a distance to them is one.
CREATE VIEW offers AS
SELECT PID, COUNTRY, CAST(LATITUDE AS DOUBLE) AS latitude_deg, CAST(LONGITUDE AS DOUBLE) AS longitude_deg, ts
FROM VALID_PROMOTIONS
WHERE LATITUDE BETWEEN -90 AND 90 AND LONGITUDE BETWEEN -180 AND 180;
