"""From the names that shoppers bear in raw topics to their lasting uids, where a record enters the decision."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from endcap_backend.pipeline.stages.records import Inflow
from endcap_backend.pseudonym import Gone, Pseudonyms, day_of, is_name

log = logging.getLogger("endcap.stages")

OVER, GONE = "names over", "names of nobody"
# What is told by a name of before midnight is told within it: a fix may be 5 min ahead of its day, who sent it stands
# there for 5 min, and nothing older than 2 min brings an alert.
TURN = timedelta(minutes=15)
MET = 200_000  # shoppers whose latest day is remembered, 40 MB


class Lasting:
    """Translates records for all partitions of a worker; without `pseudonyms` only lasting uids pass. One thread."""

    def __init__(self, pseudonyms: Pseudonyms | None) -> None:
        self._pseudonyms = pseudonyms
        self._counts: Counter[str] = Counter({OVER: 0, GONE: 0})
        self._told: set[str] = set()  # days of which it was said that their names lead to nobody
        self._met: dict[str, str] = {}  # the latest day by whose name each was met; who was met anew last, last

    def of(self, record: Inflow) -> Inflow | None:
        """The record with her uid in the place of her name; None for one that nobody is to be told of.

        That is a name whose secret is not there, and one that is over: she was met under a later day's, which another
        partition may have, and must not hear of anything twice. Others' names say nothing of hers: backends of one
        database may lie in several time zones. A tombstone passes: she is forgotten under each.

        Raises:
            Unreachable: the shop's database does not answer.
        """
        name = record.key
        if name is None or not is_name(name):
            return record
        uid = Gone("") if self._pseudonyms is None else self._pseudonyms.inward(name)
        if isinstance(uid, Gone):
            self._complain(uid)
            return None
        assert self._pseudonyms is not None
        if record.value is None and not record.headers:
            self._met.pop(uid, None)
        elif self._is_over(uid, day_of(name)):
            self._counts[OVER] += 1
            return None
        old, new = name.encode(), uid.encode()
        return record._replace(
            key=uid,
            value=None if record.value is None else record.value.replace(old, new),
            headers={header: value.replace(old, new) for header, value in record.headers.items()},
        )

    def is_turning(self, uid: str) -> bool:
        """Whether she was met under a name so new that whoever has her last one may still tell her something by it."""
        day = self._met.get(uid)
        return day is not None and self._pseudonyms is not None and self._pseudonyms.is_turning(day, TURN)

    def forget_old(self) -> None:
        """Drop the secrets whose time is over, also while no record comes."""
        if self._pseudonyms is not None:
            self._pseudonyms.forget_old()

    def stats(self) -> Mapping[str, float]:
        return dict(self._counts)

    def _is_over(self, uid: str, day: str) -> bool:
        met = self._met.get(uid, "")
        if day > met:
            self._met.pop(uid, None)
            if len(self._met) >= MET:
                del self._met[next(iter(self._met))]
            self._met[uid] = day
        return day < met

    def _complain(self, name: Gone) -> None:
        self._counts[GONE] += 1
        if name.day not in self._told:
            self._told.add(name.day)
            log.error(
                "shoppers' names of a day lead to nobody, and nobody is told: name the shop's database that the "
                "backend has, with --data or ENDCAP_DATABASE_URL; or the day's secret is destroyed"
            )
