"""Who is told nothing, so that telling can be measured."""

import pytest

from endcap_backend.decide.holdout import is_held_out

UIDS = [f"shopper-{number}" for number in range(10_000)]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_about_the_share_asked_for_is_held_out(share):
    held = sum(is_held_out(uid, share) for uid in UIDS)
    spread = 4 * (len(UIDS) * share * (1 - share)) ** 0.5  # four standard deviations
    assert abs(held - len(UIDS) * share) < spread


@pytest.mark.parametrize(("share", "all_or_none"), [(0.0, False), (1.0, True)])
def test_none_and_all_are_exact(share, all_or_none):
    assert {is_held_out(uid, share) for uid in UIDS} == {all_or_none}


def test_who_is_in_a_share_is_in_every_larger_one():
    assert all(is_held_out(uid, 0.3) for uid in UIDS if is_held_out(uid, 0.1))


def test_who_is_held_out_stays_so_in_every_version():
    held = [uid for uid in UIDS[:40] if is_held_out(uid, 0.1)]
    assert held == ["shopper-0", "shopper-14", "shopper-20", "shopper-39"]
