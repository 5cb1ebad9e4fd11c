"""Names of the day: the same all day, another the next, back to her while the secret lives, and then to nobody."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.errors import BadConfig
from endcap.testing import ManualClock
from endcap_backend.pseudonym import NAME, Gone, Pseudonyms
from endcap_backend.retail.database import Database
from endcap_backend.retail.day_secrets import DaySecrets, Secret

HER = "0f" * 16
uids = st.binary(min_size=16, max_size=16).map(bytes.hex)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def secrets(database):
    return DaySecrets(database)


@pytest.fixture
def names(secrets, clock):
    return Pseudonyms(secrets, clock)


@pytest.fixture(scope="module")
def one_day(tmp_path_factory):
    with closing(Database(f"sqlite:///{tmp_path_factory.mktemp('shop')}/retail.db")) as database:
        yield Pseudonyms(DaySecrets(database), ManualClock())


def test_she_bears_one_name_all_day_and_another_the_next(names, clock):
    first = names.outward(HER)
    assert NAME.fullmatch(first)
    assert HER not in first
    clock.advance(3600)
    assert names.outward(HER) == first
    clock.advance(24 * 3600)
    assert names.outward(HER) != first


def test_a_name_leads_back_to_her_from_every_process_on_the_database(names, secrets, clock):
    name = names.outward(HER)
    assert Pseudonyms(secrets, clock).inward(name) == HER
    assert Pseudonyms(secrets, clock).outward(HER) == name


@settings(deadline=None)
@given(uids)
def test_every_name_leads_back_to_its_uid(one_day, uid):
    assert one_day.inward(one_day.outward(uid)) == uid


@settings(deadline=None)
@given(uids, uids)
def test_two_shoppers_have_the_same_name_only_if_they_are_one(one_day, one, other):
    assert (one_day.outward(one) == one_day.outward(other)) == (one == other)


def test_a_uid_that_no_session_gave_keeps_its_form_both_ways(names):
    assert names.outward("u1") == "u1"
    assert names.inward("u1") == "u1"
    assert names.inward(HER) == HER  # as Ably's own rule writes it to Kafka


def test_a_name_leads_to_nobody_once_its_days_secret_is_48_hours_old(names, secrets, clock, database):
    name = names.outward(HER)
    day = secrets.day_of(clock.now())
    clock.advance((day.began_at + timedelta(hours=48) - clock.now()).total_seconds() - 1)
    assert names.inward(name) == HER
    clock.advance(1)
    assert names.inward(name) == Gone(day.name)
    assert Pseudonyms(secrets, clock).inward(name) == Gone(day.name)


def test_a_secret_whose_time_is_over_leaves_the_disk(tmp_path, clock):
    with closing(Database(f"sqlite:///{tmp_path}/retail.db")) as database:
        secrets = DaySecrets(database)
        Pseudonyms(secrets, clock).outward(HER)
        with closing(sqlite3.connect(tmp_path / "retail.db")) as file:
            (secret,) = file.execute("SELECT secret FROM day_secrets").fetchone()
        assert secrets.forget_old(clock) == 0
        assert _on_disk(tmp_path, secret)
        clock.advance(48 * 3600)
        assert secrets.forget_old(clock) == 1
        assert not _on_disk(tmp_path, secret)


def test_a_secret_that_a_reader_kept_on_the_disk_goes_the_next_time(tmp_path, clock):
    with closing(Database(f"sqlite:///{tmp_path}/retail.db")) as database:
        secrets = DaySecrets(database)
        Pseudonyms(secrets, clock).outward(HER)
        with closing(sqlite3.connect(tmp_path / "retail.db", isolation_level=None)) as file:
            file.execute("BEGIN")
            (secret,) = file.execute("SELECT secret FROM day_secrets").fetchone()
            clock.advance(48 * 3600)
            assert secrets.forget_old(clock) == 1
            assert _on_disk(tmp_path, secret)
        assert secrets.forget_old(clock) == 0
        assert not _on_disk(tmp_path, secret)


@pytest.mark.parametrize("noon", ["2026-03-29T12:00+00:00", "2026-10-25T12:00+00:00", "2026-11-24T12:00+00:00"])
def test_a_secret_lives_48_hours_also_when_clocks_are_set(database, noon):
    secrets = DaySecrets(database, "Europe/Helsinki")
    day = secrets.day_of(datetime.fromisoformat(noon))
    made = secrets.made(day)
    assert made.dies_at - day.began_at.astimezone(UTC) == timedelta(hours=48)
    assert secrets.living(made.dies_at - timedelta(seconds=1)) == {day.name: made}
    assert secrets.living(made.dies_at) == {}


def test_all_names_that_still_lead_to_her_are_those_of_the_living_days(names, clock):
    assert names.names(HER) == [HER]  # she never left under another name
    one = names.outward(HER)
    clock.advance(24 * 3600)
    two = names.outward(HER)
    assert names.names(HER) == [one, two]
    clock.advance(24 * 3600)
    assert names.names(HER) == [two]


def test_an_id_is_blinded_alike_all_day_and_differently_the_next(names, clock):
    first = names.today().blind("install:1")
    assert names.today().blind("install:1") == first != names.today().blind("install:2")
    clock.advance(24 * 3600)
    assert names.today().blind("install:1") != first


@pytest.mark.parametrize(
    ("zone", "name", "hours"),
    [("UTC", "20261024", 24), ("Europe/Helsinki", "20261025", 25), ("Asia/Tokyo", "20261025", 24)],
)
def test_a_day_is_the_shops_own_also_when_its_clocks_are_put_back(database, zone, name, hours):
    day = DaySecrets(database, zone).day_of(datetime(2026, 10, 24, 22, 30, tzinfo=UTC))
    assert day.name == name
    assert (day.ends_at.astimezone(UTC) - day.began_at.astimezone(UTC)) == timedelta(hours=hours)


def test_a_day_turns_from_shortly_before_it_begins_until_shortly_after(one_day_in_helsinki):
    assert one_day_in_helsinki("20261125", hours=-0.3) is False
    assert one_day_in_helsinki("20261125", hours=-0.2) is True
    assert one_day_in_helsinki("20261124", hours=-0.2) is False
    assert one_day_in_helsinki("20261125", hours=0.2) is True
    assert one_day_in_helsinki("20261125", hours=0.25) is False


@pytest.fixture
def one_day_in_helsinki(database):
    """Whether a day turns, so long after midnight there."""
    midnight = datetime(2026, 11, 24, 22, tzinfo=UTC)

    def turns(day, hours):
        clock = ManualClock(midnight + timedelta(hours=hours))
        return Pseudonyms(DaySecrets(database, "Europe/Helsinki"), clock).is_turning(day, timedelta(minutes=15))

    return turns


@pytest.mark.parametrize("first", ["Asia/Tokyo", "America/Los_Angeles"])
def test_two_zones_share_a_dates_secret_until_it_is_48_hours_old_in_the_later_one(database, clock, first):
    zones = {name: DaySecrets(database, name) for name in ("Asia/Tokyo", "America/Los_Angeles")}
    days = {name: each.day_of(datetime(2026, 11, 25, 12, tzinfo=ZoneInfo(name))) for name, each in zones.items()}
    early, late = (days[name].began_at for name in zones)
    assert late - early == timedelta(hours=17)
    second = next(name for name in zones if name != first)
    clock.advance((early - clock.now()).total_seconds())
    before = zones[first].made(days[first])
    names = Pseudonyms(zones[first], clock)  # read before the other zone's day made the secret live longer
    name = names.outward(HER, days[first].began_at)
    after = zones[second].made(days[second])
    assert after == Secret(before.value, late + timedelta(hours=48))
    clock.advance((late - early + timedelta(hours=48)).total_seconds() - 1)
    assert zones[first].forget_old(clock) == 0
    assert names.inward(name) == HER
    clock.advance(1)
    assert names.inward(name) == Gone("20261125")
    assert zones[first].forget_old(clock) == 1


def test_a_time_zone_that_is_none_is_named(database):
    with pytest.raises(BadConfig, match="Europe/Helsinky"):
        DaySecrets(database, "Europe/Helsinky")


def _on_disk(folder, secret):
    return [path.name for path in folder.iterdir() if secret.encode() in path.read_bytes()]
