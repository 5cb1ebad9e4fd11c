"""The data folder: made at the first start, or refused in words an operator can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from endcap.errors import BadConfig


@contextmanager
def data_folder(folder: Path) -> Iterator[None]:
    """Make `folder` when it is missing; what within can't write there is told the same way.

    Raises:
        BadConfig: it can't be made, is no folder, or can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as fault:
        why = fault.strerror or str(fault)
        raise BadConfig("data", f"{folder} can't be used ({why}): choose another folder with --data") from None
