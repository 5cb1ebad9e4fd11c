"""The shop's reasons in her language: every sentence the backend can make is known, and none is half English."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.geo import LatLon
from endcap_backend.decide.candidates import HELP_TITLE, Candidate
from endcap_backend.decide.knowledge import Wish
from endcap_backend.decide.reason import why
from endcap_backend.match.shelf import NearShelf
from endcap_backend.retail import search
from endcap_backend.retail.knowing import ShopperBooks
from endcap_shopper.i18n import PSEUDO, Words
from endcap_shopper.reasons import GRAMMAR, read, said

EN, DE, XX = (Words(language) for language in ("en", "de", PSEUDO))
CURRENCIES = ("EUR", "GBP", "USD")
UNTRANSLATED = re.compile("[aceginosuyzACEGINOSUYZ]")  # the made-up language has accents on all of these

names = st.text("БГДЖ,:;. 7%()-", min_size=1, max_size=20)  # what no wording is made of, and what joins them
sections = st.none() | names
feet = st.none() | st.floats(0, 120)
prices = st.none() | st.floats(0.01, 5000)
discounts = st.none() | st.floats(0, 100)


@st.composite
def clips(draw, currency):
    """A coupon she clipped, as the shop's own books read it."""
    kind = draw(st.sampled_from(["percent", "amount", "n_for_m"]))
    value = draw(st.floats(0.01, 100))
    row = SimpleNamespace(kind=kind, value=value, n=3, m=2, id="c1", title="Week", sku=7, segment=None, ends_at=None)
    return ShopperBooks(None, None, None, currency)._clip(row)


@st.composite
def reasons(draw, currencies=CURRENCIES):
    """What the backend says of a candidate."""
    currency = draw(st.sampled_from(currencies))
    wish = st.builds(Wish, names, price_alert=prices)
    missing = st.builds(NearShelf, st.just(7), names, st.just(30.0), st.none() | names, st.none() | names, prices)
    candidate = Candidate(
        draw(st.sampled_from(["deal", "wanted", "alternative", "help"])), "u1", draw(names), "c1", 7,
        draw(st.none() | names | st.just("Item 7")), draw(feet), draw(discounts), section=draw(sections),
        price=draw(prices), wish=draw(st.none() | wish), clip=draw(st.none() | clips(currency)),
        missing=draw(st.none() | missing),
    )  # fmt: skip
    candidate.pid = draw(st.sampled_from(["c1", "p1"]))
    return why(candidate, draw(st.none() | st.floats(1, 100)), currency)


@st.composite
def alternatives(draw):
    """What the backend says of a product that may take another's place."""
    found = st.builds(
        search.Found, st.just(7), names, names, st.none(), prices, st.none() | st.integers(0, 999), st.none(),
        st.none() | names, st.just(LatLon(60.0, 25.0)), feet, st.none(),
    )  # fmt: skip
    return search._why(draw(found), draw(found), draw(st.sampled_from(CURRENCIES)))


@given(reasons((*CURRENCIES, "SEK")))
@settings(max_examples=150, deadline=None)
def test_every_reason_is_known_and_in_english_as_it_came(reason):
    assert read(reason) is not None
    assert said(reason, EN) == reason


@given(reasons())
@settings(max_examples=150, deadline=None)
def test_where_the_way_is_told_beside_it_only_the_steps_are_left_out(reason):
    assert said(reason, EN, way_told=True) == re.sub(r"about \d+ steps from you", "near you", reason)


@given(reasons() | alternatives())
@settings(max_examples=150, deadline=None)
def test_no_word_of_a_reason_stays_english(reason):
    for way_told in (False, True):
        assert not UNTRANSLATED.search(said(reason, XX, way_told=way_told))


@given(alternatives())
@settings(deadline=None)
def test_an_alternatives_reason_is_as_it_came_without_the_way_that_stands_beside_it(reason):
    assert said(reason, EN, way_told=True) == re.sub(r", about \d+ ft away( in .+)?$", "", reason)


def test_the_shop_makes_every_wording_that_is_known():
    clip = ShopperBooks(None, None, None)._clip
    row = {"id": "c1", "title": "Week", "n": 3, "m": 2, "sku": 7, "segment": None, "ends_at": None}
    coupons = [clip(SimpleNamespace(kind=kind, value=2.0, **row)) for kind in ("percent", "amount", "n_for_m")]
    gone = [NearShelf(8, "tea", 30.0, name=name, price=price) for name in (None, "Assam") for price in (3.0, 9.0)]
    made = [
        why(
            Candidate(
                kind, "u1", "Week", pid, 7, product, way_ft, off, section=section, price=3.0, wish=wish, clip=coupon,
                missing=missing,
            )
        )
        for kind in ("deal", "help") for pid in ("c1", "p1") for product in (None, "Item 7", "Chai")
        for way_ft in (None, 1.0, 30.0) for off in (None, 20.0) for section in (None, "Tea")
        for wish in (None, Wish("Tea"), Wish("Tea", price_alert=4.0)) for coupon in (None, *coupons)
        for missing in (None, *gone)
    ]  # fmt: skip
    shelves = [
        search.Found(7, "tea", "Chai", None, price, stock, None, section, LatLon(60.0, 25.0), 30.0, None)
        for price in (None, 3.0, 9.0) for stock in (None, 5) for section in (None, "Tea")
    ]  # fmt: skip
    made += [search._why(other, original, "EUR") for other in shelves for original in shelves]
    found = set()
    for reason in set(made):
        wordings(read(reason), found)
    assert found == {each for what, known in GRAMMAR.items() if what != "title" for each in known}


def wordings(part, found):
    """The wordings of a reason and of its parts."""
    if not isinstance(part, str):
        found.add(part.template)
        for each in part.parts.values():
            wordings(each, found)


@pytest.mark.parametrize(
    ("reason", "german"),
    [
        (
            "Dark roast: 20 % off, about 12 steps from you in Coffee",
            "Dark roast: 20\xa0% Rabatt, etwa 12 Schritte von dir, Abteilung Coffee",
        ),
        (
            "On your list, now 4.90 €, you asked for 5.00 €, right beside you",
            "Auf deiner Liste, jetzt 4,90\xa0€, dein Wunschpreis war 5,00\xa0€, gleich neben dir",
        ),
        ("Your coupon, 2.50 SEK off, near you", "Dein Coupon, 2,50\xa0SEK Rabatt, in deiner Nähe"),
        ("12.5 % off, and you hold a coupon, near you", "12,5\xa0% Rabatt, und du hast einen Coupon, in deiner Nähe"),
        (
            "Item 7 is out of stock; this is tea too, 1.00 $ less, near you",
            "Artikel 7 ist ausverkauft; auch das hier ist tea, 1,00\xa0$ günstiger, in deiner Nähe",
        ),
        (
            "You have looked around in Tea for a while. Ask, and somebody comes to you",
            "Du siehst dich schon eine Weile um (Abteilung Tea). Frag, und jemand kommt zu dir",
        ),
        (
            "Also tea, 1.00 € less than Assam, 12 in stock, about 100 ft away in Tea",
            "Auch tea, 1,00\xa0€ günstiger als Assam, 12 vorrätig, etwa 30\xa0m entfernt, Abteilung Tea",
        ),
    ],
)
def test_a_reason_in_german(reason, german):
    assert said(reason, DE) == german


def test_distances_are_in_her_unit():
    assert said("Also tea, in stock, about 42 ft away", Words("en", feet=True)).endswith("about 40\xa0ft away")


def test_the_shops_own_titles_are_said_and_a_promotions_are_left():
    titles = [said(title, DE, what="title") for title in (HELP_TITLE, "Item 7", "Item 7 for two", "Coffee week")]
    assert titles == ["Brauchst du Hilfe?", "Artikel 7", "Item 7 for two", "Coffee week"]


@pytest.mark.parametrize("sentence", ["", "You stand beside it.", "20 % off, if you hurry", "steps from you"])
def test_a_sentence_that_is_not_known_is_shown_as_it_came(sentence):
    assert (read(sentence), said(sentence, DE)) == (None, sentence)
