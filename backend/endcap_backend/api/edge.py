"""What surrounds every request: its id, the headers of the answer, one line in the access log, the counters, faults."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection

from flask import Flask, Response, g, request
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from endcap_backend.api.metrics import Metrics
from endcap_backend.api.problems import Problem
from endcap_backend.log import LogError, LogFull

log = logging.getLogger("endcap.api")
access = logging.getLogger("endcap.access")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"  # a year; sent only over HTTPS
CORS_METHODS = "GET, POST, PUT, PATCH, DELETE"
CORS_HEADERS = "Authorization, Content-Type, Content-Encoding"
CORS_AGE_S = 600
OVERLOAD_S = 2.0  # what who is turned away is told to wait
UNROUTED = "none"  # the route of a path that is not ours; the path itself may hold anything


OVERLOADED = "endcap-overloaded"  # the extension that says whether too many requests wait for a thread
WATCHED = "/v1/"  # what is turned away then; health and metrics never are
FAULT = "endcap.fault"  # in the environment: what befell a request before it came to Flask, to be told here


def surround(app: Flask, metrics: Metrics, origins: Collection[str]) -> None:
    """Hang it all on `app`."""

    def overloaded() -> bool:
        return bool(app.extensions[OVERLOADED]())

    app.extensions.setdefault(OVERLOADED, lambda: False)

    @app.before_request
    def begin() -> None:
        g.began_s = time.perf_counter()
        g.request_id = request_id()
        if (fault := request.environ.get(FAULT)) is not None:
            raise fault
        if overloaded() and request.path.startswith(WATCHED):
            metrics.refused.labels("overload").inc()
            raise Problem(
                "unavailable", "too many requests wait already: send it again later", retry_after_s=OVERLOAD_S
            )

    @app.after_request
    def end(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = HSTS
        response.headers["X-Request-Id"] = g.request_id
        _allow_origin(response, origins)
        _tell(response, metrics)
        return response

    @app.errorhandler(Problem)
    def problem(fault: Problem) -> Response:
        if fault.status == 429:
            metrics.refused.labels("rate").inc()
        return fault.response()

    @app.errorhandler(LogFull)
    def full(fault: LogFull) -> Response:
        metrics.refused.labels("full").inc()
        detail = "nothing was stored: the backend has no room now; send it again later"
        return Problem("unavailable", detail, retry_after_s=fault.retry_after_s).response()

    @app.errorhandler(LogError)
    def broken(fault: LogError) -> Response:
        log.error("request %s: %s", g.request_id, fault)
        return Problem(
            "unavailable", "nothing was stored: the backend's log can't be used", retry_after_s=30
        ).response()

    @app.errorhandler(OperationalError)
    @app.errorhandler(PoolTimeout)
    def away(fault: SQLAlchemyError) -> Response:
        log.error("request %s: the shop's database: %s", g.request_id, type(fault).__name__)
        detail = "the shop's database can't be reached now: send it again later"
        return Problem("unavailable", detail, retry_after_s=OVERLOAD_S).response()

    @app.errorhandler(HTTPException)
    def http(fault: HTTPException) -> Response:
        if isinstance(fault, NotFound):
            return Problem("not_found", "no such path; /openapi.json lists them").response()
        if isinstance(fault, MethodNotAllowed):
            allowed = ", ".join(sorted(fault.valid_methods or ()))
            return Problem("method_not_allowed", f"use {allowed}", headers={"Allow": allowed}).response()
        return Problem("malformed", fault.description or "the request can't be read").response()

    @app.errorhandler(UnicodeDecodeError)
    def undecodable(fault: UnicodeDecodeError) -> Response:
        return Problem("malformed", "the query is not valid UTF-8, percent-encoded").response()

    @app.errorhandler(Exception)
    def fault(fault: Exception) -> Response:
        log.error("request %s failed", g.request_id, exc_info=fault)
        return Problem("internal", f"tell the operator: request {g.request_id}").response()


def request_id() -> str:
    """Ours: one from outside could smuggle anything into the log."""
    return secrets.token_hex(8)


def _allow_origin(response: Response, origins: Collection[str]) -> None:
    if not origins:
        return
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin not in origins:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = CORS_METHODS
        response.headers["Access-Control-Allow-Headers"] = CORS_HEADERS
        response.headers["Access-Control-Max-Age"] = str(CORS_AGE_S)


def _tell(response: Response, metrics: Metrics) -> None:
    route = request.url_rule.rule if request.url_rule is not None else UNROUTED
    method = request.method if route != UNROUTED else UNROUTED
    told(metrics, method, route, response.status_code, g.began_s, g.request_id)


def told(metrics: Metrics, method: str, route: str, status: int, began_s: float, request_id: str) -> None:
    """Count an answer, and write its line in the access log."""
    took_s = time.perf_counter() - began_s
    metrics.requests.labels(method, route, status).inc()
    metrics.seconds.labels(route).observe(took_s)
    access.info("%s %s %d %.1f ms %s", method, route, status, took_s * 1000, request_id)
