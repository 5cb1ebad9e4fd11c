"""The SDK as a host's own type checker sees it: the wheel says that it is typed, and strict code passes."""

import inspect
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import endcap

ROOT = Path(__file__).parent.parent.parent
SDK = ROOT / "sdk"
HOST = """
from datetime import UTC, datetime
from pathlib import Path

import endcap

source: endcap.LocationSource = endcap.device.pick()
with endcap.Endcap(endcap.Config(backend_url="https://shop.example", storage_dir="box"), source=source) as client:
    client.on_event(lambda event: print(event.kind.upper(), event.occurred_at.isoformat()))
    client.on_promotion(lambda alert: print(alert.title.upper(), alert.expires_at.isoformat()))
    client.register(endcap.Geofence("door", endcap.Circle(endcap.LatLon(60.1, 24.9), radius_m=30)))
    client.consent.grant(endcap.Purpose.LOCATION, text_version="1", proof="screen 3")
    taken: bool = client.feed(endcap.Fix(60.1, 24.9, datetime.now(UTC), accuracy_m=5))
    reveal_type(client.feed(endcap.Evidence("sign", "door", at=datetime.now(UTC))))
    client.feed("60.1, 24.9")
walk = endcap.device.replay.ReplaySource(Path("walk.gpx"), speed=200)
reveal_type(walk.until_ended)
config = endcap.Config(backend_url="https://shop.example", storage_dir=Path("box"))
log: Path = config.storage_dir / "host.log"
reveal_type(config.storage_dir)
endcap.Config(backend_url="https://shop.example", storage_dir=5)
"""


def checked(folder, *files):
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-pretty", "--follow-imports=silent"]
    command += ["--cache-dir", str(ROOT / ".cache" / "mypy-host"), *map(str, files)]
    env = {**os.environ, "MYPYPATH": str(SDK)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout.splitlines()


def test_a_hosts_strict_checker_knows_every_name_and_catches_a_wrong_argument(tmp_path):
    (tmp_path / "host.py").write_text(HOST, encoding="utf-8")
    said = checked(tmp_path, "host.py", *SDK.glob("examples/*.py"))
    faults = [line for line in said if " note: " not in line]
    assert [line.split(": ", 1)[0] for line in faults[:-1]] == ["host.py:15", "host.py:21"]
    assert faults[-1].startswith("Found 2 errors in 1 file (checked 3 ")
    assert [line.partition("Revealed type is ")[2].replace("builtins.", "") for line in said if "Revealed" in line] == [
        '"bool"',
        '"def (timeout_s: float | None =) -> bool"',
        '"pathlib.Path"',
    ]


def test_the_ten_lines_of_the_readme_pass_it(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "ten.py").write_text(code, encoding="utf-8")
    assert checked(tmp_path, "ten.py") == ["Success: no issues found in 1 source file"]


def test_the_package_says_that_it_is_typed():
    assert resources.files("endcap").joinpath("py.typed").is_file()


def undocumented(owner):
    """Public functions and properties of a class that say nothing of themselves."""
    members = {name: each for name, each in vars(owner).items() if not name.startswith("_")}
    plain = {name: getattr(each, "__func__", each) for name, each in members.items()}
    told = {name: each for name, each in plain.items() if inspect.isfunction(each) or isinstance(each, property)}
    return [f"{owner.__name__}.{name}" for name, each in told.items() if not each.__doc__]


def test_every_public_name_says_what_it_is():
    public = [getattr(endcap, name) for name in endcap.__all__]
    owners = [each for each in public if inspect.isclass(each)]
    assert [each.__name__ for each in owners if not each.__doc__ or each.__doc__.startswith(f"{each.__name__}(")] == []
    assert [each.__name__ for each in public if inspect.isfunction(each) and not each.__doc__] == []
    assert [name for each in owners for name in undocumented(each)] == []
