"""The page as HTML, in whatever state its shopper is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from flask import Response, make_response, render_template, request
from markupsafe import Markup

from endcap.messages import CustomerAlert
from endcap_lite import words
from endcap_lite.assets import asset
from endcap_lite.fixes import AISLE_M
from endcap_lite.services import Services
from endcap_lite.signs.keys import Claim
from endcap_lite.zones import LISTED

METRES_PER_FOOT = 0.3048


def page(
    services: Services,
    *,
    said: str = "",
    claim: Claim | None = None,
    offers: Sequence[CustomerAlert] = (),
    status: int = 200,
) -> Response:
    """The page with a sentence `said` in its status line, at the zone of `claim`, with these offers on it."""
    language = language_asked()
    sentences = words.catalogue(language)
    zone = claim.zone.name if claim else ""
    html = render_template(
        "lite.html",
        language=language,
        languages={each: words.catalogue(each)["name"] for each in words.LANGUAGES},
        chosen="lang" in request.args,
        here=request.path if request.method == "GET" else "/",
        direction=words.direction(language),
        words=sentences,
        scripted=_attribute(words.sections(language)["script"]),
        store_name=services.settings.store_name,
        hours=services.settings.kept_hours,
        vague_m=int(AISLE_M),
        zones=list(services.zones)[:LISTED],
        sign=claim.sign if claim else None,
        zone=zone,
        said=sentences[said].format(zone=zone) if said else "",
        offers=[card(offer, sentences) for offer in offers],
        asset=lambda name: asset(name).url,
    )
    response = make_response(html, status)
    response.cache_control.no_store = True
    response.vary.update(["Accept-Language", "Cookie"])
    return response


def language_asked() -> str:
    return words.best_language(request.args.get("lang"), request.accept_languages)


def _attribute(value: object) -> Markup:
    """JSON for an attribute in single quotes: shorter than with every double quote escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;"))


def card(offer: CustomerAlert, sentences: Mapping[str, str]) -> dict[str, str]:
    """An offer's words; times are the shop's own, as this server's time zone says."""
    near = "" if offer.distance_ft is None else sentences["metres"].format(n=round(offer.distance_ft * METRES_PER_FOOT))
    until = sentences["until"].format(time=f"{offer.expires_at.astimezone():%H:%M}")
    return {
        "id": offer.id,
        "kind": offer.kind,
        "title": offer.title,
        "why": offer.why,
        "where": " · ".join(part for part in (near, offer.section, until) if part),
    }
