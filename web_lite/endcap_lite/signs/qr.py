"""The QR code of a sign's address."""

from __future__ import annotations

import segno


def qr_of(url: str) -> segno.QRCode:
    """The code for an address in capitals: level M at least, and higher where the same size holds it."""
    return segno.make_qr(url.upper(), error="m", boost_error=True)
