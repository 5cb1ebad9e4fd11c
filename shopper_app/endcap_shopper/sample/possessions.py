"""What the sample shopper is offered, has, wants and is asked."""

from __future__ import annotations

from endcap_shopper import codes
from endcap_shopper.views import (
    CouponRow,
    DealCard,
    LedgerRow,
    Purpose,
    WishRow,
)

SIGNED = "EC1." + "q7Jd0sX9vT2mLkWc4RzAf8uHy6PbNe3g" * 7  # as long as what the shop signs
NUMBER = "2400012345678"[:12] + codes.check_digit("240001234567")


DEALS: tuple[DealCard, ...] = (
    DealCard(
        "d1",
        "Espresso beans, 1 kg",
        "It is on your list, and members pay less today.",
        "−25 %",
        "12\xa0m · Coffee & tea",
        "Ends tonight at 21:00",
        "wanted",
        "coffee",
        True,
        "available",
        9001,
    ),
    DealCard(
        "d2",
        "Aged Gouda, 2 for 1",
        "You stand beside it.",
        "2 for 1",
        "28\xa0m · Dairy",
        "2 days left",
        "deal",
        "cheese",
        False,
        "clipped",
        9002,
    ),
    DealCard(
        "d3", "Lemons, net of 6", "It goes with your Gold coupon.", "−15 %", "34\xa0m · Produce", "", "deal", "fruit"
    ),
    DealCard(
        "d4",
        "Sourdough loaf",
        "The one on your list is sold out here; this one is fresh.",
        "−10 %",
        "41\xa0m · Bakery",
        "3 hours left",
        "alternative",
        "bakery",
        False,
        None,
        9004,
    ),
)

WISHES: tuple[WishRow, ...] = (
    WishRow("w1", "Espresso beans, 1 kg", 1, "Coffee & tea · 12\xa0m · deal", "good", "€11.25", "€15.00", sku=9001),
    WishRow("w2", "Oat milk", 2, "Dairy · 26\xa0m", "plain", "€3.80", note="The barista one", sku=9005),
    WishRow(
        "w3",
        "Lemons",
        1,
        "Produce · 34\xa0m · cheaper since yesterday",
        "good",
        "€1.69",
        "€1.99",
        price_alert=1.5,
        alert_text="Tell me at €1.50",
        sku=9003,
    ),
    WishRow("w4", "Desk lamp Lumen", 1, "Not sold in Riverside", "warning", "€29.00", sku=9006),
    WishRow("w5", "Aged Gouda", 1, "Got it already", done=True, price="€6.40", sku=9002),
    WishRow("w6", "Sourdough loaf", 1, "Got it already", done=True, price="€3.20", sku=9004),
)

COUPONS: tuple[CouponRow, ...] = (
    CouponRow("c1", "Espresso beans", "−25 %", "Members only, once a visit", "Ends tonight at 21:00", True),
    CouponRow("c2", "Everything from the bakery", "−10 %", "", "6 days left"),
    CouponRow("c3", "Pasta, any shape", "3 for 2", "The cheapest one is free", "12 days left"),
    CouponRow("c4", "Aged Gouda", "2 for 1", "", "2 days left", False, "clipped", "Takes €6.40 off"),
    CouponRow(
        "c5",
        "From €30",
        "−€5.00",
        "Not with other offers on cheese",
        "8 days left",
        False,
        "clipped",
        "Aged Gouda takes off more, and the two don't go together.",
    ),
    CouponRow("c6", "Lemons", "−15 %", "", "Redeemed yesterday", False, "redeemed"),
    CouponRow("c7", "Ice cream", "−€1.00", "", "Expired on 1 Nov", False, "expired"),
)

LEDGER = (
    LedgerRow("l4", "Shopping in Riverside", "Today, 12:40", "+112", "1,840"),
    LedgerRow("l3", "Voucher of €5", "12 Nov", "−500", "1,728", False),
    LedgerRow("l2", "Shopping in Harbour", "3 Nov", "+228", "2,228"),
    LedgerRow("l1", "Welcome", "1 Nov", "+2,000", "2,000"),
)

PURPOSES: tuple[Purpose, ...] = (
    Purpose("location", "Where I am in the store", "For offers beside you, the map and the way."),
    Purpose("promotions", "Offers", "The shop sends what fits where you stand."),
    Purpose("analytics", "What I look at", "Helps the shop to send fewer and better offers."),
)

KINDS: tuple[Purpose, ...] = (
    Purpose("deal", "Deals", "Beside you, at most three a visit", True),
    Purpose("wanted", "Things on my list", "When you come near one", True),
    Purpose("alternative", "Alternatives", "When something is sold out", True),
    Purpose("help", "Help", "When somebody comes", True),
)
