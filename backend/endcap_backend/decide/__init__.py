"""What to tell whom: the few alerts worth a shopper's attention, out of everything that is near her.

`decide` is a pure function of candidates, one shopper's record, the time and the limits; `Decider` keeps the records.
"""

from endcap_backend.decide.candidates import Candidate, deal
from endcap_backend.decide.choice import Choice, decide
from endcap_backend.decide.decider import Decider
from endcap_backend.decide.knowledge import Clip, Knowledge, Known, Terms, Wish
from endcap_backend.decide.limits import Limits, QuietHours
from endcap_backend.decide.score import Score, score
from endcap_backend.decide.shoppers import Shopper, Shoppers, Told

__all__ = [
    "Candidate",
    "Choice",
    "Clip",
    "Decider",
    "Knowledge",
    "Known",
    "Limits",
    "QuietHours",
    "Score",
    "Shopper",
    "Shoppers",
    "Terms",
    "Told",
    "Wish",
    "deal",
    "decide",
    "score",
]
