"""What Schemathesis makes of the OpenAPI document: requests of its every route, good ones and bad, met by no 5xx."""

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from endcap.testing import a_product
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.terms import CouponTerms

EXAMPLES = 12  # of each route, the same at each run
BOUNDED = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
SIGNED = "/v1/integrations/ably"  # takes Ably's signature, and nobody's token


@pytest.fixture
def api(make_api, database):
    """An application with a shelf and a coupon, where nobody is told to come later."""
    api = make_api(
        database=database, user_requests_burst=10**9, user_fixes_burst=10**9, sessions_burst=10**9, sign_in_burst=10**9
    )
    with database.writing() as connection:
        put_placements(connection, [a_product()], 0)
        put_coupons(connection, [CouponTerms("c1", "a coupon", "percent", value=10.0, limit_per_shopper=1000)])
    api.staff = {role: api.work_as(role)["token"] for role in ("till", "manager")}
    return api


def token_for(api, operation):
    """A token that gets through, of a shopper or of staff, by what the document says."""
    security = operation.definition.raw.get("security", [])
    roles = [role for each in security for role in each.get("staff", [])]
    if roles:
        return api.staff["till" if "till" in roles else "manager"]
    return api.enter()["token"]


def ask(operation, headers, seen):
    """Make the requests of one route; `seen` counts the answers by their status."""

    @BOUNDED
    @given(case=operation.as_strategy())
    def each(case):
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (operation.label, case.body, answer.text)
        seen[answer.status_code] += 1

    each()


def test_no_request_of_any_route_is_met_by_five_hundred(api):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", api.app)
    seen = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        headers = {} if operation.path == SIGNED else {"Authorization": f"Bearer {token_for(api, operation)}"}
        seen[operation.label] = Counter()
        ask(operation, headers, seen[operation.label])
    described = {f"{method.upper()} {path}" for path, each in schema.raw_schema["paths"].items() for method in each}
    assert seen.keys() == described - {"GET /openapi.json"}
    assert all(answers.total() >= 1 for answers in seen.values())
    assert {200, 201, 401, 404, 422} <= sum(seen.values(), Counter()).keys()  # the whole width was tried
