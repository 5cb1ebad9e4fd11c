"""Signs: what they prove, for how long, and what a forger gets."""

import itertools
import random
import re
import string

import httpx
import pypdfium2
import pytest
from playwright.sync_api import expect
from pyzbar.pyzbar import ZBarSymbol, decode

from endcap.errors import BadConfig
from endcap.geo import LatLon
from endcap.testing import ManualClock
from endcap_lite.__main__ import main
from endcap_lite.signs.codes import ALPHABET, code_of, is_sound, zone_of
from endcap_lite.signs.keys import PRINTED, ROTATING, STAFF, Keyring
from endcap_lite.signs.qr import qr_of
from endcap_lite.zones import Zone, Zones, key_part

COFFEE = Zone("S1.COFFEE", "s1", "Coffee & tea", LatLon(60.16952, 24.93545))
BAKERY = Zone("S1.BAKERY", "s1", "Bakery", LatLon(60.17052, 24.93545))
ZONES = Zones([COFFEE, BAKERY])


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def keyring(tmp_path, clock):
    return Keyring(tmp_path / "sign-keys.json", clock)


@pytest.mark.parametrize("level", [PRINTED, ROTATING, STAFF])
def test_a_sign_claims_its_zone_at_the_level_of_its_key(keyring, level):
    claim = keyring.claim(keyring.text(keyring.add(level), COFFEE), ZONES)
    assert (claim.zone, claim.level) == (COFFEE, level)


def test_a_printed_sign_lasts(keyring, clock):
    text = keyring.text(keyring.add(PRINTED), COFFEE)
    clock.advance(365 * 86_400)
    assert keyring.claim(text, ZONES).level == PRINTED


@pytest.mark.parametrize(("seconds", "claims"), [(0, True), (30, True), (59, True), (60, False), (3600, False)])
def test_a_rotating_sign_is_good_for_its_half_minute_and_the_next(keyring, clock, seconds, claims):
    text = keyring.text(keyring.add(ROTATING), COFFEE)
    clock.advance(seconds)
    assert (keyring.claim(text, ZONES) is not None) == claims


def test_revoking_a_key_ends_its_signs_in_a_server_that_runs(keyring, tmp_path, clock):
    text = keyring.text(keyring.add(PRINTED), COFFEE)
    newer = keyring.add(PRINTED)
    running = Keyring(tmp_path / "sign-keys.json", clock)
    assert running.claim(text, ZONES)
    keyring.revoke("A1")
    assert running.claim(text, ZONES) is None
    assert running.current(PRINTED) == newer
    assert running.claim(running.text(newer, COFFEE), ZONES)


def test_after_rotation_old_prints_still_hold(keyring):
    old = keyring.text(keyring.add(PRINTED), COFFEE)
    new = keyring.text(keyring.add(PRINTED), COFFEE)
    assert old != new
    assert keyring.claim(old, ZONES)
    assert keyring.claim(new, ZONES)


def test_of_100_000_forged_macs_none_is_accepted(keyring):
    kid = keyring.add(PRINTED).kid
    dice, letters = random.Random(11), string.ascii_uppercase + "234567"
    forged = ("".join(dice.choices(letters, k=26)) for _ in range(100_000))
    assert not any(keyring.claim(f"{kid}.S1.COFFEE.{mac}", ZONES) for mac in forged)


def test_a_mac_of_one_zone_level_or_key_is_no_good_for_another(keyring):
    printed, rotating = keyring.add(PRINTED), keyring.add(ROTATING)
    mac = keyring.text(printed, COFFEE).rpartition(".")[2]
    assert keyring.claim(f"{printed.kid}.S1.COFFEE.{mac}", ZONES)
    for text in (f"{printed.kid}.S1.BAKERY.{mac}", f"{rotating.kid}.S1.COFFEE.{mac}", f"Z9.S1.COFFEE.{mac}"):
        assert keyring.claim(text, ZONES) is None
    assert keyring.claim(f"{printed.kid}.S1.COFFEE.{printed.till_mac('S1.COFFEE')}", ZONES) is None


@pytest.mark.parametrize("text", ["", ".", "A1", "A1.S1.COFFEE.", "A1..." + "é" * 30, "A1.S1.COFFEE." + "A" * 5000])
def test_a_text_that_is_no_sign_claims_nothing(keyring, text):
    keyring.add(PRINTED)
    assert keyring.claim(text, ZONES) is None


def test_the_keys_are_for_the_owner_alone(keyring, tmp_path):
    keyring.add(PRINTED)
    assert (tmp_path / "sign-keys.json").stat().st_mode & 0o077 == 0


def test_damaged_keys_are_named_and_not_replaced(tmp_path):
    path = tmp_path / "sign-keys.json"
    path.write_text('{"keys": [{"kid": "A1"}]}')
    with pytest.raises(BadConfig, match="restore it"):
        Keyring(path)
    assert path.read_text() == '{"keys": [{"kid": "A1"}]}'


def test_any_wrong_character_and_any_two_swapped_are_noticed(keyring):
    key = keyring.add(PRINTED)
    for number in range(50):
        code = code_of(key, Zone(f"S1.Z{number}", "s1", "", COFFEE.point))
        assert is_sound(code)
        for place in range(6):
            for other in ALPHABET.replace(code[place], ""):
                assert not is_sound(code[:place] + other + code[place + 1 :])
        for one, two in itertools.combinations(range(6), 2):
            swapped = list(code)
            swapped[one], swapped[two] = swapped[two], swapped[one]
            assert swapped == list(code) or not is_sound("".join(swapped))


def test_a_code_is_found_however_it_is_typed_and_only_while_its_key_lives(keyring):
    code = code_of(keyring.add(PRINTED), BAKERY)
    for typed in (code, code.lower(), f"{code[:3]} {code[3:]}", f" {code[:3]}-{code[3:]} "):
        assert zone_of(typed, keyring, ZONES) == BAKERY
    for typed in ("", "0" * 6, code[:5], code + "2", "''; DROP"):
        assert zone_of(typed, keyring, ZONES) is None
    keyring.revoke("A1")
    assert zone_of(code, keyring, ZONES) is None


def test_a_random_code_names_a_zone_hardly_ever(keyring):
    keyring.add(PRINTED)
    dice = random.Random(7)
    typed = ("".join(dice.choice(ALPHABET) for _ in range(6)) for _ in range(100_000))
    assert sum(zone_of(code, keyring, ZONES) is not None for code in typed) == 0


def test_a_sign_of_a_short_host_is_qr_version_3():
    assert qr_of("https://l.shop.eu/z/A1.S1.DAIRY." + "A" * 26).version == 3


def test_a_name_that_is_no_plain_word_gets_a_key_of_its_own_that_never_changes():
    assert key_part("Coffee") == "COFFEE"
    assert key_part("Coffee & tea") == key_part("Coffee & tea") != key_part("Coffee & Tea")
    for name in ("Coffee & tea", "قهوة", "Kühlregal", "x" * 17, "ß", ""):
        assert re.fullmatch(r"[A-Z0-9]{1,16}", key_part(name))


@pytest.fixture
def zones_file(tmp_path):
    path = tmp_path / "zones.csv"
    rows = "".join(f"S1,Z{number},Place {number} ö,60.1{number},24.9\n" for number in range(8))
    path.write_text("store,zone,name,latitude,longitude\n" + rows)
    return path


def signs(tmp_path, zones_file, *extra):
    return main(
        [
            "signs",
            "--data",
            str(tmp_path / "d"),
            "--zones",
            str(zones_file),
            "--public-url",
            "https://l.shop.eu",
            *extra,
        ]
    )


def test_each_sign_of_a_printed_sheet_is_read_back_by_zbar(tmp_path, zones_file, capsys):
    assert signs(tmp_path, zones_file, "--out", str(tmp_path / "signs.pdf"), "--language", "de") == 0
    assert "8 signs on 2 sheets" in capsys.readouterr().out
    read = []
    document = pypdfium2.PdfDocument(tmp_path / "signs.pdf")
    for page in document:
        picture = page.render(scale=150 / 72, grayscale=True).to_numpy()
        height, width = picture.shape[:2]
        found = decode((picture.tobytes(), width, height), symbols=[ZBarSymbol.QRCODE])
        read += [each.data.decode() for each in found]
    document.close()
    keyring, zones = Keyring(tmp_path / "d" / "sign-keys.json"), Zones.load(zones_file)
    claims = [keyring.claim(text.removeprefix("HTTPS://L.SHOP.EU/Z/"), zones) for text in read]
    assert {claim.zone.key for claim in claims} == {f"S1.Z{number}" for number in range(8)}
    assert len(claims) == 8


def test_a_single_sign_is_told_in_the_singular(tmp_path, zones_file, capsys):
    zones_file.write_text("\n".join(zones_file.read_text().splitlines()[:2]))
    assert signs(tmp_path, zones_file, "--out", str(tmp_path / "sign.svg")) == 0
    assert capsys.readouterr().out.startswith("1 sign on 1 sheet; ")


def test_svg_sheets_hold_names_and_codes(tmp_path, zones_file):
    assert signs(tmp_path, zones_file, "--out", str(tmp_path / "signs.svg")) == 0
    first, second = (tmp_path / f"signs-{number}.svg" for number in (1, 2))
    keyring = Keyring(tmp_path / "d" / "sign-keys.json")
    code = code_of(keyring.current(PRINTED), Zones.load(zones_file).get("S1.Z7"))
    assert "Place 7 ö" in second.read_text()
    assert f"{code[:3]} {code[3:]}" in second.read_text()
    assert "Place 0 ö" in first.read_text()


def test_a_name_the_built_in_font_lacks_is_told_with_what_to_do(tmp_path, zones_file, capsys):
    assert signs(tmp_path, zones_file, "--out", str(tmp_path / "signs.pdf"), "--language", "ar") == 1
    assert "--font" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        (["--out", "nowhere/s.pdf"], "out: can't write nowhere/s.pdf: No such file"),
        (["--out", "nowhere/s.svg"], "out: can't write nowhere/s-1.svg: No such file"),
        (["--out", "s.pdf", "--font", "none.ttf"], "font: can't read none.ttf"),
        (["--out", "s.pdf", "--zones", "", "--backend-url", "shop"], "--backend-url: must look like http://"),
    ],
)
def test_a_switch_that_can_not_work_is_named(tmp_path, zones_file, capsys, monkeypatch, switches, said):
    monkeypatch.chdir(tmp_path)
    assert signs(tmp_path, zones_file, *switches) == (2 if "must" in said else 1)
    assert said in capsys.readouterr().err


def test_keys_are_listed_rotated_and_revoked_by_command(tmp_path, zones_file, capsys):
    signs(tmp_path, zones_file, "--out", str(tmp_path / "signs.svg"))
    signs(tmp_path, zones_file, "--rotate")
    signs(tmp_path, zones_file, "--revoke", "a1")
    capsys.readouterr()
    signs(tmp_path, zones_file, "--keys")
    assert capsys.readouterr().out.splitlines() == ["A1  level 1 (printed)  revoked", "A2  level 1 (printed)"]
    assert signs(tmp_path, zones_file, "--revoke", "Q9") == 2
    assert "there are A1, A2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("store,zone,name,latitude,longitude\nS1,A B,x,1,1\n", "zones: zones.csv line 2: zone: must be"),
        ("store,zone,name,latitude,longitude\nS1,A,x,1,1\nS1,B,x,91,1\n", "zones: zones.csv line 3: latitude 91"),
        ("store,zone,name,latitude,longitude\nS1,A,x,1,1\nS1,a,y,1,1\n", "S1.A stands there twice (x, y)"),
        ("store,zone,name,latitude,longitude\nS1,A,,1,1\n", "zones: zones.csv line 2: name"),
        ("store,zone,name,latitude,longitude\n", "names no place"),
    ],
)
def test_a_zones_file_with_a_fault_is_refused_naming_line_and_field(tmp_path, capsys, text, said):
    (tmp_path / "zones.csv").write_text(text)
    assert signs(tmp_path, tmp_path / "zones.csv", "--out", str(tmp_path / "s.svg")) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"store": "S1", "zone": "A"}]', "zones: zones.json zone 1: name: must be"),
        ('{"store": "S1"}', "zones.json: it must hold an array of zones"),
        ("[1]", "zones: zones.json zone 1: must be an object"),
    ],
)
def test_a_zones_array_with_a_fault_is_refused_naming_the_element(tmp_path, capsys, text, said):
    (tmp_path / "zones.json").write_text(text)
    assert signs(tmp_path, tmp_path / "zones.json", "--out", str(tmp_path / "s.svg")) == 1
    assert said in capsys.readouterr().err


# On the page


@pytest.fixture
def sign(lite):
    key = lite.services.keyring.add(PRINTED)
    return lite.services.keyring.text(key, COFFEE)


def test_a_scanned_sign_only_looks_and_a_post_claims(lite, shop, client, sign):
    html = client.get(f"/Z/{sign}").text
    assert "You are at: Coffee &amp; tea" in html
    assert shop.shoppers == []
    assert client.post("/sign", data={"sign": sign}).status_code == 200
    assert shop.until(lambda: shop.fixes)
    (fix,) = shop.fixes.values()
    assert (fix["source"], fix["sign"], fix["store"], fix["latitude"]) == ("sign", sign, "s1", 60.16952)


def test_a_typed_code_is_her_word_alone(lite, shop, client, sign):
    code = code_of(lite.services.keyring.current(PRINTED), COFFEE)
    client.post("/stream")
    assert client.post("/sign", data={"code": code}, headers={"Accept": "application/json"}).json()["zone"]
    assert shop.until(lambda: shop.fixes)
    (fix,) = shop.fixes.values()
    assert fix["source"] == "manual"
    assert "sign" not in fix


def test_a_forged_sign_gets_the_page_of_everybody(lite, client, sign):
    forged = sign[:-1] + ("A" if sign[-1] != "A" else "B")
    plain = client.get("/").text.replace('href="/?lang', 'href="?lang')
    for text in (forged, "Z9.S1.COFFEE." + "A" * 26, "nonsense"):
        answer = client.get(f"/Z/{text}")
        assert answer.status_code == 200
        assert answer.text.replace(f'href="/Z/{text}?lang', 'href="?lang') == plain
    assert client.post("/sign", data={"sign": forged}, headers={"Accept": "application/json"}).json() == {
        "say": "bad_code"
    }


def test_tries_are_counted(lite, client):
    answers = [client.post("/sign", data={"code": "222222"}, headers={"Accept": "application/json"}) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_a_till_shows_a_sign_that_rotates(lite, client):
    keyring = lite.services.keyring
    key = keyring.add(ROTATING)
    answer = client.get(f"/till/{key.kid}.S1.COFFEE.{key.till_mac('S1.COFFEE')}")
    assert answer.status_code == 200
    assert "<svg" in answer.text
    assert client.get(f"/till/{key.kid}.S1.BAKERY.{key.till_mac('S1.COFFEE')}").status_code == 404
    keyring.revoke(key.kid)
    assert client.get(f"/till/{key.kid}.S1.COFFEE.{key.till_mac('S1.COFFEE')}").status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_scan_one_tap_offer(lite, sign, walkers, scripts):
    walker = walkers(allowed=False, java_script_enabled=scripts)
    walker.page.goto(f"{lite.url}/Z/{sign}")
    expect(walker.page.get_by_role("heading", level=1)).to_have_text("You are at: Coffee & tea")
    walker.page.get_by_role("button", name="Show offers here").first.click()
    expect(walker.cards).to_have_count(1)
    assert walker.complaints == []


@pytest.mark.browser
def test_the_second_sign_needs_no_tap(lite, shop, sign, walkers):
    walker = walkers(allowed=False)
    walker.page.goto(f"{lite.url}/Z/{sign}")
    walker.page.get_by_role("button", name="Show offers here").first.click()
    expect(walker.cards).to_have_count(1)
    bakery = lite.services.keyring.text(lite.services.keyring.current(PRINTED), BAKERY)
    walker.page.goto(f"{lite.url}/Z/{bakery}")
    expect(walker.status).to_have_text("Offers at Bakery")
    assert shop.until(lambda: len(shop.fixes) == 2)
    assert len(shop.shoppers) == 1


def test_the_till_page_needs_no_address_but_its_own(lite):
    policy = httpx.get(lite.url + "/till/x").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
