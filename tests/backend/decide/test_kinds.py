"""The four kinds of alert: what brings each about, and what it says."""

from datetime import UTC, datetime, timedelta

import pytest

from endcap.messages import CustomerEvent, ProductPromotion
from endcap.wire import from_epoch_ms
from endcap_backend.decide import Clip, Decider, Knowledge, Known, Limits, QuietHours, Terms, Wish
from endcap_backend.match.shelf import NearShelf

MINUTE_MS, DAY_MS = 60_000, 86_400_000
OAT, SOY = 7, 8


@pytest.fixture
def knowledge():
    return Knowledge()


@pytest.fixture
def decider(knowledge):
    return Decider(Limits(per_visit=100, per_hour=100, per_day=100), knowledge=knowledge)


def a_shelf(sku=OAT, *, distance_ft=30.0, name="Oat milk", price=2.5, stock=9, **more):
    return NearShelf(sku, "milk", distance_ft, None, name, price, stock, "s1", "Dairy", **more)


def a_promotion(pid="p1", sku=OAT, discount=20.0, **more):
    return ProductPromotion(pid=pid, segment="milk", sku=sku, title="Milk week", discount=discount, **more)


def an_event(kind, at_ms, fence="s1/Dairy", **more):
    return CustomerEvent(
        id=f"{kind}{at_ms}", uid="ann", kind=kind, occurred_at=from_epoch_ms(at_ms), fence=fence, **more
    )


def told(choice):
    return [(alert.kind, alert.sku, alert.why) for alert in choice.alerts]


def test_near_something_on_her_list_she_hears_of_it_without_any_promotion(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    assert told(decider.take("ann", [], noon_ms, None, [a_shelf()])) == [
        ("wanted", OAT, "On your list, about 12 steps from you in Dairy")
    ]


def test_of_a_kind_of_product_on_her_list_she_hears_of_the_nearest_in_stock(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("milk", segment="milk"),)))
    shelves = [a_shelf(1, distance_ft=10, stock=0), a_shelf(2, distance_ft=40), a_shelf(3, distance_ft=20)]
    assert [alert.sku for alert in decider.take("ann", [], noon_ms, None, shelves).alerts] == [3]


def test_a_deal_on_something_on_her_list_is_what_she_wants(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("coffee", 1),)))
    (alert,) = decider.take("ann", [a_row(1)], noon_ms).alerts
    assert (alert.kind, alert.pid, alert.why) == ("wanted", "p1", "On your list, 20 % off, about 12 steps from you")


def test_what_she_wants_comes_before_a_better_deal(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("coffee", 2),)))
    rows = [a_row(1, distance_ft=20, discount=50), a_row(2, distance_ft=40, discount=10)]
    assert [alert.sku for alert in decider.take("ann", rows, noon_ms).alerts] == [2, 1]


def test_a_wish_is_told_once_a_day_and_its_promotion_is_news(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    plain, promoted = a_shelf(), a_shelf(promotion=a_promotion())
    moments = [noon_ms + after for after in (0, MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS, DAY_MS + 4 * MINUTE_MS)]
    heard = [
        len(decider.take("ann", [], at_ms, None, [shelf]).alerts)
        for at_ms, shelf in zip(moments, (plain, plain, promoted, plain, plain), strict=True)
    ]
    assert heard == [1, 0, 1, 0, 1]


def test_a_wish_told_before_midnight_is_not_told_after_it(knowledge, decider):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    midnight_ms = round(datetime(2026, 11, 25, tzinfo=UTC).timestamp() * 1000)
    heard = [decider.take("ann", [], midnight_ms + off, None, [a_shelf()]).alerts for off in (-1000, 1000)]
    assert [len(each) for each in heard] == [1, 0]


def test_a_price_that_came_down_to_what_she_hoped_for_is_told_once_at_that_price(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT, price_alert=2.0),)))
    heard = [
        told(decider.take("ann", [], noon_ms + n * MINUTE_MS, None, [a_shelf(price=price)]))
        for n, price in enumerate((2.5, 2.0, 2.0, 1.8))
    ]
    assert heard == [
        [("wanted", OAT, "On your list, about 12 steps from you in Dairy")],
        [("wanted", OAT, "On your list, now 2.00 €, you asked for 2.00 €, about 12 steps from you in Dairy")],
        [],
        [("wanted", OAT, "On your list, now 1.80 €, you asked for 2.00 €, about 12 steps from you in Dairy")],
    ]


def test_a_promotion_counts_into_the_price_she_hoped_for(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT, price_alert=2.0),)))
    (alert,) = decider.take("ann", [], noon_ms, None, [a_shelf(promotion=a_promotion())]).alerts
    assert alert.pid == "p1"
    assert "now 2.00 €, you asked for 2.00 €" in alert.why


def test_amounts_are_in_the_shops_currency(knowledge, noon_ms):
    decider = Decider(knowledge=knowledge, currency="SEK")
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT, price_alert=30),)))
    (alert,) = decider.take("ann", [], noon_ms, None, [a_shelf(price=25)]).alerts
    assert "now 25.00 SEK" in alert.why


def test_a_coupon_she_holds_is_brought_to_mind_at_the_shelf_once(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(clips=(Clip("c1", "Coffee lovers", "1.00 € off", segment="milk"),)))
    shelves = [a_shelf()]
    (alert,) = decider.take("ann", [], noon_ms, None, shelves).alerts
    assert (alert.kind, alert.pid, alert.title) == ("deal", "c1", "Coffee lovers")
    assert alert.why == "Oat milk: Your coupon, 1.00 € off, about 12 steps from you in Dairy"
    assert decider.take("ann", [], noon_ms + DAY_MS * 2, None, shelves).alerts == ()


def test_a_coupon_for_something_on_her_list_says_both(knowledge, decider, noon_ms):
    knowledge.put("ann", Known((Wish("oat milk", OAT),), (Clip("c1", "Coffee lovers", "1.00 € off", OAT),)))
    (alert,) = decider.take("ann", [], noon_ms, None, [a_shelf()]).alerts
    assert (alert.kind, alert.pid) == ("wanted", "c1")
    assert alert.why == "Oat milk: On your list, your coupon, 1.00 € off, about 12 steps from you in Dairy"


def test_a_coupon_that_has_ended_is_not_brought_to_mind(knowledge, decider, noon_ms):
    ended = from_epoch_ms(noon_ms) - timedelta(seconds=1)
    knowledge.put("ann", Known(clips=(Clip("c1", "Coffee lovers", "1.00 € off", sku=OAT, ends_at=ended),)))
    choice = decider.take("ann", [], noon_ms, None, [a_shelf()])
    assert choice.alerts == ()
    assert choice.held == {"promotion over": 1}


def test_a_deal_that_her_coupon_fits_ranks_higher_and_says_so(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known(clips=(Clip("c1", "Coffee lovers", "1.00 € off", sku=2),)))
    alerts = decider.take("ann", [a_row(1), a_row(2)], noon_ms).alerts
    assert [alert.sku for alert in alerts] == [2, 1]
    assert alerts[0].why == "20 % off, and you hold a coupon, about 12 steps from you"


def test_for_what_she_wants_and_is_out_of_stock_she_hears_of_an_alternative(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    shelves = [a_shelf(stock=0), a_shelf(SOY, name="Soy milk", price=2.2, distance_ft=20)]
    (alert,) = decider.take("ann", [], noon_ms, None, shelves).alerts
    assert (alert.kind, alert.sku, alert.title) == ("alternative", SOY, "Soy milk")
    assert alert.why == "Oat milk is out of stock; this is milk too, 0.30 € less, about 8 steps from you in Dairy"


def test_of_alternatives_the_nearest_that_is_in_stock_and_not_dearer_is_told(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    shelves = [
        a_shelf(stock=0),
        a_shelf(1, price=2.51, distance_ft=1),
        a_shelf(2, stock=0, distance_ft=2),
        a_shelf(3, price=None, distance_ft=3),
        a_shelf(4, distance_ft=4)._replace(store="s2"),
        a_shelf(5, distance_ft=5)._replace(segment="juice"),
        a_shelf(6, distance_ft=50),
        a_shelf(9, distance_ft=49),
    ]
    (alert,) = decider.take("ann", [], noon_ms, None, shelves).alerts
    assert alert.sku == 9
    assert "at the same price" in alert.why


def test_what_is_missing_brings_one_alternative_a_day_even_when_another_is_nearer_later(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    walk = ((8, 9), (9, 8))
    heard = []
    for n, (near, far) in enumerate(walk):
        shelves = [a_shelf(stock=0), a_shelf(near, distance_ft=5), a_shelf(far, distance_ft=50)]
        heard += [alert.sku for alert in decider.take("ann", [], noon_ms + n * MINUTE_MS, None, shelves).alerts]
    assert heard == [8]


def test_what_is_sold_out_in_one_of_two_stores_near_her_needs_no_alternative(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    shelves = [
        a_shelf(stock=0, distance_ft=5),
        a_shelf(SOY, distance_ft=6),
        a_shelf(distance_ft=60)._replace(store="s2"),
    ]
    assert [(alert.kind, alert.store) for alert in decider.take("ann", [], noon_ms, None, shelves).alerts] == [
        ("wanted", "s2")
    ]


def test_what_is_sold_out_in_two_stores_near_her_brings_one_alternative(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    here = [a_shelf(stock=0), a_shelf(SOY, distance_ft=6)]
    there = [
        each._replace(store="s2", distance_ft=each.distance_ft + 20, sku=each.sku + (each.sku == SOY)) for each in here
    ]
    alerts = decider.take("ann", [], noon_ms, None, [*there, *here]).alerts
    assert [(alert.kind, alert.sku, alert.store) for alert in alerts] == [("alternative", SOY, "s1")]


def test_what_she_looked_at_and_is_gone_brings_an_alternative_too(decider, noon_ms):
    decider.note(an_event("opened", noon_ms, None, sku=OAT), noon_ms)
    skus, _ = decider.seeks("ann")
    assert OAT in skus
    missing = a_shelf(stock=0)
    assert decider.misses("ann", [missing]) == {"milk"}
    (alert,) = decider.take("ann", [], noon_ms, None, [missing, a_shelf(SOY, name="Soy milk")]).alerts
    assert (alert.kind, alert.sku) == ("alternative", SOY)


def test_nothing_is_offered_that_is_out_of_stock_whatever_it_is(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known((Wish("oat milk", OAT),), (Clip("c1", "Coupon", "1.00 € off", sku=OAT),)))
    assert decider.take("ann", [a_row(OAT, stock=0)], noon_ms, None, [a_shelf(stock=0)]).alerts == ()


@pytest.mark.parametrize(("tier", "heard"), [(None, 0), ("bronze", 1)])
def test_what_is_for_members_only_members_hear_of(knowledge, decider, a_row, noon_ms, tier, heard):
    knowledge.set_terms({"p1": Terms(members_only=True)})
    knowledge.put("ann", Known(tier=tier))
    choice = decider.take("ann", [a_row(1)], noon_ms)
    assert len(choice.alerts) == heard
    assert choice.held["members only"] == 1 - heard


def test_a_promotion_whose_budget_is_spent_is_not_told(knowledge, decider, a_row, noon_ms):
    knowledge.set_terms({"p1": Terms(spent=True)})
    assert decider.take("ann", [a_row(1)], noon_ms).held == {"budget spent": 1}


@pytest.mark.parametrize(("times", "heard"), [(1, 1), (2, 0)])
def test_what_she_has_redeemed_as_often_as_she_may_is_not_told(knowledge, decider, a_row, noon_ms, times, heard):
    knowledge.set_terms({"p1": Terms(limit_per_shopper=2)})
    knowledge.put("ann", Known(redeemed={"p1": times}))
    assert len(decider.take("ann", [a_row(1)], noon_ms).alerts) == heard


def test_something_on_her_list_is_told_without_the_promotion_that_she_may_not_have(knowledge, decider, noon_ms):
    knowledge.set_terms({"p1": Terms(members_only=True)})
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    (alert,) = decider.take("ann", [], noon_ms, None, [a_shelf(promotion=a_promotion())]).alerts
    assert (alert.pid, alert.title, alert.why) == (None, "Oat milk", "On your list, about 12 steps from you in Dairy")


def test_who_lingers_in_a_section_in_vain_is_offered_help_once_a_visit(decider, noon_ms):
    decider.note(an_event("enter", noon_ms), noon_ms)
    heard = [
        told(decider.take("ann", [], noon_ms + after, None)) for after in (179_999, 180_000, 240_000, 10 * MINUTE_MS)
    ]
    words = "You have looked around in Dairy for a while. Ask, and somebody comes to you"
    assert heard == [[], [("help", None, words)], [], []]


def test_help_is_offered_to_who_has_heard_as_many_offers_as_she_may(a_row, noon_ms):
    decider = Decider(Limits(per_visit=1, per_fix=1))
    decider.note(an_event("dwell", noon_ms), noon_ms)
    alerts = decider.take("ann", [a_row(1), a_row(2)], noon_ms).alerts
    assert sorted(alert.kind for alert in alerts) == ["deal", "help"]
    assert decider.take("ann", [a_row(2)], noon_ms + 1).held == {"told before": 1, "cap per visit": 1}


@pytest.mark.parametrize("limits", [Limits(quiet=QuietHours.parse("12:00-13:00")), Limits(cooldown_s=60)])
def test_in_quiet_hours_and_after_an_offer_nobody_is_asked_whether_she_needs_help(a_row, noon_ms, limits):
    decider = Decider(limits)
    decider.take("ann", [a_row(1)], noon_ms)
    decider.note(an_event("dwell", noon_ms + 1), noon_ms + 1)
    assert decider.take("ann", [], noon_ms + 1).alerts == ()


def test_what_her_coupon_is_good_for_is_not_told_again_by_the_coupon(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(clips=(Clip("c1", "Milk", "1.00 € off", OAT),)))
    promoted = a_shelf(promotion=a_promotion())
    heard = [
        [(alert.pid, alert.why) for alert in decider.take("ann", rows, noon_ms + n, None, [promoted]).alerts]
        for n, rows in enumerate(([], []))
    ]
    assert heard == [[("c1", "Oat milk: Your coupon, 1.00 € off, about 12 steps from you in Dairy")], []]


def test_her_phones_dwell_is_lingering_at_once(decider, noon_ms):
    assert not decider.note(an_event("enter", noon_ms), noon_ms)
    assert decider.note(an_event("dwell", noon_ms + MINUTE_MS), noon_ms + MINUTE_MS)
    (alert,) = decider.take("ann", [], noon_ms + MINUTE_MS).alerts
    assert (alert.kind, alert.title, alert.store, alert.section) == ("help", "Need help?", "s1", "Dairy")


@pytest.mark.parametrize("kind", ["opened", "clipped", "redeemed", "help"])
def test_who_took_something_up_is_not_asked_whether_she_needs_help(decider, noon_ms, kind):
    decider.note(an_event("enter", noon_ms), noon_ms)
    decider.note(an_event(kind, noon_ms + 1000, None), noon_ms + 1000)
    assert decider.take("ann", [], noon_ms + 10 * MINUTE_MS).alerts == ()


def test_who_left_the_section_or_is_only_in_the_store_is_not_asked(decider, noon_ms):
    for fence in ("s1", "s1/Dairy"):
        decider.note(an_event("enter", noon_ms, fence), noon_ms)
    decider.note(an_event("exit", noon_ms + 1000), noon_ms + 1000)
    decider.note(an_event("dwell", noon_ms + 2000, "s1"), noon_ms + 2000)
    assert decider.take("ann", [], noon_ms + 10 * MINUTE_MS).alerts == ()


def test_without_a_time_to_linger_help_is_never_offered(noon_ms):
    decider = Decider(Limits(help_after_s=0))
    decider.note(an_event("enter", noon_ms), noon_ms)
    assert not decider.note(an_event("dwell", noon_ms), noon_ms)
    assert decider.take("ann", [], noon_ms + 60 * MINUTE_MS).alerts == ()


def test_what_stands_in_the_section_she_is_in_comes_first(decider, a_row, noon_ms):
    decider.note(an_event("enter", noon_ms, "s1/Tea"), noon_ms)
    rows = [a_row(1, section="Coffee", distance_ft=28), a_row(2, section="Tea", distance_ft=30)]
    assert [alert.sku for alert in decider.take("ann", rows, noon_ms).alerts] == [2, 1]


def test_in_her_own_quiet_hours_she_hears_nothing(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known(quiet=QuietHours.parse("12:00-13:00")))
    assert not decider.has_room("ann", noon_ms)
    assert decider.take("ann", [a_row(1)], noon_ms).held == {"her quiet hours": 1}
    assert len(decider.take("ann", [a_row(1)], noon_ms + 60 * MINUTE_MS).alerts) == 1


def test_what_she_hears_before_her_own_quiet_hours_expires_when_they_begin(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known(quiet=QuietHours.parse("12:10-13:00")))
    (alert,) = decider.take("ann", [a_row(1)], noon_ms).alerts
    assert alert.expires_at == from_epoch_ms(noon_ms + 600_000)


def test_a_kind_she_does_not_want_is_not_told(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known(muted=frozenset({"deal"})))
    assert decider.take("ann", [a_row(1)], noon_ms).held == {"muted by her": 1}


def test_every_alert_comes_with_the_score_it_was_chosen_by(knowledge, decider, a_row, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("coffee", 1),)))
    choice = decider.take("ann", [a_row(1, distance_ft=50, discount=25), a_row(2, distance_ft=0)], noon_ms)
    assert [str(each) for each in choice.scores] == [
        "0.500 = 0.150 nearness + 0.050 discount + 0.300 wish",
        "0.340 = 0.300 nearness + 0.040 discount",
    ]


def test_a_restart_remembers_wishes_alternatives_and_help_told_today(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT), Wish("rice milk", 5))))
    shelves = [a_shelf(stock=0), a_shelf(SOY, distance_ft=5), a_shelf(9, distance_ft=6), a_shelf(5)]
    decider.note(an_event("dwell", noon_ms), noon_ms)
    choice = decider.take("ann", [], noon_ms, None, shelves)
    assert sorted(alert.kind for alert in choice.alerts) == ["alternative", "help", "wanted"]
    after = Decider(knowledge=knowledge)
    for alert in choice.alerts:
        after.restore(alert, noon_ms)
    after.resume("ann", noon_ms)
    after.note(an_event("dwell", noon_ms), noon_ms)
    assert after.take("ann", [], noon_ms + MINUTE_MS, None, [shelves[0], *shelves[2:]]).alerts == ()


def test_the_held_out_are_decided_for_and_told_nothing(a_row, noon_ms):
    decider = Decider(held_out=1.0)
    choice = decider.take("ann", [a_row(1)], noon_ms)
    assert (choice.alerts, [alert.sku for alert in choice.withheld]) == ((), [1])
    assert decider.take("ann", [a_row(1)], noon_ms + 1).held == {"told before": 1}
    assert (decider.stats()["alerts"], decider.stats()["withheld"]) == (0, 1)


def test_the_longest_reason_of_an_alternative_fits_a_card(knowledge, decider, noon_ms):
    knowledge.put("ann", Known(wishes=(Wish("oat milk", OAT),)))
    missing = NearShelf(OAT, "s" * 64, 1.0, None, "n" * 128, 1e9, 0, "s1", "x" * 64)
    other = NearShelf(SOY, "s" * 64, 100.0, None, "m" * 128, 1.0, 5, "s1", "y" * 64)
    (alert,) = decider.take("ann", [], noon_ms, 100.0, [missing, other]).alerts
    assert len(alert.why) <= 256
