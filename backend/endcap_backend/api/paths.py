"""Ids that stand in a path."""

from __future__ import annotations

import re

from endcap.wire import ID_PATTERN
from endcap_backend.api.problems import Problem


def id_in_path(said: str) -> str:
    """The id; the problem 404 for what can be none, before a database that takes no such text is asked for it."""
    if not re.fullmatch(ID_PATTERN, said):
        raise Problem("not_found", f"there is nothing of such an id: one matches {ID_PATTERN}")
    return said
