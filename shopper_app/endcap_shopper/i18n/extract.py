"""Finds every sentence of the app, in Python and kv, and brings the translations up to date.

python -m endcap_shopper.i18n.extract        # new sentences into each .po, fuzzy where one only changed
python -m endcap_shopper.i18n.extract --check
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from endcap_shopper.i18n import LANGUAGES

ROOM = Path(__file__).parent.parent
Said = str | Sequence[str] | None  # a sentence, or its plural forms

KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "t": None,
    "tr": None,
    "later": None,
    "n": (1, 2),
    "trn": (1, 2),
    "later_n": (1, 2),
}
_IN_KV = re.compile(r"""\btr\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def sentences(room: Path = ROOM) -> Catalog:
    """Every sentence the app can say, with where it stands."""
    found = Catalog(project="Endcap", charset="utf-8", fuzzy=False)
    for path in sorted(room.rglob("*.py")):
        for line, message, _, _ in extract_from_file("python", path, keywords=KEYWORDS):
            found.add(message, locations=[(path.relative_to(room).as_posix(), line)])
    for path in sorted(room.rglob("*.kv")):
        for line, message in _kv(path.read_text("utf-8")):
            found.add(message, locations=[(path.relative_to(room).as_posix(), line)])
    return found


def updated(language: str) -> Catalog:
    """A language's catalogue with every sentence of the app, those that are new left empty."""
    template = sentences()
    with _file(language).open("rb") as file:
        catalogue = read_po(file, locale=language)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def missing(language: str) -> list[str]:
    """What is not said in a language, or said by filling in something else than the English."""
    return [
        str(message.id)
        for message in updated(language)
        if message.id and (message.fuzzy or not _whole(message.string) or _names(message.id) != _names(message.string))
    ]


def written(catalogue: Catalog) -> bytes:
    """The `.po` file, sorted, without what changes by itself or names nobody."""
    text = BytesIO()
    write_po(text, catalogue, width=110, no_location=True, sort_output=True)
    idle = (b"EMAIL@ADDRESS", b"YEAR-MO-DA", b"LL@li.org", b"POT-Creation-Date", b"Generated-By")
    return b"".join(line for line in text.getvalue().splitlines(True) if not any(each in line for each in idle))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m endcap_shopper.i18n.extract", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is missing; 1 when anything is")
    asked = parser.parse_args(arguments)
    lacking = 0
    for language in LANGUAGES[1:]:
        if not asked.check:
            catalogue = updated(language)
            _file(language).write_bytes(written(catalogue))
        untold = missing(language)
        lacking += len(untold)
        sys.stdout.writelines(f"{language}: {sentence}\n" for sentence in untold)
    return 1 if asked.check and lacking else 0


def _file(language: str) -> Path:
    return ROOM / "i18n" / f"{language}.po"


def _kv(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for literal in _IN_KV.findall(line):
            yield number, ast.literal_eval(literal)


def _whole(said: Said) -> bool:
    return bool(said) if isinstance(said, str) else all(said or [""])


def _names(said: Said) -> set[str]:
    """What is filled in; of plural forms that of the last, which is said of many."""
    return set(re.findall(r"\{(\w+)\}", said if isinstance(said, str) else list(said or [""])[-1]))


if __name__ == "__main__":
    sys.exit(main())
