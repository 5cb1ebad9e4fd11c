"""A name on the map goes where nothing is, or nowhere."""

from hypothesis import given
from hypothesis import strategies as st

from endcap_shopper.ui.widgets.labels import meets, placed

ROOM = (0.0, 0.0, 100.0, 40.0)
PLACES = st.integers(0, 120)
SIZES = st.integers(1, 60)
BOXES = st.builds(lambda x, y, wide, high: (x, y, x + wide, y + high), PLACES, PLACES, SIZES, SIZES)


def test_it_is_in_the_middle_where_nothing_else_is():
    assert placed(40, 10, ROOM, []) == (30, 15, 70, 25)


def test_it_moves_aside_for_what_is_there_and_no_further_than_it_must():
    assert placed(40, 10, ROOM, [(0, 0, 36, 40)]) == (37.5, 15, 77.5, 25)


def test_it_is_left_out_where_there_is_no_room_for_it():
    assert placed(101, 10, ROOM, []) is None
    assert placed(40, 10, ROOM, [(30, 0, 70, 40)]) is None


@given(st.integers(1, 110), st.integers(1, 45), st.lists(BOXES, max_size=6))
def test_it_lies_in_its_room_and_meets_nothing(wide, high, taken):
    found = placed(wide, high, ROOM, taken)
    if found is None:
        return
    assert (found[2] - found[0], found[3] - found[1]) == (wide, high)
    assert min(found[:2]) >= 0
    assert found[2] <= 100
    assert found[3] <= 40
    assert not any(meets(found, each) for each in taken)
