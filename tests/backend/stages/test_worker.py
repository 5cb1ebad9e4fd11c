"""`endcap-backend worker` as an operator meets it."""

import pytest

from endcap_backend.__main__ import main

pytestmark = pytest.mark.kafka


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("ENDCAP_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.delenv("ENDCAP_ABLY_KEY", raising=False)
    monkeypatch.setattr("endcap_backend.worker.set_up_logging", lambda level, form: None)  # it is the whole process's


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sing"], "WORK: 'sing' is none of match, decide, deliver"),
        (["deliver"], "ably_key: is needed to deliver"),
        (["--mode", "parity"], "--mode: parity is for match alone"),
        (["match", "--metrics-port", "1"], "--metrics-port: 1 can't be listened on"),
    ],
)
def test_what_can_t_work_is_said(words, said, capsys, monkeypatch):
    if "--metrics-port" in words:
        monkeypatch.setattr("endcap_backend.worker.start_http_server", refused)
    assert main(["worker", *words]) == (2 if said.startswith("--") else 1)
    assert said in capsys.readouterr().err


def refused(*_):
    raise OSError(13, "Permission denied")


def test_without_a_broker_named_it_says_which_variable(capsys, monkeypatch):
    monkeypatch.delenv("ENDCAP_KAFKA_BOOTSTRAP_SERVERS")
    assert main(["worker", "match"]) == 2
    assert "ENDCAP_KAFKA_BOOTSTRAP_SERVERS" in capsys.readouterr().err


def test_it_says_when_it_is_ready_and_ends_on_sigterm(worker):
    started = worker("match", "decide").ready()
    figures = started.figures()
    assert {name.split()[0] for name in figures} == {"match-route", "match", "decide"}
    assert started.stop() == 0
