"""A list on two devices: whatever order their words come in, both end up with the same one."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.testing import NOON
from endcap.wire import write_instant
from endcap_backend.retail.wishes import wishes_of
from endcap_backend.retail.wishlist import ListItem, list_of, merge, share, shared


def an_item(id="milk", minute=0, **changes):
    return ListItem(id, changes.pop("text", "Oat milk"), NOON + timedelta(minutes=minute), **changes)


def put(database, *items, uid="ann", now=NOON):
    with database.writing() as connection:
        return merge(connection, uid, items, now)


def test_the_later_word_on_an_item_counts(database):
    put(database, an_item(minute=-1, quantity=2), an_item("tea", minute=-3))
    merged = put(database, an_item(minute=-2, quantity=9), an_item("tea", minute=-1, done=True))
    assert {(each.id, each.quantity, each.done) for each in merged.items} == {("milk", 2, False), ("tea", 1, True)}


def test_a_repeat_changes_nothing_and_a_change_counts_the_version_up(database):
    first = put(database, an_item(), an_item("tea", price_alert=2.49, note="green", sku=7, segment="tea"))
    assert (first.version, put(database, *first.items)) == (1, first)
    assert put(database, an_item(minute=1), now=NOON + timedelta(minutes=1)).version == 2


def test_what_the_table_holds_less_exactly_is_a_repeat_all_the_same(database):
    finer = replace(an_item(price_alert=2.501), changed_at=NOON + timedelta(microseconds=700))
    assert [put(database, finer).version for _ in range(2)] == [1, 1]


def test_what_one_device_took_off_the_other_does_not_bring_back(database):
    put(database, an_item(minute=-5))
    put(database, an_item(minute=-1, removed=True))
    assert [each.removed for each in put(database, an_item(minute=-5)).items] == [True]
    later = NOON + timedelta(days=91)
    assert put(database, an_item("tea", minute=10), now=later).items == (an_item("tea", minute=10),)


def test_a_device_whose_clock_is_ahead_does_not_have_the_last_word_for_ever(database):
    put(database, an_item(minute=60 * 24 * 365, text="from next year"))
    later = NOON + timedelta(minutes=6)
    assert [each.text for each in put(database, an_item(minute=6, text="now"), now=later).items] == ["now"]


def test_items_come_in_her_order_and_those_taken_off_last(database):
    items = [an_item("a", position=2), an_item("b", position=1), an_item("c", position=0, removed=True), an_item("d")]
    merged = put(database, *items)
    assert [each.id for each in merged.items] == ["d", "b", "a", "c"]


ITEMS = st.builds(
    an_item,
    id=st.sampled_from(["milk", "tea"]),
    minute=st.integers(-3, 0),
    quantity=st.integers(1, 3),
    done=st.booleans(),
    removed=st.booleans(),
    note=st.none() | st.text("ab", min_size=1, max_size=2),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(ITEMS, max_size=3), min_size=2, max_size=3))
def test_in_whatever_order_devices_merge_the_list_is_the_same(database, batches):
    ends = set()
    for order in permutations(batches):
        with database.writing(keep=False) as connection:
            for batch in [*order, order[0]]:
                merged = merge(connection, "ann", batch, NOON)
            ends.add(merged.items)
    assert len(ends) == 1


def test_a_link_shows_what_is_still_to_be_fetched_for_a_week(database):
    put(database, an_item(quantity=2, sku=7), an_item("tea", done=True), an_item("rum", removed=True))
    with database.writing() as connection:
        code, expires_at = share(connection, "ann", NOON)
        assert [each.id for each in shared(connection, code, NOON)] == ["milk"]
        assert shared(connection, code, expires_at) is None
        assert shared(connection, "another", NOON) is None


def test_an_eleventh_link_ends_the_first(database):
    with database.writing() as connection:
        codes = [share(connection, "ann", NOON + timedelta(minutes=n))[0] for n in range(11)]
        now = NOON + timedelta(minutes=11)
        assert [shared(connection, code, now) is not None for code in codes] == [False] + [True] * 10


def wire(**changes):
    return {"id": "milk", "text": "Oat milk", "changed_at": "2026-11-24T12:00:00.000Z", **changes}


def test_over_http_a_list_is_put_read_and_shared(shop):
    hers = shop.enter()
    whole = {"quantity": 2, "position": 1.0, "done": False, "removed": False, "sku": 7, "price_alert": 2.49}
    answer = shop.call("PUT", "/v1/wishlist", {"items": [wire(note="for Sunday", **whole)]})
    assert (answer.status_code, answer.json["version"]) == (200, 1)
    assert answer.json["items"] == [wire(note="for Sunday", **whole)]
    assert shop.get("/v1/wishlist").json == answer.json
    link = shop.post("/v1/wishlist/share").json
    assert link["expires_at"] == write_instant(NOON + timedelta(days=7))
    assert shop.get(link["path"], token="").json == {"items": [{"text": "Oat milk", "quantity": 2, "sku": 7}]}
    with shop.database.reading() as connection:
        assert [each.price_alert for each in wishes_of(connection, [hers["uid"]])[hers["uid"]]] == [2.49]


def test_another_shopper_sees_and_changes_nothing_of_it(shop):
    hers = shop.enter()
    shop.call("PUT", "/v1/wishlist", {"items": [wire()]})
    shop.enter()
    assert shop.get("/v1/wishlist").json == {"version": 0, "items": []}
    shop.call("PUT", "/v1/wishlist", {"items": [wire(text="mine", changed_at="2026-11-24T12:01:00.000Z")]})
    assert [each["text"] for each in shop.get("/v1/wishlist", token=hers["token"]).json["items"]] == ["Oat milk"]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (wire(id="a b"), "id"),
        (wire(text=""), "text"),
        (wire(changed_at="yesterday"), "changed_at"),
        (wire(quantity=0), "quantity"),
        (wire(price_alert=-1), "price_alert"),
        (wire(done="yes"), "done"),
        (7, ""),
    ],
)
def test_one_bad_item_and_none_is_stored(shop, item, field):
    shop.enter()
    answer = shop.call("PUT", "/v1/wishlist", {"items": [wire(id="good"), item]})
    assert (answer.status_code, [(each["index"], each["field"]) for each in answer.json["errors"]]) == (
        422,
        [(1, field)],
    )
    assert shop.get("/v1/wishlist").json["items"] == []


def test_a_list_has_an_end(shop):
    shop.enter()
    many = [wire(id=f"i{n}") for n in range(501)]
    assert shop.call("PUT", "/v1/wishlist", {"items": many}).json["field"] == "items"
    assert shop.call("PUT", "/v1/wishlist", {"items": many[:500]}).status_code == 200
    assert shop.call("PUT", "/v1/wishlist", {"items": many * 2}).status_code == 413
    assert shop.call("PUT", "/v1/wishlist", {}).json["field"] == "items"


def test_erased_her_list_and_her_links_are_gone(shop):
    shop.enter()
    shop.call("PUT", "/v1/wishlist", {"items": [wire()]})
    link = shop.post("/v1/wishlist/share").json
    exported = shop.get("/v1/me/export").json["shop"]
    assert [each["text"] for each in exported["wishlist_items"]] == ["Oat milk"]
    assert (len(exported["shared_lists"]), exported["wishlists"]) == (1, [{"version": 1}])
    uid = shop.uid
    assert shop.call("DELETE", "/v1/me").status_code == 202
    assert shop.get(link["path"], token="").status_code == 404
    with shop.database.reading() as connection:
        assert list_of(connection, uid).items == ()
