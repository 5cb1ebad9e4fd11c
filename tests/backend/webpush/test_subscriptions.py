import pytest

from endcap.errors import BadMessage
from endcap_backend.webpush.subscriptions import BROWSERS, Subscription


def test_what_was_kept_is_hers_alone(subscriptions, a_browser):
    first, second = a_browser("first").subscription(), a_browser("second").subscription()
    subscriptions.keep("ann", first)
    subscriptions.keep("bob", second)
    assert subscriptions.of("ann") == [first]
    assert subscriptions.of("bob") == [second]
    assert subscriptions.of("eve") == []


def test_a_browser_that_changes_hands_is_the_new_shopper_s(subscriptions, a_browser):
    one = a_browser().subscription()
    subscriptions.keep("ann", one)
    subscriptions.keep("bob", one)
    assert subscriptions.of("ann") == []
    assert subscriptions.of("bob") == [one]


def test_of_more_than_five_browsers_the_oldest_goes(subscriptions, a_browser, clock):
    browsers = [a_browser(str(number)).subscription() for number in range(BROWSERS + 2)]
    for each in browsers:
        subscriptions.keep("ann", each)
        clock.advance(1)
    assert set(subscriptions.of("ann")) == set(browsers[2:])
    assert subscriptions.count() == BROWSERS


def test_she_can_end_all_of_hers(subscriptions, a_browser):
    for name in ("one", "two"):
        subscriptions.keep("ann", a_browser(name).subscription())
    subscriptions.keep("bob", a_browser("three").subscription())
    subscriptions.end("ann")
    assert subscriptions.of("ann") == []
    assert subscriptions.count() == 1


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://localhost:1/push", "https"),
        ("https://127.0.0.1/latest/meta-data", "push service"),
        ("https://fcm.googleapis.com.evil.example/x", "push service"),
        ("https://fcm.googleapis.com:8443/x", "push service"),
        ("https://me@localhost:1/push", "user"),
        ("https://@localhost:1/push", "user"),
        ("https://localhost:nine/push", "URL"),
        ("https://localhost:1/\x01", "printable"),
        ("https://local\thost:1/push", "printable"),
        ("https://localhost:1/\udcff", "printable"),
        (r"https://evil.example\.push.apple.com/x", "printable"),
        ("https://..push.apple.com/x", "host"),
        (f"https://{'a' * 64}.push.apple.com/x", "host"),
        ("https://localhost:1/" + "x" * 1024, "at most 1024"),
        (7, "URL"),
        (None, "URL"),
    ],
)
def test_an_endpoint_that_is_no_push_service_is_refused(a_browser, endpoint, says):
    sent = {**a_browser().to_json(), "endpoint": endpoint}
    with pytest.raises(BadMessage, match=says) as refused:
        Subscription.from_json(sent, ("localhost:1", "fcm.googleapis.com", "*.push.apple.com"))
    assert refused.value.field == "endpoint"


@pytest.mark.parametrize("keys", [None, [], {}, {"p256dh": "AA"}, {"p256dh": 1, "auth": "AA"}])
def test_keys_that_are_none_are_refused(a_browser, keys):
    with pytest.raises(BadMessage, match="keys"):
        Subscription.from_json({**a_browser().to_json(), "keys": keys}, ("localhost:*",))


def test_a_key_off_the_curve_is_refused(a_browser):
    sent = a_browser().to_json()
    sent["keys"]["p256dh"] = "BA" + "A" * 85
    with pytest.raises(BadMessage, match="curve"):
        Subscription.from_json(sent, ("localhost:*",))


@pytest.mark.parametrize("host", ["fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com"])
def test_the_services_of_the_browsers_are_known(a_browser, host):
    from endcap_backend.config import PUSH_SERVICES

    endpoint = f"https://{host}/wpush/v2/abc"
    assert Subscription.from_json({**a_browser().to_json(), "endpoint": endpoint}, PUSH_SERVICES).endpoint == endpoint
