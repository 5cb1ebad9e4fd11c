"""A development CA and a certificate for this machine's own names."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

NAMES: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a TLS port serves with, and the CA that clients must trust (`SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`)."""

    context: ssl.SSLContext
    ca_pem: bytes


def make_certificates(*also: str) -> Certificates:
    """For this machine's names and `also` those. A fresh CA each time; nothing outlives the process that made it.

    Raises:
        ModuleNotFoundError: trustme is not installed; says how.
    """
    try:
        import trustme
    except ModuleNotFoundError:
        raise ModuleNotFoundError("a TLS port needs trustme: pip install 'endcap[devkit]'") from None
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*NAMES, *also).configure_cert(context)
    return Certificates(context, authority.cert_pem.bytes())
