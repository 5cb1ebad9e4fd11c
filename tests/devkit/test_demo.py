"""The demo as a person meets it: one command, a page that moves, a check, and nothing left behind."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
MOVED = """before => [...endcap.crowd.people.values()].filter(p => {
  const [x, y] = before[p.number] ?? [p.x, p.y];
  return Math.hypot(p.x - x, p.y - y) > 5;
}).length > 10"""
FOLLOW_ONE = """() => {
  const person = [...endcap.crowd.people.values()].find(p => p.seen);
  endcap.follow(person.number);
  return person.number;
}"""
COUNT_FRAMES = """() => {
  const draw = endcap.crowd.draw;
  endcap.frames = 0;
  endcap.crowd.draw = function (...all) { draw.apply(this, all); endcap.frames += 1; };
}"""
LIMIT_S = 90.0


class Demo:
    """A running `endcap demo`; `links` are the addresses it printed."""

    def __init__(self, folder: Path, *switches: str) -> None:
        self.scratch = folder / "tmp"
        self.scratch.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "endcap_devkit", "demo", *switches],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": str(self.scratch)},
        )  # fmt: skip
        self.said = ""
        self.links = dict(self._read_links())
        self.children = children_of(self.process.pid)

    def _read_links(self):
        for line in self.process.stdout:
            self.said += line
            if found := re.match(r"  (\w+(?: \w+)?) +(http\S+)", line):
                yield found.groups()
            if line.startswith("Ctrl-C"):
                return
        raise AssertionError(f"the demo ended: {self.process.stderr.read()}")

    def end(self) -> None:
        """Whatever state it is in: no process, no open pipe."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; the exit status and what was said on standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, errors

    def health(self):
        with urllib.request.urlopen(f"{self.links['Map']}healthz", timeout=5) as answer:
            return json.load(answer)


def children_of(pid):
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if fields_of(stat)[1:2] == [str(pid)]]


def alive(pid):
    return fields_of(Path(f"/proc/{pid}/stat"))[:1] not in ([], ["Z"])


def fields_of(stat):
    """State, parent and so on of a process; nothing when there is none."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_for(condition, what):
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s, what
        Event().wait(0.05)


def until(page, expression, arg=None):
    """Wait until an expression, or a function of `arg`, is true in the page, whose policy forbids to wait inside it."""
    deadline_s = time.monotonic() + LIMIT_S
    while not page.evaluate(expression, arg):
        assert time.monotonic() < deadline_s, expression
        page.wait_for_timeout(50)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("demo"), "--shoppers", "60", "--phones", "2", "--port", str(free_port()))
    yield running
    running.end()


@pytest.fixture
def start_demo():
    """Starts demos that are gone when the test is over."""
    started = []

    def start(folder, *switches):
        started.append(Demo(folder, *switches))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, demo):
    """Opens the page in a window of a given size; fails on anything in the console when the test is over."""
    said, contexts = [], []

    def open_page(width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda fault: said.append(str(fault)))
        page.goto(demo.links["Map"])
        until(page, "window.endcap && endcap.crowd.people.size > 20")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def test_it_says_where_its_data_is_and_who_may_sign_in(demo):
    folder = re.search(r"^  Data +(\S+) \(gone at the end\)$", demo.said, re.M)[1]
    assert (Path(folder) / "backend" / "log.db").is_file()
    password = re.search(r"\(name manager, password (\S+)\)", demo.said)[1]
    assert "endcap till CODE --url http" in demo.said
    body = json.dumps({"name": "till-1", "password": password}).encode()
    address = demo.links["Backend"].replace("/readyz", "/v1/staff/sessions")
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert json.load(answer)["role"] == "till"


@pytest.mark.slow
def test_the_check_passes_and_says_what_it_saw(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--check", "--shoppers", "60", "--phones", "2"],
        capture_output=True, text=True, timeout=2 * LIMIT_S,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok +offers over WebSocket, official ably client +\d+", ran.stdout)
    assert re.search(r"ok +offers over SSE +\d+", ran.stdout)
    assert re.search(r"p50 [\d.]+ ms, p95 [\d.]+ ms", ran.stdout)


@pytest.mark.slow
@pytest.mark.kafka
def test_through_kafka_the_check_passes_too():
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--kafka", "--check", "--shoppers", "40", "--phones", "1"],
        capture_output=True, text=True, timeout=4 * LIMIT_S,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"ok +offers that came twice +0", ran.stdout)


@pytest.mark.browser
def test_shoppers_move_on_the_page(visit):
    page = visit()
    until(page, "[...endcap.crowd.people.values()].filter(p => p.seen).length > 20")
    before = page.evaluate("Object.fromEntries([...endcap.crowd.people].map(([n, p]) => [n, [p.x, p.y]]))")
    until(page, MOVED, before)


@pytest.mark.browser
def test_offers_arrive_as_cards_with_how_long_they_took(visit):
    page = visit()
    card = page.locator(".card").first
    card.wait_for(timeout=LIMIT_S * 1000)
    assert card.locator(".title").inner_text()
    until(page, "/after [\\d.]+ m?s/.test(document.getElementById('feed').innerText)")


@pytest.mark.browser
def test_an_offer_newer_than_the_frame_it_is_drawn_in_stops_nothing(visit):
    page = visit()
    until(page, "[...endcap.crowd.people.values()].some(p => p.seen)")
    page.evaluate(COUNT_FRAMES)
    page.evaluate("""() => {
      const person = [...endcap.crowd.people.values()].find(p => p.seen);
      endcap.crowd.pulses.push({ number: person.number, start: performance.now() + 60000 });
    }""")
    until(page, "endcap.frames > 20")


@pytest.mark.browser
def test_a_fault_while_drawing_costs_one_frame(browser, demo):
    context = browser.new_context()
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(demo.links["Map"])
    until(page, "window.endcap && endcap.crowd.people.size > 20")
    page.evaluate(COUNT_FRAMES)
    page.evaluate("""() => {
      endcap.crowd.drawPerson = () => { delete endcap.crowd.drawPerson; throw Error('one fault'); };
    }""")
    until(page, "!Object.hasOwn(endcap.crowd, 'drawPerson')")
    drawn = page.evaluate("endcap.frames")
    until(page, "drawn => endcap.frames > drawn + 20", drawn)
    context.close()
    assert faults == ["one fault"]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 1024, 800, 360])
def test_large_figures_fit_in_the_panel(visit, width):
    page = visit(width)
    page.evaluate("""() => {
      const texts = { offers: '12,051', matches: 'of 150K matches', in_stores: '1,999 in stores' };
      for (const [name, text] of Object.entries(texts)) {
        const place = document.querySelector(`[data-figure=${name}]`);
        Object.defineProperty(place, 'textContent', { set() {} });
        place.innerText = text;
      }
    }""")
    assert (
        page.evaluate("""() => [...document.querySelectorAll('.figures dd')]
      .filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)""")
        == []
    )


@pytest.mark.browser
def test_a_shopper_is_followed_and_let_go_by_escape(visit):
    page = visit()
    until(page, "[...endcap.crowd.people.values()].some(p => p.seen)")
    number = page.evaluate(FOLLOW_ONE)
    assert page.locator("#her").is_visible()
    assert page.evaluate("endcap.crowd.followed") == number
    until(page, "document.querySelector('#her .place').textContent.startsWith('She ')")
    page.locator("#live").press("Escape")
    assert page.locator("#her").is_hidden()


@pytest.mark.browser
def test_a_click_on_a_store_shows_its_floor_plan(visit):
    page = visit()
    near = page.evaluate("endcap.camera.pixelsPerMetre")
    spot = page.evaluate(
        """() => { const store = endcap.ground.stores.find(s => s.id === 'stockmann');
             endcap.crowd.people.clear();
             return [endcap.camera.across(store.label[0]), endcap.camera.down(store.label[1])] }"""
    )
    page.mouse.click(*spot)
    until(page, "near => endcap.camera.pixelsPerMetre > 2 * near && !endcap.camera.target", near)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(visit, scheme):
    page = visit(360, 740, color_scheme=scheme, has_touch=True, is_mobile=True)
    page.locator(".card").first.wait_for(timeout=LIMIT_S * 1000)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator("#nearer").bounding_box()["width"] >= 44


@pytest.mark.browser
def test_the_page_asks_nothing_of_other_servers(browser, demo):
    asked = []
    context = browser.new_context()
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(demo.links["Map"])
    until(page, "window.endcap && endcap.crowd.people.size > 0")
    context.close()
    own = demo.links["Map"].split("//")[1]
    assert [url for url in asked if not url.split("//")[1].startswith(own) and not url.startswith("data:")] == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_picture_can_be_taken(tmp_path):
    file = tmp_path / "pictures" / "map.png"
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--picture", str(file), "--dark", "--phones", "1"],
        capture_output=True, text=True, timeout=2 * LIMIT_S,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert struct.unpack(">II", file.read_bytes()[16:24]) == (1920, 1200)
    assert 200_000 < file.stat().st_size < 1024 * 1024


def test_every_address_it_prints_answers(demo):
    for name, path in (
        ("Map", ""),
        ("Map", "scene.json"),
        ("Map", "lite.svg"),
        ("Lite page", ""),
        ("Backend", ""),
        ("Local Ably", "time"),
    ):
        with urllib.request.urlopen(demo.links[name] + path, timeout=5) as answer:
            assert answer.status == 200, (name, path)


def test_no_command_line_has_the_key_of_its_ably(demo):
    started = {
        Path(f"/proc/{pid}/cmdline").read_bytes(): Path(f"/proc/{pid}/environ").read_bytes() for pid in demo.children
    }
    (key,) = set(re.findall(rb"\0ENDCAP_ABLY_KEY=([^\0]+)", b"".join(started.values())))
    assert [command for command in started if key in command or b"--key" in command] == []


def test_its_health_has_the_figures(demo):
    wait_for(lambda: demo.health().get("fixes", 0) > 0, "no fix was accepted")
    assert demo.health()["status"] == "ok"


def test_chosen_ports_are_used_and_ctrl_c_leaves_nothing_behind(tmp_path, start_demo):
    ports = {"Map": free_port(), "Backend": free_port(), "Local Ably": free_port(), "Lite page": free_port()}
    names = {"Map": "--port", "Backend": "--backend-port", "Local Ably": "--ably-port", "Lite page": "--lite-port"}
    switches = [word for name, port in ports.items() for word in (names[name], str(port))]
    demo = start_demo(tmp_path, "--shoppers", "5", "--phones", "1", *switches)
    expected = {**ports, "Console": ports["Backend"]}
    assert {name: int(re.search(r":(\d+)", link)[1]) for name, link in demo.links.items()} == expected
    assert len(demo.children) == 3
    status, errors = demo.stop(signal.SIGINT)
    assert (status, errors) == (0, "")
    assert [pid for pid in demo.children if alive(pid)] == []
    assert list(demo.scratch.iterdir()) == []


def test_a_child_that_dies_takes_the_demo_with_it_and_is_named(tmp_path, start_demo):
    demo = start_demo(tmp_path, "--shoppers", "5", "--phones", "0")
    backend = next(pid for pid in demo.children if b"endcap_backend" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(backend, signal.SIGKILL)
    _, errors = demo.process.communicate(timeout=LIMIT_S)
    assert demo.process.returncode == 1
    assert "backend ended with status -9" in errors
    assert [pid for pid in demo.children if alive(pid)] == []


def test_killed_outright_it_leaves_no_process_and_starts_again_on_its_data(tmp_path, start_demo):
    switches = ("--shoppers", "20", "--phones", "1", "--data", str(tmp_path / "kept"))
    for attempt in ("first", "second"):
        (tmp_path / attempt).mkdir()
        demo = start_demo(tmp_path / attempt, *switches)
        wait_for(lambda demo=demo: demo.health().get("offers", 0) > 0, "no offer arrived")
        demo.stop(signal.SIGKILL)
        wait_for(lambda demo=demo: not any(map(alive, demo.children)), "a child outlived the demo")


@pytest.mark.parametrize("folder", ["taken/data", "taken", "/proc/nope", "/proc"])
def test_a_data_folder_that_can_t_be_used_is_said(tmp_path, folder):
    (tmp_path / "taken").touch()
    folder = tmp_path / folder
    ran = subprocess.run(
        [sys.executable, "-m", "endcap_devkit", "demo", "--data", str(folder)],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    reason = "Not a directory" if "taken" in str(folder) else "No such file or directory"
    said = f"{folder} can't be used: {reason}; choose a folder that you may write to"
    assert (ran.returncode, ran.stderr) == (1, f"endcap demo: data: {said}\n")


def test_a_port_in_use_is_said_and_nothing_is_started():
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        ran = subprocess.run(
            [sys.executable, "-m", "endcap_devkit", "demo", "--port", str(port)],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
    assert ran.returncode == 1
    assert f"endcap demo: port: port {port} of 127.0.0.1 is in use; choose another with --port, or 0" in ran.stderr
