"""What promotions and coupons take off, as files say it and the database keeps it."""

import pytest
from sqlalchemy import inspect, select, text, update

from endcap.messages import ProductPromotion
from endcap.testing import a_promotion
from endcap_backend.retail.catalogue import Stored, put_promotions
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database
from endcap_backend.retail.rows import check_coupons, check_promotions
from endcap_backend.retail.schema import Outbox, Promotion
from endcap_backend.retail.terms import CouponTerms, ShopPromotion
from endcap_backend.retail.till_tables import Coupon

COUPONS = """id,title,kind,value,n,m,sku,segment,ends_at,tier,auto_clip,limit_per_shopper,budget
c1,1 € off coffee,amount,1.00,,,,coffee,2026-11-30T00:00:00Z,,yes,,500
c2,3 for 2,n_for_m,,3,2,9001,,,gold,no,2,
"""


def the_faults(checked):
    return [str(fault) for fault in checked.faults]


@pytest.fixture
def promoted(database):
    """Puts promotions; returns what became of them."""

    def put(*promotions):
        with database.writing() as connection:
            return put_promotions(connection, promotions, 0)

    return put


def the_row(database):
    with database.reading() as connection:
        return connection.execute(select(*Promotion.__table__.columns)).one()


def the_told(database):
    with database.reading() as connection:
        return [ProductPromotion.from_text(each) for each in connection.execute(select(Outbox.value)).scalars()]


def test_a_promotion_without_terms_takes_its_discount_off(database, promoted):
    promoted(a_promotion())
    row = the_row(database)
    assert (row.kind, row.value, row.members_only, row.spent_cents) == ("percent", 20.0, False, 0)


def test_a_percentage_travels_as_the_discount(database, promoted):
    promoted(ShopPromotion("p1", "coffee", kind="percent", value=15.0, budget=10.01, members_only=True))
    assert the_told(database) == [ProductPromotion("p1", "coffee", discount=15.0)]
    assert (the_row(database).budget_cents, the_row(database).members_only) == (1001, True)


def test_a_new_budget_is_a_change_that_the_topic_does_not_hear_of(database, promoted):
    promotion = ShopPromotion("p1", "coffee", kind="amount", value=1.0, budget=10)
    assert promoted(promotion) == Stored(new=1)
    assert promoted(ShopPromotion("p1", "coffee", kind="amount", value=1.0, budget=20)) == Stored(changed=1)
    assert (the_row(database).budget_cents, len(the_told(database))) == (2000, 1)


def test_what_is_spent_of_a_budget_stays_spent_when_the_terms_change(database, promoted):
    promoted(ShopPromotion("p1", "coffee", kind="amount", value=1.0, budget=10))
    with database.writing() as connection:
        connection.execute(update(Promotion).values(spent_cents=700))
    promoted(ShopPromotion("p1", "coffee", kind="amount", value=2.0, budget=10))
    assert (the_row(database).value, the_row(database).spent_cents) == (2.0, 700)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("percent,,,,,", "value: is missing: kind percent"),
        ("percent,0,,,,", "value: must be above 0 for kind percent"),
        ("percent,101,,,,", "value: must not be above 100 per cent"),
        ("percent,20,,,10,", "discount: differs from what kind and value say; leave it out"),
        ("percent,20,3,,,", "n: belongs to kind n_for_m only"),
        ("amount,0.001,,,,", "value: must be a hundredth of the currency at least"),
        ("amount,5,,,5,", "discount: differs from what kind and value say; leave it out"),
        ("n_for_m,,,2,,", "n: is missing: kind n_for_m"),
        ("n_for_m,,3,,,", "m: is missing: kind n_for_m"),
        ("n_for_m,,2,2,,", "m: must be below n: she takes n and pays for m"),
        ("n_for_m,5,3,2,,", "value: does not belong to kind n_for_m"),
        ("bogof,,,,,", "kind: must be one of percent, amount, n_for_m"),
        (",5,,,,", "kind: is missing: value alone does not say what is taken off"),
        ("percent,5,,,,maybe", "members_only: must be true or false, not text"),
    ],
)
def test_terms_that_do_not_go_together_name_the_row_and_the_field(a_file, cells, said):
    header = "pid,segment,kind,value,n,m,discount,members_only"
    path = a_file("week48.csv", f"{header}\np1,tea,{cells}\np2,tea,n_for_m,,3,2,,no\n")
    checked = check_promotions([path])
    assert the_faults(checked) == [f"week48.csv line 2: {said}"]
    assert [(each.pid, each.kind, each.n, each.m) for each in checked.messages] == [("p2", "n_for_m", 3, 2)]


@pytest.mark.parametrize(
    ("coupon", "said"),
    [
        ({"sku": 1, "segment": "tea"}, "segment: must be left out where sku names one product"),
        ({"id": "no such/id"}, "id: must match [A-Za-z0-9._~-]{1,64}"),
        ({"kind": None}, "kind: must not be null"),
        ({"limit_per_shopper": 0}, "limit_per_shopper: must not be below 1"),
        (
            {"starts_at": "2026-11-24T12:00:00Z", "ends_at": "2026-11-24T12:00:00Z"},
            "ends_at: must be after starts_at",
        ),
        ({"id": "c0"}, "id: stands already in coupons.jsonl line 1"),
    ],
)
def test_a_coupon_that_cannot_be_names_its_row_and_the_field(a_file, coupon, said):
    import json

    first = {"id": "c0", "title": "5 % off", "kind": "percent", "value": 5}
    path = a_file("coupons.jsonl", "\n".join(map(json.dumps, [first, {**first, "id": "c1", **coupon}])))
    checked = check_coupons([path])
    assert the_faults(checked) == [f"coupons.jsonl line 2: {said}"]
    assert [each.id for each in checked.messages] == ["c0"]


def test_coupons_are_loaded_from_a_file_all_or_nothing(load, data, a_file):
    path = a_file("coupons.csv", COUPONS)
    assert load("--coupons", path, "--dry-run")[1] == (
        "coupons: 2 new, 0 changed, 0 unchanged (dry run: nothing stored)\n"
    )
    assert load("--coupons", path) == (0, "coupons: 2 new, 0 changed, 0 unchanged\n", "")
    path.write_text(COUPONS.replace("1.00", "1.50"))
    assert load("--coupons", path)[1] == "coupons: 0 new, 1 changed, 1 unchanged\n"
    path.write_text(COUPONS.replace("1.00", "-1"))
    assert load("--coupons", path)[2].splitlines()[0] == "coupons.csv line 2: value: must not be below 0"


def test_a_coupon_keeps_its_number_and_what_was_redeemed_when_its_terms_change(database):
    with database.writing() as connection:
        put_coupons(connection, [CouponTerms("c1", "5 % off", "percent", value=5.0, tier="gold")])
        connection.execute(update(Coupon).values(redeemed=3, spent_cents=90))
        before = connection.execute(select(Coupon.number)).scalar_one()
        assert put_coupons(connection, [CouponTerms("c1", "7 % off", "percent", value=7.0)]) == Stored(changed=1)
        row = connection.execute(select(*Coupon.__table__.columns)).one()
    assert (row.number, row.redeemed, row.spent_cents, row.value, row.tier) == (before, 3, 90, 7.0, None)


def test_a_database_of_the_first_version_gets_the_terms_and_can_go_back(url):
    """The promotions it holds stay, as of no kind until they are put again."""
    from alembic import command
    from alembic.config import Config

    database = Database(url)
    with database.writing() as connection:
        put_promotions(connection, [a_promotion()], 0)
    for revision, there in (("0001", False), ("head", True)):
        with database.writing() as connection:
            config = Config()
            config.set_main_option("script_location", "endcap_backend.retail:migrations")
            config.attributes["connection"] = connection
            (command.upgrade if there else command.downgrade)(config, revision)
            assert ("kind" in {each["name"] for each in inspect(connection).get_columns("promotions")}) == there
            assert inspect(connection).has_table("coupons") == there
            assert connection.execute(text("SELECT pid, discount FROM promotions")).all() == [("p1", 20.0)]
    database.close()
