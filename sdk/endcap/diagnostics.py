"""Diagnostics: what the SDK is doing and what it lost, as plain data that holds no coordinate, token or pseudonym."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from endcap.wire import epoch_ms, write_instant

if TYPE_CHECKING:
    from endcap.engine import ClientState, Engine
    from endcap.install import Install


def snapshot(engine: Engine) -> dict[str, Any]:
    """Everything a support call asks for first; JSON-able, redacted by construction."""
    state, install, now = engine.state(), engine.install, engine.clock.now()
    config = engine.config if install is None else install.config
    return {
        "version": _version(),
        "at": write_instant(now),
        "running": state.running,
        "granted": sorted(state.granted),
        "enabled": state.enabled,
        "privacy": engine.mode,
        "source": state.source,
        "publisher": {
            "doing": state.publisher.doing,
            "reason": state.publisher.reason,
            "retry_at": None if state.publisher.retry_at is None else write_instant(state.publisher.retry_at),
            "sent": 0 if install is None else install.publisher.sent,
        },
        "receiver": _receiver(state, install),
        "fixes": _fixes(install),
        "outbox": _outbox(install, now),
        "faults": engine.faults,
        "callbacks_missed": engine.listeners.overflowed,
        "config": {name: str(value) for name, value in asdict(config).items() if name != "storage_dir"},
    }


def _receiver(state: ClientState, install: Install | None) -> dict[str, Any]:
    if install is None:
        return {"doing": state.receiver}
    return {
        "doing": state.receiver,
        "received": install.subscriber.received,
        "dropped": dict(install.subscriber.dropped),
    }


def _fixes(install: Install | None) -> dict[str, Any]:
    tracker = None if install is None else install.tracker
    if tracker is None:
        return {"fences": 0, "admitted": 0, "dropped": {}, "withheld": {}, "inside": []}
    return {
        "fences": len(tracker.monitor.fences),
        "admitted": tracker.filter.admitted,
        "dropped": dict(tracker.filter.dropped),
        "withheld": dict(tracker.withheld),
        "inside": list(tracker.monitor.inside()),
    }


def _outbox(install: Install | None, now: datetime) -> dict[str, Any]:
    if install is None:
        return {"fixes": 0, "events": 0, "bytes": 0, "oldest_s": None, "lost": {}}
    outbox = install.outbox
    oldest_ms = outbox.oldest_at_ms("fix")
    return {
        "fixes": outbox.count("fix"),
        "events": outbox.count("event"),
        "bytes": outbox.bytes,
        "oldest_s": None if oldest_ms is None else max(0.0, (epoch_ms(now) - oldest_ms) / 1000),
        "lost": outbox.lost,
    }


def _version() -> str:
    for name in ("endcap-sdk", "endcap"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
