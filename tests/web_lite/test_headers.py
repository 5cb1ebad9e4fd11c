"""What every answer tells the browser to forbid, and the one cookie."""

import httpx
import pytest

SCRIPT = {"Sec-Fetch-Site": "same-origin"}


def policy_of(response):
    parts = (part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    return {part[0]: part[1] for part in parts}


@pytest.mark.parametrize("path", ["/", "/offline", "/sw.js", "/z/nonsense"])
def test_every_page_and_the_worker_bear_the_policy(lite, ably, path):
    answer = httpx.get(lite.url + path)
    policy = policy_of(answer)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["connect-src"] == f"'self' {ably.url}"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Permissions-Policy"] == "geolocation=(self), camera=(), microphone=()"


@pytest.mark.parametrize(
    "path", ["/static/lite.js", "/static/lite.css", "/nowhere", "/healthz", "/icon.svg", "/captive"]
)
def test_whatever_is_no_page_may_do_nothing_as_one(lite, path):
    answer = httpx.get(lite.url + path)
    assert policy_of(answer) == {"default-src": "'none'"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_looking_at_the_page_sets_no_cookie(lite):
    assert "Set-Cookie" not in httpx.get(lite.url).headers


def test_the_cookie_comes_with_her_yes_and_no_script_can_read_it(lite):
    cookie = httpx.post(lite.url + "/stream", headers=SCRIPT).headers["Set-Cookie"]
    assert cookie.startswith("visit=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Expires" not in cookie


def test_behind_tls_the_cookie_is_tied_to_the_host_and_the_browser_told_to_stay_with_tls(lites):
    lite = lites(public_url="https://lite.shop.example")
    answer = httpx.post(lite.url + "/stream", headers=SCRIPT)
    assert answer.headers["Set-Cookie"].startswith("__Host-visit=")
    assert "Secure" in answer.headers["Set-Cookie"].split("; ")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert httpx.get(lite.url).headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
@pytest.mark.parametrize("path", ["/stream", "/fix", "/sign", "/stop"])
def test_another_site_can_not_post_in_her_name(lite, headers, path):
    assert httpx.post(lite.url + path, headers=headers).status_code == 403


def test_the_page_is_never_stored_and_tells_what_it_varies_by(lite):
    answer = httpx.get(lite.url)
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Accept-Language", "Accept-Encoding", "Cookie"} <= set(answer.headers["Vary"].split(", "))
