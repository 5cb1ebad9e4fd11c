"""The sheets as PDF: for whoever prints from a shop's office, by reportlab."""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from endcap.errors import BadConfig
from endcap_lite.signs.sheet import PAGE_MM, Box, Shape

BUILT_IN_FONTS = ("Helvetica", "Helvetica-Bold")  # plain and bold
_BUILT_IN_LETTERS = frozenset(bytes(range(32, 256)).decode("cp1252", errors="ignore"))


def to_pdf(pages: Sequence[Sequence[Shape]], font_file: str = "") -> bytes:
    """All sheets as one PDF. Its built-in font knows Western European letters only; others need a TrueType file.

    Raises:
        BadConfig: the font can't be read, or a name has a letter that the built-in one lacks.
    """
    fonts = _fonts(font_file)
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(PAGE_MM[0] * mm, PAGE_MM[1] * mm), invariant=True)
    for shapes in pages:
        for shape in shapes:
            _draw(canvas, shape, fonts, font_file)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _fonts(font_file: str) -> tuple[str, str]:
    if not font_file:
        return BUILT_IN_FONTS
    try:
        pdfmetrics.registerFont(TTFont("signs", font_file))
    except (TTFError, OSError) as fault:
        raise BadConfig("font", f"can't read {font_file}: {fault}") from None
    return "signs", "signs"


def _draw(canvas: Canvas, shape: Shape, fonts: tuple[str, str], font_file: str) -> None:
    canvas.setFillColor(shape.colour)
    if isinstance(shape, Box):
        _fill(canvas, shape)
        return
    if not font_file and not _BUILT_IN_LETTERS.issuperset(shape.text):
        raise BadConfig("font", f"{shape.text!r} has letters the built-in font lacks; name a TrueType file by --font")
    canvas.setFont(fonts[shape.bold], shape.size * mm)
    canvas.drawCentredString(shape.x * mm, (PAGE_MM[1] - shape.y) * mm, shape.text)


def _fill(canvas: Canvas, box: Box) -> None:
    bottom = PAGE_MM[1] - box.y - box.height  # PDF counts from below
    where = (box.x * mm, bottom * mm, box.width * mm, box.height * mm)
    if box.radius:
        canvas.roundRect(*where, box.radius * mm, stroke=0, fill=1)
    else:
        canvas.rect(*where, stroke=0, fill=1)
