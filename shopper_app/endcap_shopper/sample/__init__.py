"""A made-up shopper in a made-up store, for pictures and tests of the screens."""

from __future__ import annotations

from endcap_shopper.sample.possessions import COUPONS, NUMBER, SIGNED
from endcap_shopper.sample.shopper import SampleShopper

__all__ = ["COUPONS", "NUMBER", "SIGNED", "SampleShopper"]
