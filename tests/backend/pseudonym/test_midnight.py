"""The seconds about midnight, when every name changes: caps, repeats, the funnel and an erasure know no day."""

from dataclasses import replace

import pytest

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS, CustomerAlert
from endcap.testing import a_product
from endcap.wire import epoch_ms, write_instant
from endcap_backend.api.erasure import Erasure
from endcap_backend.console.funnel import funnel, totals
from endcap_backend.pipeline.forward import FORWARDED
from endcap_backend.pipeline.matching import TOPICS, Matching
from endcap_backend.pipeline.naming import RAW, NamedBlocks
from endcap_backend.pseudonym import Pseudonyms, day_of
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.day_secrets import DaySecrets
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.terms import ShopPromotion
from endcap_backend.wiring import limits_of

COUNTED = (CUSTOMERS_ALERTS, CUSTOMERS_EVENTS)
SKUS = range(1, 6)


class Night:
    """A backend two seconds before the shop's midnight: what its threads do, done by hand; she is in the shop."""

    def __init__(self, api):
        self.api = api
        days = DaySecrets(api.database, api.settings.timezone)
        api.clock.advance((days.day_of(api.clock.now()).ends_at - api.clock.now()).total_seconds() - 2)
        api.enter()
        self._blocks = NamedBlocks(api.log, FORWARDED, Pseudonyms(days, api.clock))
        self._position = self._forwarded = self._fixes = 0
        self.restart()
        self._open_shop()

    def restart(self):
        self._matching = Matching(limits_of(self.api.settings), self.api.clock)
        self._matching.rebuild(self.api.log, self._position)

    def fix(self):
        """The alerts of a fix of hers now, which then stand in the log."""
        self._fixes += 1
        at = {"latitude": a_product().latitude_deg, "longitude": a_product().longitude_deg}
        assert self.api.post("/v1/locations", {"locations": [{**at, "id": f"a1:{self._fixes}"}]}).status_code == 202
        return self.pass_on()

    def come_back(self):
        """A new token of the same session: the first is over."""
        renewed = self.api.post("/v1/sessions", {"refresh_token": self.api.session["refresh_token"]}, token="")
        self.api.session = renewed.get_json()

    def react(self, alert, kind):
        about = {"alert": alert.id, "pid": alert.pid, "store": alert.store}
        now = write_instant(self.api.clock.now())
        event = {"id": f"{kind}-{alert.id}", "kind": kind, "occurred_at": now, **about}
        assert self.api.post("/v1/events", {"events": [event]}).status_code == 202

    def pass_on(self):
        records = self.api.log.read(self._position, topics=TOPICS)
        self._position = self.api.log.end()
        produced = self._matching.handle(records)
        self.api.log.append(produced)
        return [CustomerAlert.from_text(each.value) for each in produced if each.topic == CUSTOMERS_ALERTS]

    def forward(self):
        """What leaves for the raw topics of what is new: the key and the value of each record."""
        rows = self._blocks.after(self._forwarded, 10_000).rows
        self._forwarded = self.api.log.end()
        return [(key, value) for _, topic, key, value, _ in rows if topic in RAW]

    def _open_shop(self):
        now_ms = epoch_ms(self.api.clock.now())
        with self.api.database.writing() as connection:
            put_placements(connection, [replace(a_product(), sku=sku, store="s1") for sku in SKUS], now_ms)
            put_promotions(connection, [ShopPromotion(f"p{n}", "coffee", n, "Offer", 50.0 - n) for n in SKUS], now_ms)
        Feed(self.api.database, self.api.log, clock=self.api.clock).drain()
        self.pass_on()


@pytest.fixture(params=["UTC", "Europe/Helsinki", "America/Los_Angeles"])
def night(request, make_api, database):
    return Night(make_api(database=database, timezone=request.param, alerts_per_fix=1, alerts_per_day=4))


def test_the_last_seconds_of_a_day_and_the_first_of_the_next_share_its_cap(night):
    heard = []
    for _ in range(6):  # from 23:59:58 to 00:00:03
        heard += [len(night.fix())]
        night.api.clock.advance(1)
    assert heard == [1, 1, 1, 1, 0, 0]
    night.api.clock.advance(86_400 - 6 - 0.001)  # a moment before the first of them is 24 hours old
    night.come_back()
    assert night.fix() == []
    night.api.clock.advance(0.001)
    assert len(night.fix()) == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_told_before_midnight_is_not_told_after_it(night, restarted):
    before = [alert.pid for _ in range(2) for alert in night.fix()]
    night.api.clock.advance(3)
    if restarted:
        night.restart()
    after = [alert.pid for _ in range(5) for alert in night.fix()]
    assert (before, after) == (["p1", "p2"], ["p3", "p4"])


def test_the_funnel_follows_an_offer_over_midnight(night):
    (first,) = night.fix()
    night.react(first, "shown")
    night.api.clock.advance(4)
    (second,) = night.fix()
    for alert, kind in ((first, "opened"), (first, "clipped"), (second, "shown")):
        night.react(alert, kind)
    since_ms = epoch_ms(night.api.clock.now()) - 60_000
    rows = {row.name: row.steps for row in funnel(night.api.log, "promotion", since_ms)}
    assert rows[first.pid] == {"near": 1, "told": 1, "shown": 1, "opened": 1, "clipped": 1, "redeemed": 0}
    assert rows[second.pid] == {"near": 1, "told": 1, "shown": 1, "opened": 0, "clipped": 0, "redeemed": 0}
    hours = funnel(night.api.log, "hour", since_ms)
    assert len(hours) == 2
    assert totals(hours) == {step: sum(row[step] for row in rows.values()) for step in totals(hours)}
    assert sum(totals(hours).values()) - totals(hours)["near"] == len(night.api.log.read(0, topics=COUNTED))


def test_who_asks_to_be_erased_about_midnight_is_erased_under_both_names(night):
    uid = night.api.uid
    night.fix()
    (before, _), *_ = night.forward()
    night.api.clock.advance(1)
    night.fix()  # at 23:59:59, and it leaves after midnight
    night.api.clock.advance(2)
    (after, _), *_ = night.forward()
    assert day_of(before) < day_of(after)
    receipt = night.api.call("DELETE", "/v1/me").get_json()
    assert night.forward() == [(before, None), (after, None)]
    night.pass_on()
    erasure = Erasure(night.api.log, night.api.database, night.api.clock)
    assert erasure.sweep() == 1
    done = erasure.receipt(receipt["receipt"]).to_json()
    assert all(each["erased_at"] <= done["complete_by"] for each in done["stores"])
    assert [path for path in night.api.log.path.parent.iterdir() if uid.encode() in path.read_bytes()] == []


def test_nothing_of_a_fix_that_waited_over_midnight_bears_both_of_her_names(night):
    night.fix()
    night.api.clock.advance(3)
    night.fix()
    left = night.forward()
    names = {key for key, _ in left}
    assert [len(left), len(names)] == [2, 1]
    assert night.api.uid not in "".join(f"{key}{value}" for key, value in left)
