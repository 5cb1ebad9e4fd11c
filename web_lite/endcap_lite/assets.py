"""The page's static files, read once and named by their content: a browser may keep each name for ever."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import rcssmin
import rjsmin

TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its media type and the URL that holds its hash."""

    body: bytes
    mimetype: str
    url: str


def dense(name: str, text: str) -> str:
    """The same script or style without comments and needless space: a fifth less on the wire."""
    if name.endswith(".js"):
        return str(rjsmin.jsmin(text))
    return str(rcssmin.cssmin(text)) if name.endswith(".css") else text


@cache
def asset(name: str) -> Asset:
    """The file of this name in `static/`.

    Raises:
        FileNotFoundError: there is none.
    """
    folder = resources.files("endcap_lite").joinpath("static")
    if name not in {each.name for each in folder.iterdir()}:
        raise FileNotFoundError(name)
    body = dense(name, folder.joinpath(name).read_text(encoding="utf-8")).encode()
    version = hashlib.sha256(body).hexdigest()[:8]
    return Asset(body, TYPES[name.rpartition(".")[2]], f"/static/{name}?v={version}")


@cache
def worker(offline_url: str) -> bytes:
    """The service worker's script for one language: it keeps this page and the files it needs."""
    files = [offline_url, asset("lite.css").url, asset("lite.js").url, "/icon.svg"]
    text = asset("sw.js").body.decode()
    version = hashlib.sha256(json.dumps([files, text]).encode()).hexdigest()[:8]
    return f"const FILES={json.dumps(files)},VERSION={json.dumps(version)};\n{text}".encode()
