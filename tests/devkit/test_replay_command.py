import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from endcap.fences import Circle, Geofence, Polygon
from endcap.fences.geojson import to_collection
from endcap.geo import LatLon

WALK = Path(__file__).parent.parent.parent / "sdk" / "examples" / "walk.gpx"
DOOR = Geofence("s1/<door>", Circle(LatLon(60.16890, 24.93683), radius_m=30.48))
FAR = Geofence("far", Polygon((LatLon(60.3, 24.9), LatLon(60.3, 24.91), LatLon(60.31, 24.91), LatLon(60.31, 24.9))))


def replay(*arguments, code=0):
    command = [sys.executable, "-m", "endcap_devkit", "replay", *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran


@pytest.fixture
def fences(tmp_path):
    path = tmp_path / "store.geojson"
    path.write_text(json.dumps(to_collection([DOOR, FAR])))
    return path


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.loads = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href")]


def test_a_walk_is_told_explained_and_drawn(fences, tmp_path):
    out = tmp_path / "seen.html"
    said = replay(WALK, "--fences", fences, "--explain", "--out", out).stdout
    assert [line.split()[2:4] for line in said.splitlines()[:2]] == [["enter", "s1/<door>"], ["exit", "s1/<door>"]]
    assert "2 events; 46 fixes used of 46, dropped: none" in said
    assert "far at 2010-08-05" in said
    page = Page(out.read_text())
    assert page.loads == []
    assert {"svg", "polyline", "table", "details"} <= set(page.tags)
    assert "script" not in page.tags
    assert "s1/&lt;door&gt;" in out.read_text()


def test_without_a_place_the_drawing_goes_to_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    beside = set(WALK.parent.iterdir())
    said = replay(WALK, "--fence", "60.1689,24.93683,30").stderr
    drawn = tmp_path / "share" / "endcap" / "replays" / "walk.html"
    assert said == f"drawn: {drawn}\n"
    assert "svg" in Page(drawn.read_text()).tags
    assert set(WALK.parent.iterdir()) == beside


def test_events_come_as_json_lines_the_same_for_the_same_seed(fences, tmp_path):
    arguments = (WALK, "--fences", fences, "--flaw", "correlated:15:60", "--flaw", "gaps", "--seed", "7", "--json")
    first, again = (replay(*arguments, "--out", tmp_path / "a.html").stdout for _ in range(2))
    assert first == again
    assert {json.loads(line)["kind"] for line in first.splitlines()} <= {"enter", "exit"}


def test_a_preset_looks_less_often(tmp_path):
    said = replay(WALK, "--fence", "60.1689,24.93683,30", "--preset", "efficient", "--out", tmp_path / "a.html").stdout
    assert "3 fixes used of 46" in said


def test_a_feature_that_cannot_be_read_is_left_out_by_name(tmp_path):
    collection = to_collection([DOOR])
    collection["features"].insert(0, {"type": "Feature", "geometry": {"type": "Line"}, "properties": {}})
    path = tmp_path / "store.geojson"
    path.write_text(json.dumps(collection))
    ran = replay(WALK, "--fences", path, "--out", tmp_path / "a.html")
    assert "store.geojson, feature 0:" in ran.stderr
    assert "enter" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nowhere.gpx",), 1, "nowhere.gpx"),
        ((WALK, "--fence", "60,24"), 2, "latitude, longitude and radius"),
        ((WALK, "--fence", "95,24,30"), 2, "95"),
        ((WALK, "--flaw", "rain"), 2, "there are white"),
        ((WALK, "--flaw", "white:x"), 2, "does not fit"),
        ((WALK, "--fences", __file__), 1, "is no JSON"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments, code, said):
    told = replay(*arguments, code=code).stderr
    assert said in told
    assert "Traceback" not in told


def test_without_fences_it_says_how_to_name_some(tmp_path):
    ran = replay(WALK, "--out", tmp_path / "seen.html")
    assert "0 events; 46 fixes used" in ran.stdout
    assert "no fences to be told of: name some with --fences FILE or --fence LAT,LON,M\n" in ran.stderr
