"""Ten thousand requests, each a good one spoilt in one to three ways, straight to the WSGI application.

On SQLite, and fewer on PostgreSQL: what the one takes for a text or a number the other may not.
"""

import gzip
import io
import json
import random
from collections import Counter

import pytest

from endcap.testing import a_product
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.codes import Code
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.retail.tillkeys import TillKeys

REQUESTS = {"sqlite": 10_000, "postgresql": 2_000}
SEED = 20261124
NASTY = [
    None, True, False, 0, -1, 2**31, 2**63, 2**64, -(10**400), 1e308, float("nan"), float("inf"), "", " ", "\x00", "\n",
    "\ud800", "‮", "🛒" * 300, "x" * 10_000, "'; DROP TABLE records; --", "{{7*7}}", "%s%n", "../../etc/passwd",
    "__proto__", "NaN", [], {}, [[]], [None], {"": ""}, {"$gt": ""}, [1] * 600,
]  # fmt: skip
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FROB", ""]
HEADERS = {
    "CONTENT_TYPE": ["", "text/plain", "application/json; charset=utf-7", "application/json;;=", "multipart/form-data"],
    "HTTP_CONTENT_ENCODING": ["gzip", "br", "identity", "\xff", "gzip" * 1000],
    "HTTP_AUTHORIZATION": ["", "Bearer", "Bearer a.b.c", "Basic YTpi", "Bearer " + "a" * 5000, "\xff\xfe"],
    "CONTENT_LENGTH": ["", "0", "1", "-1", "x", "999999999999", "1.5"],
    "HTTP_X_ABLY_SIGNATURE": ["", "\xff", "AAAA"],
    "HTTP_ORIGIN": ["null", "https://attacker.example", "\xff"],
    "HTTP_HOST": ["", "attacker.example", "[::1", "\xff"],
}
QUERIES = ["since=x", "since=" + "9" * 5000, "before=x", "before=7", "since=%ff%00", "&&==;%", "\xff"]
QUERIES += [
    "near=60.1,24.9&q=dark&store=s1",
    "q=%00",
    "q=" + "x%20" * 99,
    "near=nan,1e999",
    "near=60",
    "limit=9&q=%22*",
]
QUERIES += ["limit=-1", "limit=9" + "9" * 99, "store=%00", "store=s1", "dry_run=true", "dry_run=%ff"]
CODES = ["c1", "c2", "c9", "x" * 65, "a\x00", "\xff", "..", "%"]
PATHS = ["/", "/v1", "/v1/", "/v1/locations/", "/v1/../healthz", "/%2e", "/v1/\xff", "//", "/v1/sessions\x00", ""]


def good_requests(api, chance):
    """Whose token, and a body, for each path."""
    purposes = {"purposes": ["location"], "text_version": "1"}
    location = {"uid": api.uid, "latitude": 60.1, "longitude": 24.9, "id": "i:1", "taken_at": "2026-11-24T12:00:00Z"}
    event = {"id": "e1", "kind": "enter", "occurred_at": "2026-11-24T12:00:00Z", "p_inside": 0.9, "SKU": 7}
    message = {"clientId": api.uid, "data": json.dumps(location), "encoding": "json"}
    data = {"channelId": f"location:{api.uid}", "messages": [message]}
    basket = [{"sku": 9001, "quantity": 2, "price": 6.9}, {"sku": 7, "quantity": 1, "price": 0.1}]
    purchase = {"id": f"r{chance.randrange(50)}", "code": api.new_code(), "store": "s1", "basket": basket}
    coupon, redemption = chance.choice(CODES), f"r{chance.randrange(50)}"
    hers = [
        ("POST", "/v1/locations", {"locations": [location, location], "sent_at": "2026-11-24T12:00:00Z"}),
        ("POST", "/v1/events", {"events": [event]}),
        ("POST", "/v1/sessions", {"consent": purposes}),
        ("POST", "/v1/sessions", {"refresh_token": api.session["refresh_token"], "consent": purposes}),
        ("PUT", "/v1/me/consent", {"purposes": ["location", "promotions", "analytics"], "text_version": "1"}),
        ("POST", "/v1/ably-token", {"for": "phone"}),
        ("POST", "/v1/integrations/ably", {"items": [{"source": "channel.message", "data": data}]}),
        ("GET", "/v1/me/consent", None),
        ("GET", "/v1/me/export", None),
        ("GET", "/v1/erasures/0123456789abcdef", None),
        ("GET", "/v1/geofences", None),
        ("GET", "/v1/stores", None),
        ("GET", "/readyz", None),
        ("GET", "/openapi.json", None),
        ("GET", "/v1/coupons", None),
        ("POST", f"/v1/coupons/{coupon}/clip", None),
        ("DELETE", f"/v1/coupons/{coupon}/clip", None),
        ("POST", "/v1/coupons/best", {"basket": basket}),
        ("GET", "/v1/coupons/history", None),
        ("GET", "/v1/loyalty", None),
        ("POST", "/v1/loyalty/code", None),
        ("GET", "/v1/till/keys", None),
    ]
    tills = [
        ("POST", "/v1/redemptions", {**purchase, "scanned_at": "2026-11-24T12:00:00Z"}),
        ("POST", f"/v1/redemptions/{redemption}/reversal", None),
    ]
    told = [("shopper", *each) for each in hers] + [("till", *each) for each in tills]
    return told + floor_requests(chance)


def floor_requests(chance):
    """Those of the shop floor: plans, shelves, search, lists, help, pickups, and signing in."""
    id = chance.choice(["x1", "s1", "9001", *CODES])
    ring = [[24.9, 60.1], [24.91, 60.1], [24.91, 60.11], [24.9, 60.1]]
    section = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"kind": "section", "id": "a"}}
    plan = {"type": "FeatureCollection", "features": [section]}
    promotion = {"segment": "coffee", "kind": "n_for_m", "n": 3, "m": 2, "ends_at": "2026-11-25T12:00:00Z"}
    shelf = {"SKU": 7, "segment": "tea", "latitude": 60.1, "longitude": 24.9, "store": "s1", "price": 1.5, "stock": 2}
    item = {"id": "i1", "text": "Milk", "sku": 9001, "quantity": 2, "price_alert": 2.5, "position": 1.5, "done": False}
    call = {"store": "s1", "sku": 9001, "text": "Where?", "latitude": 60.1, "longitude": 24.9}
    order = {"store": "s1", "state": "ready", "items": 3, "door": "north", "uid": "0123456789abcdef"}
    hers = [
        ("GET", f"/v1/stores/{id}/plan", None),
        ("GET", "/v1/products", None),
        ("GET", f"/v1/products/{id}/alternatives", None),
        ("GET", "/v1/wishlist", None),
        ("PUT", "/v1/wishlist", {"items": [{**item, "changed_at": "2026-11-24T12:00:00Z"}]}),
        ("POST", "/v1/wishlist/share", None),
        ("GET", f"/v1/shared/{id}", None),
        ("POST", "/v1/help", call),
        ("GET", f"/v1/help/{id}", None),
        ("PATCH", f"/v1/help/{id}", {"state": "cancelled"}),
        ("GET", "/v1/pickups", None),
        ("POST", "/v1/staff/sessions", {"name": "aino", "password": "wrong"}),
    ]
    managers = [
        ("PUT", f"/v1/stores/{id}/plan", plan),
        ("PUT", f"/v1/promotions/{id}", promotion),
        ("PUT", "/v1/promotions", {"promotions": [{**promotion, "pid": "p1"}]}),
        ("PUT", "/v1/placements", {"placements": [shelf]}),
        ("PUT", "/v1/stock", {"stock": [{"sku": 9001, "store": "s1", "stock": 3}]}),
        ("GET", "/v1/help", None),
        ("POST", "/v1/staff/ably-token", {"store": "s1"}),
        ("PUT", f"/v1/pickups/{id}", order),
    ]
    return [("shopper", *each) for each in hers] + [("manager", *each) for each in managers]


def spoil_value(value, chance):
    """The same JSON with one place of it replaced, removed or doubled."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        what = chance.random()
        if what < 0.15:
            return {name: each for name, each in value.items() if name != key}
        if what < 0.25:
            return {**value, str(chance.choice(NASTY)): chance.choice(NASTY)}
        return {**value, key: spoil_value(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], spoil_value(value[place], chance), *value[place + 1 :]]
    return chance.choice(NASTY)


def spoil_bytes(raw, chance):
    what = chance.randrange(5)
    place = chance.randrange(len(raw) + 1)
    if what == 0:
        return raw[:place]
    if what == 1:
        return raw[:place] + bytes([chance.randrange(256)]) + raw[place + 1 :]
    if what == 2:
        return raw[:place] + b"[" * chance.choice([1, 5000]) + raw[place:]
    if what == 3:
        return gzip.compress(raw)[: chance.randrange(60)]
    return chance.randbytes(chance.randrange(200))


def environ_of(method, path, raw, token):
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)),
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(raw),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def spoilt_request(api, chance):
    who, method, path, body = chance.choice(good_requests(api, chance))
    for _ in range(chance.choice([0, 1, 1, 1, 2])):
        body = spoil_value(body, chance)
    raw = b"" if body is None else json.dumps(body, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if chance.random() < 0.2:
        raw = spoil_bytes(raw, chance)
    environ = environ_of(method, path, raw, api.tokens[who])
    if chance.random() < 0.15:
        header = chance.choice(list(HEADERS))
        environ[header] = chance.choice(HEADERS[header])
    if chance.random() < 0.05:
        environ["REQUEST_METHOD"] = chance.choice(METHODS)
    if chance.random() < 0.05:
        environ["PATH_INFO"] = chance.choice(PATHS)
    if chance.random() < 0.1:
        environ["QUERY_STRING"] = chance.choice(QUERIES)
    return environ


def answered(app, environ):
    status = []
    b"".join(app(environ, lambda line, headers, fault=None: status.append(int(line.split()[0]))))
    return status[0]


@pytest.fixture
def api(make_api, database):
    """An application with coupons, a shopper who has a card, and a till."""
    api = make_api(database=database, user_requests_burst=10**9, user_fixes_burst=10**9, sessions_burst=10**9)
    coupons = [CouponTerms(id, "a coupon", "percent", value=10.0, limit_per_shopper=1000) for id in ("c1", "c2")]
    with database.writing() as connection:
        put_placements(connection, [a_product()], 0)
        put_coupons(connection, coupons)
    workers = {role: api.work_as(role)["token"] for role in ("till", "manager")}
    api.tokens = {"shopper": api.enter()["token"], **workers}
    card = api.get("/v1/loyalty").get_json()["card"]["number"]
    key = TillKeys(api.settings.data, api.clock).signing()
    api.new_code = lambda: Code.new(card, [1, 2], api.clock.now()).signed(key.kid, key.private)
    return api


def test_thousands_of_spoilt_requests_get_no_answer_of_five_hundred(api):
    chance = random.Random(SEED)
    seen = Counter()
    requests = REQUESTS[api.database.url.get_backend_name()]
    for _ in range(requests):
        environ = spoilt_request(api, chance)
        status = answered(api.app, environ)
        assert status < 500, environ
        seen[status] += 1
    assert sum(seen.values()) == requests
    assert {200, 201, 202, 400, 401, 404, 409, 422} <= seen.keys()  # the whole width was tried
    assert requests < 10_000 or {405, 413, 415} <= seen.keys()
    assert api.post("/v1/sessions", {"consent": {"purposes": ["location"], "text_version": "1"}}).status_code == 201
    for record in api.records():
        assert json.loads(record.value)["uid"] == record.key
