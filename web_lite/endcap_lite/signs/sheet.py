"""The signs of a store on A4 sheets, ready to print: laid out once, written as SVG here and as PDF by `pdf`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from endcap_lite.signs.qr import qr_of

PAGE_MM = (210.0, 297.0)
COLUMNS, ROWS = 2, 3
MARGIN_MM = 8.0
QR_MM = 44.0  # read from half a metre by a phone of 2020; 1.3 mm a module at version 4
QUIET_MODULES = 4  # of white around a QR code, as its standard asks
INK, PAPER, LEAF = "#1a1c16", "#ffffff", "#44673b"


@dataclass(frozen=True, slots=True)
class Sign:
    """What one sign says: a place's name, the address in its QR code, and the typed code."""

    name: str
    url: str
    code: str


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; millimetres from the sheet's top left."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text centred on `x` with its baseline at `y`; `size` is the height in millimetres."""

    x: float
    y: float
    size: float
    text: str
    colour: str
    bold: bool = False


Shape = Box | Line


def sheets(signs: Sequence[Sign], words: Mapping[str, str], host: str) -> list[list[Shape]]:
    """The shapes of each sheet, six signs a sheet."""
    per_sheet = COLUMNS * ROWS
    width = (PAGE_MM[0] - MARGIN_MM * (COLUMNS + 1)) / COLUMNS
    height = (PAGE_MM[1] - MARGIN_MM * (ROWS + 1)) / ROWS
    pages: list[list[Shape]] = []
    for index, sign in enumerate(signs):
        if index % per_sheet == 0:
            pages.append([])
        row, column = divmod(index % per_sheet, COLUMNS)
        left = MARGIN_MM + column * (width + MARGIN_MM)
        top = MARGIN_MM + row * (height + MARGIN_MM)
        pages[-1].extend(_card(sign, words, host, left, top, width, height))
    return pages


def to_svg(shapes: Sequence[Shape]) -> str:
    """One sheet as an SVG document."""
    body = "\n".join(_svg(shape) for shape in shapes)
    width, height = PAGE_MM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="system-ui,sans-serif" text-anchor="middle">\n{body}\n</svg>\n'
    )


def _card(
    sign: Sign, words: Mapping[str, str], host: str, left: float, top: float, width: float, height: float
) -> Iterator[Shape]:
    middle = left + width / 2
    yield Box(left, top, width, height, LEAF, 6)
    yield Line(middle, top + 9.5, 5, words["sheet_title"], PAPER, bold=True)
    yield Line(middle, top + 15.5, min(4.5, 110 / max(len(sign.name), 1)), sign.name, PAPER)
    plate = QR_MM + 4
    yield Box(middle - plate / 2, top + 19, plate, plate, PAPER, 3)
    yield from _modules(sign.url, middle - QR_MM / 2, top + 21)
    yield Line(middle, top + 74, 3, words["sheet_scan"].format(host=host), PAPER)
    yield Line(middle, top + 82, 6, f"{sign.code[:3]} {sign.code[3:]}", PAPER, bold=True)


def _modules(url: str, left: float, top: float) -> Iterator[Box]:
    """The dark modules, each run of a row as one box: no hairline between neighbours when it is printed."""
    matrix = qr_of(url).matrix
    module = QR_MM / (len(matrix) + 2 * QUIET_MODULES)
    for y, row in enumerate(matrix):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x]:
                x += 1
            if x > start:
                at = (left + (start + QUIET_MODULES) * module, top + (y + QUIET_MODULES) * module)
                yield Box(*at, (x - start) * module, module, INK)
            x += 1


def _svg(shape: Shape) -> str:
    if isinstance(shape, Box):
        return (
            f'<rect x="{shape.x:.3f}" y="{shape.y:.3f}" width="{shape.width:.3f}" height="{shape.height:.3f}" '
            f'rx="{shape.radius:g}" fill="{shape.colour}"/>'
        )
    weight = ' font-weight="bold"' if shape.bold else ""
    where = f'x="{shape.x:.3f}" y="{shape.y:.3f}" font-size="{shape.size:.3f}"'
    return f'<text {where} fill="{shape.colour}"{weight}>{escape(shape.text)}</text>'
