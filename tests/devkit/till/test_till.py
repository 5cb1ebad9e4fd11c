"""`endcap till` against a backend that serves: from the scanned code to the receipt."""

import json
import warnings
from getpass import GetPassWarning

import pytest

from endcap_devkit.__main__ import main


def test_a_code_that_is_scanned_becomes_a_receipt(till, shopper):
    status, said, fault = till("--item", "9001x2@6.90", "--item", "7@0.50", "--id", "r1", typed=shopper.code() + "\n")
    assert (status, fault) == (0, "")
    lines = said.splitlines()
    assert lines[0].startswith("card 29")
    assert ", 2 coupons, good until " in lines[0]
    assert [line.split() for line in lines[3:6]] == [
        ["2", "x", "Dark", "roast", "500", "g", "13.80"],
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
    status, said, fault = till("--offline", code, url="http://127.0.0.1:1")
    assert said.startswith("card 29")
    assert (status, said.count("\n"), fault) == (0, 1, "")


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
        (
            ["--item", "42"],
            "item: '42' names no product whose price is known: write SKU x pieces @ price, such as 9001x2@6.90",
        ),
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
    assert (status, fault.startswith("GET /v1/till/offers/s1: this is for the role till; ")) == (1, True)
    assert fault.endswith("endcap till: offline: nothing of s1 is kept: run once with the backend in reach\n")
    monkeypatch.setenv("ENDCAP_TILL_PASSWORD", "wrong")
    status, _, fault = till("--send")
    assert (status, fault.startswith("endcap till: POST /v1/staff/sessions: ")) == (1, True)


def test_a_till_that_is_not_let_in_says_so_and_sells_on(till, shopper, password, monkeypatch):
    assert till(shopper.code(), "--item", "9001")[0] == 0  # which fetches prices and offers
    monkeypatch.setenv("ENDCAP_TILL_PASSWORD", "wrong")
    status, said, fault = till(shopper.code(), "--item", "9001", "--id", "let-out")
    assert (status, "to pay, EUR" in said) == (0, True)
    assert "; until till-1 is let in, the till sells as if the backend were away\n" in fault
    monkeypatch.setenv("ENDCAP_TILL_PASSWORD", password)
    assert till("--send")[1].startswith("purchase let-out is in the books\n")


@pytest.mark.parametrize("url", ["foo", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_an_address_that_is_none_is_no_outage(till, shopper, url):
    status, said, fault = till(shopper.code(), "--item", "9001@1", url=url)
    named = f"endcap till: --url or ENDCAP_BACKEND_URL: {url!r} is none: "
    assert (status, said, fault.startswith(named)) == (2, "", True)


def test_a_store_that_nobody_knows_is_told(till, shopper):
    status, _, fault = till(shopper.code(), "--item", "9001@1", "--store", "s9")
    assert (status, fault.startswith("nothing stands in a store named s9: ")) == (0, True)


def test_without_a_terminal_it_says_where_the_password_goes(till, shopper, monkeypatch):
    def no_terminal(prompt):
        warnings.warn("Can not control echo on the terminal.", GetPassWarning, stacklevel=2)

    monkeypatch.delenv("ENDCAP_TILL_PASSWORD")
    monkeypatch.setattr("endcap_devkit.till.command.getpass", no_terminal)
    status, _, fault = till(shopper.code(), "--item", "9001@1")
    assert (status, fault) == (1, "endcap till: password: set ENDCAP_TILL_PASSWORD, or run it in a terminal\n")


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
