"""The made-up language: it reads as English, is half as long again, and needs the glyphs of many others."""

from __future__ import annotations

import re

_ACCENTED = str.maketrans("aceginosuyzACEGINOSUYZ", "äçëğîñöşûýžÄÇËĞÎÑÖŞÛÝŽ")
_PARTS = re.compile(r"(\{[^}]*\}|\[[^\]]*\])")  # names to fill in, and Kivy's markup, stay as they are
LONGER = 0.5  # German is up to half as long again as English


def pseudo(message: str) -> str:
    """The message with accents, padding and brackets, its `{names}` untouched.

    The brackets show where a sentence is cut off, or was glued together from pieces.
    """
    if not message:
        return ""
    said = "".join(part if _PARTS.fullmatch(part) else part.translate(_ACCENTED) for part in _PARTS.split(message))
    return f"⟦{said}{'·' * round(len(message) * LONGER)}⟧"
