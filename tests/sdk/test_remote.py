from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import endcap
from endcap import Purpose
from endcap.errors import BadMessage
from endcap.remote import Remote, kept
from endcap.testing import ManualClock, ScriptedSource, a_fix

CONFIG = endcap.Config(backend_url="https://shop.example", storage_dir="/tmp/x")


def test_what_is_in_range_is_applied():
    remote = Remote.from_json({"version": 3, "preset": "efficient", "batch_size": 50, "max_accuracy_m": 60})
    applied = remote.applied(CONFIG)
    assert (applied.preset, applied.batch_size, applied.max_accuracy_m) == ("efficient", 50, 60.0)
    assert remote.ignored == ()


def test_what_is_out_of_range_is_moved_to_its_end():
    applied = Remote.from_json({"version": 1, "batch_size": 10**9, "max_accuracy_m": -5}).applied(CONFIG)
    assert (applied.batch_size, applied.max_accuracy_m) == (500, 1.0)


@pytest.mark.parametrize(
    "more",
    [
        {"privacy": "exact"},
        {"backend_url": "https://evil.example"},
        {"storage_dir": "/"},
        {"preset": "turbo"},
        {"batch_size": "50"},
        {"batch_size": True},
        {"max_age_s": None},
        {"max_age_s": float("nan")},
    ],
)
def test_what_the_shop_may_not_change_or_cannot_be_used_is_ignored_by_name(more):
    remote = Remote.from_json({"version": 1, **more})
    assert remote.ignored == tuple(more)
    assert remote.applied(CONFIG) == CONFIG


@pytest.mark.parametrize(
    "value", [[], None, {}, {"version": "1"}, {"version": True}, {"version": -1}, {"version": 1, "enabled": 0}]
)
def test_what_is_no_configuration_is_refused(value):
    with pytest.raises(BadMessage):
        Remote.from_json(value)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=8,
)
names = st.sampled_from(["preset", "batch_size", "max_accuracy_m", "max_age_s", "max_speed_m_s", "retention_h", "x"])


@given(st.dictionaries(names, json_values))
def test_no_value_makes_a_configuration_that_cannot_work(more):
    remote = Remote.from_json({"version": 1, **more})
    remote.applied(CONFIG)
    assert kept(remote.to_text()).applied(CONFIG) == remote.applied(CONFIG)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"version": "x"}'])
def test_what_was_kept_and_cannot_be_read_is_as_if_there_were_none(text):
    assert kept(text) == Remote()


class Phone:
    def __init__(self, backend, folder, **settings):
        self.clock, self.source = ManualClock(datetime.now(UTC)), ScriptedSource()
        config = endcap.Config(backend_url=backend.url, storage_dir=folder, shop_fences=False, **settings)
        self.client = endcap.Endcap(config, self.source, dispatcher=endcap.inline, clock=self.clock)
        self.client.consent.grant(Purpose.LOCATION, text_version="1")
        self.client.start()

    def fix(self):
        self.clock.advance(1)
        return a_fix(taken_at=self.clock.now())

    def until(self, condition):
        """Let minutes go by until it holds."""
        for _ in range(200):
            if condition(self.client.state):
                return True
            assert self.clock.until_waiting(deadline_within_s=60)
            self.clock.advance(60)
        return False


@pytest.fixture
def phone(backend, tmp_path):
    made = []

    def make(**settings):
        made.append(Phone(backend, tmp_path / "phone", **settings))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


def test_the_switch_turns_the_sdk_off_and_on_again_from_afar(phone, backend):
    backend.config = {"version": 1, "enabled": False}
    made = phone()
    assert made.until(lambda state: not state.enabled and not made.source.running)
    assert not made.client.feed(made.fix())
    backend.config = {"version": 2, "enabled": True}
    assert made.until(lambda state: state.enabled and made.source.running)
    assert made.client.feed(made.fix())


def test_the_last_good_one_is_kept_over_a_restart_and_over_a_bad_one(phone, backend):
    backend.config = {"version": 1, "enabled": False}
    first = phone()
    assert first.until(lambda state: not state.enabled)
    first.client.close()
    backend.config = {"version": "broken"}
    second = phone()
    assert not second.client.state.enabled
    asked = len(backend.requests)
    assert second.clock.until_waiting(deadline_within_s=60)
    second.clock.advance(60)
    assert backend.until_requests(asked + 1)
    assert not second.client.state.enabled


def test_a_preset_from_afar_is_what_the_source_is_asked_for(phone, backend):
    backend.config = {"version": 1, "preset": "efficient"}
    made = phone()
    assert made.until(lambda state: made.source.resolutions[-1] == endcap.EFFICIENT.moving)


def test_a_host_that_wants_none_of_it_asks_for_none(phone, backend):
    made = phone(remote_config=False)
    made.client.feed(made.fix())
    assert made.client.flush(20)
    assert "/v1/config" not in {path for path, _, _ in backend.requests}


def test_a_backend_that_offers_none_is_left_in_peace_for_an_hour(phone, backend):
    made = phone()
    assert backend.until_requests(2)
    for _ in range(30):
        assert made.clock.until_waiting(deadline_within_s=60)
        made.clock.advance(60)
    assert [path for path, _, _ in backend.requests].count("/v1/config") == 1
