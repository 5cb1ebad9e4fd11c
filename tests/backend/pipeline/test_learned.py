"""From what a shopper says over HTTP to what she hears: her list, her quiet hours and a promotion's terms, at once."""

from endcap.messages import CUSTOMERS_ALERTS, CustomerAlert
from endcap.testing import a_product
from endcap.wire import epoch_ms, write_instant
from endcap_backend.pipeline.matching import Matching
from endcap_backend.retail.catalogue import put_placements, put_promotions
from endcap_backend.retail.feed import Feed
from endcap_backend.retail.terms import ShopPromotion
from endcap_backend.wiring import learning_of, limits_of


class Shop:
    """The embedded pipeline over an API's log and database, turned by hand."""

    def __init__(self, api):
        self._api = api
        self._feed = Feed(api.database, api.log, clock=api.clock)
        self._matching = Matching(
            limits_of(api.settings), api.clock, learning=learning_of(api.settings, api.database, api.clock)
        )
        self._position = self._fixes = 0

    def put(self, write, *things):
        with self._api.database.writing() as connection:
            write(connection, things, epoch_ms(self._api.clock.now()))

    def heard_at_the_shelf(self):
        """The alerts of one more fix of hers, a second later, at the builders' shop."""
        self._api.clock.advance(1)
        self._fixes += 1
        fix = {"latitude": a_product().latitude_deg, "longitude": a_product().longitude_deg, "id": f"a1:{self._fixes}"}
        assert self._api.post("/v1/locations", {"locations": [fix]}).status_code == 202
        self._feed.drain()
        records = self._api.log.read(self._position)
        self._position = records[-1].offset
        produced = self._matching.handle(records)
        return [CustomerAlert.from_text(each.value) for each in produced if each.topic == CUSTOMERS_ALERTS]


def wish(api, **more):
    item = {"id": "w1", "text": "Coffee", "quantity": 1, "sku": 9001, "position": 1.0, "done": False, "removed": False}
    said = {"items": [{**item, "changed_at": write_instant(api.clock.now()), **more}]}
    assert api.call("PUT", "/v1/wishlist", said).status_code == 200


def test_what_she_puts_on_her_list_is_told_at_the_shelf_a_second_later(make_api):
    api = make_api()
    api.enter()
    shop = Shop(api)
    shop.put(put_placements, a_product())
    assert shop.heard_at_the_shelf() == []
    wish(api)
    (alert,) = shop.heard_at_the_shelf()
    assert (alert.uid, alert.kind, alert.sku, alert.why) == (
        api.uid, "wanted", 9001, "On your list, right beside you in coffee",
    )  # fmt: skip
    assert shop.heard_at_the_shelf() == []


def test_what_she_ticks_off_is_told_no_more(make_api):
    api = make_api()
    api.enter()
    shop = Shop(api)
    shop.put(put_placements, a_product())
    wish(api)
    wish(api, done=True, changed_at=write_instant(api.clock.now().replace(microsecond=1000)))
    assert shop.heard_at_the_shelf() == []


def test_her_quiet_hours_hold_from_the_next_second_on(make_api):
    api = make_api()
    api.enter()
    shop = Shop(api)
    shop.put(put_placements, a_product())
    shop.put(put_promotions, ShopPromotion("p1", "coffee", 9001, "Coffee", 20.0))
    api.call("PUT", "/v1/me/preferences", {"quiet_hours": "11:00-13:00", "timezone": "UTC"})
    assert shop.heard_at_the_shelf() == []
    api.call("PUT", "/v1/me/preferences", {"quiet_hours": "01:00-02:00"})
    assert [alert.pid for alert in shop.heard_at_the_shelf()] == ["p1"]


def test_a_promotion_for_members_is_told_to_who_has_a_card_and_to_nobody_else(make_api):
    api = make_api()
    api.enter()
    shop = Shop(api)
    shop.put(put_placements, a_product())
    shop.put(put_promotions, ShopPromotion("p1", "coffee", 9001, "Coffee", 20.0, members_only=True))
    assert shop.heard_at_the_shelf() == []
    assert api.get("/v1/loyalty").status_code == 200  # opens her card
    assert [alert.pid for alert in shop.heard_at_the_shelf()] == ["p1"]
