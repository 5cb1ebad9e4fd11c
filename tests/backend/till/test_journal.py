"""The journal of redemptions: each purchase and reversal is a row, and any single edit afterwards is found."""

import json
from contextlib import closing

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from endcap.testing import ManualClock
from endcap_backend.__main__ import main
from endcap_backend.api.roles import Employee, Role
from endcap_backend.retail import journal, loyalty, wallet
from endcap_backend.retail.codes import Code
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.journal_tables import JournalHead, JournalRow
from endcap_backend.retail.personal import forget
from endcap_backend.retail.purchase import BasketLine, Purchase, Till
from endcap_backend.retail.redemption import Redemptions
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.retail.tiers import LoyaltyRules
from endcap_backend.retail.till_tables import RedeemedOffer, Redemption
from endcap_backend.retail.tillkeys import TillKeys

HER = "0f" * 16
FREED = {
    "sqlite": ["DROP TRIGGER redemption_journal_no_update", "DROP TRIGGER redemption_journal_no_delete"],
    "postgresql": ["DROP TRIGGER redemption_journal_kept ON redemption_journal"],
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def books(request, tmp_path_factory):
    """The database of a shop after a dozen purchases in two stores, two of them taken back. No test changes it."""
    folder, clock = tmp_path_factory.mktemp("shop"), ManualClock()
    url = database_url(folder) if request.param == "sqlite" else request.getfixturevalue("postgresql")()
    with closing(Database(url)) as database:
        key = TillKeys(folder, clock).signing()
        till = Redemptions(database, TillKeys(folder, clock), LoyaltyRules(), clock)
        with database.writing() as connection:
            put_coupons(connection, [CouponTerms(f"c{n}", "a coupon", "amount", value=1.0) for n in range(12)])
            card = loyalty.open_account(connection, HER, clock.now()).card
        for number in range(12):
            with database.writing() as connection:
                buyer = loyalty.buyer_of(connection, HER, LoyaltyRules(), clock.now())
                clipped = wallet.clip(connection, HER, f"c{number}", buyer, clock.now())
            code = Code.new(card, [clipped.row.number], clock.now()).signed(key.kid, key.private)
            sent = Till(f"r{number}", code, f"s{number % 2}", clock.now() if number == 1 else None)
            till.redeem(Purchase(sent, (BasketLine(1, 2, 3.0),)), Employee("till-1", Role.TILL))
            clock.advance(1)
        for number in (4, 5):
            assert till.reverse(f"r{number}", Employee("aino", Role.MANAGER)).new
        yield database


def findings(connection, noted=None):
    return [str(each) for each in journal.check(connection, noted)]


def tampered(books, *statements):
    """What is found after somebody who may do anything to the database ran these; they are undone."""
    with books.writing(keep=False) as connection:
        for each in FREED[connection.dialect.name]:
            connection.execute(text(each))
        for each in statements:
            connection.execute(each)
        return findings(connection)


def rows(books, table=JournalRow):
    with books.reading() as connection:
        query = select(*table.__table__.columns).order_by(*table.__table__.primary_key)
        return [dict(row) for row in connection.execute(query).mappings()]


def is_row(row, table=JournalRow):
    return [column == row[column.name] for column in table.__table__.primary_key]


def test_each_purchase_and_each_reversal_is_a_row_that_says_who_where_and_what(books):
    found = rows(books)
    assert [(each["store"], each["number"]) for each in found] == [(s, n) for s in ("s0", "s1") for n in range(1, 8)]
    first, last = found[0], found[6]
    told = {
        "kind": "redeemed", "redemption": "r0", "actor": "till-1", "role": "till", "till": "till-1",
        "evidence": "scan", "total_cents": 500, "off_cents": 100, "points": 5, "previous": "0" * 64,
    }  # fmt: skip
    assert {name: first[name] for name in told} == told
    assert json.loads(first["offers"]) == [["coupon", "c0", 100]]
    told = {
        "kind": "reversed", "redemption": "r4", "actor": "aino", "role": "manager", "till": "till-1",
        "evidence": "staff", "total_cents": -500, "off_cents": -100, "points": -5,
    }  # fmt: skip
    assert {name: last[name] for name in told} == told
    assert last["previous"] == found[5]["hash"]
    assert found[7]["evidence"] == "scan offline"


def test_books_that_nobody_touched_are_as_they_were_written(books):
    with books.reading() as connection:
        assert findings(connection, journal.heads(connection)) == []


def test_the_database_itself_refuses_an_edit(books):
    for statement in (update(JournalRow).values(points=0), delete(JournalRow)):
        with pytest.raises(DBAPIError, match="only added to"), books.writing() as connection:
            connection.execute(statement)


def test_the_journal_says_nothing_of_her_and_stays_sound_when_she_is_erased(books):
    with books.writing(keep=False) as connection:
        assert forget(connection, HER) > 12
        assert findings(connection) == []
    assert HER not in json.dumps(rows(books), default=str)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_single_edit_is_found(books, data):
    table = data.draw(st.sampled_from([JournalRow, JournalHead, Redemption, RedeemedOffer]))
    covered = {
        Redemption: ["id", "store", "till", "at", "total_cents", "off_cents", "points", "reversed_at"],
        RedeemedOffer: ["source", "offer", "off_cents"],
    }
    names = covered.get(table, [column.name for column in table.__table__.columns])
    row = data.draw(st.sampled_from(rows(books, table)))
    name = data.draw(st.sampled_from(names))
    was = row[name]
    if isinstance(was, int):
        now = was + data.draw(st.integers(-1000, 1000).filter(bool))
    elif isinstance(was, str):
        now = data.draw(st.text("0123456789abcdef", max_size=16).filter(lambda text: text != was))
    else:
        now = row.get("at") if was is None else data.draw(st.datetimes().map(lambda at: at.astimezone()))
    first = []
    if table is Redemption and name == "id":
        first = [delete(RedeemedOffer).where(RedeemedOffer.redemption == was)]
    assert tampered(books, *first, update(table).where(*is_row(row, table)).values({name: now}))


def test_a_row_that_is_removed_is_found_wherever_it_stood(books):
    for row in rows(books):
        assert tampered(books, delete(JournalRow).where(*is_row(row)))


def test_two_rows_that_change_places_are_found(books):
    one, two = rows(books)[1:3]
    away = update(JournalRow).where(*is_row(one)).values(number=99)
    found = tampered(
        books, away, update(JournalRow).where(*is_row(two)).values(number=one["number"]),
        update(JournalRow).where(JournalRow.number == 99).values(number=two["number"]),
    )  # fmt: skip
    assert found[:2] == [
        "store s0, row 2: it does not follow the row before it", "store s0, row 2: it was changed",
    ]  # fmt: skip


def test_a_row_or_a_purchase_that_was_slipped_in_is_found(books):
    row = rows(books)[0]
    assert tampered(books, insert(JournalRow).values({**row, "number": 8}))
    purchase = rows(books, Redemption)[0]
    assert tampered(books, insert(Redemption).values({**purchase, "id": "new", "nonce": "new"})) == [
        "purchase new: it is not in the books as the journal has it"
    ]


def test_a_purchase_or_a_store_that_is_removed_is_found(books):
    gone = (
        delete(RedeemedOffer).where(RedeemedOffer.redemption == "r0"),
        delete(Redemption).where(Redemption.id == "r0"),
    )
    assert "purchase r0: it is missing in the books" in tampered(books, *gone)
    assert "store s1: its whole journal is missing" in tampered(
        books, delete(JournalRow).where(JournalRow.store == "s1")
    )


def test_a_journal_written_anew_is_found_by_a_head_that_was_noted(books):
    with books.reading() as connection:
        noted = journal.heads(connection)
    forged, previous = [], journal.BEGINNING
    for row in [row for row in rows(books) if row["store"] == "s0"]:
        entry = journal.Entry(**{name: row[name] for name in journal.Entry.__slots__} | {"actor": "somebody else"})
        own = entry.hash_after(row["number"], previous)
        forged.append(update(JournalRow).where(*is_row(row)).values(actor=entry.actor, previous=previous, hash=own))
        previous = own
    forged.append(update(JournalHead).where(JournalHead.store == "s0").values(hash=previous))
    assert tampered(books, *forged) == []
    with books.writing(keep=False) as connection:
        for each in FREED[connection.dialect.name]:
            connection.execute(text(each))
        for each in forged:
            connection.execute(each)
        assert findings(connection, noted) == ["store s0, row 7: it is not the row that was noted"]


def test_purchases_of_before_the_journal_are_its_first_rows(books):
    with books.writing(keep=False) as connection:
        config = Config()
        config.set_main_option("script_location", "endcap_backend.retail:migrations")
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
        command.upgrade(config, "head")
        assert findings(connection) == []
        assert connection.execute(select(func.count()).select_from(JournalRow)).scalar_one() == 14


def test_the_command_tells_of_sound_books_with_0_and_of_others_with_1(make_shop, own_database, tmp_path, capsys):
    shop = make_shop()
    shop.redeem()
    where = ["--database-url", database_url(tmp_path)]
    assert main(["audit", "check", *where]) == 0
    assert capsys.readouterr().out == "1 rows of 1 stores: all as they were written\n"
    assert main(["audit", "heads", *where]) == 0
    noted = tmp_path / "heads.json"
    noted.write_text(capsys.readouterr().out)
    with own_database.writing() as connection:
        connection.execute(update(Redemption).values(total_cents=1))
    assert main(["audit", "check", "--noted", str(noted), *where]) == 1
    assert capsys.readouterr().out == (
        "purchase r1: it is not in the books as the journal has it\n1 rows of 1 stores: 1 findings\n"
    )
    noted.write_text("[]")
    assert main(["audit", "check", "--noted", str(noted), *where]) == 1
    assert "does not hold what audit heads writes" in capsys.readouterr().err


@pytest.mark.parametrize("order", [["audit", "check"], ["audit", "heads"], ["staff", "list"], ["staff", "audit"]])
def test_a_folder_without_a_shop_is_no_shop_whose_books_are_right(order, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("ENDCAP_DATABASE_URL", raising=False)
    assert main([*order, "--data", str(tmp_path / "typo")]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "typo holds no shop; name the backend's data folder with --data" in said.err
    assert not (tmp_path / "typo").exists()
