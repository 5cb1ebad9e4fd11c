"""The inbox: which card comes first, and which not at all."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from endcap.testing import NOON, an_alert
from endcap_shopper.inbox import Inbox

HOUR = timedelta(hours=1)


def received(*alerts):
    inbox = Inbox()
    for number, alert in enumerate(alerts):
        inbox = inbox.received(alert, NOON + timedelta(seconds=number))
    return inbox


def ids(cards):
    return [card.alert.id for card in cards]


def test_the_nearest_comes_first_and_what_nobody_can_place_last():
    inbox = received(
        an_alert(id="a", pid="a", distance_ft=None),
        an_alert(id="b", pid="b", distance_ft=80.0),
        an_alert(id="c", pid="c", distance_ft=8.0),
    )
    assert ids(inbox.ordered(NOON)) == ["c", "b", "a"]


def test_along_the_aisles_it_may_be_the_other_way_round():
    inbox = received(an_alert(id="a", pid="a", distance_ft=8.0), an_alert(id="b", pid="b", distance_ft=80.0))
    walks = {"a": 60.0, "b": 10.0}
    assert ids(inbox.ordered(NOON, lambda alert: walks[alert.id])) == ["b", "a"]


def test_what_she_wants_comes_before_deals_and_help_before_all():
    inbox = received(
        an_alert(id="deal", distance_ft=1.0),
        an_alert(id="wanted", kind="wanted", distance_ft=50.0),
        an_alert(id="help", kind="help", pid=None, sku=None, distance_ft=None),
    )
    assert ids(inbox.ordered(NOON)) == ["help", "wanted", "deal"]


def test_the_same_offer_again_is_one_card_with_the_latest_words_and_not_new():
    inbox = (
        received(an_alert(id="a")).seen(["a"]).received(an_alert(id="b", why="You are 3 ft from it"), NOON + HOUR / 2)
    )
    (card,) = inbox.cards
    assert (card.alert.id, card.alert.why, card.seen, card.received_at) == ("b", "You are 3 ft from it", True, NOON)


def test_a_card_ends_with_its_offer():
    inbox = received(an_alert(expires_at=NOON + HOUR))
    assert ids(inbox.ordered(NOON + HOUR - timedelta(milliseconds=1))) == ["alert-1"]
    assert inbox.ordered(NOON + HOUR) == ()


def test_what_is_over_when_it_arrives_is_no_card():
    assert Inbox().received(an_alert(expires_at=NOON), NOON).cards == ()


def test_what_she_put_away_does_not_come_back():
    inbox = received(an_alert(id="a")).without("a")
    assert inbox.received(an_alert(id="b"), NOON).cards == ()
    assert [card.alert.id for card in inbox.received(an_alert(id="c", pid="p2"), NOON).cards] == ["c"]


def test_two_without_product_and_promotion_are_two():
    help_calls = (an_alert(id=id, kind="help", pid=None, sku=None) for id in "ab")
    assert len(received(*help_calls).cards) == 2


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 90), st.integers(0, 100)), max_size=30))
def test_cards_are_one_a_subject_in_order_and_never_over(offers):
    inbox = Inbox()
    for minute, (pid, lasts, distance_ft) in enumerate(offers):
        now = NOON + timedelta(minutes=minute)
        inbox = inbox.received(
            an_alert(
                id=f"{minute}", pid=pid, distance_ft=float(distance_ft), expires_at=now + timedelta(minutes=lasts)
            ),
            now,
        )
    end = NOON + timedelta(minutes=len(offers))
    cards = inbox.ordered(end)
    assert len({card.subject for card in cards}) == len(cards)
    assert all(card.alert.expires_at > end for card in cards)
    distances = [card.distance_m for card in cards]
    assert distances == sorted(distances)
