import gzip
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import BadMessage
from endcap.geo import distance_m
from endcap.tracks import read_track

RECORDED = Path(__file__).parent / "tracks"
POINT = '<trkpt lat="60.1" lon="24.9">{}</trkpt>'


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def gpx(*points, head=""):
    return f'{head}<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{"".join(points)}</trkseg></trk></gpx>'


def at(second, lat=60.1, more=""):
    return f'<trkpt lat="{lat}" lon="24.9"><time>2026-11-24T12:00:{second:02}Z</time>{more}</trkpt>'


@pytest.mark.parametrize(
    ("name", "fixes", "kilometres"),
    [
        ("korita-zbevnica.gpx", 513, 6.3),
        ("cerknicko-jezero.gpx", 296, 13.7),
        ("around-visnjan-with-car.gpx", 104, 2.7),
        ("Mojstrovka.gpx", 184, 2.7),
        ("city-run.gpx.gz", 7745, 21.5),
    ],
)
def test_a_recorded_walk_is_read_whole(name, fixes, kilometres):
    track = read_track(RECORDED / name)
    length_m = sum(distance_m(a.point, b.point) for a, b in pairwise(track.fixes))
    assert (len(track.fixes), round(length_m / 1000, 1)) == (fixes, kilometres)


def test_segments_that_were_drawn_and_not_walked_are_skipped_and_counted():
    assert read_track(RECORDED / "korita-zbevnica.gpx").skipped == {"time: is missing": 358}


def test_a_track_whose_stamps_have_collapsed_into_one_is_walked():
    fixes = read_track(RECORDED / "Mojstrovka.gpx").fixes
    assert len({fix.taken_at for fix in fixes}) == 184
    assert 1900 < (fixes[-1].taken_at - fixes[0].taken_at).total_seconds() < 2100  # 2.7 km at 1.4 m/s


@pytest.mark.parametrize(
    "name", ["track-with-extremes.gpx", "unicode_with_bom.gpx", "track_with_speed.gpx", "track-with-less-sec-time.gpx"]
)
def test_an_odd_recording_is_read_too(name):
    assert read_track(RECORDED / name).fixes


def test_empty_segments_are_passed_over():
    assert len(read_track(RECORDED / "track-with-empty-segment.gpx").fixes) > 0


def test_a_track_without_any_time_is_walked():
    fixes = read_track(RECORDED / "cerknicko-without-times.gpx").fixes
    hours = (fixes[-1].taken_at - fixes[0].taken_at).total_seconds() / 3600
    assert 2.5 < hours < 3.5  # 13.7 km at 1.4 m/s


def test_the_accuracy_is_what_the_recorder_says_or_five_metres_a_unit_of_hdop(file):
    track = read_track(file("a.gpx", gpx(at(0, more="<hdop>1.6</hdop>"), at(1, more="<accuracy>7</accuracy>"), at(2))))
    assert [fix.accuracy_m for fix in track.fixes] == [8.0, 7.0, None]


def test_a_time_between_two_others_goes_by_the_way(file):
    points = [at(0, 60.0), '<trkpt lat="60.0001" lon="24.9"/>', at(40, 60.0004)]
    track = read_track(file("a.gpx", gpx(*points)))
    assert track.fixes[1].taken_at == datetime(2026, 11, 24, 12, 0, 10, tzinfo=UTC)


def test_points_before_the_first_time_are_skipped_and_counted(file):
    track = read_track(file("a.gpx", gpx(POINT.format(""), at(3), at(4), POINT.format(""))))
    assert (len(track.fixes), track.skipped) == (2, {"time: is missing": 2})


def test_a_point_that_cannot_be_is_skipped_and_its_neighbours_stay(file):
    track = read_track(file("a.gpx", gpx(at(0), at(1, lat=91), at(2, lat="north"), '<trkpt lon="2"/>', at(4))))
    assert len(track.fixes) == 2
    assert track.skipped == {"not on Earth": 1, "lat: must be a number": 1, "lat: is missing": 1}


def test_waypoints_beside_a_track_are_not_on_it(file):
    mixed = gpx(at(0), at(1)).replace("<trk>", '<wpt lat="1" lon="2"><time>2026-11-24T12:00:00Z</time></wpt><trk>')
    assert [fix.latitude_deg for fix in read_track(file("a.gpx", mixed)).fixes] == [60.1, 60.1]


def test_a_recording_cut_off_in_the_middle_keeps_what_it_has(file):
    track = read_track(file("a.gpx", gpx(at(0), at(1), at(2))[:-60]))
    assert len(track.fixes) == 2
    assert any(reason.startswith("cut off") for reason in track.skipped)


def test_an_entity_bomb_is_refused_before_it_grows(file):
    bomb = '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    with pytest.raises(BadMessage, match="DTD"):
        read_track(file("a.gpx", gpx(at(0, more="<name>&b;</name>"), head=bomb)))


@pytest.mark.parametrize("content", ["", "no xml", "<gpx>", "<gpx/>", "\x00\x01", gpx(POINT.format(""))[:40]])
def test_a_gpx_file_that_holds_nothing_says_so(file, content):
    with pytest.raises(BadMessage, match=r"a\.gpx"):
        read_track(file("a.gpx", content))


def test_a_file_of_an_unknown_kind_is_refused_by_name(file):
    with pytest.raises(BadMessage, match="gpx, nmea, table"):
        read_track(file("a.kml", ""))


def test_a_packed_file_that_is_damaged_says_so(file):
    packed = gzip.compress(gpx(at(0)).encode())
    assert len(read_track(file("a.gpx.gz", packed)).fixes) == 1
    with pytest.raises(BadMessage, match=r"b\.gpx\.gz"):
        read_track(file("b.gpx.gz", packed[:-12]))


def test_json_lines_are_fixes_by_wire_name(file):
    lines = [
        '{"latitude": 60.1, "longitude": 24.9, "taken_at": "2026-11-24T12:00:00Z", "accuracy_m": 5, "source": "wifi"}',
        '{"latitude": 60.2, "longitude": 24.9, "taken_at": 1764000000000, "source": "elsewhere", "mock": true}',
        "not json",
        "[]",
        '{"latitude": 60.2, "longitude": 24.9}',
        '{"latitude": true, "longitude": 24.9, "taken_at": 0}',
        "",
    ]
    track = read_track(file("a.jsonl", "\ufeff" + "\n".join(lines)))
    assert [(fix.accuracy_m, fix.source, fix.mock) for fix in track.fixes] == [
        (5.0, "wifi", False),
        (None, "replay", True),
    ]
    assert track.fixes[1].taken_at == datetime.fromtimestamp(1764000000, UTC)
    assert track.skipped == {
        "is not JSON": 1,
        "is no JSON object": 1,
        "taken_at: is missing": 1,
        "latitude: must be a number": 1,
    }


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_by_its_header(file, separator):
    rows = [
        "Timestamp,Lng,Lat,Accuracy,Note",
        '2026-11-24 12:00:00,24.9,60.1,12,"a b"',
        "2026-11-24 12:00:01,x,60.1,12,",
        "short",
    ]
    track = read_track(file("a.csv", "\n".join(rows).replace(",", separator)))
    (fix,) = track.fixes
    assert (fix.latitude_deg, fix.longitude_deg, fix.accuracy_m) == (60.1, 24.9, 12.0)
    assert fix.taken_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert sum(track.skipped.values()) == 2


def test_a_table_without_the_columns_it_needs_names_the_first_it_misses(file):
    with pytest.raises(BadMessage, match="longitude: has no column"):
        read_track(file("a.csv", "lat,time\n1,2"))


def checked(sentence):
    checksum = 0
    for character in sentence:
        checksum ^= ord(character)
    return f"${sentence}*{checksum:02X}"


RMC = "GNRMC,{},A,6010.1712,N,02456.1270,E,2.0,90.0,241126,,,A"
GGA = "GNGGA,{},6010.1712,N,02456.1270,E,1,12,0.8,12.5,M,17.0,M,,"


def test_nmea_sentences_of_one_second_make_one_fix(file):
    lines = [checked(kind.format(f"12000{second}.00")) for second in range(3) for kind in (RMC, GGA)]
    track = read_track(file("a.nmea", "\r\n".join([*lines, "$GPGSV,1,1,00*79", "noise"])))
    assert len(track.fixes) == 3
    fix = track.fixes[1]
    assert fix.point == (pytest.approx(60.16952), pytest.approx(24.93545))
    assert (fix.accuracy_m, fix.altitude_m, fix.bearing_deg) == (4.0, 12.5, 90.0)
    assert fix.speed_m_s == pytest.approx(1.029, abs=1e-3)
    assert fix.taken_at == datetime(2026, 11, 24, 12, 0, 1, tzinfo=UTC)


def test_nmea_south_and_west_are_negative(file):
    sentence = RMC.format("120000").replace("N,0", "S,0").replace("E,", "W,")
    (fix,) = read_track(file("a.nmea", checked(sentence))).fixes
    assert (fix.latitude_deg < 0, fix.longitude_deg < 0) == (True, True)


def test_nmea_that_is_damaged_or_has_no_position_is_skipped_and_counted(file):
    lines = [
        checked(RMC.format("120000")),
        checked(RMC.format("120001"))[:-2] + "00",
        checked(RMC.format("120002").replace(",A,", ",V,", 1)),
        checked(RMC.format("12xx03")),
        checked("GNRMC,120004,A"),
        checked(RMC.format("120005").replace("241126", "991399")),
    ]
    track = read_track(file("a.nmea", "\n".join(lines)))
    assert len(track.fixes) == 1
    assert track.skipped["checksum"] == track.skipped["no position yet"] == 1
    assert sum(track.skipped.values()) == 5


def test_nmea_goes_on_past_midnight(file):
    lines = [checked(RMC.format("235959")), checked(GGA.format("000000")), checked(GGA.format("000001"))]
    fixes = read_track(file("a.nmea", "\n".join(lines))).fixes
    assert fixes[2].taken_at - fixes[0].taken_at == timedelta(seconds=2)


@pytest.mark.parametrize("name", ["a.gpx", "a.nmea", "a.csv", "a.jsonl"])
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_no_content_breaks_a_reader(tmp_path_factory, name, content):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        assert read_track(path).fixes
    except BadMessage as fault:
        said = str(fault)
    else:
        said = name
    assert name in said
