"""Where the lite page's signs hang: the places a shopper may say she is at when she does not share her position."""

from __future__ import annotations

import csv
import io
import re

from endcap_devkit.demo.city import City

STORES, SECTIONS = 12, 4  # of the largest: together within the 60 that the lite page lists
NAME_CHARS = 16  # of a sign's address


def signs(city: City) -> str:
    """Rows of store, zone, name, latitude, longitude, as `endcap-lite serve --zones` reads them."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("store", "zone", "name", "latitude", "longitude"))
    largest = sorted(city.stores, key=lambda store: -len(store.plan.shelves))[:STORES]
    for store in largest:
        code = re.sub(r"[^A-Z0-9]", "", store.id.upper())[-NAME_CHARS:]
        for number, section in enumerate(store.sections[:SECTIONS], 1):
            point = city.point(section.shelves[0].middle)
            name = f"{store.premises.name}: {section.name}"
            rows.writerow((code, f"A{number}", name, f"{point.latitude_deg:.5f}", f"{point.longitude_deg:.5f}"))
    return out.getvalue()
