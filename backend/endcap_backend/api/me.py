"""`GET /v1/me/export` and `DELETE /v1/me`: all that is held of a shopper, handed out or erased."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from flask import Blueprint, Response

from endcap.clock import Clock
from endcap.wire import from_epoch_ms, write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer
from endcap_backend.api.erasure import Erasure
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation
from endcap_backend.api.problems import Problem
from endcap_backend.api.receipt import RECEIPT, Elsewhere
from endcap_backend.api.sessions import RECORDED
from endcap_backend.api.shoppers import Shopper, Shoppers
from endcap_backend.log import READ_LIMIT, Log, Record
from endcap_backend.retail.database import Database
from endcap_backend.retail.personal import export_of

_PROBLEMS = ("unauthorised", "too_many_requests", "unavailable")
EXPORT = object_of(
    {
        "uid": TEXT,
        "exported_at": INSTANT,
        "consents": {"type": "array", "items": RECORDED},
        "shop": {
            "type": "object",
            "description": "her rows in the shop's database, by table: coupons, card, ledger, purchases, lists",
            "additionalProperties": {"type": "array", "items": {"type": "object"}},
        },
        "records": {
            "type": "array",
            "items": object_of({"topic": TEXT, "at": INSTANT, "value": {"type": ["object", "null"]}}),
        },
    },
    about="Every record that bears her pseudonym: fixes, events, alerts and what was refused.",
)


def blueprint(
    guard: Guard, shoppers: Shoppers, erasure: Erasure, elsewhere: Sequence[Elsewhere], log: Log, database: Database,
    clock: Clock,
) -> Blueprint:  # fmt: skip
    routes = Blueprint("me", __name__)

    @routes.get("/v1/me/export")
    @operation(Operation("All that is held of her", "shopper", {200: EXPORT}, problems=_PROBLEMS, bearer=True))
    def export() -> Response:
        shopper = guard.shopper()
        head: dict[str, object] = {
            "uid": shopper.uid,
            "exported_at": write_instant(clock.now()),
            "consents": shoppers.consents(shopper.uid),
        }
        with database.reading() as connection:
            head["shop"] = export_of(connection, shopper.uid)
        return Response(_written(head, log, shopper), mimetype="application/json")

    @routes.delete("/v1/me")
    @operation(Operation("Erase her", "shopper", {202: RECEIPT}, problems=(*_PROBLEMS, "gone"), bearer=True))
    def delete() -> Response:
        uid = guard.uid()
        if shoppers.find(uid) is not None:
            return answer(erasure.begin(uid).to_json(elsewhere), 202)
        receipt = erasure.pending(uid)
        if receipt is None:
            raise Problem("gone", "she is not known here, or not any more")
        return answer(receipt.to_json(elsewhere), 202)

    @routes.get("/v1/erasures/<receipt>")
    @operation(Operation("How far an erasure is", "shopper", {200: RECEIPT}, problems=("not_found",)))
    def get_erasure(receipt: str) -> Response:
        found = erasure.receipt(receipt)
        if found is None:
            raise Problem("not_found", "no such receipt")
        return answer(found.to_json(elsewhere))

    return routes


def _written(head: Mapping[str, object], log: Log, shopper: Shopper) -> Iterator[str]:
    """The export, bit by bit: a day of fixes is 20 MB."""
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "records": ['
    offsets = log.offsets_of(shopper.uid)
    separator = ""
    for start in range(0, len(offsets), READ_LIMIT):
        for record in log.read_at(offsets[start : start + READ_LIMIT]):
            yield separator + json.dumps(_exported(record), ensure_ascii=False)
            separator = ",\n"
    yield "]}"


def _exported(record: Record) -> dict[str, object]:
    at = write_instant(from_epoch_ms(record.timestamp_ms))
    return {"topic": record.topic, "at": at, "value": json.loads(record.value or "null")}
