"""The seed's two joins, beside their SQL in `match/ksqldb/seed/`: VALID_PROMOTIONS, then NEARBY_CUSTOMERS.

A row of VALID_PROMOTIONS is written when it forms but never kept: a location finds the products near it and looks up
their promotions by time. What a join could see is decided as Kafka Streams does, from when each record came.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from endcap.geo import FEET_PER_KM, NEAR_FT, haversine_km
from endcap.messages import (
    CUSTOMERS_LOCATIONS,
    NEARBY_CUSTOMERS,
    PRODUCTS_PROMOTIONS,
    STORES_PRODUCTS,
    VALID_PROMOTIONS,
)
from endcap_backend.match.parity.columns import Columns
from endcap_backend.match.parity.encoding import text_of
from endcap_backend.match.parity.jackson import Malformed, read
from endcap_backend.match.parity.java_text import double_text, fixed_text, json_text, key_text
from endcap_backend.match.parity.located import NULL, Located
from endcap_backend.match.parity.sides import KEPT_MS, NEVER_MS, Products, Promotion, Promotions
from endcap_backend.match.rows import MatchError, Row

PROMOTION_WITHIN_MS = 3600_000  # ksqlDB includes both ends of WITHIN
LOCATION_WITHIN_MS = 1800_000
QUERIES = {
    STORES_PRODUCTS: (VALID_PROMOTIONS, "SEGMENT"),
    PRODUCTS_PROMOTIONS: (VALID_PROMOTIONS, "SEGMENT"),
    CUSTOMERS_LOCATIONS: (NEARBY_CUSTOMERS, "COUNTRY"),
}
MOST_RECORDS = 10_000_000  # of a kind; 900 MB
SWEEP_EVERY = 1024  # records; what is swept could not be seen any more
_PREDICATE = "((GEO_DISTANCE(C_LATITUDE, C_LONGITUDE, P_LATITUDE, P_LONGITUDE, 'km') * 3281) <= 100)"
_NOT_NEAR = MatchError(NEARBY_CUSTOMERS, "where", f"Error evaluating predicate {_PREDICATE}")


class Pair(NamedTuple):
    """A row of VALID_PROMOTIONS that is not kept; sorts as ksqlDB's store has it, by time and arrival."""

    timestamp_ms: int
    arrival: int  # of the later of the two
    other_ms: int  # of the earlier one: the order of rows that one record made
    other_arrival: int
    product: int
    promotion: Promotion


class ParityMatch:
    """The five statements as one state machine. One owner thread.

    Held: products, promotions and fixes for as long as ksqlDB shows them, 24 hours by the newest of the same kind; at
    most `capacity` of each, after which the oldest of a country goes, counted in `stats`, and parity ends for it.
    """

    def __init__(self, vectorised: bool | None = None, capacity: int = MOST_RECORDS) -> None:
        self._products = Products(vectorised, capacity)
        self._promotions = Promotions(capacity)
        self._fixes = Located(vectorised)
        self._fixes_dropped = 0
        self._capacity = capacity
        self._newest_fix_ms = NEVER_MS
        self._newest_pair_ms = NEVER_MS
        self._arrival = 0

    def process(self, topic: str, value: bytes | None, timestamp_ms: int) -> list[Row | MatchError]:
        """One input record through both joins: first its rows of VALID_PROMOTIONS, then those of NEARBY_CUSTOMERS.

        `topic` is one of the three source topics; the record's own key plays no part.
        """
        query, key = QUERIES[topic]
        if value is None:
            return [MatchError(query, "rekey", f"Error computing new key from expression {key}")]
        self._arrival += 1
        if self._arrival % SWEEP_EVERY == 0:
            self._sweep()
        try:
            columns = Columns(read(text_of(value)))
            if topic == STORES_PRODUCTS:
                return self._product(columns, timestamp_ms)
            if topic == PRODUCTS_PROMOTIONS:
                return self._promotion(columns, timestamp_ms)
            return self._location(columns, timestamp_ms)
        except Malformed as fault:
            return [MatchError(query, "decode", f"Failed to deserialize value from topic: {topic}. {fault}")]

    def stats(self) -> dict[str, int]:
        """How many records are held and were dropped for want of room."""
        return {
            "products": len(self._products),
            "promotions": len(self._promotions),
            "locations": len(self._fixes),
            "products_dropped": self._products.dropped,
            "promotions_dropped": self._promotions.dropped,
            "locations_dropped": self._fixes_dropped,
        }

    def _product(self, columns: Columns, timestamp_ms: int) -> list[Row | MatchError]:
        columns.bigint("SKU")
        segment, country = columns.varchar("SEGMENT"), columns.varchar("COUNTRY")
        position = columns.decimal_10_5("LATITUDE"), columns.decimal_10_5("LONGITUDE")
        if segment is None:
            return []
        segment = key_text(segment)
        first_ms, last_ms = timestamp_ms - PROMOTION_WITHIN_MS, timestamp_ms + PROMOTION_WITHIN_MS
        promotions = self._promotions.seen(segment, first_ms, last_ms)
        newest_ms = self._promotions.newest_ms
        product = self._products.add(timestamp_ms, self._arrival, segment, *position, country, newest_ms)
        return self._join([self._pair(product, promotion) for promotion in promotions])

    def _promotion(self, columns: Columns, timestamp_ms: int) -> list[Row | MatchError]:
        columns.bigint("SKU")
        pid, segment = columns.varchar("PID"), columns.varchar("SEGMENT")
        if segment is None:
            return []
        first_ms, last_ms = timestamp_ms - PROMOTION_WITHIN_MS, timestamp_ms + PROMOTION_WITHIN_MS
        products = self._products.seen(key_text(segment), first_ms, last_ms)
        promotion = self._promotions.add(timestamp_ms, self._arrival, segment, pid, self._products.newest_ms)
        return self._join([self._pair(product, promotion) for product in products])

    def _location(self, columns: Columns, timestamp_ms: int) -> list[Row | MatchError]:
        columns.varchar("UID")
        latitude_e5, longitude_e5 = columns.decimal_10_5("LATITUDE"), columns.decimal_10_5("LONGITUDE")
        country = columns.varchar("COUNTRY")
        if country is None:
            return []
        country = key_text(country)
        if len(self._fixes) >= self._capacity and (oldest := self._fixes.oldest(country)) is not None:
            self._fixes.remove(oldest)
            self._fixes_dropped += 1
        fix = self._fixes.add(timestamp_ms, self._arrival, latitude_e5, longitude_e5, country)
        self._newest_fix_ms = max(self._newest_fix_ms, timestamp_ms)
        return [row for pair in sorted(self._pairs_about(fix)) if (row := self._meet(fix, pair)) is not None]

    def _pair(self, product: int, promotion: Promotion) -> Pair:
        located = self._products.located
        product_ms, arrival = located.timestamps_ms[product], located.arrivals[product]
        timestamp_ms = max(product_ms, promotion.timestamp_ms)
        if arrival > promotion.arrival:
            return Pair(timestamp_ms, arrival, promotion.timestamp_ms, promotion.arrival, product, promotion)
        return Pair(timestamp_ms, promotion.arrival, product_ms, arrival, product, promotion)

    def _join(self, pairs: list[Pair]) -> list[Row | MatchError]:
        """Write new rows of VALID_PROMOTIONS, then meet each with the locations there are."""
        rows: list[Row | MatchError] = [self._valid_promotion(pair) for pair in pairs]
        for pair in pairs:
            country = self._products.located.country(pair.product)
            if country is None:
                continue
            first_ms = max(pair.timestamp_ms - LOCATION_WITHIN_MS, self._newest_fix_ms - KEPT_MS + 1)
            point = self._products.located.point(pair.product)
            fixes = self._fixes.about(country, point, first_ms, pair.timestamp_ms + LOCATION_WITHIN_MS)
            met = (self._meet(fix, pair) for fix in self._fixes.in_order(fixes))
            rows += [row for row in met if row is not None]
            self._newest_pair_ms = max(self._newest_pair_ms, pair.timestamp_ms)
            self._products.paired(pair.product, pair.timestamp_ms)
            pair.promotion.last_pair_ms = max(pair.promotion.last_pair_ms, pair.timestamp_ms)
        return rows

    def _pairs_about(self, fix: int) -> Iterator[Pair]:
        """The rows of VALID_PROMOTIONS that ksqlDB would hold a fix against, less those plainly too far away."""
        products = self._products
        fixed_ms = self._fixes.timestamps_ms[fix]
        first_ms = max(fixed_ms - LOCATION_WITHIN_MS, self._newest_pair_ms - KEPT_MS + 1)
        last_ms = fixed_ms + LOCATION_WITHIN_MS
        country = self._fixes.country(fix)
        assert country is not None
        for product in products.located.about(country, self._fixes.point(fix), first_ms - PROMOTION_WITHIN_MS, last_ms):
            product_ms = products.located.timestamps_ms[product]
            earliest_ms = product_ms - PROMOTION_WITHIN_MS if product_ms >= first_ms else first_ms
            latest_ms = min(product_ms + PROMOTION_WITHIN_MS, last_ms)
            for promotion in self._promotions.between(products.segment(product), earliest_ms, latest_ms):
                if products.met(product, promotion):
                    yield self._pair(product, promotion)

    def _meet(self, fix: int, pair: Pair) -> Row | MatchError | None:
        """The row of NEARBY_CUSTOMERS of a location and a valid promotion, when they are within 100 ft."""
        here, there = self._fixes.point(fix), self._products.located.point(pair.product)
        if here is None or there is None:
            return _NOT_NEAR
        distance_ft = haversine_km(*here, *there) * FEET_PER_KM
        if not distance_ft <= NEAR_FT:
            return None
        value = (
            f'{{"C_LATITUDE":{fixed_text(self._fixes.latitudes_e5[fix])},'
            f'"C_LONGITUDE":{fixed_text(self._fixes.longitudes_e5[fix])},'
            f'"PID":{json_text(pair.promotion.pid)},"DIST_TO_STORE":{double_text(distance_ft)}}}'
        )
        country = self._fixes.country(fix) or ""
        return Row(NEARBY_CUSTOMERS, country, value, max(self._fixes.timestamps_ms[fix], pair.timestamp_ms))

    def _valid_promotion(self, pair: Pair) -> Row:
        located, promotion = self._products.located, pair.promotion
        latitude, longitude = (
            fixed_text(None if units == NULL else units)
            for units in (located.latitudes_e5[pair.product], located.longitudes_e5[pair.product])
        )
        value = (
            f'{{"LATITUDE":{latitude},"LONGITUDE":{longitude},'
            f'"COUNTRY":{json_text(self._products.country_text(pair.product))},'
            f'"PID":{json_text(promotion.pid)},"P_SEGMENT":{json_text(promotion.segment_text)}}}'
        )
        return Row(VALID_PROMOTIONS, promotion.segment, value, pair.timestamp_ms)

    def _sweep(self) -> None:
        """Forget what no record to come can see."""
        pairs_until_ms = self._newest_pair_ms - KEPT_MS
        self._products.sweep(pairs_until_ms)
        self._promotions.sweep(pairs_until_ms)
        for fix in self._fixes.until(self._newest_fix_ms - KEPT_MS):
            self._fixes.remove(fix)
