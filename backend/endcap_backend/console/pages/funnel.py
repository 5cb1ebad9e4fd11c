"""What became of offers."""

from __future__ import annotations

from typing import cast, get_args

from flask import Blueprint, Response, request

from endcap_backend.console.funnel import STEPS, By, totals
from endcap_backend.console.pages.frame import ROWS, one_of, page
from endcap_backend.console.parts import Console

MAX_HOURS = 24 * 90


def add_to(routes: Blueprint, console: Console) -> None:
    @routes.get("/funnel")
    @console.door.open_to()
    def get_funnel() -> Response:
        by = cast(By, one_of("by", get_args(By)))
        hours = min(max(request.args.get("hours", 24, int), 1), MAX_HOURS)
        rows = console.counted.rows(by, hours)
        names = console.counter.titles() if by == "promotion" else {}
        return page(
            "funnel.html",
            by=by,
            hours=hours,
            rows=rows[:ROWS],
            rest=max(0, len(rows) - ROWS),
            totals=totals(rows),
            steps=STEPS,
            names=names,
        )
