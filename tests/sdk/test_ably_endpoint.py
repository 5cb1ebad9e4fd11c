import logging
import os
from pathlib import Path

import pytest

from endcap.errors import BadConfig, NotAuthorised, Refused, Unreachable
from endcap.transports.ably_endpoint import ably_options, fault_of, prepare


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("", {}),
        ("http://localhost:8801", {"endpoint": "localhost:8801/", "tls": False}),
        ("http://127.0.0.1:8801/", {"endpoint": "127.0.0.1:8801/", "tls": False}),
        ("https://ably.shop.example", {"endpoint": "ably.shop.example/", "tls": True}),
    ],
)
def test_one_url_tells_all_that_ably_wants_to_know(url, options):
    assert ably_options(url) == options


@pytest.mark.parametrize(
    "url", ["localhost:8801", "ws://localhost:8801", "http://localhost:8801/ably", "http://ably:8801"]
)
def test_an_endpoint_that_ably_would_misread_is_refused(url):
    with pytest.raises(BadConfig, match="ably_endpoint"):
        ably_options(url)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (40160, 401, NotAuthorised),
        (40142, 401, Unreachable),
        (42910, 429, Unreachable),
        (50000, 500, Unreachable),
        (80003, 503, Unreachable),
        (40009, 413, Refused),
        (40012, 400, Refused),
        (40101, 401, NotAuthorised),
    ],
)
def test_an_ably_error_becomes_ours(code, status, kind):
    assert isinstance(fault_of(code, status, "said", channel="location:u1"), kind)


def test_a_refusal_names_the_kind_of_channel_and_not_the_shopper():
    fault = fault_of(40160, 401, "denied; channelId = location:u1", channel="location:u1", doing="publish")
    assert (str(fault), fault.channel) == ("publish: denied; channelId = location:… (code 40160)", "location:u1")


def test_a_rate_limit_asks_for_a_second():
    fault = fault_of(42911, 429, "slow down")
    assert (fault.retry_after_s, fault.asks_for_patience) == (1.0, True)


def test_on_android_openssl_is_told_where_the_certificates_are(monkeypatch):
    monkeypatch.setenv("ANDROID_ARGUMENT", "/data/app")
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.delenv("SSL_CERT_FILE")
    prepare()
    assert Path(os.environ["SSL_CERT_FILE"]).is_file()


def test_a_certificate_file_of_one_s_own_is_left_alone(monkeypatch):
    monkeypatch.setenv("ANDROID_ARGUMENT", "/data/app")
    monkeypatch.setenv("SSL_CERT_FILE", "/my/ca.pem")
    prepare()
    assert os.environ["SSL_CERT_FILE"] == "/my/ca.pem"


def test_ably_s_own_log_is_off_whatever_the_root_s_level(caplog):
    prepare()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("ably.transport.websockettransport").error("wss://main.realtime.ably.net?accessToken=secret")
    assert "secret" not in caplog.text
