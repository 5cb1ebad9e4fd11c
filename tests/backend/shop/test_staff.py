"""Who works in the shop: signing in and out, and what ends a session."""

import io
from datetime import timedelta

import pytest

from endcap.errors import BadConfig
from endcap.testing import NOON, ManualClock
from endcap_backend.__main__ import main
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail.audit import last, note
from endcap_backend.retail.passwords import hashed, matches
from endcap_backend.retail.staff import Staff
from endcap_backend.retail.staff_tables import StaffSession

GOOD = "correct horse battery"


@pytest.fixture
def staff(database):
    staff = Staff(database, ManualClock())
    staff.add("aino", Role.MANAGER, GOOD)
    return staff


def sign_in(shop, name="aino", password=GOOD):
    return shop.post("/v1/staff/sessions", {"name": name, "password": password}, token="")


def test_an_account_is_recognised_by_its_password_alone(staff):
    assert staff.recognise("aino", GOOD) == Employee("aino", Role.MANAGER)
    assert staff.recognise("aino", GOOD + " ") is None
    assert staff.recognise("nobody", GOOD) is None


def test_a_session_lasts_its_life_and_ends_with_its_account(database):
    clock = ManualClock()
    staff = Staff(database, clock)
    staff.add("aino", Role.TILL, GOOD)
    first = staff.begin("aino", 60)
    clock.advance(59.9)
    assert staff.find(first) == Employee("aino", Role.TILL)
    second = staff.begin("aino", 60)
    clock.advance(0.1)
    assert staff.find(first) is None
    staff.remove("aino")
    assert staff.find(second) is None
    assert staff.begin("aino", 60) is None


def test_what_the_table_holds_opens_no_session(staff, database):
    number = staff.begin("aino", 60)
    with database.reading() as connection:
        (held,) = connection.execute(StaffSession.__table__.select()).mappings()
    assert number not in dict(held).values()
    assert staff.find(held["id"]) is None


def test_another_password_ends_the_sessions_and_the_old_one(staff):
    number = staff.begin("aino", 60)
    staff.change_password("aino", "another one, longer")
    assert staff.find(number) is None
    assert staff.recognise("aino", GOOD) is None
    assert staff.recognise("aino", "another one, longer") is not None


@pytest.mark.parametrize(("name", "password"), [("aino", GOOD), ("a b", GOOD), ("", GOOD), ("new", "too short")])
def test_a_name_that_is_taken_or_none_and_a_short_password_are_refused(staff, name, password):
    with pytest.raises(BadConfig):
        staff.add(name, Role.STAFF, password)
    assert [each.name for each in staff.accounts()] == ["aino"]


def test_what_is_kept_of_a_password_differs_each_time_and_does_not_hold_it():
    first, second = hashed(GOOD), hashed(GOOD)
    assert first != second
    assert GOOD not in first
    assert matches(GOOD, first)
    assert not matches(GOOD + "x", first)


def test_the_trail_tells_who_did_what_newest_first(database):
    with database.writing() as connection:
        for minute, thing in enumerate(("promotions/p1", "stock/s1")):
            at = NOON + timedelta(minutes=minute)
            note(connection, Employee("aino", Role.MANAGER), at, "put", thing, {"discount": 20})
    with database.reading() as connection:
        newest, oldest = last(connection)
    assert (newest["thing"], oldest["thing"]) == ("stock/s1", "promotions/p1")
    assert (oldest["at"], oldest["who"], oldest["role"]) == ("2026-11-24T12:00:00.000Z", "aino", "manager")
    assert oldest["detail"] == '{"discount":20}'


def test_a_good_password_opens_a_session_for_the_role_of_the_account(shop):
    Staff(shop.database, shop.clock).add("aino", Role.MANAGER, GOOD)
    answer = sign_in(shop)
    assert answer.status_code == 201
    assert (answer.json["role"], answer.json["expires_at"]) == ("manager", "2026-11-25T00:00:00.000Z")
    assert shop.call("DELETE", "/v1/staff/sessions", token=answer.json["token"]).status_code == 204
    again = shop.call("DELETE", "/v1/staff/sessions", token=answer.json["token"])
    assert again.status_code == 204  # signing out twice does no harm


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(shop):
    Staff(shop.database, shop.clock).add("aino", Role.MANAGER, GOOD)
    wrong, unknown = sign_in(shop, password="wrong"), sign_in(shop, name="nobody")
    assert (wrong.status_code, wrong.json) == (401, unknown.json)


def test_after_ten_tries_one_has_to_wait_and_so_does_the_right_password(shop):
    Staff(shop.database, shop.clock).add("aino", Role.MANAGER, GOOD)
    assert {sign_in(shop, password="wrong").status_code for _ in range(10)} == {401}
    refused = sign_in(shop)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    shop.clock.advance(10)
    assert sign_in(shop).status_code == 201


def test_a_shoppers_token_is_no_staffs_and_a_staffs_no_shoppers(shop):
    shop.enter()
    assert shop.call("DELETE", "/v1/staff/sessions").status_code == 401
    shop.work_as("manager")
    assert shop.get("/v1/me/export").status_code == 401


def test_the_command_makes_lists_and_removes_accounts(database, monkeypatch, capsys):
    url = database.url.render_as_string(hide_password=False)

    def staff(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        status = main(["staff", *arguments, "--database-url", url])
        return status, *capsys.readouterr()

    assert staff("add", "aino", "--role", "manager", typed=f"{GOOD}\n")[:2] == (0, "aino may sign in as manager\n")
    status, _, said = staff("add", "aino", "--role", "till", typed=f"{GOOD}\n")
    assert (status, "has an account already" in said) == (1, True)
    assert "aino\tmanager\tsince " in staff("list")[1]
    assert Staff(database, ManualClock()).recognise("aino", GOOD)
    assert staff("password", "aino", typed="another one, longer\n")[0] == 0
    assert Staff(database, ManualClock()).recognise("aino", "another one, longer")
    with database.writing() as connection:
        note(connection, Employee("aino", Role.MANAGER), NOON, "put", "promotions/p1", {})
    assert staff("audit")[1] == "2026-11-24T12:00:00.000Z\taino\tmanager\tput\tpromotions/p1\t{}\n"
    assert staff("remove", "aino")[0] == 0
    assert staff("list")[1] == "no account yet; `endcap-backend staff add NAME --role ROLE` makes one\n"
    assert staff("remove", "aino")[0] == 1
