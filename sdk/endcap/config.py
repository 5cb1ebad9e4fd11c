"""Config: every setting of the SDK in one frozen dataclass, from arguments or from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from endcap.errors import BadConfig
from endcap.presets import PRESETS

Route = Literal["http", "ably"]
Mode = Literal["exact", "coarse", "zones_only", "off"]

if TYPE_CHECKING:

    class Folder:
        """What a type checker sees of `storage_dir`: text or a path is taken, and it is a path to whoever reads it."""

        def __get__(self, config: object, owner: type | None = None) -> Path: ...

        def __set__(self, config: object, value: Path | str) -> None: ...

else:
    Folder = Path

ENV_PREFIX = "ENDCAP_"
MAX_BATCH = 500  # what POST /v1/locations takes at once


def _about(meaning: str, low: float | None = None, high: float | None = None, unit: str = "") -> dict[str, Any]:
    return {"meaning": meaning, "low": low, "high": high, "unit": unit}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How one SDK instance works. Each field is also read from `ENDCAP_` and its name in capitals by `from_env`.

    Raises:
        BadConfig: a setting is missing, of the wrong type or out of range; it is named.
    """

    backend_url: str = field(default="", metadata=_about("address of the shop's Endcap backend, without /v1"))
    storage_dir: Folder = field(  # type: ignore[assignment]  # a default is not set through the descriptor
        default=Path(),
        metadata=_about("folder of this instance's own; made, with the right to nobody else, on consent"),
    )
    country: str = field(
        default="", metadata=_about("ISO 3166-1 alpha-3, sent with each fix; the seed's SQL joins by it")
    )
    store: str = field(default="", metadata=_about("the store this device is known to be in, if it never leaves it"))
    ably_endpoint: str = field(
        default="", metadata=_about("URL of another server that speaks Ably's protocol; empty: what the backend says")
    )
    route: Route = field(
        default="http", metadata=_about("how fixes travel: http, or ably where the server has an Ably integration rule")
    )
    allow_http: bool = field(
        default=False, metadata=_about("permit plain http beyond this machine, for a shop's own network")
    )

    preset: str = field(
        default="in_store", metadata=_about("tracking preset: efficient, responsive, continuous or in_store")
    )
    privacy: Mode = field(
        default="exact", metadata=_about("what leaves: exact, coarse (500 m grid), zones_only (no coordinate) or off")
    )
    remote_config: bool = field(
        default=True, metadata=_about("let the backend change preset and limits, within their ranges")
    )

    shop_fences: bool = field(default=True, metadata=_about("fetch the shop's own fences from the backend"))

    batch_size: int = field(default=MAX_BATCH, metadata=_about("fixes in one request at most", 1, MAX_BATCH))
    request_timeout_s: float = field(default=10.0, metadata=_about("patience with one request", 0.1, 300.0, "seconds"))
    outbox_capacity: int = field(
        default=86_400, metadata=_about("fixes kept while offline; a day at one a second", 1, 10_000_000)
    )
    outbox_max_bytes: int = field(
        default=64 * 2**20, metadata=_about("their size on disk at most, events included", 2**16, 2**32, "bytes")
    )
    retention_h: float = field(
        default=72.0, metadata=_about("what is older is dropped unsent", 0.01, 24 * 365.0, "hours")
    )

    max_accuracy_m: float = field(
        default=100.0, metadata=_about("a vaguer fix is dropped; iOS says 65 indoors", 1.0, 10_000.0, "metres")
    )
    max_age_s: float = field(
        default=120.0, metadata=_about("an older fix is dropped when it comes in", 1.0, 86_400.0, "seconds")
    )
    max_speed_m_s: float = field(
        default=60.0, metadata=_about("a fix that implies more is dropped as a jump", 1.0, 400.0, "metres/second")
    )
    allow_mock: bool = field(default=False, metadata=_about("take fixes the OS says another app made up"))

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each.name, _coerced(each.name, each.type, getattr(self, each.name), self), each.metadata)
        self._check_address("backend_url", required=True)
        self._check_address("ably_endpoint", required=False)
        if str(self.storage_dir) in ("", "."):
            raise BadConfig("storage_dir", f"is missing; name a folder, or set {ENV_PREFIX}STORAGE_DIR")
        for name, allowed in (("route", get_args(Route)), ("privacy", get_args(Mode)), ("preset", tuple(PRESETS))):
            if getattr(self, name) not in allowed:
                raise BadConfig(name, f"is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **arguments: Any) -> Self:
        """Read what the environment sets; an argument stands above it.

        Raises:
            BadConfig: names the environment variable at fault.
        """
        found = os.environ if environ is None else environ
        settings = dict(arguments)
        for each in fields(cls):
            variable = ENV_PREFIX + each.name.upper()
            if each.name not in settings and found.get(variable, "") != "":
                settings[each.name] = _parsed(variable, str(each.type), found[variable])
        return cls(**settings)

    def _check_address(self, name: str, *, required: bool) -> None:
        url = getattr(self, name).rstrip("/")
        object.__setattr__(self, name, url)
        if not url:
            if required:
                raise BadConfig(name, f"is missing; pass an https address, or set {ENV_PREFIX}{name.upper()}")
            return
        parts = _split(name, url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadConfig(name, "must look like https://shop.example")
        if parts.query or parts.fragment or parts.username:
            raise BadConfig(name, "must hold no query, fragment or password")
        if parts.scheme == "http" and not (self.allow_http or _is_loopback(parts.hostname)):
            raise BadConfig(
                name, f"is plain http to {parts.hostname}; use https, or set allow_http in your own network"
            )


def _split(name: str, url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checks it
    except ValueError as fault:
        raise BadConfig(name, f"is no address: {fault}") from None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _coerced(name: str, kind: Any, value: Any, config: Config) -> Any:
    """A path may come as text and a float as an int; anything else must be what it says."""
    if kind == "Folder" and isinstance(value, str | os.PathLike):
        value = Path(value).expanduser() if str(value) else Path()
        object.__setattr__(config, name, value)
        return value
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        object.__setattr__(config, name, float(value))
        return float(value)
    wanted = {"str": str, "int": int, "float": float, "bool": bool, "Folder": Path, "Route": str, "Mode": str}[
        str(kind)
    ]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise BadConfig(name, f"must be {wanted.__name__}, not {type(value).__name__}")
    return value


def _check(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    low, high, unit = metadata["low"], metadata["high"], metadata["unit"]
    if low is not None and not low <= value <= high:  # NaN fails too
        raise BadConfig(name, f"is {value}; it must be within {low:g} and {high:g} {unit}".rstrip())


def _parsed(variable: str, kind: str, text: str) -> Any:
    try:
        if kind == "bool":
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        return {"int": int, "float": float}.get(kind, str)(text)
    except (ValueError, KeyError):
        expected = {"bool": "1 or 0", "int": "a whole number", "float": "a number"}[kind]
        raise BadConfig(variable, f"is {text!r}; it must be {expected}") from None
