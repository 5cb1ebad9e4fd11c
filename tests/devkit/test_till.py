"""`endcap till` against a backend that serves: from the scanned code to the receipt."""

import io
import json

import httpx
import pytest

from endcap.clock import SystemClock
from endcap.testing import a_product
from endcap_backend.api.roles import Role
from endcap_backend.config import Settings
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.staff import Staff
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.serve import create_backend
from endcap_devkit.__main__ import main

CONSENT = {"consent": {"purposes": ["promotions"], "text_version": "2026-11"}}
PASSWORD = "correct horse battery"


class Shopper:
    """She has clipped what there is, and shows codes."""

    def __init__(self, url):
        session = httpx.post(f"{url}/v1/sessions", json=CONSENT).json()
        self.headers = {"Authorization": f"Bearer {session['token']}"}
        self.url = url

    def call(self, method, path):
        return httpx.request(method, self.url + path, headers=self.headers).json()

    def code(self):
        return self.call("POST", "/v1/loyalty/code")["code"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The URL of a backend whose shop offers two coupons, and its till's account."""
    data = tmp_path_factory.mktemp("data")
    backend = create_backend(Settings(port=0, data=data, min_free_mb=0))
    database = Database(database_url(data))
    with database.writing() as connection:
        put_placements(connection, [a_product()], 0)
        put_coupons(
            connection,
            [
                CouponTerms("c1", "20 % off coffee", "percent", value=20.0, segment="coffee", auto_clip=True),
                CouponTerms("c2", "1 off tea", "amount", value=1.0, segment="tea", auto_clip=True),
            ],
        )
    Staff(database, SystemClock()).add("till-1", Role.TILL, PASSWORD)
    Staff(database, SystemClock()).add("helper", Role.STAFF, PASSWORD)
    database.close()
    backend.start()
    yield backend.url
    backend.stop()


@pytest.fixture
def shopper(served):
    return Shopper(served)


@pytest.fixture
def till(served, tmp_path, monkeypatch, capsys):
    """Runs the command; its exit status, standard output and standard error."""
    monkeypatch.setenv("ENDCAP_TILL_PASSWORD", PASSWORD)

    def run(*arguments, typed="", url=served):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        status = main(["till", "--url", url, "--keys", str(tmp_path / "keys.json"), *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_a_code_that_is_scanned_becomes_a_receipt(till, shopper):
    status, said, fault = till("--item", "9001x2@6.90", "--item", "7@0.50", "--id", "r1", typed=shopper.code() + "\n")
    assert (status, fault) == (0, "")
    lines = said.splitlines()
    assert lines[0].startswith("card 29")
    assert ", 2 coupons, good until " in lines[0]
    assert [line.split() for line in lines[3:6]] == [
        ["2", "x", "9001", "13.80"],
        ["1", "x", "7", "0.50"],
        ["20", "%", "off", "coffee", "(20", "%", "off)", "-2.76"],
    ]
    assert [" ".join(line.split()) for line in lines[7:9]] == ["to pay, EUR 11.54", "saved 2.76"]
    assert lines[9].endswith("+11  now 11")
    assert lines[10:] == ["not used: 1 off tea: nothing it is for is in the basket", "purchase r1"]
    assert max(map(len, lines[1:10])) == 48


def test_the_same_purchase_again_prints_the_same_receipt(till, shopper):
    code = shopper.code()
    first, again = (till(code, "--item", "9001@6.90", "--id", "r2") for _ in range(2))
    assert first == again
    assert shopper.call("GET", "/v1/loyalty")["balance"] == 5


def test_a_purchase_is_taken_back(till, shopper):
    till(shopper.code(), "--item", "9001@6.90", "--id", "r3")
    assert till("--reverse", "r3") == (0, "purchase r3 is taken back: -5 points\n", "")
    assert shopper.call("GET", "/v1/loyalty")["balance"] == 0
    status, _, fault = till("--reverse", "r99")
    assert (status, "there is no redemption of that id" in fault) == (1, True)


def test_without_the_backend_a_code_is_verified_with_the_keys_that_were_kept(till, shopper):
    code = shopper.code()
    status, _, fault = till("--offline", code)
    assert (status, "run once with the backend in reach" in fault) == (1, True)
    till(code, "--item", "9001@6.90")
    for more in (["--offline"], []):
        status, said, fault = till(*more, code, "--item", "9001@1", url="http://127.0.0.1:1")
        assert said.startswith("card 29")
        assert (status, "no answer from http://127.0.0.1:1" in fault) == ((0, False) if more else (1, True))


def test_a_code_that_was_altered_is_refused_before_anything_is_asked_of_the_backend(till, shopper):
    code = shopper.code()
    altered = code[:40] + ("A" if code[40] != "A" else "B") + code[41:]
    status, said, fault = till(altered, "--item", "9001@6.90")
    assert (status, said, fault) == (1, "", "endcap till: the code was altered\n")


def test_a_basket_comes_from_a_file_too(till, shopper, tmp_path):
    path = tmp_path / "basket.csv"
    path.write_text("SKU,quantity,price\n9001,1,6.90\n9003,2,0.25\n")
    assert "to pay, EUR" in till(shopper.code(), "--basket", path)[1]
    path.write_text("SKU,quantity,price\n9001,1,6.90\n9003,0,0.25\n")
    status, _, fault = till(shopper.code(), "--basket", path)
    assert (status, fault) == (1, "endcap till: basket.csv line 3: quantity: must not be below 1\n")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ([], "item: name at least one, such as --item 9001x2@6.90, or a file with --basket"),
        (["--item", "9001"], "item: '9001' has no price: write SKU x pieces @ price, such as 9001x2@6.90"),
        (["--item", "x@1"], "item: 'x@1' is no line: write SKU x pieces @ price, such as 9001x2@6.90"),
        (["--item", "1x0@1"], "quantity: must not be below 1"),
        (["--item", "1@nan"], "price: must be a finite number"),
    ],
)
def test_a_basket_that_cannot_be_says_what_to_write(till, shopper, arguments, fault):
    status, _, said = till(shopper.code(), *arguments)
    assert (status, said) == (1, f"endcap till: {fault}\n")


def test_who_may_not_redeem_is_told_so(till, shopper, monkeypatch):
    status, _, fault = till(shopper.code(), "--item", "9001@1", "--name", "helper")
    assert (status, fault) == (1, "endcap till: POST /v1/redemptions: this is for the role till\n")
    monkeypatch.setenv("ENDCAP_TILL_PASSWORD", "wrong")
    status, _, fault = till(shopper.code(), "--item", "9001@1")
    assert (status, fault.startswith("endcap till: POST /v1/staff/sessions: ")) == (1, True)


def test_no_code_says_what_to_give(till):
    assert till(typed="\n")[2] == (
        "endcap till: code: is missing: give what the QR holds, as an argument or on standard input\n"
    )


@pytest.mark.parametrize(
    "kept", ["", "[]", '{"keys": 1}', json.dumps({"keys": [{"crv": "Ed25519", "x": "AA", "kid": "0"}]})]
)
def test_kept_keys_that_are_damaged_are_named(till, shopper, tmp_path, kept):
    (tmp_path / "keys.json").write_text(kept)
    status, _, fault = till("--offline", shopper.code())
    assert (status, fault.startswith("endcap till: keys: ")) == (1, True)


def test_help_names_what_there_is(till, capsys):
    with pytest.raises(SystemExit):
        main(["till", "--help"])
    said = capsys.readouterr().out
    assert [
        word for word in ("--item", "--basket", "--offline", "--reverse", "ENDCAP_TILL_PASSWORD") if word not in said
    ] == []
