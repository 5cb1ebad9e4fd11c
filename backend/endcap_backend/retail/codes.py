"""What a shopper's QR holds at the till: her card and clipped coupons, signed, good for a minute.

`E1` and then base32 of: the key's name (4 bytes), when it ends (4 bytes, seconds), a number used once (8 bytes), the
card without its check digit (5 bytes), the coupons' numbers in order, each as its distance from the one before (7 bits
a byte), and an Ed25519 signature (64 bytes) over all of that. Base32 and the prefix are of the characters a QR packs
most densely: with ten coupons 154 characters, a symbol of 41 modules. A till verifies it with `GET /v1/till/keys`.
"""

from __future__ import annotations

import secrets
from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from endcap.errors import EndcapError
from endcap_backend.retail.ean import check_digit

LIFE = timedelta(seconds=60)
SKEW = timedelta(seconds=30)  # a till's clock may be behind by so much
PREFIX = "E1"
MAX_COUPONS = 100
MAX_CHARS = 1200
_PURPOSE = b"endcap till code 1\0"  # what is signed for this can't pass for anything else
_HEAD_BYTES = 4 + 4 + 8 + 5
_SIGNATURE_BYTES = 64


class BadCode(EndcapError):
    """A code that is not one of ours, was altered, or is over; says which."""


@dataclass(frozen=True, slots=True)
class Code:
    """Who shows it and what she wants to use. `nonce` tells one code of hers from another."""

    card: str
    coupons: tuple[int, ...]  # numbers, ascending
    expires_at: datetime
    nonce: str

    @classmethod
    def new(cls, card: str, coupons: Iterable[int], moment: datetime) -> Code:
        """A code that ends a minute from now, to the second."""
        ends = (moment + LIFE).replace(microsecond=0)
        return cls(card, tuple(sorted(set(coupons))), ends, secrets.token_hex(8))

    def signed(self, kid: bytes, key: Ed25519PrivateKey) -> str:
        """The text of the QR."""
        head = [
            kid,
            int(self.expires_at.timestamp()).to_bytes(4, "big"),
            bytes.fromhex(self.nonce),
            int(self.card[:-1]).to_bytes(5, "big"),
        ]
        payload = b"".join(head) + bytes(_packed(self.coupons))
        return PREFIX + b32encode(payload + key.sign(_PURPOSE + payload)).rstrip(b"=").decode()

    def check_time(self, moment: datetime) -> None:
        """Whether the code is good at `moment`.

        Raises:
            BadCode: it is over, or the clock that asks is wrong.
        """
        if moment >= self.expires_at:
            raise BadCode("the code is over: ask for a new one")
        if moment < self.expires_at - LIFE - SKEW:
            raise BadCode("the code is of a later time: set the till's clock")


def read_code(text: str, keys: Mapping[bytes, Ed25519PublicKey]) -> Code:
    """The code that one of `keys` has signed; whether it is still good is for `check_time`.

    Raises:
        BadCode: any other text.
    """
    raw = _raw(text.strip())
    payload, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    key = keys.get(payload[:4])
    if key is None:
        raise BadCode("the code is signed with a key that is not known: fetch /v1/till/keys again")
    try:
        key.verify(signature, _PURPOSE + payload)
    except InvalidSignature:
        raise BadCode("the code was altered") from None
    body = f"{int.from_bytes(payload[16:21], 'big'):012d}"
    ends = datetime.fromtimestamp(int.from_bytes(payload[4:8], "big"), UTC)
    return Code(f"{body}{check_digit(body)}", tuple(_unpacked(payload[_HEAD_BYTES:])), ends, payload[8:16].hex())


def _raw(text: str) -> bytes:
    if not text.startswith(PREFIX) or len(text) > MAX_CHARS:
        raise BadCode("this is no code of the shop's app")
    packed = text[len(PREFIX) :]
    try:
        raw = b32decode(packed + "=" * (-len(packed) % 8))
    except (Error, ValueError):
        raise BadCode("this is no code of the shop's app") from None
    if len(raw) < _HEAD_BYTES + _SIGNATURE_BYTES or b32encode(raw).rstrip(b"=").decode() != packed:
        raise BadCode("this is no code of the shop's app")
    return raw


def _packed(numbers: Iterable[int]) -> Iterator[int]:
    last = 0
    for number in numbers:
        distance, last = number - last, number
        while distance > 0x7F:
            yield distance & 0x7F | 0x80
            distance >>= 7
        yield distance


def _unpacked(packed: bytes) -> Iterator[int]:
    """The numbers again; only what was signed gets here."""
    number = distance = shift = 0
    for byte in packed:
        distance |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number += distance
            yield number
            distance = shift = 0
