import pytest

from endcap.errors import BadConfig, NotAuthorised, Refused, Unreachable
from endcap.transports.ably_endpoint import ably_options, fault_of


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


def test_a_rate_limit_asks_for_a_second():
    assert fault_of(42911, 429, "slow down").retry_after_s == 1.0
