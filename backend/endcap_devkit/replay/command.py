"""`endcap replay`: walk a recording past fences and see what the SDK would have told, and why."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from endcap import sim
from endcap.errors import BadMessage
from endcap.fences import Circle, Geofence
from endcap.fences.geojson import FenceDelta
from endcap.geo import LatLon
from endcap.messages import Fix
from endcap.presets import PRESETS
from endcap.sim import Flaw, Run
from endcap.tracks import read_track
from endcap_backend.commands import SEEDS, whole_from
from endcap_devkit.replay.page import draw, moment_of

EPILOG = """\
examples:
  endcap replay walk.gpx --fences store.geojson --explain
  endcap replay walk.nmea --fence 60.1689,24.9368,30 --flaw correlated:15:60 --seed 7
  endcap replay walk.csv --fences store.geojson --preset responsive --json

a fence of --fences is a GeoJSON feature: a Polygon, or a Point with the property radius_m.
flaws: white:SIGMA  correlated:SIGMA:TAU  multipath  indoor_snap  cold_start  stale_repeats:SHARE  accuracy_lies:FACTOR
       gaps  teleports:SHARE  provider_mix:SHARE   (each may be given several times, in order)"""

FLAWS: dict[str, Callable[..., Flaw]] = {
    "white": sim.white,
    "correlated": sim.correlated,
    "multipath": sim.multipath,
    "indoor_snap": sim.indoor_snap,
    "cold_start": sim.cold_start,
    "stale_repeats": sim.stale_repeats,
    "accuracy_lies": sim.accuracy_lies,
    "gaps": sim.gaps,
    "teleports": sim.teleports,
    "provider_mix": sim.provider_mix,
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("track", type=Path, help="a recording: .gpx, .nmea, .csv or .jsonl, also .gz")
    parser.add_argument("--fences", type=Path, metavar="FILE", help="a GeoJSON FeatureCollection")
    parser.add_argument(
        "--fence", type=_fence, action="append", default=[], metavar="LAT,LON,M", help="a circle, any number of times"
    )
    parser.add_argument("--flaw", type=_flaw, action="append", default=[], metavar="NAME[:N...]", help="see below")
    parser.add_argument(
        "--seed", type=whole_from(*SEEDS), default=0, help="of the flaws: the same seed gives the same run (default: 0)"
    )
    parser.add_argument("--preset", choices=PRESETS, help="look only as often as this preset does (default: every fix)")
    parser.add_argument("--explain", action="store_true", help="say for each fence why it did or did not fire")
    parser.add_argument("--json", action="store_true", help="events as JSON lines instead of words")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"the drawing (default: the track's name with .html in {_drawings()})"
    )


def run(args: argparse.Namespace) -> int:
    """Print what was told, and draw it."""
    try:
        return _replay(args)
    except OSError as fault:
        raise BadMessage(str(fault.filename), fault.strerror or "can't be used") from None


def _replay(args: argparse.Namespace) -> int:
    track = read_track(args.track)
    fences = [*_fences_of(args.fences), *_named(args.fence)]
    preset = PRESETS[args.preset] if args.preset else None
    found = sim.replay(track, fences, args.flaw, seed=args.seed, preset=preset)
    _print_json(found) if args.json else _print(found, track.fixes)
    if not fences:
        print("no fences to be told of: name some with --fences FILE or --fence LAT,LON,M", file=sys.stderr)
    if args.explain:
        for fence in fences:
            print(f"\n{found.explain(fence.id, moment_of(found, fence))}")
    out = args.out or _drawings() / (args.track.name.split(".")[0] + ".html")
    if args.out is None:
        out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(draw(track, fences, found), encoding="utf-8")
    print(f"drawn: {out}", file=sys.stderr)
    return 0


def _drawings() -> Path:
    """The user's own folder for data: a recording may lie where nobody wants to find a drawing, as in a clone."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "endcap" / "replays"


def _print(run: Run, fixes: Sequence[Fix]) -> None:
    for event in run.events:
        line = f"{event.occurred_at:%Y-%m-%d %H:%M:%S}  {event.kind:8} {event.fence_id}"
        late_s = (event.decided_at - event.occurred_at).total_seconds()
        print(f"{line}  p {event.p_inside:.2f}, told {late_s:.0f} s later{_because(event.reason)}")
    dropped = ", ".join(f"{count} {reason}" for reason, count in run.dropped.items())
    print(f"{len(run.events)} events; {len(run.fixes)} fixes used of {len(fixes)}, dropped: {dropped or 'none'}")
    budget = run.budget
    print(
        f"an hour: {budget.fixes_an_hour:.0f} fixes, {budget.gps_s_an_hour:.0f} s of GPS, "
        f"{budget.uploads_an_hour:.0f} uploads"
    )


def _print_json(run: Run) -> None:
    for event in run.events:
        print(
            json.dumps({
                "kind": event.kind,
                "fence": event.fence_id,
                "visit": event.visit_id,
                "occurred_at": event.occurred_at.isoformat(),
                "decided_at": event.decided_at.isoformat(),
                "p_inside": round(event.p_inside, 4),
                "reason": event.reason,
                "id": event.id,
            })
        )  # fmt: skip


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _fences_of(path: Path | None) -> list[Geofence]:
    if path is None:
        return []
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise BadMessage("fences", f"{path.name} is no JSON: {fault}") from None
    read = FenceDelta.from_json(value)
    for place, why in read.faults:
        print(f"{path.name}, feature {place}: {why}; it is left out", file=sys.stderr)
    return list(read.changed)


def _named(circles: Sequence[Circle]) -> list[Geofence]:
    return [Geofence(f"fence {number}", circle) for number, circle in enumerate(circles, 1)]


def _fence(text: str) -> Circle:
    try:
        latitude, longitude, radius_m = (float(part) for part in text.split(","))
        return Circle(LatLon(latitude, longitude), radius_m)
    except ValueError as fault:  # BadMessage and OutOfRange are ones
        raise argparse.ArgumentTypeError(f"{text!r} is no latitude, longitude and radius in metres: {fault}") from None


def _flaw(text: str) -> Flaw:
    name, *numbers = text.split(":")
    if name not in FLAWS:
        raise argparse.ArgumentTypeError(f"{name!r} is unknown; there are {', '.join(FLAWS)}")
    try:
        return FLAWS[name](*(float(number) for number in numbers))
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"{text!r} does not fit; see the list below --help") from None
