"""StoreMap: the plan, her list's pins, the way and her dot, as much of it as she looks at.

Where things are is `floor.Frame`'s, which part is seen is `Sight`'s; this only draws.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kivy.clock import Clock
from kivy.core.text import Label as Drawn
from kivy.graphics import Color, InstructionGroup, Line, Rectangle, SmoothLine
from kivy.metrics import dp
from kivy.properties import ObjectProperty

from endcap_shopper.floor import FloorPlan, Frame, Section
from endcap_shopper.ui.theme import Theme
from endcap_shopper.ui.widgets.labels import Box, around, meets, placed
from endcap_shopper.ui.widgets.roaming import Roaming
from endcap_shopper.ui.widgets.shapes import circle, cone, filled
from endcap_shopper.ui.widgets.sight import Sight
from endcap_shopper.views import Dot
from endcap_shopper.views import StoreMap as View

Spot = tuple[float, float]
PIN_DP, RIM_DP = 26, 4
DOOR_DP = 10
CLOSE = 2.5  # so large is what is around her when she asks where she is


class StoreMap(Roaming):
    """Draws a StoreMap view; `walked` is called with the point of the Earth she clicks, where that is allowed.

    What she looks at stays when the view is new, until it is of another store.
    """

    view = ObjectProperty(View(), rebind=True)
    theme = ObjectProperty(None, allownone=True)
    walked = ObjectProperty(None, allownone=True)
    buttons = ObjectProperty(None, allownone=True)  # what lies over the map and hides names

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self._floor, self._over, self._she = InstructionGroup(), InstructionGroup(), InstructionGroup()
        for layer in (self._floor, self._over, self._she):
            self.canvas.add(layer)
        self._drawn: View | None = None
        self._store = ""
        self.names: tuple[Box, ...] = ()  # where sections' names are written
        self._outlined: tuple[tuple[FloorPlan, float, float], list[list[Spot]]] | None = None
        self._drawing = Clock.create_trigger(self.draw, -1)
        for name in ("pos", "size", "theme", "sight"):
            self.fbind(name, self._drawing)
        self.fbind("view", self._changed)
        self.fbind("buttons", self._covered)

    @property
    def frame(self) -> Frame | None:
        plan: FloorPlan | None = self.view.plan
        return None if plan is None else Frame(plan, self.width, self.height, dp(12))

    def spot(self, point: Any) -> Spot:
        """Where a point of the Earth is in the window. There must be a plan."""
        return self._in_window(self._picture_spot(point))

    def tapped(self, x: float, y: float) -> None:
        frame = self.frame
        if frame is not None and self.view.can_walk and self.walked:
            across, up = self.sight.spot(((x - self.x) / self.width, (y - self.y) / self.height))
            self.walked(frame.point(across * self.width, up * self.height))

    def centre(self) -> None:
        """Have her in the middle, and what is around her large enough to find it."""
        if self.view.dot is not None and self.frame is not None:
            self.glide(self.sight.centred(self._picture_spot(self.view.dot.point), CLOSE))

    def _picture_spot(self, point: Any) -> Spot:
        frame = self.frame
        assert frame is not None
        x, y = frame.place(point)
        return x / self.width, y / self.height

    def _in_window(self, part: Spot) -> Spot:
        x, y = self.sight.seen(part)
        return self.x + x * self.width, self.y + y * self.height

    def _outlines(self, plan: FloorPlan) -> list[list[Spot]]:
        """Each section's corners in the picture, reckoned once for a plan and a size: a pinch needs them each frame."""
        made_for = (plan, self.width, self.height)
        if self._outlined is None or self._outlined[0] != made_for:
            corners = [[self._picture_spot(each) for each in section.outline.outer] for section in plan.sections]
            self._outlined = made_for, corners
        return self._outlined[1]

    def draw(self, *_: object) -> None:
        """Draw everything anew: the size, the colours, the text size or the sight have changed."""
        self._drawn = None
        self._changed()

    def _changed(self, *_: object) -> None:
        if self.theme is None or min(self.size) < dp(48):
            return
        view, before = self.view, self._drawn
        if view.plan is None:
            for layer in (self._floor, self._over, self._she):
                layer.clear()
            return
        if view.plan.store != self._store:
            self.halt()
            self._store, self.sight = view.plan.store, Sight()
        if before is None or _floor(before) != _floor(view):
            self._draw_floor(view)
        if before is None or (before.pins, before.way, before.next_leg) != (view.pins, view.way, view.next_leg):
            self._draw_over(view)
        if before is None or before.dot != view.dot:
            self._draw_her(view.dot)
        self._drawn = view

    def _draw_floor(self, view: View) -> None:
        self._floor.clear()
        theme: Theme = self.theme
        assert view.plan is not None
        seen = []
        for section, parts in zip(view.plan.sections, self._outlines(view.plan), strict=True):
            corners = [self._in_window(part) for part in parts]
            if not self._meets(corners):
                continue
            lit = view.highlighted in (section.id, section.name) and bool(view.highlighted)
            seen.append((section, corners, theme.lit_ink if lit else theme.section_ink))
            self._floor.add(Color(*(theme.lit if lit else theme.section)))
            for mesh in filled(corners):
                self._floor.add(mesh)
            self._floor.add(Color(*theme.line))
            self._floor.add(Line(points=[part for corner in corners for part in corner], close=True, width=1.1))
        taken, self.names = self._taken(view), ()
        for section, corners, colour in seen:
            name = self._name(section, self._room(corners), colour, [*taken, *self.names])
            self.names += (name,) if name else ()
        for door in view.plan.doors:
            self._floor.add(Color(*theme.quiet))
            x, y = self.spot(door.point)
            self._floor.add(circle((x, y), dp(DOOR_DP)))

    def _taken(self, view: View) -> list[Box]:
        """Where no name goes: pins, the flag at the first one, doors, and the buttons."""
        assert view.plan is not None
        taken = self._pin_boxes(view) + [around(self.spot(door.point), dp(DOOR_DP)) for door in view.plan.doors]
        if (flag := self._flag_box(view)) is not None:
            taken.append(flag)
        over = self.buttons
        return taken if over is None or not over.height else [*taken, (over.x, over.y, over.right, over.top)]

    def _pin_boxes(self, view: View) -> list[Box]:
        return [around(self.spot(pin.point), dp(PIN_DP + RIM_DP)) for pin in view.pins]

    def _covered(self, *_: object) -> None:
        for name in ("pos", "size"):
            self.buttons.fbind(name, self._drawing)
        self._drawing()

    def _meets(self, corners: list[Spot]) -> bool:
        """Whether something of it can be seen."""
        left, low, right, high = self._room(corners)
        return left < right and low < high

    def _room(self, corners: list[Spot]) -> Box:
        """What is seen of it."""
        across, up = [x for x, _ in corners], [y for _, y in corners]
        return max(self.x, min(across)), max(self.y, min(up)), min(self.right, max(across)), min(self.top, max(up))

    def _name(self, section: Section, room: Box, colour: Any, taken: list[Box]) -> Box | None:
        """The section's name in what is seen of it, beside what is taken, smaller where that is narrow; none where it
        can't be read, or has no room."""
        widest = room[2] - room[0] - dp(4)
        for size in (self.theme.small, dp(12), dp(10)):
            if any(_written(word, size, self.width).width > widest for word in section.name.split()):
                continue  # no word is broken
            words = _written(section.name, size, widest)
            found = placed(words.width + dp(4), words.height, room, taken)
            if found is not None:
                self._floor.add(Color(*colour))
                at = (round((found[0] + found[2] - words.width) / 2), round(found[1]))
                self._floor.add(Rectangle(texture=words, pos=at, size=words.size))
                return found
        return None

    def _draw_over(self, view: View) -> None:
        self._over.clear()
        theme: Theme = self.theme
        spots = [self.spot(point) for point in view.way]
        for part, alpha in ((spots[max(0, view.next_leg - 1) :], 0.35), (spots[: view.next_leg], 1.0)):
            if len(part) > 1:
                self._over.add(Color(*theme.way[:3], alpha))
                self._over.add(SmoothLine(points=[each for spot in part for each in spot], width=dp(2.6)))
        for pin in reversed(view.pins):
            self._pin(self.spot(pin.point), str(pin.number), theme.deal if pin.deal else theme.way)
        flag = self._flag_box(view)
        if flag is not None:
            self._flag(flag, view.pins[0].text)

    def _pin(self, spot: Spot, number: str, colour: Any) -> None:
        theme: Theme = self.theme
        x, y = spot
        side = dp(PIN_DP)
        self._over.add(Color(*theme.ground))
        self._over.add(circle(spot, side + dp(RIM_DP)))
        self._over.add(Color(*colour))
        self._over.add(circle(spot, side))
        words = _written(number, dp(13), side, bold=True)
        self._over.add(Color(*theme.ground))
        self._over.add(
            Rectangle(texture=words, pos=(round(x - words.width / 2), round(y - words.height / 2)), size=words.size)
        )

    def _flag_box(self, view: View) -> Box | None:
        """Where the next stop's name goes: above its pin or below it, over no other pin where that can be."""
        if not view.pins or not self.collide_point(*self.spot(view.pins[0].point)):
            return None
        spot = self.spot(view.pins[0].point)
        words = _written(view.pins[0].text, self.theme.small, self.width * 0.6, bold=True)
        wide, high = words.width + dp(16), words.height + dp(8)
        x = min(max(spot[0] - wide / 2, self.x), self.right - wide)
        lows = [y for y in (spot[1] + dp(19), spot[1] - dp(19) - high) if self.y <= y <= self.top - high]
        boxes = [(x, y, x + wide, y + high) for y in lows or [self.y]]
        pins = self._pin_boxes(view)[1:]
        return min(boxes, key=lambda box: sum(meets(box, pin) for pin in pins))

    def _flag(self, box: Box, text: str) -> None:
        theme: Theme = self.theme
        words = _written(text, theme.small, self.width * 0.6, bold=True)
        x, y, right, high = box
        self._over.add(Color(*theme.ink))
        self._over.add(Rectangle(pos=(x, y), size=(right - x, high - y)))
        self._over.add(Color(*theme.ground))
        self._over.add(Rectangle(texture=words, pos=(round(x + dp(8)), round(y + dp(4))), size=words.size))

    def _draw_her(self, dot: Dot | None) -> None:
        self._she.clear()
        frame = self.frame
        if dot is None or frame is None:
            return
        theme: Theme = self.theme
        colour = theme.stale if dot.stale else theme.dot
        x, y = self.spot(dot.point)
        ring = max(dp(10), dot.accuracy_m * frame.scale * self.sight.zoom)
        self._she.add(Color(*colour[:3], 0.16))
        self._she.add(circle((x, y), 2 * ring))
        if dot.heading_deg is not None and not dot.stale:
            self._she.add(Color(*colour[:3], 0.45))
            self._she.add(cone((x, y), dot.heading_deg + frame.heading_offset_deg, dp(34)))
        for side, shade in ((dp(20), theme.ground), (dp(15), colour)):
            self._she.add(Color(*shade))
            self._she.add(circle((x, y), side))


def _floor(view: View) -> tuple[object, ...]:
    """What the floor's picture is made of: where pins are, no name is written."""
    return view.plan, view.highlighted, view.pins


def _written(text: str, size: float, width: float, *, bold: bool = False) -> Any:
    return _drawn(text, size, max(1.0, round(width)), bold).texture


@lru_cache(maxsize=256)
def _drawn(text: str, size: float, width: float, bold: bool) -> Drawn:
    """Wrapped where it is wider than that. Kept whole: a phone that loses its pictures has them filled again."""
    drawn = Drawn(text=text, font_size=size, bold=bold)
    drawn.refresh()
    if drawn.width > width:
        drawn = Drawn(text=text, font_size=size, bold=bold, text_size=(width, None), halign="center")
        drawn.refresh()
    return drawn
