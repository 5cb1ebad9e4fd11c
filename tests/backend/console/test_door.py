import re

import pytest

PAGES = ["", "/help", "/board", "/stream", "/promotions", "/shelves", "/plan", "/funnel", "/lineage", "/live?store=s1"]


def signed_in(shop, name, password):
    return shop.app.test_client().post("/console/sign-in", data={"name": name, "password": password})


def test_who_has_not_signed_in_is_sent_to_the_door_by_every_page(shop):
    rules = [rule for rule in shop.app.url_map.iter_rules() if rule.endpoint.startswith("console.")]
    pages = {rule.rule for rule in rules} - {"/console/sign-in", "/console/static/<name>"}
    assert len(pages) > 10
    for rule in rules:
        if rule.rule in pages:
            method = "POST" if "POST" in rule.methods else "GET"
            path = re.sub(r"<any\((\w+).*?>", r"\1", rule.rule)
            answer = shop.app.test_client().open(path, method=method)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/console/sign-in"), rule.rule


@pytest.mark.parametrize("role", ["staff", "till", "manager"])
def test_everybody_of_the_shop_may_look(enter, role):
    visitor = enter(role)
    assert [visitor.get(f"/console{page}").status_code for page in PAGES] == [200] * len(PAGES)


@pytest.mark.parametrize("role", ["staff", "till"])
def test_only_the_manager_changes_things_and_reads_the_trail(enter, role):
    visitor = enter(role)
    assert visitor.get("/console/trail").status_code == 403
    for path in ("/console/promotions", "/console/promotions/end", "/console/shelves"):
        assert visitor.post(path, pid="p1", segment="coffee").status_code == 403
    assert "Publish" not in visitor.get("/console/promotions").text


def test_a_wrong_password_is_told_and_a_stream_of_tries_is_stopped(shop, enter):
    enter("manager", "aino")
    answer = signed_in(shop, "aino", "guess")
    assert answer.status_code == 401
    assert "the name or the password is wrong" in answer.text
    for _ in range(20):
        answer = signed_in(shop, "aino", "guess")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_the_cookie_is_out_of_the_reach_of_scripts_and_other_sites(shop, enter):
    enter("manager", "aino")
    cookie = signed_in(shop, "aino", "correct horse battery").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/console" in cookie


def test_a_form_of_another_site_changes_nothing(enter):
    visitor = enter()
    for secret in ("", "0" * 64):
        answer = visitor.client.post("/console/promotions", data={"secret": secret, "pid": "p1", "segment": "tea"})
        assert answer.status_code == 403
    assert "p1" not in visitor.get("/console/promotions").text


def test_the_secret_of_one_session_is_no_good_in_another(enter):
    first, second = enter("manager", "aino"), enter("manager", "eino")
    secret = re.search(r'name="secret" value="(\w+)"', first.get("/console").text)[1]
    answer = second.client.post("/console/promotions", data={"secret": secret, "pid": "p1", "segment": "tea"})
    assert answer.status_code == 403


def test_who_signs_out_has_to_sign_in_again_with_any_copy_of_the_cookie(enter):
    visitor = enter()
    cookie = visitor.client.get_cookie("console", path="/console").value
    assert visitor.post("/console/sign-out").status_code == 303
    visitor.client.set_cookie("console", cookie, path="/console")
    assert visitor.get("/console").status_code == 303


def test_over_tls_the_cookie_stays_on_tls_and_goes_when_she_signs_out(shop, enter):
    enter("manager", "aino")
    client = shop.app.test_client()
    form = {"name": "aino", "password": "correct horse battery"}
    given = client.post("/console/sign-in", base_url="https://shop.test", data=form).headers["Set-Cookie"]
    page = client.get("/console", base_url="https://shop.test").text
    secret = re.search(r'name="secret" value="(\w+)"', page)[1]
    left = client.post("/console/sign-out", base_url="https://shop.test", data={"secret": secret})
    for cookie in (given, left.headers["Set-Cookie"]):
        assert cookie.startswith("__Secure-console=")
        assert "Secure;" in cookie
    assert "Max-Age=0" in left.headers["Set-Cookie"]


def test_a_shopper_s_token_opens_nothing(shop):
    shop.enter()
    client = shop.app.test_client()
    client.set_cookie("console", shop.session["token"], path="/console")
    assert client.get("/console").status_code == 303


def test_pages_run_no_script_but_ours(enter):
    policy = enter().get("/console").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
