import json
import logging
import os
import stat
import zipfile
from datetime import UTC, datetime

import pytest

import endcap
from endcap import Purpose
from endcap.errors import Refused, Unreachable
from endcap.support import LogTail, redacted
from endcap.testing import SHOP, ManualClock, ScriptedSource, a_fix

FENCE = endcap.Geofence("s1/coffee", endcap.Circle(endcap.LatLon(*SHOP), radius_m=30.48))


@pytest.fixture
def clock():
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def client(backend, tmp_path, clock):
    config = endcap.Config(
        backend_url=backend.url, storage_dir=tmp_path / "phone", remote_config=False, shop_fences=False
    )
    client = endcap.Endcap(config, ScriptedSource(), dispatcher=endcap.inline, clock=clock)
    client.register(FENCE)
    client.consent.grant(Purpose.LOCATION, text_version="2026-11", proof="screen 3")
    client.start()
    yield client
    client.close()


def stand(client, clock, seconds=30):
    for _ in range(0, seconds, 5):
        clock.advance(5)
        client.feed(a_fix(taken_at=clock.now()))


def test_an_export_holds_what_the_device_and_the_shop_know(client, clock, backend, tmp_path):
    stand(client, clock)
    assert client.flush(20)
    backend.faults = [backend.problem(503, "not now")] * 2
    stand(client, clock, 5)
    found = client.export(tmp_path / "mine.json")
    assert found["consent"][0]["proof"] == "screen 3"
    assert found["device"]["pseudonym"] == "u1"
    assert set(found["device"]["state"]) == {"fences", "filter"}
    assert json.loads((tmp_path / "mine.json").read_text()) == found
    assert stat.S_IMODE(os.stat(tmp_path / "mine.json").st_mode) == 0o600
    assert "token" not in json.dumps(found["device"])


def test_an_export_without_a_network_says_what_is_missing(client, clock, backend):
    backend.go_offline()
    stand(client, clock)
    found = client.export()
    assert len([each for each in found["device"]["waiting"] if each["kind"] == "fix"]) == 6
    assert found["backend"] is None
    assert "ConnectError" in found["backend_fault"]
    backend.go_online()


def test_an_export_before_consent_is_empty(backend, tmp_path):
    client = endcap.Endcap(endcap.Config(backend_url=backend.url, storage_dir=tmp_path / "none"))
    assert client.export()["device"] is None
    assert backend.requests == []


def test_deleting_erases_her_at_the_shop_and_then_on_the_device(client, clock, backend, tmp_path):
    stand(client, clock)
    assert client.flush(20)
    assert backend.count() == 7
    receipt = client.delete_my_data()
    assert receipt.answer == {"erased": 7}
    assert (backend.count(), client.consent.granted) == (0, frozenset())
    assert not (tmp_path / "phone" / "outbox.db").exists()


def test_deleting_without_a_network_erases_nothing_and_says_so(client, clock, backend):
    stand(client, clock)
    assert client.flush(20)
    backend.go_offline()
    with pytest.raises(Unreachable):
        client.delete_my_data()
    assert client.consent.granted == {Purpose.LOCATION}
    backend.go_online()
    client.delete_my_data()
    assert client.consent.granted == frozenset()


def test_a_shop_that_cannot_delete_says_why(client, clock, backend):
    stand(client, clock)
    assert client.flush(20)
    backend.faults = [backend.problem(409, "a redemption is under way")]
    with pytest.raises(Refused, match="under way"):
        client.delete_my_data()
    assert client.consent.granted == {Purpose.LOCATION}


def test_whom_the_shop_never_knew_it_need_not_erase(client, backend):
    assert client.delete_my_data().answer == {}
    assert backend.requests == []


def test_a_support_bundle_helps_and_tells_nothing_of_her(client, clock, tmp_path):
    stand(client, clock, 60)
    assert client.flush(20)
    logging.getLogger("endcap").warning("at 60.16952, 24.93545 with token eyJhbGciOi.J9.x for %s", "ab" * 16)
    client.support_bundle(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    found = json.loads(texts["diagnostics.json"])
    assert (found["fixes"]["admitted"], found["fixes"]["inside"], found["publisher"]["sent"]) == (12, 1, 13)
    assert "at #, # with token # for #" in texts["log.txt"]
    everything = "".join(texts.values())
    for secret in (str(SHOP[0]), str(SHOP[1]), "s1/coffee", client._engine.install.outbox.install, "token-1"):
        assert secret not in everything


def left_alone(monkeypatch, *handlers):
    """The logger "endcap" where nobody has set up logging; in the test itself, since pytest's handler comes late."""
    logger = logging.getLogger("endcap")
    monkeypatch.setattr(logger, "handlers", [*handlers])
    monkeypatch.setattr(logger, "propagate", False)
    return logger


def test_what_goes_to_standard_error_is_redacted_too(monkeypatch, capsys):
    logger = left_alone(monkeypatch, LogTail())
    try:
        raise ValueError("100 % of 60.16952")
    except ValueError:
        logger.exception("near %s", 24.93545)
    said = capsys.readouterr().err
    assert said.startswith("near #\nTraceback ")
    assert said.endswith("ValueError: 100 % of #\n")


def test_a_tail_taken_off_by_another_thread_keeps_its_line_and_prints_nothing(monkeypatch, capsys):
    tail = LogTail()
    tail.handle(left_alone(monkeypatch).makeRecord("endcap", logging.WARNING, "file", 1, "late", (), None))
    assert [line.rpartition(" ")[2] for line in tail.lines] == ["late"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("60.16952", "#"),
        ("-0.00001", "#"),
        ("3.5 s, 12 fixes", "3.5 s, 12 fixes"),
        ("id 6f1d5a52-3f0e-5c1b-9d6a-0f4f6f0e6b10!", "id #!"),
        ("2026-11-24 12:00:00", "2026-11-24 12:00:00"),
    ],
)
def test_what_looks_like_a_place_an_id_or_a_token_is_redacted(text, said):
    assert redacted(text) == said


def test_a_request_in_her_name_is_answered(client):
    assert client.ask("GET", "/me/export")["uid"] == "u1"


def test_a_request_whose_session_ended_is_made_again_with_another(client, backend):
    client.ask("GET", "/me/export")
    backend.tokens.clear()
    assert client.ask("GET", "/me/export")["uid"] == "u1"


def test_what_has_not_changed_is_not_sent_again(client, backend):
    def answering(body, etag):
        def answer(handler):
            same = handler.headers.get("If-None-Match") == etag
            backend.answer(handler, 304 if same else 200, b"" if same else body, {"ETag": etag})

        return answer

    client.ask("GET", "/me/export")
    backend.faults = [answering({"n": 1}, '"a"'), answering({"n": 1}, '"a"'), answering({"n": 2}, '"b"')]
    assert client.ask_if_changed("/products?q=tea") == ({"n": 1}, '"a"')
    assert client.ask_if_changed("/products?q=tea", '"a"') is None
    assert client.ask_if_changed("/products?q=tea", '"a"') == ({"n": 2}, '"b"')


def test_a_304_that_nobody_asked_for_is_refused(client, backend):
    client.ask("GET", "/me/export")
    backend.faults = [lambda handler: backend.answer(handler, 304, b"")]
    with pytest.raises(Refused):
        client.ask_if_changed("/products?q=tea")


def test_before_consent_nothing_is_asked_in_her_name(backend, tmp_path):
    client = endcap.Endcap(endcap.Config(backend_url=backend.url, storage_dir=tmp_path / "none"))
    with pytest.raises(Unreachable, match="before consent"):
        client.ask("GET", "/coupons")
    with pytest.raises(Unreachable, match="before consent"):
        client.ask_if_changed("/products?q=tea")
    assert backend.requests == []


def test_what_the_shop_refuses_is_told_with_its_status(client):
    with pytest.raises(Refused) as refused:
        client.ask("GET", "/nowhere")
    assert refused.value.status == 404


class Keystore:
    """Where a phone would keep secrets."""

    def __init__(self):
        self.kept = {}

    def get(self, name):
        return self.kept.get(name)

    def set(self, name, value):
        self.kept = (
            {**self.kept, name: value} if value is not None else {n: v for n, v in self.kept.items() if n != name}
        )


@pytest.fixture
def sealed(backend, tmp_path, clock):
    """A client whose host has a keystore."""
    keystore = Keystore()
    config = endcap.Config(
        backend_url=backend.url, storage_dir=tmp_path / "phone", remote_config=False, shop_fences=False
    )
    with endcap.Endcap(config, dispatcher=endcap.inline, clock=clock, secrets=keystore) as client:
        client.consent.grant(Purpose.PROMOTIONS, text_version="2026-11")
        client.ask("GET", "/me/export")
        client.keystore, client.files = keystore, tmp_path / "phone"
        yield client


def test_tokens_are_where_the_host_keeps_secrets_and_nowhere_else(sealed):
    assert "refresh-u1" in sealed.keystore.kept["session"]
    assert [path.name for path in sealed.files.iterdir() if b"refresh-u1" in path.read_bytes()] == []


def test_a_session_in_a_keystore_goes_on_after_a_restart(sealed, backend):
    sealed.close()
    sealed.start()
    assert sealed.ask("GET", "/me/export")["uid"] == "u1"


def test_revoking_takes_the_session_out_of_the_keystore(sealed):
    sealed.consent.revoke()
    assert sealed.keystore.kept == {}


def test_a_kill_between_revoking_and_erasing_leaves_no_session_either(sealed):
    sealed.close()
    (sealed.files / "consent.json").unlink()
    assert sealed.keystore.kept != {}
    again = endcap.Endcap(sealed.config, dispatcher=endcap.inline, secrets=sealed.keystore)
    again.start()
    again.close()
    assert sealed.keystore.kept == {}
