"""The stream: topics, stages, and how far behind they are."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from endcap_backend.console.flow import flow
from endcap_backend.console.pages.frame import page
from endcap_backend.console.parts import Console


def add_to(routes: Blueprint, console: Console) -> None:
    @routes.get("/stream")
    @console.door.open_to()
    def get_stream() -> Response:
        return page("stream.html", pipeline=console.pipeline, **_lineage(console))

    @routes.get("/lineage")
    @console.door.open_to()
    def get_lineage() -> Response:
        """The middle of the stream's page, for the script."""
        return page("lineage.html", **_lineage(console))


def _lineage(console: Console) -> dict[str, Any]:
    topics, stages = console.lineage.topics(), console.lineage.stages()
    return {"topics": topics, "stages": stages, "flow": flow(topics, stages)}
