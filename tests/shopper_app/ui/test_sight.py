"""What is seen of a picture, without a window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap_shopper.ui.widgets.sight import MOST, Sight

PARTS = st.floats(0.0, 1.0)
DOES = st.one_of(
    st.tuples(st.just("enlarged"), st.floats(0.05, 20.0), st.tuples(PARTS, PARTS)),
    st.tuples(st.just("moved"), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)),
    st.tuples(st.just("centred"), st.tuples(PARTS, PARTS), st.floats(1.0, 20.0)),
)


@given(st.lists(DOES, max_size=12))
def test_whatever_she_does_she_sees_the_picture_and_nothing_beside_it(does):
    sight = Sight()
    for what, *how in does:
        sight = getattr(sight, what)(*how)
        assert 1.0 <= sight.zoom <= MOST
        for corner in ((0.0, 0.0), (1.0, 1.0)):
            assert all(-1e-9 <= each <= 1.0 + 1e-9 for each in sight.spot(corner))


@given(st.floats(1.0, MOST), PARTS, PARTS, st.tuples(PARTS, PARTS))
def test_a_spot_that_is_seen_somewhere_is_the_one_that_is_there(zoom, x, y, spot):
    sight = Sight().centred((x, y), zoom)
    assert sight.spot(sight.seen(spot)) == pytest.approx(spot, abs=1e-9)


def test_what_is_under_the_fingers_stays_there():
    sight = Sight().enlarged(2.0, (0.25, 0.75))
    assert sight.seen((0.25, 0.75)) == pytest.approx((0.25, 0.75))


def test_smaller_again_is_the_whole_picture():
    assert Sight().enlarged(4.0, (0.9, 0.1)).enlarged(0.25, (0.2, 0.2)) == Sight()


def test_a_spot_near_the_edge_is_as_near_to_the_middle_as_the_edge_allows():
    assert Sight().centred((0.0, 1.0), 2.0) == Sight(2.0, 0.25, 0.75)
