"""The checker itself: each promise, broken on purpose, is noticed."""

import pytest

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_LOCATIONS
from endcap.testing import an_alert
from endcap_backend.log import Record

ONE, TWO = an_alert(id="a1", uid="ann"), an_alert(id="a2", uid="ann")
FIX = Record(1, CUSTOMERS_LOCATIONS, "ann", "{}", 0, "ann:1")
TOLD = [Record(n, CUSTOMERS_ALERTS, "ann", each.to_text(), 0, each.id) for n, each in ((2, ONE), (3, TWO))]
HEARD = [("ann", ONE), ("ann", TWO)]


def test_a_history_as_promised_has_no_problems(history_problems):
    assert history_problems(["ann:1"], HEARD, [FIX, *TOLD]) == []


@pytest.mark.parametrize(
    ("acknowledged", "heard", "records", "problem"),
    [
        (["ann:1"], HEARD, TOLD, "fix ann:1 was acknowledged and is in the log 0 times"),
        (["ann:1"], HEARD, [FIX, FIX, *TOLD], "fix ann:1 was acknowledged and is in the log 2 times"),
        ([], [*HEARD, ("ann", TWO)], TOLD, "alert a2 arrived 2 times"),
        ([], HEARD[:1], TOLD, "alert a2 never arrived"),
        ([], HEARD, TOLD[:1], "alert a2 arrived and is not in the log"),
        ([], [("bob", ONE), ("ann", TWO)], TOLD, "bob heard an alert of ann"),
        ([], HEARD[::-1], TOLD, "ann heard her alerts out of order"),
        ([], HEARD, [*TOLD, TOLD[1]], "alert a2 is in the log 2 times"),
    ],
    ids=["lost", "doubled", "repeated", "undelivered", "invented", "misdirected", "disordered", "decided twice"],
)
def test_a_broken_promise_is_noticed(history_problems, acknowledged, heard, records, problem):
    assert problem in history_problems(acknowledged, heard, records)
