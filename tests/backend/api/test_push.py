import pytest

POINT = "BEl62iUYgUivxIkv69yViEuiBIa-Ib9-SkvMeAtA3LFgDzkrxZJjSgSnfckjBJuBkr3qBUYIHBQFLXYp5Nksh8U"
BROWSER = {"endpoint": "https://fcm.googleapis.com/fcm/send/abc", "keys": {"p256dh": POINT, "auth": "A" * 22}}
CONTACT = "mailto:shop@example.org"


@pytest.fixture
def shop(make_api, database):
    return make_api(database=database, push_contact=CONTACT)


def test_a_browser_is_kept_exported_and_ended(shop):
    shop.enter()
    assert shop.call("PUT", "/v1/push", BROWSER).status_code == 204
    kept = shop.get("/v1/me/export").get_json()["shop"]["push_subscriptions"]
    assert [each["endpoint"] for each in kept] == [BROWSER["endpoint"]]
    assert POINT not in str(kept)
    assert shop.call("DELETE", "/v1/push").status_code == 204
    assert shop.get("/v1/me/export").get_json()["shop"]["push_subscriptions"] == []


def test_erasing_her_erases_her_browsers(shop):
    shop.enter()
    shop.call("PUT", "/v1/push", BROWSER)
    shop.call("DELETE", "/v1/me")
    shop.enter()
    assert shop.get("/v1/me/export").get_json()["shop"]["push_subscriptions"] == []


def test_without_her_consent_to_promotions_nothing_is_kept(shop):
    shop.enter("location")
    assert shop.call("PUT", "/v1/push", BROWSER).status_code == 403


@pytest.mark.parametrize("body", [{}, [], {"endpoint": "https://10.0.0.1/x", "keys": BROWSER["keys"]}])
def test_what_is_no_subscription_is_refused(shop, body):
    shop.enter()
    answer = shop.call("PUT", "/v1/push", body)
    assert answer.status_code == 422, answer.text


def test_a_shop_without_a_contact_sends_no_notifications(api):
    assert api.get("/v1/push/key", token="").status_code == 404
    assert api.call("PUT", "/v1/push", BROWSER).status_code == 404
