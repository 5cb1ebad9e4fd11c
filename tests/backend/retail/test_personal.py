"""What the database holds of a shopper is known as hers, handed out, and erased down to the file."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, select

from endcap.testing import NOON
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.personal import PERSONAL, export_of, forget
from endcap_backend.retail.schema import Base, Outbox
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.retail.till_tables import Clip, LoyaltyAccount, LoyaltyEntry, Redemption

HERS, ANOTHERS = "a1" * 16, "b2" * 16


def put_rows_of(connection, uid, card):
    """A clip, a card, a line in the ledger (so: a note that something changed), a purchase, and an event on its way."""
    connection.execute(insert(Clip), [{"uid": uid, "coupon": "c1", "clipped_at": NOON}])
    connection.execute(insert(LoyaltyAccount), [{"uid": uid, "card": card, "opened_at": NOON, "balance": 7}])
    entry = {"uid": uid, "at": NOON, "points": 7, "reason": "purchase", "expires_at": NOON + timedelta(days=1)}
    connection.execute(insert(LoyaltyEntry), [entry])
    purchase = {
        "id": f"r{uid[0]}", "nonce": uid[0], "uid": uid, "asked": "f", "at": NOON, "store": "s1", "till": "till-1",
        "total_cents": 700, "off_cents": 100, "points": 7, "answer": f'{{"balance": {card}}}',
    }  # fmt: skip
    connection.execute(insert(Redemption), [purchase])
    connection.execute(insert(Outbox), [{"topic": "customers_events", "key": uid, "value": "{}", "at_ms": 0}])


def put_both(database):
    with database.writing() as connection:
        put_coupons(connection, [CouponTerms("c1", "5 % off", "percent", value=5.0)])
        put_rows_of(connection, HERS, "2900000000001")
        put_rows_of(connection, ANOTHERS, "2900000000002")


def test_every_table_that_bears_a_uid_is_known_as_personal(database):
    bearing = {name for name, table in Base.metadata.tables.items() if "uid" in table.columns}
    assert {each.name for each in PERSONAL} == bearing


def test_an_export_holds_her_rows_and_nobody_elses(database):
    put_both(database)
    with database.reading() as connection:
        found = export_of(connection, HERS)
    assert found["clips"] == [{"coupon": "c1", "clipped_at": "2026-11-24T12:00:00.000Z", "redeemed": 0}]
    assert [(row["points"], row["expires_at"]) for row in found["loyalty_ledger"]] == [(7, "2026-11-25T12:00:00.000Z")]
    assert [row["card"] for row in found["loyalty_accounts"]] == ["2900000000001"]
    assert [(row["id"], row["answer"]) for row in found["redemptions"]] == [("ra", {"balance": 2900000000001})]


def test_forgotten_she_is_in_no_table_and_the_books_still_add_up(database):
    put_both(database)
    with database.writing() as connection:
        assert forget(connection, HERS) == 6
    with database.reading() as connection:
        assert {name: rows for name, rows in export_of(connection, HERS).items() if rows} == {}
        assert all(export_of(connection, ANOTHERS)[name] for name in ("clips", "loyalty_ledger", "redemptions"))
        assert connection.execute(select(Outbox.key)).scalars().all() == [ANOTHERS]
        books = connection.execute(select(Redemption.uid, Redemption.total_cents).order_by(Redemption.id)).all()
    assert books == [(None, 700), (ANOTHERS, 700)]


def test_forgotten_and_folded_she_is_in_no_file_of_sqlite(database, tmp_path):
    """On PostgreSQL there is no file of ours to look into: `fold` has nothing to do there."""
    put_both(database)
    with database.writing() as connection:
        forget(connection, HERS)
    assert database.fold()
    on_disk = b"".join(path.read_bytes() for path in Path(tmp_path).glob("retail.db*"))
    assert [canary for canary in (HERS, "2900000000001") if canary.encode() in on_disk] == []
    assert (ANOTHERS.encode() in on_disk) == (database.url.get_backend_name() == "sqlite")
