"""Redeeming at the till: one transaction that uses up coupons and budgets, gives points and tells of it, exactly once.

Everything hangs on two things the database alone decides: the purchase's id and the code's nonce are unique, and a
coupon is used by an UPDATE that finds it unused. What loses such a race is refused, and the rest of the basket is
reckoned anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from endcap.clock import Clock
from endcap.errors import BadMessage, EndcapError
from endcap.messages import CUSTOMERS_EVENTS, CustomerEvent, derived_id
from endcap.wire import epoch_ms, write_instant
from endcap_backend.api.roles import Employee
from endcap_backend.retail import journal, loyalty, promoted, wallet
from endcap_backend.retail.codes import SKEW, Code, read_code
from endcap_backend.retail.combination import best
from endcap_backend.retail.database import Database, insertion
from endcap_backend.retail.loyalty import Account
from endcap_backend.retail.offers import Applied, Combination, Offer, Refused
from endcap_backend.retail.purchase import Answer, Purchase, as_lines
from endcap_backend.retail.reversal import reverse
from endcap_backend.retail.schema import Outbox
from endcap_backend.retail.tiers import LoyaltyRules
from endcap_backend.retail.till_tables import RedeemedOffer, Redemption
from endcap_backend.retail.tillkeys import PUBLISHED_AHEAD, TillKeys


class Conflict(EndcapError):
    """An id with another purchase, or a code that was used already."""


class UnknownCard(EndcapError):
    """A good code of a card that is not there any more."""


class Redemptions:
    """Redeems and reverses. Safe from any thread and from several processes on one database."""

    def __init__(
        self, database: Database, keys: TillKeys, rules: LoyaltyRules, clock: Clock, currency: str = "EUR"
    ) -> None:
        self._database = database
        self._currency = currency
        self._keys = keys
        self._rules = rules
        self._clock = clock

    def redeem(self, purchase: Purchase, till: Employee) -> Answer:
        """Redeem a purchase; the same one again gives the same answer and changes nothing.

        Raises:
            BadCode: the code is none of ours, was altered or is over.
            BadMessage: `scanned_at` is too long ago.
            Conflict: the id belongs to another purchase, or to one that was taken back, or the code was used.
            UnknownCard: the card is gone.
        """
        now = self._clock.now()
        with self._database.reading() as connection:
            known = _known(connection, purchase)
        if known is not None:
            return known
        code = read_code(purchase.till.code, self._keys.public())
        code.check_time(self._scanned_at(purchase, now))
        with self._database.writing() as connection:
            account = loyalty.locked_account(connection, code.card)
            if account is None:
                raise UnknownCard("the card is not known (any more)")
            if not _begin(connection, purchase, code, account, till.name, now):
                return _repeated(connection, purchase)
            return self._redeem(connection, purchase, code, account, till, now)

    def reverse(self, number: str, till: Employee) -> Answer | None:
        """Take a purchase back: coupons and budgets are free again, its points go. None for an id that is unknown."""
        with self._database.writing() as connection:
            return reverse(connection, number, till, self._clock.now())

    def _scanned_at(self, purchase: Purchase, now: datetime) -> datetime:
        scanned_at = purchase.till.scanned_at or now
        if not now - PUBLISHED_AHEAD <= scanned_at <= now + SKEW:
            raise BadMessage("scanned_at", "must be of the last 24 hours")
        return min(scanned_at, now)

    def _redeem(
        self, connection: Connection, purchase: Purchase, code: Code, account: Account, till: Employee, now: datetime
    ) -> Answer:
        found = self._used(connection, purchase, code, account, now)
        points = self._rules.points_for(found.total_cents)
        loyalty.expire(connection, account.uid, now)
        number, store = purchase.till.id, purchase.till.store
        balance = loyalty.enter(
            connection, account.uid, points, loyalty.PURCHASE, now, self._rules.expiry_of(now),
            store=store, redemption=number,
        )  # fmt: skip
        _tell(connection, found, account.uid, number, store, now)
        said = {"id": number, "at": write_instant(now), **found.to_json(), "currency": self._currency}
        answer = json.dumps({**said, "points": points, "balance": balance}, ensure_ascii=False)
        _keep(connection, number, found, points, answer)
        _journal(connection, purchase, found, points, till, now)
        return Answer(answer, new=True)

    def _used(
        self, connection: Connection, purchase: Purchase, code: Code, account: Account, now: datetime
    ) -> Combination:
        """The best combination of which every offer could be used up; what another till took first is refused."""
        basket = as_lines(connection, purchase.basket)
        buyer = loyalty.buyer_of(connection, account.uid, self._rules, now)
        shown, let_go = wallet.shown_at_the_till(connection, account.uid, code.coupons, now)
        offers = [each.offer for each in shown] + promoted.offers_for(connection, account.uid, basket, now)
        refused = [Refused(each.offer, "not_clipped", "it is not clipped (any more)") for each in let_go]
        while True:
            found = best(basket, offers, buyer, now)
            with connection.begin_nested() as attempt:
                gone = _first_gone(connection, found.applied, account.uid, now)
                if gone is None:
                    return Combination(found.applied, found.refused + refused, found.total_cents, found.off_cents)
                attempt.rollback()
            refused.append(Refused(gone, "limit", "it was used up while she paid"))
            offers = [each for each in offers if each != gone]


def _known(connection: Connection, purchase: Purchase) -> Answer | None:
    """The answer this purchase got before.

    Raises:
        Conflict: its id belongs to another purchase, or it was taken back.
    """
    query = select(Redemption.asked, Redemption.answer, Redemption.reversed_at).where(Redemption.id == purchase.till.id)
    row = connection.execute(query).first()
    if row is None:
        return None
    if row.asked != purchase.fingerprint:
        raise Conflict("this id belongs to another purchase: give each its own")
    if row.reversed_at is not None:
        raise Conflict("this purchase was taken back: give what is sold now an id of its own")
    return Answer(row.answer, new=False)


def _repeated(connection: Connection, purchase: Purchase) -> Answer:
    known = _known(connection, purchase)
    if known is None:
        raise Conflict("this code was used already: ask for a new one")
    return known


def _begin(connection: Connection, purchase: Purchase, code: Code, account: Account, till: str, now: datetime) -> bool:
    """Take the purchase's id and the code's nonce; False when one of them is taken."""
    row = {
        "id": purchase.till.id, "nonce": code.nonce, "uid": account.uid, "asked": purchase.fingerprint, "at": now,
        "store": purchase.till.store, "till": till, "total_cents": 0, "off_cents": 0, "points": 0, "answer": "",
    }  # fmt: skip
    taken = insertion(connection, Redemption).values(row).on_conflict_do_nothing().returning(Redemption.id)
    return connection.execute(taken).first() is not None


def _first_gone(connection: Connection, applied: Sequence[Applied], uid: str, now: datetime) -> Offer | None:
    """Use up what is applied, in one order for all tills so that none waits for another; the first that is gone."""
    for each in sorted(applied, key=lambda each: (each.offer.source, each.offer.id)):
        if each.offer.source == "coupon":
            used = wallet.use(connection, uid, each.offer.id, each.off_cents, now)
        else:
            used = promoted.use(connection, each.offer.id, each.off_cents)
        if not used:
            return each.offer
    return None


def _keep(connection: Connection, number: str, found: Combination, points: int, answer: str) -> None:
    values = {"total_cents": found.total_cents, "off_cents": found.off_cents, "points": points, "answer": answer}
    connection.execute(update(Redemption).where(Redemption.id == number).values(values))
    rows = [
        {"redemption": number, "source": each.offer.source, "offer": each.offer.id, "off_cents": each.off_cents}
        for each in found.applied
    ]
    if rows:
        connection.execute(insert(RedeemedOffer), rows)


def _tell(connection: Connection, found: Combination, uid: str, number: str, store: str, now: datetime) -> None:
    """Set a `redeemed` event for each offer on its way to `customers_events`."""
    events = [
        CustomerEvent(
            id=derived_id("redeemed", number, each.offer.source, each.offer.id), uid=uid, kind="redeemed",
            occurred_at=now, pid=each.offer.id, sku=each.offer.sku, store=store,
        )
        for each in found.applied
    ]  # fmt: skip
    rows = [{"topic": CUSTOMERS_EVENTS, "key": uid, "value": each.to_text(), "at_ms": epoch_ms(now)} for each in events]
    if rows:
        connection.execute(insert(Outbox), rows)


def _journal(
    connection: Connection, purchase: Purchase, found: Combination, points: int, till: Employee, now: datetime
) -> None:
    offers = [(each.offer.source, each.offer.id, each.off_cents) for each in found.applied]
    journal.append(
        connection,
        journal.Entry(
            store=purchase.till.store, at=now, kind=journal.REDEEMED, redemption=purchase.till.id, actor=till.name,
            role=str(till.role), till=till.name, evidence="scan offline" if purchase.till.scanned_at else "scan",
            total_cents=found.total_cents, off_cents=found.off_cents, points=points,
            offers=journal.write_offers(offers),
        ),
    )  # fmt: skip
