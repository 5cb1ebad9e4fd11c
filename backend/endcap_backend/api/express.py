"""The short way for what comes most often: a post of fixes that goes well, without Flask around it.

Flask's routing, contexts, request and response cost such a post as much again as what is done with it. A plain one is
answered here, by the same functions and with the same bytes; what is not plain, and what goes wrong, is Flask's.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask

from endcap_backend.api.batches import outcomes_body
from endcap_backend.api.bodies import JSON, as_object, parsed, to_json, unpacked
from endcap_backend.api.edge import FAULT, HEADERS, HSTS, OVERLOADED, request_id, told
from endcap_backend.api.locations import PATH, FixDesk
from endcap_backend.api.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_DIGITS = 9  # of a length: `int` of endless ones takes long


class Express:
    """A WSGI application before `app`'s own. Safe from any thread."""

    def __init__(self, app: Flask, desk: FixDesk, metrics: Metrics, max_bytes: int, origins: Collection[str]) -> None:
        self._app = app
        self._flask: WSGIApplication = app.wsgi_app
        self._desk = desk
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._headers = [*HEADERS.items()]
        self._vary = [("Vary", "Origin")] if origins else []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._is_plain(environ):
            return self._flask(environ, start_response)
        began_s = time.perf_counter()
        try:
            outcomes = self._desk.take(environ.get("HTTP_AUTHORIZATION", ""), lambda: self._read(environ))
            body = to_json(outcomes_body(outcomes)).encode()
        except Exception as fault:
            environ[FAULT] = fault  # Flask has the words for it
            return self._flask(environ, start_response)
        id = request_id()
        headers = [("Content-Type", JSON), ("Content-Length", str(len(body))), *self._headers]
        if environ["wsgi.url_scheme"] == "https":
            headers.append(("Strict-Transport-Security", HSTS))
        start_response("202 ACCEPTED", [*headers, ("X-Request-Id", id), *self._vary])
        told(self._metrics, "POST", PATH, 202, began_s, id)
        return [body]

    def _is_plain(self, environ: Mapping[str, Any]) -> bool:
        length = environ.get("CONTENT_LENGTH", "")
        return (
            environ["PATH_INFO"] == PATH
            and environ["REQUEST_METHOD"] == "POST"
            and environ.get("CONTENT_TYPE") == JSON
            and "HTTP_ORIGIN" not in environ
            and not environ.get("SCRIPT_NAME")
            and length.isascii()
            and length.isdigit()
            and len(length) <= MOST_DIGITS
            and int(length) <= self._max_bytes
            and not self._app.extensions[OVERLOADED]()
        )

    def _read(self, environ: Mapping[str, Any]) -> Mapping[str, Any]:
        raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        encoding = environ.get("HTTP_CONTENT_ENCODING", "identity")
        return as_object(parsed(unpacked(raw, self._max_bytes, encoding)))
