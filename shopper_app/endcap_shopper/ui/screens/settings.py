"""Settings: language, how everything looks, quiet hours, and what she is told of."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from kivy.properties import ObjectProperty, StringProperty

from endcap_shopper.i18n import later
from endcap_shopper.ui.layout import load
from endcap_shopper.ui.screens.page import PageScreen, row
from endcap_shopper.ui.screens.privacy import purpose_row
from endcap_shopper.ui.widgets.pool import Row
from endcap_shopper.ui.widgets.press import Surface
from endcap_shopper.views import TEXT_SCALES, Choice, Settings, Theme

STEP = timedelta(minutes=30)


class TimeRow(Surface):
    """A time of day, half an hour earlier or later. `changed` is called with the new one."""

    key = StringProperty("")
    title = StringProperty("")
    at = ObjectProperty(time(0), rebind=True)
    changed = ObjectProperty(None, allownone=True)

    def move(self, steps: int) -> None:
        self.changed((datetime.combine(datetime.min.replace(year=2000), self.at) + steps * STEP).time())


class SettingsPage(PageScreen):
    page = "settings"
    caption = later("Settings")
    root_page = False

    def refresh(self) -> None:
        self.ids.rows.show(self._rows(self.shopper.settings()))

    def _rows(self, settings: Settings) -> list[Row]:
        return [*self._looks(settings), *self._alerts(settings), *self._about(settings)]

    def _looks(self, settings: Settings) -> list[Row]:
        shopper, look = self.shopper, settings.look
        themes: tuple[tuple[Theme, str], ...] = (
            ("system", self.tr("As the phone")), ("light", self.tr("Light")), ("dark", self.tr("Dark")),
            ("contrast", self.tr("High contrast")),
        )  # fmt: skip
        worn = tuple(Choice(id, text, id == look.theme) for id, text in themes)
        sizes = tuple(
            Choice(str(each), shopper.words.percent(each * 100), each == look.text_scale) for each in TEXT_SCALES
        )
        units = (Choice("m", self.tr("Metres"), not settings.feet), Choice("ft", self.tr("Feet"), settings.feet))
        still = row("SwitchRow", "still", title=self.tr("Less motion"), on=look.reduced_motion)
        return [
            row(
                "ChipsRow",
                "language",
                title=self.tr("Language"),
                choices=settings.languages,
                chosen=shopper.set_language,
            ),
            row("ChipsRow", "theme", title=self.tr("Colours"), choices=worn, chosen=shopper.set_theme),
            row("ChipsRow", "size", title=self.tr("Text size"), choices=sizes, chosen=self._resize),
            row("ChipsRow", "units", title=self.tr("Distances"), choices=units, chosen=self._measure),
            {**still, "detail": self.tr("Nothing slides or fades"), "changed": shopper.set_reduced_motion},
        ]

    def _alerts(self, settings: Settings) -> list[Row]:
        shopper, start, end = self.shopper, settings.quiet_from, settings.quiet_until
        quiet = row("SwitchRow", "quiet", title=self.tr("Quiet hours"), on=settings.quiet_on)
        quiet["changed"] = lambda on: shopper.set_quiet_hours(on, start, end)
        shown = [row("SectionTitle", "alerts", text=self.tr("Alerts")), quiet]
        if settings.quiet_on:
            first, last = row("TimeRow", "from", title=self.tr("From"), at=start), row("TimeRow", "to", at=end)
            first["changed"] = lambda at: shopper.set_quiet_hours(True, at, end)
            last |= {"title": self.tr("Until"), "changed": lambda at: shopper.set_quiet_hours(True, start, at)}
            shown += [first, last]
        shown += [purpose_row(each, shopper.set_alert_kind) for each in settings.kinds]
        muted = row("SwitchRow", "muted", title=self.tr("No alerts today"), on=settings.muted_today)
        return [*shown, {**muted, "changed": shopper.mute_today}]

    def _about(self, settings: Settings) -> list[Row]:
        title = row("SectionTitle", "about", text=self.tr("About"))
        return [title, row("InfoRow", "shop", icon="store", title=settings.shop, detail=settings.version)]

    def _measure(self, unit: str) -> None:
        self.shopper.set_feet(unit == "ft")

    def _resize(self, scale: str) -> None:
        self.shopper.set_text_scale(float(scale))


load(__file__)
