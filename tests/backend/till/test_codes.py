"""The code a shopper shows: what it holds, who believes it, and the keys behind it."""

import os
import stat
from datetime import timedelta

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pyzbar import pyzbar

from endcap.errors import BadConfig
from endcap.testing import NOON, ManualClock
from endcap_backend.__main__ import main
from endcap_backend.retail.codes import BadCode, Code, read_code
from endcap_backend.retail.ean import check_digit, is_card, new_card
from endcap_backend.retail.tillkeys import TillKey, TillKeys

KEY = TillKey(bytes(range(32)), NOON)
KEYS = {KEY.kid: KEY.public}
CARD = "2912345678901"[:12] + str(check_digit("291234567890"))
coupons = st.lists(st.integers(1, 2**40), max_size=100)
bodies = st.integers(0, 10**12 - 1).map(lambda number: f"{number:012d}")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def keys(tmp_path, clock):
    return TillKeys(tmp_path, clock)


def signed(numbers=(), card=CARD):
    return Code.new(card, numbers, NOON).signed(KEY.kid, KEY.private)


def scanned(qr):
    """What zbar reads off the symbol on a screen, three pixels a module."""
    rows = [bytes(0 if dark else 255 for dark in row) for row in qr.matrix_iter(scale=3, border=4)]
    ((text, _, *_),) = pyzbar.decode((b"".join(rows), len(rows[0]), len(rows)))
    return text.decode()


@given(bodies, coupons)
@settings(max_examples=300)
def test_what_is_signed_is_read_again(body, numbers):
    code = Code.new(f"{body}{check_digit(body)}", numbers, NOON)
    assert read_code(code.signed(KEY.kid, KEY.private), KEYS) == code
    assert code.coupons == tuple(sorted(set(numbers)))


@given(st.integers(0, 10**6), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 =1-"))
@settings(max_examples=500)
def test_a_code_that_differs_in_one_place_is_refused(place, char):
    code = signed([1, 7, 300])
    place %= len(code)
    altered = code[:place] + char + code[place + 1 :]
    if altered.strip() != code:
        with pytest.raises(BadCode):
            read_code(altered, KEYS)


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_what_is_no_code_is_refused(text):
    for each in (text, "E1" + text, signed()[:90] + text):
        with pytest.raises(BadCode):
            read_code(each, KEYS)


@pytest.mark.parametrize("cut", [0, 2, 10, 50, 137])
def test_a_code_that_is_cut_short_is_refused(cut):
    with pytest.raises(BadCode):
        read_code(signed()[:cut], KEYS)


def test_a_signature_of_the_same_key_for_something_else_is_no_code():
    from base64 import b32encode

    payload = KEY.kid + bytes(17)
    with pytest.raises(BadCode, match="altered"):
        read_code("E1" + b32encode(payload + KEY.private.sign(payload)).rstrip(b"=").decode(), KEYS)


def test_a_code_of_a_key_that_is_not_known_says_what_to_do():
    with pytest.raises(BadCode, match="fetch /v1/till/keys again"):
        read_code(signed(), {})


def test_a_code_is_good_from_when_it_was_made_until_its_last_millisecond():
    code = read_code(signed(), KEYS)
    code.check_time(NOON)
    code.check_time(NOON + timedelta(seconds=60, milliseconds=-1))
    for moment in (NOON + timedelta(seconds=60), NOON - timedelta(seconds=31)):
        with pytest.raises(BadCode):
            code.check_time(moment)


@pytest.mark.parametrize(("count", "chars", "modules"), [(0, 138, 41), (10, 154, 41), (100, 298, 57)])
def test_a_code_fits_a_small_qr_in_its_densest_mode(count, chars, modules):
    code = signed(range(1, count + 1))
    qr = segno.make_qr(code, error="m", boost_error=False)
    assert (len(code), qr.mode, qr.symbol_size(border=0)[0]) == (chars, "alphanumeric", modules)
    assert scanned(qr) == code


def test_two_codes_of_one_shopper_differ():
    assert signed() != signed()


def test_a_card_is_an_ean_13_that_begins_as_a_shops_own():
    for _ in range(200):
        card = new_card()
        assert (card[:2], is_card(card)) == ("29", True)
    assert [is_card(each) for each in ("4006381333931", "4006381333932", "400638133393", "x" * 13)] == [
        True,
        False,
        False,
        False,
    ]


def test_a_key_is_made_at_first_and_stays_readable_by_its_owner_alone(tmp_path, keys, clock):
    signing = keys.signing()
    assert TillKeys(tmp_path, clock).signing() == signing
    assert stat.S_IMODE(os.stat(tmp_path / "till-keys").st_mode) == 0o600


def test_a_public_key_is_enough_to_verify(keys):
    from base64 import urlsafe_b64decode

    (jwk,) = keys.jwks()["keys"]
    assert (jwk["kty"], jwk["crv"], jwk["alg"], jwk["use"], set(jwk)) == (
        "OKP", "Ed25519", "EdDSA", "sig", {"kty", "crv", "kid", "x", "use", "alg"},
    )  # fmt: skip
    public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(jwk["x"] + "=="))
    key = keys.signing()
    code = Code.new(CARD, [1], NOON)
    assert read_code(code.signed(key.kid, key.private), {bytes.fromhex(jwk["kid"]): public}) == code


def test_the_next_key_is_published_a_day_before_it_signs_and_the_last_one_for_two_days_after(keys, clock):
    first = keys.signing()
    clock.advance(29 * 86_400 - 1)
    assert keys.known() == [first]
    clock.advance(1)
    _, second = keys.known()
    assert keys.signing() == first
    clock.advance(86_400)
    assert keys.signing() == second
    clock.advance(2 * 86_400 - 1)
    assert keys.known() == [first, second]
    clock.advance(1)
    assert keys.known() == [second]


def test_after_months_without_a_call_the_key_still_signs_a_day_while_the_next_is_published(keys, clock):
    first = keys.signing()
    clock.advance(300 * 86_400)
    assert (keys.signing(), len(keys.known())) == (first, 2)
    clock.advance(86_400)
    assert keys.signing() == keys.known()[-1] != first


def test_a_key_that_is_rotated_by_another_process_signs_nothing_more(tmp_path, keys, clock):
    first = keys.signing()
    new = TillKeys(tmp_path, clock).rotate()
    assert (keys.signing(), keys.known()) == (new, [new])
    assert first.kid not in keys.public()


@pytest.mark.parametrize(
    "text", ["", "{}", '{"keys": []}', '{"keys": [{"seed": "00", "signs_from": "2026-11-24"}]}', "[]"]
)
def test_a_key_file_that_is_damaged_says_what_to_do(tmp_path, clock, text):
    (tmp_path / "till-keys").write_text(text)
    with pytest.raises(BadConfig, match="delete it to have a key made anew"):
        TillKeys(tmp_path, clock)


def test_the_command_lists_the_keys_and_replaces_them_at_once(tmp_path, capsys):
    assert main(["till-keys", "--data", str(tmp_path)]) == 0
    first = capsys.readouterr().out.split()
    assert first[3:] == ["signs", "now"]
    assert main(["till-keys", "--data", str(tmp_path), "--rotate"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[0] != first[0]
    assert main(["till-keys", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [line]


def test_the_command_names_a_folder_it_cannot_use(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["till-keys", "--data", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("endcap-backend till-keys: data: ")
