"""`/`, `/healthz`, `/readyz`, `/metrics`: what there is, whether the process lives or may be sent work, how it does."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from endcap_backend.api.bodies import answer
from endcap_backend.api.metrics import CONTENT_TYPE, Metrics
from endcap_backend.api.openapi import TEXT, Operation, object_of, operation
from endcap_backend.log import Log, LogError

RETRY_S = 5
LINKS = {
    "console": "/console",
    "api": "/openapi.json",
    "stores": "/v1/stores",
    "health": "/healthz",
    "ready": "/readyz",
    "metrics": "/metrics",
}
_READY = object_of(
    {"ready": {"type": "boolean"}, "degraded": {"type": "boolean"}, "log": TEXT, "pipeline": TEXT, "delivery": TEXT}
)


def blueprint(log: Log, pipeline_ready: Callable[[], bool], untold: str, metrics: Metrics) -> Blueprint:
    """`untold` says why nobody hears of alerts, by the settings; empty when somebody does."""
    routes = Blueprint("health", __name__)

    @routes.get("/")
    @operation(
        Operation(
            "What is here; a browser is sent to the console",
            "operating",
            {200: object_of(dict.fromkeys(LINKS, TEXT)), 303: None},
        )
    )
    def links() -> Response:
        wanted = request.accept_mimetypes.best_match(("application/json", "text/html"), "application/json")
        found = Response(status=303) if wanted == "text/html" else answer(LINKS)
        if found.status_code == 303:
            found.headers["Location"] = LINKS["console"]
        found.headers["Vary"] = "Accept"
        return found

    @routes.get("/healthz")
    @operation(Operation("Whether the process answers", "operating", {200: object_of({"status": TEXT})}))
    def healthz() -> Response:
        return answer({"status": "ok"})

    @routes.get("/readyz")
    @operation(
        Operation(
            "Whether fixes are taken now; degraded: they are kept, but nobody is told of offers",
            "operating",
            {200: _READY, 503: _READY},
        )
    )
    def readyz() -> Response:
        log_state = _log_state(log)
        pipeline = pipeline_ready()
        ready = log_state == "writable"
        body = {
            "ready": ready,
            "degraded": not pipeline or bool(untold),
            "log": log_state,
            "pipeline": "running" if pipeline else "not running",
            "delivery": untold or "set up",
        }
        found = answer(body, 200 if ready else 503)
        if not ready:
            found.headers["Retry-After"] = str(RETRY_S)
        return found

    @routes.get("/metrics")
    @operation(Operation("Counters, for Prometheus", "operating", {200: TEXT}, media="text/plain"))
    def prometheus() -> Response:
        return Response(metrics.text(), content_type=CONTENT_TYPE)

    return routes


def _log_state(log: Log) -> str:
    try:
        log.check_writable()
    except LogError as fault:
        return str(fault)
    return "writable"
