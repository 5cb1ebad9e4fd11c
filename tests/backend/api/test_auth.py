import base64
import json

import jwt
import pytest

from endcap_backend.api.tokens import ACCESS, Tokens
from endcap_backend.secretfile import derived_key

SECRET = "a secret for tests, of forty-odd characters"


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(api, header=None, key=None, **claims):
    """A session token like ours but for what is named."""
    ours = jwt.decode(api.session["token"], options={"verify_signature": False})
    found = {name: value for name, value in {**ours, **claims}.items() if value is not None}
    signing = key or derived_key(SECRET, ACCESS)
    return jwt.encode(found, signing, "HS256", headers={"typ": "access+jwt", **(header or {})})


def status_with(api, token):
    answer = api.get("/v1/me/consent", token=token)
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.get_json()["type"] == "urn:endcap:problem:unauthorised"
    return answer.status_code


def test_the_token_of_a_session_is_taken(api):
    assert status_with(api, forged(api)) == 200


def test_a_token_is_good_until_its_last_second(api):
    api.clock.advance(3599.9)
    assert status_with(api, api.session["token"]) == 200
    api.clock.advance(0.1)
    assert status_with(api, api.session["token"]) == 401


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),
        ({"typ": "refresh+jwt"}, {}),
        ({"typ": None}, {}),
        ({"kid": "1"}, {}),
        ({"jku": "https://attacker.example/keys"}, {}),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, {}),
        ({"x5u": "https://attacker.example/cert"}, {}),
        ({"crit": ["exp"]}, {}),
        ({}, {"aud": "endcap-refresh"}),
        ({}, {"aud": None}),
        ({}, {"iss": "someone else"}),
        ({}, {"iss": None}),
        ({}, {"exp": None}),
        ({}, {"iat": None}),
        ({}, {"sub": None}),
        ({}, {"sub": "an unknown shopper"}),
        ({}, {"exp": 1}),
    ],
)
def test_a_token_that_differs_in_one_thing_is_refused(api, header, claims):
    assert status_with(api, forged(api, header, **claims)) == 401


def test_a_token_without_a_signature_is_refused(api):
    claims = api.session["token"].split(".")[1]
    assert status_with(api, f"{part({'alg': 'none', 'typ': 'access+jwt'})}.{claims}.") == 401


def test_a_token_signed_with_another_algorithm_is_refused(api):
    claims = jwt.decode(api.session["token"], options={"verify_signature": False})
    longer = derived_key(SECRET, ACCESS) * 2
    for algorithm in ("HS384", "HS512"):
        assert status_with(api, jwt.encode(claims, longer, algorithm, headers={"typ": "access+jwt"})) == 401


def test_a_token_that_claims_a_public_key_algorithm_is_refused(api):
    claims = api.session["token"].split(".")[1]
    signed = f"{part({'alg': 'RS256', 'typ': 'access+jwt'})}.{claims}"
    import hashlib
    import hmac

    signature = hmac.digest(derived_key(SECRET, ACCESS), signed.encode(), hashlib.sha256)
    assert status_with(api, f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}") == 401


def test_a_token_signed_with_the_key_of_another_purpose_is_refused(api):
    assert status_with(api, forged(api, key=derived_key(SECRET, "refresh"))) == 401
    assert status_with(api, forged(api, key=SECRET.encode())) == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "é", "a" * 100_000, "\x00", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
def test_what_is_no_token_is_refused(api, token):
    assert status_with(api, token.encode().decode("latin-1")) == 401


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "bearer"])
def test_another_kind_of_authorisation_is_refused(api, header):
    api.session = {}
    answer = api.get("/v1/me/consent", headers={"Authorization": header})
    assert answer.status_code == 401


def test_every_path_of_a_shopper_wants_a_token(api):
    api.session = {}
    calls = [("POST", "/v1/locations"), ("POST", "/v1/events"), ("POST", "/v1/ably-token"), ("PUT", "/v1/me/consent")]
    assert {api.call(method, path).status_code for method, path in calls} == {401}


def test_tokens_of_another_secret_are_refused(api):
    token, _ = Tokens("another secret of more than 32 characters", api.clock).issue(ACCESS, api.uid, 60)
    assert status_with(api, token) == 401


def test_a_shopper_may_ask_only_so_often(make_api):
    api = make_api(user_requests_burst=3, user_requests_per_s=1)
    api.enter()
    assert [api.get("/v1/me/consent").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert api.get("/v1/me/consent").headers["Retry-After"] == "1"
    api.enter()
    assert api.get("/v1/me/consent").status_code == 200  # another shopper is not slowed down
