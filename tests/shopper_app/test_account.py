"""What she pauses, takes along and has erased."""

import json


def test_paused_for_an_hour_no_position_is_taken_and_then_again(a_phone, build):
    phone = a_phone().agree("location")
    phone.app.pause_sharing("hour")
    phone.settle()
    assert not phone.source.running
    assert phone.app.chrome().sharing == "paused"
    phone.tick(3601)
    assert phone.source.running
    assert phone.app.chrome().sharing == "on"


def test_a_pause_outlives_the_app(a_phone):
    phone = a_phone().agree("location")
    phone.app.pause_sharing("today")
    phone.settle()
    phone.app.close()
    again = a_phone()
    assert not again.source.running
    assert again.app.chrome().sharing == "paused"


def test_what_was_sent_is_listed(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(5, 5))
    phone.app.add_wish("Tea")
    assert phone.until(lambda: shop.positions and shop.wishes and phone.all_told())
    assert phone.app.parts.client.flush()
    phone.tick(11)
    assert {row.what for row in phone.app.privacy().sent} >= {"A change of your list"}
    assert any("position" in row.what for row in phone.app.privacy().sent)


def test_an_export_holds_what_is_here_and_at_the_shop(a_phone, tmp_path):
    phone = a_phone().agree("promotions")
    phone.app.add_wish("Tea")
    phone.app.export_data()
    phone.settle()
    (path,) = (tmp_path / "phone").glob("endcap-*.json")
    found = json.loads(path.read_text())
    assert [item["text"] for item in found["app"]["list"]] == ["Tea"]
    assert found["backend"]["uid"] == "u1"
    assert str(path) in phone.app.privacy().result


def test_erased_she_is_known_to_nobody_here_or_there(a_phone, shop, tmp_path):
    phone = a_phone().agree("promotions")
    phone.app.add_wish("Marzipan")
    phone.app.delete_data()
    phone.settle()
    assert shop.erased
    assert phone.app.state.granted == frozenset()
    assert "E-1" in phone.app.privacy().result
    assert phone.app.coupons().available == ()
    assert phone.app.wishlist().rows == ()
    assert phone.app.settings().look.language == "en"
    files = [path for path in (tmp_path / "phone").rglob("*") if path.is_file()]
    assert [path.name for path in files if b"Marzipan" in path.read_bytes()] == []


def test_without_a_network_nothing_is_erased_and_it_says_so(a_phone, shop):
    phone = a_phone().agree("promotions")
    phone.app.entered("coupons")
    phone.settle()
    shop.go_offline()
    phone.app.delete_data()
    phone.settle()
    assert phone.app.privacy().result.startswith("Nothing was erased")
    assert phone.app.state.granted == {"promotions"}


def test_her_session_is_where_the_machine_keeps_secrets(a_phone, shop, tmp_path):
    phone = a_phone().agree("promotions")
    assert phone.until(lambda: phone.platform.secrets.kept)
    assert list(phone.platform.secrets.kept) == ["session"]
    phone.app.delete_data()
    phone.settle()
    assert phone.platform.secrets.kept == {}


def test_a_machine_that_keeps_no_secrets_keeps_her_from_nothing(a_phone, shop):
    phone = a_phone()

    def refuse(name, value):
        raise OSError("the keystore is locked")

    phone.platform.secrets.set = refuse
    phone.agree("promotions")
    phone.app.add_wish("Tea")
    assert phone.until(lambda: shop.wishes)
