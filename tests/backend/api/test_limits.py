import pytest

from endcap.testing import ManualClock
from endcap_backend.api.limits import RateLimit
from endcap_backend.api.problems import Problem


@pytest.fixture
def clock():
    return ManualClock()


def test_a_burst_passes_at_once_and_then_the_rate_holds(clock):
    limit = RateLimit(per_s=2, burst=3, clock=clock)
    assert [limit.wait_s("u1") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.advance(0.5)
    assert [limit.wait_s("u1") for _ in range(2)] == [0, 0.5]


def test_a_refusal_costs_nothing(clock):
    limit = RateLimit(per_s=1, burst=10, clock=clock)
    limit.wait_s("u1", cost=8)
    assert limit.wait_s("u1", cost=5) == 3
    assert limit.wait_s("u1", cost=2) == 0


def test_a_burst_is_saved_up_again_but_not_beyond(clock):
    limit = RateLimit(per_s=1, burst=2, clock=clock)
    limit.wait_s("u1", cost=2)
    clock.advance(1000)
    assert [limit.wait_s("u1") for _ in range(3)] == [0, 0, 1]


def test_each_key_is_limited_on_its_own(clock):
    limit = RateLimit(per_s=1, burst=1, clock=clock)
    assert [limit.wait_s(key) for key in ("u1", "u2", "u1")] == [0, 0, 1]


def test_only_so_many_keys_are_remembered(clock):
    limit = RateLimit(per_s=1, burst=1, clock=clock, max_keys=2)
    for key in ("u1", "u2", "u3"):
        limit.wait_s(key)
    assert limit.wait_s("u3") == 1
    assert limit.wait_s("u1") == 0  # forgotten


def test_too_much_is_a_problem_that_says_when_to_come_again(clock):
    limit = RateLimit(per_s=2, burst=1, clock=clock)
    limit.spend("u1", "requests")
    with pytest.raises(Problem) as refused:
        limit.spend("u1", "requests")
    assert refused.value.detail == "too many requests: 2 a second are taken, and 1 at once"
    assert refused.value.retry_after_s == 0.5
