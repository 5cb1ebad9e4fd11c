"""Codes a till can read, as matrices of dark and light: a widget draws them pixel by pixel, black on white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import barcode
import segno

Symbology = Literal["qr", "ean13", "code128"]

QR_QUIET = 4  # modules of white around it, by ISO 18004
BAR_QUIET = {"ean13": 11, "code128": 10}  # modules left and right, by GS1; EAN needs 11 left and 7 right
MAX_QR_CHARS = 1200  # beyond it the modules get too small for a phone's screen
MAX_CODE128_CHARS = 48  # wider than a phone's screen at a module a tenth of a millimetre


@dataclass(frozen=True, slots=True)
class Matrix:
    """A code: rows of modules, True is dark, with `quiet` modules of light to be left around (bars: at the sides).

    `text` is what a reader gets from it.
    """

    symbology: Symbology
    text: str
    rows: tuple[tuple[bool, ...], ...]
    quiet: int

    @property
    def width(self) -> int:
        """In modules, the quiet zone included."""
        return len(self.rows[0]) + 2 * self.quiet

    @property
    def height(self) -> int:
        """In modules, the quiet zone included; 1 for bars, which are as high as one likes."""
        return len(self.rows) + (2 * self.quiet if self.symbology == "qr" else 0)


def qr(text: str) -> Matrix:
    """A QR code of middle error correction, which a scratched screen needs.

    Raises:
        ValueError: empty, or longer than fits a phone's screen.
    """
    if not 0 < len(text) <= MAX_QR_CHARS:
        raise ValueError(f"a QR code holds 1 to {MAX_QR_CHARS} characters here, not {len(text)}")
    made = segno.make(text, error="m", micro=False, boost_error=False)
    return Matrix("qr", text, tuple(tuple(bool(bit) for bit in row) for row in made.matrix), QR_QUIET)


def ean13(number: str) -> Matrix:
    """The bars of a 13-digit number, drawn as they are: the digits are not made anew.

    Raises:
        ValueError: not 13 digits, or a wrong check digit: a till would refuse it.
    """
    if len(number) != 13 or not number.isdecimal() or not number.isascii():
        raise ValueError("an EAN-13 has 13 digits")
    if check_digit(number[:12]) != number[12]:
        raise ValueError(f"the last digit of an EAN-13 checks the others; here it must be {check_digit(number[:12])}")
    (bits,) = barcode.get_barcode_class("ean13")(number).build()
    return Matrix("ean13", number, (_row(bits),), BAR_QUIET["ean13"])


def code128(text: str) -> Matrix:
    """The bars of any printable ASCII text.

    Raises:
        ValueError: empty, too long for a screen, or a character that is not printable ASCII.
    """
    if not 0 < len(text) <= MAX_CODE128_CHARS:
        raise ValueError(f"a Code 128 holds 1 to {MAX_CODE128_CHARS} characters here, not {len(text)}")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a Code 128 holds printable ASCII only")
    (bits,) = barcode.get_barcode_class("code128")(text).build()
    return Matrix("code128", text, (_row(bits),), BAR_QUIET["code128"])


def card_bars(number: str) -> Matrix:
    """A loyalty card's bars: EAN-13 where the number is one, else Code 128."""
    try:
        return ean13(number)
    except ValueError:
        return code128(number)


def check_digit(twelve: str) -> str:
    """The thirteenth digit of an EAN-13."""
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return str(-weighed % 10)


def _row(bits: str) -> tuple[bool, ...]:
    return tuple(bit == "1" for bit in bits)
