"""Flink's statements without a Flink: what is filled in, and that the grid's cells miss no pair."""

from __future__ import annotations

import re
import sqlite3
from math import asin, cos, degrees, radians, sin, sqrt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.errors import BadConfig
from endcap.geo import EARTH_RADIUS_KM, FEET_PER_KM, NEAR_FT, haversine_km
from endcap.messages import NearbyPromotion
from endcap_backend.match.flink.settings import FlinkSettings, Form
from endcap_backend.match.flink.statements import flink_statements, java_properties
from endcap_backend.match.statements import Statement

CLIENT = {"bootstrap.servers": "broker:9092", "security.protocol": "PLAINTEXT"}
CLOUD = CLIENT | {
    "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": "key", "sasl.password": 'it\'s "so"',
}  # fmt: skip


def of(form: Form, **changes: object) -> dict[str, Statement]:
    """By name; the INSERT of a table counts, not its CREATE."""
    return {each.name: each for each in flink_statements(CLIENT, FlinkSettings(flink_form=form, **changes))}


@pytest.mark.parametrize("form", ["seed", "grid", "product"])
def test_each_statement_says_what_a_row_means_and_reads_only_from_those_before_it(form: Form) -> None:
    known: set[str] = set()
    for each in flink_statements(CLIENT, FlinkSettings(flink_form=form)):
        assert re.match(r"(One|Two|Three|Nine) rows? |The same rows|Those ", each.means)
        assert each.sql.endswith(";")
        assert "$" not in each.sql + each.means
        read = set(re.findall(r"(?<!EPOCH )(?<!MILLISECOND )(?:FROM|JOIN)\s+(\w+)", each.sql)) - {"UNNEST"}
        assert {name for name in read if not re.search(rf"METADATA FROM\s+'?{name}", each.sql)} <= known
        known.add(each.name)
    assert known >= {"stores_products", "customers_locations", "products_promotions", "NEARBY_CUSTOMERS"}


@pytest.mark.parametrize(
    ("form", "name"), [("seed", "NEARBY_CUSTOMERS"), ("grid", "NEARBY_CUSTOMERS"), ("product", "near_offers")]
)
def test_a_match_measures_as_the_engine_does(form: Form, name: str) -> None:
    sql = of(form)[name].sql
    assert f"2 * {EARTH_RADIUS_KM:g} * ASIN" in sql
    assert f"* {FEET_PER_KM:g} AS distance_ft" in sql
    assert sql.endswith(f"WHERE distance_ft <= {NEAR_FT:g};")


def test_the_windows_are_the_seed_s_unless_told_otherwise() -> None:
    usual, wide = of("grid"), of("grid", flink_promotion_window_s=40 * 86_400 + 61, flink_live_s=7)
    assert usual["VALID_PROMOTIONS"].sql.count("INTERVAL '0 01:00:00' DAY(3) TO SECOND(3)") == 2
    assert usual["NEARBY_CUSTOMERS"].sql.count("INTERVAL '0 00:30:00' DAY(3) TO SECOND(3)") == 2
    assert "S.ts - INTERVAL '40 00:01:01' DAY(3) TO SECOND(3)" in wide["VALID_PROMOTIONS"].sql
    assert "C.ts - INTERVAL '0 00:00:07' DAY(3) TO SECOND(3)" in wide["NEARBY_CUSTOMERS"].sql


def test_a_promotion_of_a_sku_is_for_that_one_unless_segments_decide() -> None:
    assert "P.SKU = S.SKU" in of("grid")["VALID_PROMOTIONS"].sql
    assert "P.SKU = S.SKU" not in of("grid", flink_promotions_by="segment")["VALID_PROMOTIONS"].sql


SHOP = {"stores_products", "customers_locations", "products_promotions"}


@pytest.mark.parametrize(
    ("form", "outputs"),
    [("grid", {"VALID_PROMOTIONS", "NEARBY_CUSTOMERS"}), ("product", {"NEARBY_CUSTOMERS"})],
)
def test_each_transaction_topic_and_group_carries_the_name_it_was_given(form: str, outputs: set[str]) -> None:
    given_ = FlinkSettings(flink_form=form, flink_name="north", flink_topic_prefix="trial-")
    text = "".join(each.sql for each in flink_statements(CLIENT, given_))
    assert set(re.findall(r"'topic' = '([\w-]+)'", text)) == {f"trial-{name}" for name in SHOP | outputs}
    assert set(re.findall(r"transactional-id-prefix' = '([\w-]+)'", text)) == {
        f"trial-north-{name.lower().replace('_', '-')}" for name in outputs
    }
    assert set(re.findall(r"group.id' = '([\w-]+)'", text)) == {"north"}


def test_the_product_form_says_how_long_its_state_lives() -> None:
    settings = FlinkSettings(flink_standing_s=60, flink_keep_s=86_400)
    near = of("product", flink_standing_s=60)["near_offers"]
    assert "STATE_TTL('C' = '60 s', 'P' = '0 s')" in near.sql
    assert "P.ts <= C.ts + INTERVAL '0 00:01:00' DAY(3) TO SECOND(3)" in near.sql
    assert settings.job_options()["table.exec.state.ttl"] == "86400 s"
    assert "table.exec.state.ttl" not in FlinkSettings(flink_keep_s=0).job_options()
    assert "table.exec.state.ttl" not in FlinkSettings(flink_form="grid").job_options()  # its joins have windows


@pytest.mark.parametrize("form", ["grid", "product"])
def test_rows_are_messages_of_nearby_customers(form: str) -> None:
    made = flink_statements(CLIENT, FlinkSettings(flink_form=form))
    tables = [each.sql for each in made if each.sql.startswith("CREATE TABLE NEARBY")]
    columns = set(re.findall(r"^  `?([A-Z_]+)`? [A-Z]", tables[0], re.MULTILINE))
    wires = NearbyPromotion.wires().values()
    assert {wire.name for wire in wires if wire.required} <= columns <= {wire.name for wire in wires}


def test_readers_see_only_what_was_committed_and_rows_are_written_once() -> None:
    for each in flink_statements(CLIENT, FlinkSettings()):
        if "'scan.startup.mode'" in each.sql:
            assert "'properties.isolation.level' = 'read_committed'" in each.sql
        if "'sink.transactional-id-prefix'" in each.sql:
            assert "'sink.delivery-guarantee' = 'exactly-once'" in each.sql
            # a broker takes at most 15 minutes
            assert "'properties.transaction.timeout.ms' = '600000'" in each.sql


def test_a_login_goes_to_java_s_client_by_the_connector_s_own_class(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n")
    assert java_properties(CLOUD | {"ssl.ca.location": str(tmp_path / "ca.pem")}) == {
        "bootstrap.servers": "broker:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule "
        'required username="key" password="it\'s \\"so\\"";',
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----",
    }


def test_a_login_is_quoted_for_sql_and_left_out_of_what_is_shown() -> None:
    full, shown = (flink_statements(CLOUD, FlinkSettings(), show_secrets=secrets)[0].sql for secrets in (True, False))
    assert "password=\"it''s" in full
    assert "it'" not in shown
    assert "'properties.sasl.jaas.config' = '…'" in shown


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"flink_name": ""}, "flink_name"),
        ({"flink_name": "a'b"}, "flink_name"),
        ({"flink_topic_prefix": "a b"}, "flink_topic_prefix"),
        ({"flink_checkpoint_dir": "/var/lib"}, "flink_checkpoint_dir"),
        ({"flink_promotions_by": "segment"}, "flink_promotions_by: must be sku in the product form"),
    ],
)
def test_a_setting_that_cannot_work_is_named(changes: dict[str, str], named: str) -> None:
    with pytest.raises(BadConfig, match=named):
        FlinkSettings(**changes)


def test_a_certificate_that_cannot_be_read_is_named() -> None:
    with pytest.raises(BadConfig, match="kafka_ca_file: the file /nowhere"):
        java_properties(CLIENT | {"ssl.ca.location": "/nowhere"})


class Cells:
    """The views of a form that file by cells, run by SQLite: they are plain arithmetic."""

    def __init__(self, form: Form, offers: str) -> None:
        """`offers` is what its offers are read from."""
        views = of(form)
        self._offers = offers
        self._db = sqlite3.connect(":memory:")
        self._db.create_function("GREATEST", 2, max, deterministic=True)
        self._db.create_function("LEAST", 2, min, deterministic=True)
        self._db.create_function("MOD", 2, lambda a, b: a % b if a >= 0 else -(-a % b), deterministic=True)
        self._db.executescript(
            "CREATE TABLE customers_locations (uid, latitude, longitude, country, id, ts);"
            f"CREATE TABLE {offers} (PID, P_SEGMENT, SKU, VARIANT, TITLE, DISCOUNT, NAME, PRICE, STOCK, STORE,"
            " SECTION, STARTS_AT, ENDS_AT, COUNTRY, ts, LATITUDE, LONGITUDE);"
        )
        for name in ("fix_rows", "fixes", "offer_rows", "offer_cells"):
            self._db.executescript(self._sqlite(views[name].sql))

    def of_fix(self, latitude_deg: float, longitude_deg: float) -> int:
        self._db.execute("DELETE FROM customers_locations")
        self._db.execute(
            "INSERT INTO customers_locations (uid, latitude, longitude) VALUES ('u', ?, ?)",
            (latitude_deg, longitude_deg),
        )
        (cell,) = self._db.execute("SELECT cell FROM fixes").fetchone()
        return int(cell)

    def of_offer(self, latitude_deg: float, longitude_deg: float) -> list[int]:
        self._db.execute(f"DELETE FROM {self._offers}")
        self._db.execute(
            f"INSERT INTO {self._offers} (LATITUDE, LONGITUDE) VALUES (?, ?)", (latitude_deg, longitude_deg)
        )
        return [int(cell) for (cell,) in self._db.execute("SELECT cell FROM offer_cells")]

    @staticmethod
    def _sqlite(sql: str) -> str:
        for array, table, column in re.findall(r"UNNEST\(ARRAY\[(.+)\]\) AS (\w)\((\w+)\)", sql):
            sql = sql.replace(
                f"UNNEST(ARRAY[{array}]) AS {table}({column})", f"json_each(json_array({array})) AS {table}"
            )
            sql = re.sub(rf"\b{column}\b", f"{table}.value", sql).replace("*,", f"*, {table}.value AS {column},", 1)
        return sql.replace("AS DOUBLE", "AS REAL")


@pytest.fixture(scope="module", params=[("grid", "VALID_PROMOTIONS"), ("product", "offers")], ids=["grid", "product"])
def cells(request: pytest.FixtureRequest) -> Cells:
    return Cells(*request.param)


def within(latitude_deg: float, longitude_deg: float, distance_ft: float, bearing_deg: float) -> tuple[float, float]:
    """The point that far from another in that direction, over a pole and across the antimeridian too."""
    angle, bearing = distance_ft / FEET_PER_KM / EARTH_RADIUS_KM, radians(bearing_deg)
    start = radians(latitude_deg)
    latitude = asin(max(-1.0, min(1.0, sin(start) * cos(angle) + cos(start) * sin(angle) * cos(bearing))))
    # the haversine's own inverse: exact near the poles too
    across = sin(angle / 2) ** 2 - sin((latitude - start) / 2) ** 2
    shrink = cos(start) * cos(latitude)
    turn = 180.0 if across >= shrink > 0 else degrees(2 * asin(sqrt(max(0.0, across) / shrink))) if shrink > 0 else 0.0
    longitude_deg += turn if bearing_deg <= 180 else -turn
    return degrees(latitude), (longitude_deg + 180) % 360 - 180


PLACES = st.one_of(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    st.tuples(st.floats(71.5, 90), st.sampled_from([-180.0, 180.0, 179.9999, 0.0, 120.0])),
    st.tuples(st.floats(-90, -89.99), st.floats(-180, 180)),
    st.tuples(st.floats(-0.01, 0.01), st.sampled_from([-180.0, 180.0, -179.99999, 179.99999, 0.0])),
)


@given(PLACES, st.floats(0, NEAR_FT), st.floats(0, 360))
@settings(max_examples=750, deadline=None)
def test_a_fix_within_100_ft_lies_in_one_of_the_nine_cells(
    cells: Cells, place: tuple[float, float], distance_ft: float, bearing_deg: float
) -> None:
    offer = (round(place[0], 5), round(place[1], 5))
    fix = within(*offer, distance_ft, bearing_deg)
    fix = (round(fix[0], 5), round(fix[1], 5))
    about = cells.of_offer(*offer)
    assert len(set(about)) == 9
    if haversine_km(*offer, *fix) * FEET_PER_KM <= NEAR_FT:
        assert cells.of_fix(*fix) in about


@pytest.mark.parametrize("latitude_deg", [0.0, 60.17, 72.0])
def test_a_cell_is_a_thousandth_of_a_degree_up_to_72_degrees(cells: Cells, latitude_deg: float) -> None:
    here = cells.of_fix(latitude_deg + 0.0005, 24.9405)
    assert cells.of_fix(latitude_deg + 0.0009, 24.9409) == here
    assert cells.of_fix(latitude_deg + 0.0005, 24.9415) == here + 1
    assert cells.of_fix(latitude_deg + 0.0015, 24.9405) == here + 1_000_000


def test_the_antimeridian_is_no_edge(cells: Cells) -> None:
    assert cells.of_fix(10, 180) == cells.of_fix(10, -180)
    assert cells.of_fix(10, -179.9995) in cells.of_offer(10, 179.9995)
