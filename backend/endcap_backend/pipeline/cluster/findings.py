"""What a look at the cluster found: each thing looked at, how it is, and what to do when it is not well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `unknown` is what could not be seen: it says so and condemns nothing."""

    what: str
    state: State
    says: str
    do: str = ""


def ok(what: str, says: str) -> Finding:
    return Finding(what, "ok", says)


def wrong(what: str, says: str, do: str) -> Finding:
    return Finding(what, "wrong", says, do)


def unknown(what: str, says: str, do: str = "") -> Finding:
    return Finding(what, "unknown", says, do)


def well(findings: Iterable[Finding]) -> bool:
    """True when nothing is wrong."""
    return all(each.state != "wrong" for each in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """A line each; under what is wrong a second line that says what to do."""
    width = max((len(each.what) for each in findings), default=0)
    lines = []
    for each in findings:
        lines.append(f"{each.state:<7}  {each.what:<{width}}  {each.says}")
        if each.do:
            lines.append(f"{'':<7}  {'':<{width}}  -> {each.do}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """`{"ok": …, "findings": [{"what", "state", "says", "do"}]}` on one line."""
    return json.dumps({"ok": well(findings), "findings": [asdict(each) for each in findings]}, ensure_ascii=False)
