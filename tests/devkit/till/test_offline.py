"""The till without its backend: it prices as the backend does, loses and doubles nothing, and tells what differs."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from sqlalchemy import select

from endcap.clock import SystemClock
from endcap.testing import NOON, ManualClock
from endcap_backend.retail.codes import Code
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.held import Held, Price, held_for
from endcap_backend.retail.journal_tables import JournalRow
from endcap_backend.retail.offers import Offer
from endcap_backend.retail.purchase import BasketLine
from endcap_backend.retail.till_tables import Clip, Redemption
from endcap_devkit.till.backend import ShopBackend
from endcap_devkit.till.drawer import Drawer
from endcap_devkit.till.pricing import price
from endcap_devkit.till.settling import send_waiting

NAME = ["Dark", "roast", "500", "g"]
AWAY = "http://127.0.0.1:1"
COFFEE = ("--item", "9001x2@6.90")


@pytest.fixture
def stocked(till, shopper):
    """The till, which has been online once."""
    assert till(shopper.code(), "--item", "7@0.50")[0] == 0
    return till


@pytest.fixture
def books(served_data):
    """The backend's database."""
    with closing(Database(database_url(served_data))) as database:
        yield database


def purchases(books, *ids):
    with books.reading() as connection:
        query = select(Redemption.id, Redemption.off_cents).where(Redemption.id.in_(ids)).order_by(Redemption.at)
        return [tuple(row) for row in connection.execute(query)]


def receipt(said):
    """What a receipt says of goods and money."""
    return [line.split() for line in said.splitlines()[3:] if line[-1:].isdigit() and "points" not in line][:-1]


def test_without_the_backend_a_basket_costs_what_it_would_with_it(stocked, shopper, books):
    status, said, fault = stocked(shopper.code(), *COFFEE, "--id", "off-1", url=AWAY)
    assert (status, "offline: priced by what the shop told" in fault) == (0, True)
    assert "counted once the till is online" in said
    assert stocked("--send")[:2] == (
        0,
        "purchase off-1 is in the books\n0 purchases to look at, 0 waiting for the backend\n",
    )
    assert purchases(books, "off-1") == [("off-1", 276)]
    with books.reading() as connection:
        evidence = select(JournalRow.evidence).where(JournalRow.redemption == "off-1")
        assert connection.execute(evidence).scalar_one() == "scan offline"
    assert receipt(stocked(shopper.code(), *COFFEE)[1])[0] == receipt(said)[0] == ["2", "x", *NAME, "13.80"]
    assert ["saved", "2.76"] in receipt(said)


def test_a_line_without_a_price_costs_what_the_shop_told(stocked, shopper):
    assert ["2", "x", *NAME, "13.80"] in receipt(stocked(shopper.code(), "--item", "9001x2", url=AWAY)[1])
    assert ["1", "x", *NAME, "6.90"] in receipt(stocked(shopper.code(), "--item", "9001")[1])


def test_what_waits_is_sent_in_order_before_the_next_purchase(stocked, make_shopper, books):
    for number in range(3):
        assert stocked(make_shopper().code(), *COFFEE, "--id", f"wait-{number}", url=AWAY)[0] == 0
    status, _, fault = stocked(make_shopper().code(), *COFFEE, "--id", "wait-3")
    assert (status, fault.count("is in the books\n")) == (0, 3)
    assert [id for id, _ in purchases(books, *(f"wait-{number}" for number in range(4)))] == [
        f"wait-{number}" for number in range(4)
    ]


def test_a_coupon_that_was_used_elsewhere_meanwhile_is_on_the_managers_list_with_its_reason(
    stocked, shopper, books, till, tmp_path
):  # fmt: skip
    code, other = shopper.code(), ["--drawer", str(tmp_path / "other.db")]
    assert stocked(code, *COFFEE, "--id", "twice", url=AWAY)[0] == 0
    assert till(shopper.code(), *COFFEE, *other)[0] == 0
    status, said, _ = stocked("--send")
    why = "2.76 more was taken off than the books have; 20 % off coffee: it was redeemed as often as one shopper may"
    assert (status, f"purchase twice is in the books: {why}\n" in said) == (1, True)
    assert purchases(books, "twice") == [("twice", 0)]
    assert f"\ttwice\t{why}\n" in stocked("--troubled")[1]
    assert stocked("--ticked-off", "twice") == (0, "purchase twice is off the list\n", "")
    assert stocked("--troubled")[0] == 0
    assert stocked("--ticked-off", "twice")[0] == 1


def test_a_code_is_shown_once_at_a_till_that_is_offline(stocked, shopper):
    code = shopper.code()
    assert stocked(code, *COFFEE, url=AWAY)[0] == 0
    status, _, fault = stocked(code, *COFFEE, url=AWAY)
    assert (status, "this code was shown at this till before" in fault) == (1, True)


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        (["--offline-total", 10], "a purchase that comes to more than 10.00 waits for the backend"),
        (["--offline-off", 1], "a purchase that saves more than 1.00 waits for the backend"),
        (["--offline-off-in-all", 2], "purchases that save together more than 2.00 wait"),
        (["--offline-hours", 0], "too old to go by"),
    ],
)
def test_more_than_may_be_risked_is_not_given_and_not_sent(stocked, shopper, limit, why):
    status, _, fault = stocked(shopper.code(), *COFFEE, *limit, url=AWAY)
    assert (status, why in fault) == (1, True)
    assert stocked("--troubled")[1] == "0 purchases to look at, 0 waiting for the backend\n"


def test_what_was_priced_at_the_till_counts_against_limits_and_budgets(tmp_path):
    offer = Offer("coupon", "c1", "1 off", "amount", amount_cents=100, left=1, budget_left_cents=150)
    held = Held("s1", NOON, "EUR", {}, [], {1: offer, 2: replace(offer, id="c2", left=9, title="2 off")})
    basket = [BasketLine(1, 1, 5.0)]
    hers = Code("2912345678908", (1, 2), NOON, "00")
    with closing(Drawer(tmp_path / "till.db")) as drawer:
        drawer.put({"id": "a", "basket": []}, hers, NOON)
        first = price(held, hers, basket, drawer.promised(), "a", NOON)
        drawer.promise("a", first)
        second = price(held, hers, basket, drawer.promised(), "b", NOON)
        elsewhere = price(held, replace(hers, card="2900000000001"), basket, drawer.promised(), "c", NOON)
    assert (first["off"], second["off"], elsewhere["off"]) == (2.0, 0.0, 0.0)
    assert [each["because"] for each in second["refused"]] == ["limit", "budget"]
    assert [each["because"] for each in elsewhere["refused"]] == ["budget", "budget"]


def test_what_a_till_holds_is_read_as_it_was_told(books):
    with books.reading() as connection:
        held = held_for(connection, "s1", NOON, "EUR")
    assert held.prices[9001] == Price("coffee", 690, "Dark roast 500 g")
    assert {each.id for each in held.coupons.values()} == {"c1", "c2"}
    assert Held.from_json(held.to_json()) == held


class Gate(BaseHTTPRequestHandler):
    """Stands before the backend, and kills the till at one of its requests: before it is passed on, or after.

    `meanwhile` is called before it passes on a purchase. Or it answers for the backend: `instead` has the status for a
    path. A 504 comes after it has passed the request on.
    """

    backend, victim, when, instead, meanwhile = "", None, "", {}, None

    def do_GET(self):
        self._pass("GET", None)

    def do_POST(self):
        self._pass("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _pass(self, method, body):
        status = Gate.instead.get(self.path)
        if status is not None and status != 504:
            return self._say(status, b"<html>the backend is not well</html>")
        fatal = self.path == "/v1/redemptions" and Gate.when
        if fatal == "before":
            return self._kill()
        if self.path == "/v1/redemptions" and Gate.meanwhile:
            Gate.meanwhile()
        headers = {name: value for name, value in self.headers.items() if name in ("Authorization", "Content-Type")}
        answer = httpx.request(method, Gate.backend + self.path, content=body, headers=headers, timeout=30)
        if fatal == "after":
            return self._kill()
        self._say(status or answer.status_code, answer.content if status is None else b"")

    def _say(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _kill(self):
        Gate.victim.kill()
        self.close_connection = True

    def log_message(self, *_):
        """Nothing of it."""


@pytest.fixture
def gate(served):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    Gate.backend, Gate.instead, Gate.meanwhile = served, {}, None
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def killed(gate, keeps, password):
    """Runs the till as a process that is killed at its purchase's request."""

    def run(when, *arguments):
        Gate.when = when
        command = [sys.executable, "-m", "endcap_devkit", "till", "--url", gate, *keeps, *arguments]
        Gate.victim = subprocess.Popen(command, env=os.environ | {"ENDCAP_TILL_PASSWORD": password})
        assert Gate.victim.wait(60) == -9
        Gate.when = ""

    return run


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_till_that_is_killed_at_its_request_redeems_once_and_tells_the_manager(stocked, shopper, books, killed, when):
    killed(when, shopper.code(), *COFFEE, "--id", f"killed-{when}")
    status, said, _ = stocked("--send")
    assert (status, "the till stopped before its receipt" in said) == (1, True)
    assert purchases(books, f"killed-{when}") == [(f"killed-{when}", 276)]
    assert "1 purchase to look at, 0 waiting for the backend" in stocked("--send")[1]
    assert uses(books, shopper) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_till_that_is_killed_while_it_sends_what_waited_sends_it_once(stocked, shopper, books, killed, when):
    assert stocked(shopper.code(), *COFFEE, "--id", f"sent-{when}", url=AWAY)[0] == 0
    killed(when, "--send")
    assert stocked("--send")[:2] == (
        0, f"purchase sent-{when} is in the books\n0 purchases to look at, 0 waiting for the backend\n",
    )  # fmt: skip
    assert purchases(books, f"sent-{when}") == [(f"sent-{when}", 276)]
    assert uses(books, shopper) == 1


@pytest.mark.parametrize("status", [200, 302, 429, 502, 504])
def test_a_proxy_that_answers_for_the_backend_loses_no_purchase(stocked, shopper, books, gate, status):
    Gate.instead = {"/v1/redemptions": status}
    code, id = shopper.code(), f"proxy-{status}"
    assert stocked(code, *COFFEE, "--id", id, url=gate)[0] == 0
    sent, _, fault = stocked("--send", url=gate)
    assert (sent, "no answer from" in fault) == (1, True)
    assert "0 purchases to look at, 1 waiting" in stocked("--troubled")[1]
    said = stocked("--send")[1]
    assert said == f"purchase {id} is in the books\n0 purchases to look at, 0 waiting for the backend\n"
    assert (purchases(books, id), uses(books, shopper)) == ([(id, 276)], 1)


@pytest.mark.parametrize("status", [401, 404])
def test_a_till_that_may_not_redeem_any_more_keeps_what_waits_and_says_so(stocked, shopper, books, gate, status):
    id = f"barred-{status}"
    assert stocked(shopper.code(), *COFFEE, "--id", id, url=AWAY)[0] == 0
    Gate.instead = {"/v1/redemptions": status}
    found, said, _ = stocked("--send", url=gate)
    why = f"waits: POST /v1/redemptions: status {status}"
    assert (found, f"purchase {id} {why}\n" in said, f"\t{id}\t{why}\n" in said) == (1, True, True)
    assert "1 purchase to look at, 1 waiting for the backend" in said
    assert stocked("--send")[:2] == (
        0, f"purchase {id} is in the books\n0 purchases to look at, 0 waiting for the backend\n",
    )  # fmt: skip
    assert purchases(books, id) == [(id, 276)]


def test_a_purchase_refused_for_the_tills_account_is_sold_without_the_code_and_taken_back_if_it_got_through(
    stocked, shopper, books, gate
):  # fmt: skip
    Gate.instead = {"/v1/redemptions": 401}
    status, _, fault = stocked(shopper.code(), *COFFEE, "--id", "no-account", url=gate)
    assert (status, "POST /v1/redemptions: status 401" in fault) == (1, True)
    assert "purchase no-account was never redeemed, and sold without\n" in stocked("--send")[1]
    assert purchases(books, "no-account") == []


@pytest.mark.parametrize("reached", [True, False])
def test_what_was_sold_without_the_code_after_all_gets_no_discount_under_its_id(
    stocked, shopper, books, gate, reached
):  # fmt: skip
    Gate.instead = {"/v1/redemptions": 504 if reached else 502}
    again = [shopper.code(), *COFFEE, "--id", f"without-{reached}"]
    status, _, fault = stocked(*again, "--offline-off", 1, url=gate)
    assert (status, "sell it without the code" in fault) == (1, True)
    for url in (AWAY, gate, AWAY):
        status, said, fault = stocked(*again, url=url)
        assert (status, "was sold without the code: take a new id" in fault, "to pay" in said) == (1, True, False)
    assert uses(books, shopper) == 0


@pytest.mark.parametrize("status", [404, 413])
def test_a_proxys_word_is_not_taken_for_the_backends(stocked, shopper, books, gate, status):
    id = f"proxys-{status}"
    Gate.instead = {"/v1/redemptions": 504, f"/v1/redemptions/{id}/reversal": status}
    assert stocked(shopper.code(), *COFFEE, "--id", id, "--offline-off", 1, url=gate)[0] == 1
    assert (
        f"purchase {id} waits: POST /v1/redemptions/{id}/reversal: status {status}\n" in stocked("--send", url=gate)[1]
    )
    assert uses(books, shopper) == 1
    assert f"purchase {id} is taken back: " in stocked("--send")[1]
    assert uses(books, shopper) == 0


def test_a_purchase_that_a_proxy_finds_too_large_waits_on(stocked, shopper, books, gate):
    assert stocked(shopper.code(), *COFFEE, "--id", "too-large", url=AWAY)[0] == 0
    Gate.instead = {"/v1/redemptions": 413}
    assert "purchase too-large waits: POST /v1/redemptions: status 413\n" in stocked("--send", url=gate)[1]
    assert "purchase too-large is in the books\n" in stocked("--send")[1]


def test_a_purchase_that_was_taken_back_gets_its_receipt_no_more(stocked, shopper):
    again = [shopper.code(), *COFFEE, "--id", "taken-back"]
    assert stocked(*again)[0] == 0
    assert stocked("--reverse", "taken-back")[0] == 0
    status, said, fault = stocked(*again)
    assert (status, "take a new id" in fault, "to pay" in said) == (1, True, False)


@pytest.mark.parametrize("status", [403, 422])
def test_a_reversal_that_is_refused_hinders_no_sale_and_is_tried_again(stocked, make_shopper, gate, status):
    id = f"kept-{status}"
    Gate.instead = {"/v1/redemptions": 504, f"/v1/redemptions/{id}/reversal": status}
    assert stocked(make_shopper().code(), *COFFEE, "--id", id, "--offline-off", 1, url=gate)[0] == 1
    del Gate.instead["/v1/redemptions"]
    sold, said, fault = stocked(make_shopper().code(), *COFFEE, url=gate)
    why = f"waits: POST /v1/redemptions/{id}/reversal: status {status}"
    assert (sold, "to pay" in said, f"purchase {id} {why}\n" in fault) == (0, True, True)
    assert f"\t{id}\t{why}\n1 purchase to look at, 1 waiting" in stocked("--troubled")[1]
    assert stocked("--send")[:2] == (
        0,
        f"purchase {id} is taken back: it had been redeemed, and was sold without\n"
        "0 purchases to look at, 0 waiting for the backend\n",
    )


@pytest.fixture
def an_hour_later(monkeypatch):
    """Puts the till's clock an hour on: codes are over then."""

    def an_hour_later():
        clock = ManualClock(SystemClock().now() + timedelta(hours=1))
        monkeypatch.setattr("endcap_devkit.till.command.SystemClock", lambda: clock)

    return an_hour_later


@pytest.mark.parametrize("away", [True, False])
def test_the_same_purchase_gets_its_receipt_also_when_its_code_is_over(
    stocked, shopper, served, an_hour_later, away
):  # fmt: skip
    same, url = [shopper.code(), *COFFEE, "--id", f"printed-{away}"], AWAY if away else served
    status, said, _ = stocked(*same, url=url)
    an_hour_later()
    for place in (AWAY, served):
        assert stocked(*same, url=place)[:2] == (status, said)
    assert status == 0


def test_a_code_that_is_over_begins_no_purchase_and_ends_none(stocked, shopper, killed, an_hour_later):
    code = shopper.code()
    killed("before", code, *COFFEE, "--id", "begun")
    an_hour_later()
    for id in ("begun", "new"):
        assert stocked(code, *COFFEE, "--id", id, url=AWAY)[0] == 1
    status, said, fault = stocked(code, *COFFEE, "--id", "begun", url=AWAY)
    assert (status, "to pay" in said, fault.endswith("the code is over: ask for a new one\n")) == (1, False, True)


def test_a_second_process_raises_no_alarm_over_what_the_first_is_just_selling(
    stocked, shopper, served, gate, password, tmp_path
):  # fmt: skip
    sent, backend = [], ShopBackend(served)
    backend.sign_in("till-1", password)

    def send():
        with closing(Drawer(tmp_path / "till.db")) as second:
            sent.append(list(send_waiting(second, backend)))

    Gate.meanwhile = send
    assert stocked(shopper.code(), *COFFEE, url=gate)[0] == 0
    assert (sent, stocked("--troubled")[0]) == ([[]], 0)


def test_a_till_that_signs_in_too_often_sells_on(stocked, shopper, gate):
    Gate.instead = {"/v1/staff/sessions": 429}
    status, said, fault = stocked(shopper.code(), *COFFEE, url=gate)
    assert (status, "no answer from" in fault, "counted once the till is online" in said) == (0, True, True)


def uses(books, shopper):
    with books.reading() as connection:
        query = select(Clip.redeemed).where(Clip.uid == shopper.uid, Clip.coupon == "c1")
        return connection.execute(query).scalar_one()
