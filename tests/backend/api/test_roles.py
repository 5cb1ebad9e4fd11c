"""Every route of the OpenAPI document, asked by everybody there is: who may gets through, who may not does not."""

import re

import pytest

EVERYBODY = ("nobody", "shopper", "staff", "till", "manager")
SIGNED = ("POST", "/v1/integrations/ably")  # takes Ably's signature, and nobody's token
ENDS = {("DELETE", "/v1/me"), ("DELETE", "/v1/staff/sessions")}  # asked last: they end the session that asks


@pytest.fixture
def api(make_api, database):
    """An application, and the token of each kind of caller."""
    api = make_api(database=database)
    api.tokens = {"nobody": "", "shopper": api.enter()["token"]}
    api.tokens |= {role: api.work_as(role)["token"] for role in ("staff", "till", "manager")}
    return api


def operations(api):
    paths = api.get("/openapi.json", token="").get_json()["paths"]
    found = [(method.upper(), path, each) for path, methods in paths.items() for method, each in methods.items()]
    return sorted((each for each in found if each[:2] != SIGNED), key=lambda each: each[:2] in ENDS)


def allowed(described):
    """Who may make this call, as the document tells it."""
    security = described.get("security")
    if security is None:
        return set(EVERYBODY)
    schemes = {name: roles for each in security for name, roles in each.items()}
    return set(schemes.get("staff", ())) | ({"shopper"} if "session" in schemes else set())


def ask(api, method, path, who):
    body = {} if method in ("POST", "PUT", "PATCH") else None
    return api.call(method, re.sub(r"{\w+}", "x1", path), body, token=api.tokens[who] or "none").status_code


def test_who_may_gets_through_and_who_may_not_is_told_why(api):
    for method, path, described in operations(api):
        may = allowed(described)
        for who in EVERYBODY:
            status = ask(api, method, path, who)
            refused = 403 if who in ("staff", "till") and may & {"staff", "till", "manager"} else 401
            assert (status in (401, 403)) == (who not in may), (method, path, who, status)
            assert who in may or status == refused, (method, path, who, status)


def test_every_route_beneath_staff_takes_a_token_but_the_one_that_gives_it(api):
    open_to_all = {(method, path) for method, path, described in operations(api) if "security" not in described}
    changing = {each for each in open_to_all if each[0] != "GET"}
    assert changing == {("POST", "/v1/sessions"), ("POST", "/v1/staff/sessions")}


def test_a_manager_may_all_that_staff_and_till_may(api):
    for method, path, described in operations(api):
        may = allowed(described)
        assert not may & {"staff", "till"} or "manager" in may, (method, path)
