"""Telling the backend what happened without it, in order; and what it says otherwise than the till did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from endcap.errors import Refused
from endcap_devkit.till.backend import ShopBackend, is_final, is_unknown
from endcap_devkit.till.drawer import DONE, REFUSED, WAITING, Drawer, Kept

UNSEEN = "the till stopped before its receipt: take it back, unless she paid by it"


def send_waiting(drawer: Drawer, backend: ShopBackend) -> Iterator[str]:
    """Send what waits, oldest first, each under its own id; a line for each that is settled.

    Sent again after a till died in between, a purchase gets the answer it got before. One that is refused for what it
    is not to blame for (the till's account, say) waits on, and is on the manager's list.
    What another process is selling or sending is left to it.

    Raises:
        Unreachable: the backend is away (again); the rest waits.
    """
    for each in drawer.open():
        if (kept := drawer.claim(each.id)) is None:
            continue
        try:
            line = _settled(drawer, backend, kept)
        finally:
            drawer.let_go(each.id)
        if line:
            yield line


def _settled(drawer: Drawer, backend: ShopBackend, kept: Kept) -> str:
    if kept.state != WAITING:
        return _taken_back(drawer, backend, kept)
    if kept.promised is None and not kept.tried:
        drawer.drop(kept.id)  # neither the backend nor anybody at the till has heard of it
        return ""
    return _sent(drawer, backend, kept)


def _sent(drawer: Drawer, backend: ShopBackend, kept: Kept) -> str:
    try:
        answer = _redeemed(backend, kept)
    except Refused as fault:
        if not is_final(fault):
            return _left(drawer, kept, fault)
        drawer.settle(kept.id, REFUSED, None, f"refused: {fault}")
        return f"purchase {kept.id} was refused: {fault}"
    trouble = UNSEEN if kept.promised is None else _difference(kept.promised, answer)
    drawer.settle(kept.id, DONE, answer, trouble)
    return f"purchase {kept.id} is in the books{': ' + trouble if trouble else ''}"


def _redeemed(backend: ShopBackend, kept: Kept) -> Mapping[str, Any]:
    """The backend's answer. It may have had the request as it was first sent; otherwise the code is over by now."""
    late = {**kept.body, "scanned_at": kept.scanned_at}
    if kept.tried:
        try:
            return backend.redeem(kept.body)
        except Refused as fault:
            if fault.status not in (409, 422):
                raise
    return backend.redeem(late)


def _taken_back(drawer: Drawer, backend: ShopBackend, kept: Kept) -> str:
    try:
        backend.reverse(kept.id)
        told = "is taken back: it had been redeemed, and was sold without"
    except Refused as fault:
        if not is_unknown(fault):
            return _left(drawer, kept, fault)
        told = "was never redeemed, and sold without"
    drawer.settle(kept.id, DONE, None)
    return f"purchase {kept.id} {told}"


def _left(drawer: Drawer, kept: Kept, fault: Refused) -> str:
    drawer.note(kept.id, f"waits: {fault}")
    return f"purchase {kept.id} waits: {fault}"


def _difference(promised: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """What she was given here that the books do not have; "" when they agree, or have more."""
    more = round((promised["off"] - answer["off"]) * 100)
    if more <= 0:
        return ""
    kept = {each["coupon"] for each in answer["applied"]} | {each["promotion"] for each in answer["promotions"]}
    reasons = {each["coupon"]: each["reason"] for each in answer["refused"]}
    gone = [
        f"{each['title']}: {reasons.get(id, 'it does not hold (any more)')}"
        for each in (*promised["applied"], *promised["promotions"])
        if (id := each.get("coupon", each.get("promotion"))) not in kept
    ]
    return f"{more / 100:.2f} more was taken off than the books have; {'; '.join(gone) or 'offers give less by now'}"
