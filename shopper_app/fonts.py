"""Make the app's fonts anew: `python fonts.py INTER_FOLDER MATERIALDESIGNICONS.ttf MATERIALDESIGNICONS_NAMES.json`.

Needs fonttools (`pip install fonttools`). Inter is Debian's `fonts-inter`; the icons are Pictogrammers' Material Design
Icons, `@mdi/font` on npm; the names are a JSON object of icon names and hexadecimal code points. Only what the app can
show is kept: Latin, Greek and Cyrillic scripts, signs of money and arithmetic, arrows, and the icons of `ui/icons.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

OUT = Path(__file__).parent / "endcap_shopper" / "ui" / "fonts"
WEIGHTS = ("Regular", "SemiBold")
SCRIPTS = (
    *range(0x20, 0x250),  # Latin with all its accents
    *range(0x370, 0x530),  # Greek, Cyrillic
    *range(0x1E00, 0x1F00),  # Vietnamese, and the capital sharp s
    *range(0x2000, 0x2070),  # dashes, quotation marks, narrow spaces
    *range(0x20A0, 0x20C1),  # money
    *range(0x2190, 0x219A),  # arrows
    0x2122, 0x2116, 0x2212, 0x2248, 0x2260, 0x2264, 0x2265, 0x2713, 0x2717, 0x27E6, 0x27E7,
)  # fmt: skip
BORROWED = {0x27E6: ord("["), 0x27E7: ord("]")}  # the made-up language's brackets, which Inter lacks


def write_text_font(source: Path, target: Path) -> None:
    font = TTFont(source)
    for table in font["cmap"].tables:
        table.cmap.update({new: table.cmap[old] for new, old in BORROWED.items() if table.isUnicode()})
    _write(font, target, SCRIPTS, ["kern", "liga", "tnum", "calt", "ccmp", "mark", "mkmk"])


def write_icon_font(source: Path, names: Path, target: Path) -> None:
    points = {name: int(point, 16) for name, point in json.loads(names.read_text()).items()}
    wanted = json.loads((OUT / "icons.json").read_text())
    _write(TTFont(source), target, [points[name] for name in wanted], [])
    _trim(target)
    (OUT / "icons.json").write_text(json.dumps({name: f"{points[name]:x}" for name in sorted(wanted)}, indent=1) + "\n")


def _write(font: TTFont, target: Path, characters: tuple[int, ...] | list[int], features: list[str]) -> None:
    options = subset.Options()
    options.layout_features = features
    options.hinting = False
    options.name_IDs = ["*"]
    chosen = subset.Subsetter(options)
    chosen.populate(unicodes=characters)
    chosen.subset(font)
    font.save(target)


def _trim(target: Path) -> None:
    """Make each icon as wide as it is drawn: SDL leaves out what is before a line's first glyph."""
    font = TTFont(target)
    for name in font.getGlyphOrder():
        glyph = font["glyf"][name]
        if glyph.numberOfContours > 0:
            glyph.coordinates.translate((-glyph.xMin, 0))
            glyph.recalcBounds(font["glyf"])
            font["hmtx"][name] = (glyph.xMax, 0)
    font.save(target)


def main(inter: str, icons: str, names: str) -> None:
    for weight in WEIGHTS:
        write_text_font(Path(inter) / f"Inter-{weight}.otf", OUT / f"Inter-{weight}.otf")
    write_icon_font(Path(icons), Path(names), OUT / "icons.ttf")


if __name__ == "__main__":
    main(*sys.argv[1:])
