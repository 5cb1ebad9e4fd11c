"""A dry run: a load that checks and compares with what the shop has, and leaves everything as it was."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from endcap_backend.retail.database import Database, database_of, database_url, holds_shop


@contextmanager
def database_to_load(args: argparse.Namespace) -> Iterator[Database]:
    """The shop's, of `add_database_switches`; with `--dry-run` in a folder that holds no shop, an empty one elsewhere.

    Raises:
        BadConfig: as `Database` and `database_url`.
    """
    with ExitStack() as opened:
        url = database_of(args) if not args.dry_run or holds_shop(args) else None
        elsewhere = "" if url else opened.enter_context(TemporaryDirectory())
        yield opened.enter_context(closing(Database(url or database_url(Path(elsewhere)))))
