"""The wishlist: edits, undo, order, and two devices that meet."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from endcap.testing import NOON
from endcap_shopper.wishlist import MAX_TEXT, Item, Wishlist, clean

LATER = NOON + timedelta(minutes=1)

items = st.builds(
    Item,
    id=st.sampled_from(["a", "b", "c", "d"]),
    text=st.sampled_from(["Tea", "Milk", "Soap"]),
    changed_at=st.integers(0, 3).map(lambda s: NOON + timedelta(seconds=s)),
    quantity=st.integers(1, 3),
    position=st.sampled_from([1.0, 2.0, 3.0]),
    done=st.booleans(),
    removed=st.booleans(),
)
lists = st.lists(items, max_size=6).map(lambda found: Wishlist(tuple({each.id: each for each in found}.values())))


@given(lists, lists)
def test_merging_is_the_same_whichever_way_round(one, other):
    assert one.merged(other) == other.merged(one)


@given(lists, lists, lists)
def test_merging_is_the_same_in_whatever_order_devices_meet(one, two, three):
    assert one.merged(two).merged(three) == one.merged(two.merged(three))


@given(lists, lists)
def test_merging_again_changes_nothing(one, other):
    merged = one.merged(other)
    assert merged.merged(other) == merged == merged.merged(merged)


@given(lists, st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 5))
def test_moving_keeps_every_other_item_in_its_order(wishes, id, place):
    moved = wishes.moved(id, place, LATER)
    before = [each.id for each in wishes.shown if each.id != id]
    assert [each.id for each in moved.shown if each.id != id] == before
    if id in {each.id for each in wishes.shown}:
        assert moved.shown.index(moved.get(id)) == min(place, len(before))


@given(lists, st.sampled_from(["a", "b", "c", "d"]))
def test_undo_gives_back_what_was_shown_and_wins_over_the_edit_everywhere(before, id):
    edited = before.changed(id, LATER, removed=True).added(Item("new", "Bread", LATER))
    undone = edited.undo_to(before, LATER)
    same = [(each.id, each.text, each.position, each.done) for each in before.shown]
    assert [(each.id, each.text, each.position, each.done) for each in undone.shown] == same
    assert edited.merged(undone).shown == undone.shown


def test_a_hundred_moves_to_one_place_run_out_of_room_and_go_on(build):
    wishes = Wishlist((build.item(id="a", position=1.0), build.item(id="b", position=2.0)))
    for number in range(100):
        wishes = wishes.put(build.item(id=f"n{number}", position=9.0 + number)).moved(f"n{number}", 1, LATER)
    shown = [each.id for each in wishes.shown]
    assert shown == ["a", *(f"n{number}" for number in reversed(range(100))), "b"]


def test_an_edit_wins_though_the_clock_was_put_back(build):
    wishes = Wishlist((build.item(changed_at=LATER),))
    edited = wishes.changed("i1", NOON, quantity=2)
    assert wishes.merged(edited).get("i1").quantity == 2


def test_what_an_edit_changed_is_told_and_nothing_else(build):
    wishes = Wishlist((build.item(id="a"), build.item(id="b", position=2.0)))
    assert [each.id for each in wishes.changed("b", LATER, done=True).differing(wishes)] == ["b"]


def test_an_item_taken_off_stays_away_when_another_device_still_has_it(build):
    here = Wishlist((build.item(),))
    gone = here.changed("i1", LATER, removed=True)
    assert gone.merged(here).shown == ()


def test_it_is_ordered_by_the_aisles_of_this_store_and_what_is_not_there_comes_last(build):
    wishes = Wishlist(tuple(build.item(id=id, position=n) for n, id in enumerate("abc")))
    metres = {"a": 30.0, "b": None, "c": 5.0}
    assert [each.id for each in wishes.by_aisle(lambda item: metres[item.id])] == ["c", "a", "b"]


def test_as_text_it_is_read_by_who_lacks_the_app(build):
    wishes = Wishlist((build.item(quantity=2, note="ground"), build.item(id="b", text="Milk", position=2.0, done=True)))
    assert wishes.as_text() == "2 × Dark roast (ground)\n✓ Milk"


@given(st.text(max_size=400))
def test_whatever_she_writes_can_travel(text):
    cleaned = clean(text, MAX_TEXT)
    assert len(cleaned) <= MAX_TEXT
    if cleaned:
        assert Item.from_json(Item("a", cleaned, NOON).to_json()).text == cleaned


def test_what_she_writes_is_one_line(build):
    assert clean("  two\nlines\tand \x00more ", 128) == "two lines and more"


@given(items)
def test_an_item_travels_unchanged(item):
    assert Item.from_json(item.to_json()) == replace(item)
