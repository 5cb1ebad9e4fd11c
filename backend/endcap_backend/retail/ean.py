"""Card numbers: EAN-13, as every till's scanner reads it, from the numbers a shop may give as it likes."""

from __future__ import annotations

import secrets

PREFIX = "29"  # GS1 leaves 20 to 29 to each shop; 20 to 28 are commonly what the scales print
DIGITS = 13


def new_card() -> str:
    """A random card number: one of 10^10, so that nobody's can be guessed from another's."""
    body = f"{PREFIX}{secrets.randbelow(10**10):010d}"
    return f"{body}{check_digit(body)}"


def check_digit(body: str) -> int:
    """The last digit for the 12 before it: weights 1 and 3 in turn, filled up to the next ten."""
    return -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10


def is_card(number: str) -> bool:
    """True for 13 digits of which the last is right."""
    return (
        len(number) == DIGITS and number.isascii() and number.isdigit() and number[-1] == str(check_digit(number[:-1]))
    )
