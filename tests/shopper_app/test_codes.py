"""Codes: what zbar reads from the modules is what was put in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyzbar.pyzbar import decode

from endcap_shopper.codes import card_bars, check_digit, code128, ean13, qr


def read_back(matrix, module=3, bar_height=40):
    """What a reader says of it, drawn black on white."""
    rows = matrix.rows if matrix.symbology == "qr" else matrix.rows * bar_height
    picture = Image.new("L", (matrix.width * module, (len(rows) + 2 * matrix.quiet) * module), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                left, top = (x + matrix.quiet) * module, (y + matrix.quiet) * module
                picture.paste(0, (left, top, left + module, top + module))
    return [found.data.decode() for found in decode(picture)]


def test_a_qr_of_a_signed_code_is_read_back():
    text = "E1." + "aZ09_-" * 40
    assert read_back(qr(text)) == [text]


@given(st.integers(0, 10**12 - 1))
@settings(max_examples=20)
def test_bars_of_any_card_are_read_back(number):
    digits = f"{number:012d}"
    whole = digits + check_digit(digits)
    assert read_back(ean13(whole)) == [whole]


@pytest.mark.parametrize("text", ["ABC-123", "a1!~", "00012345"])
def test_a_card_that_is_no_ean_is_code_128(text):
    matrix = card_bars(text)
    assert (matrix.symbology, read_back(matrix)) == ("code128", [text])


def test_a_card_that_is_an_ean_is_drawn_as_one():
    assert card_bars("2012345678903").symbology == "ean13"


@pytest.mark.parametrize("number", ["2012345678904", "201234567890", "20123456789O3", "٢٠١٢٣٤٥٦٧٨٩٠٣"])
def test_a_wrong_number_is_refused_and_not_put_right(number):
    with pytest.raises(ValueError, match="EAN-13"):
        ean13(number)


@pytest.mark.parametrize(
    ("make", "text"), [(qr, ""), (qr, "x" * 1201), (code128, ""), (code128, "ä"), (code128, "x" * 49)]
)
def test_what_no_till_could_read_is_refused(make, text):
    with pytest.raises(ValueError, match="holds"):
        make(text)


def test_the_quiet_zone_is_part_of_the_size():
    matrix = qr("x")
    assert matrix.width == matrix.height == 21 + 8
    assert ean13("2012345678903").width == 95 + 22
