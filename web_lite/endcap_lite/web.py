"""What all pages share: the session cookie, the origin check, problem bodies, security headers and compression."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response, jsonify

from endcap_lite.settings import Settings

ZIPPED = ("text/", "application/json", "application/problem+json", "application/manifest+json", "image/svg+xml")
ZIP_FROM_BYTES = 400  # below, gzip's own 20 bytes and the header eat the gain
HSTS_S = 365 * 24 * 3600


def cookie_name(settings: Settings) -> str:
    """`__Host-` ties the cookie to this very host over TLS; plain HTTP on loopback can't have it."""
    return "__Host-visit" if settings.https else "visit"


def set_cookie(response: Response, settings: Settings, secret: str) -> None:
    """The one cookie: first-party, for this browser session, out of the reach of scripts."""
    response.set_cookie(cookie_name(settings), secret, httponly=True, secure=settings.https, samesite="Lax", path="/")


def drop_cookie(response: Response, settings: Settings) -> None:
    response.delete_cookie(cookie_name(settings), httponly=True, secure=settings.https, samesite="Lax", path="/")


def is_foreign(request: Request, settings: Settings) -> bool:
    """True when another site's page made this request: browsers say so by Sec-Fetch-Site, older ones by Origin."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    ours = (request.host, urlsplit(settings.public_url).netloc)
    return origin is not None and urlsplit(origin).netloc not in ours


def problem(status: int, title: str, detail: str, *, field: str = "", errors: Sequence[Any] = ()) -> Response:
    """An RFC 9457 body."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if field:
        body["field"] = field
    if errors:
        body["errors"] = list(errors)
    response = jsonify(body)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response


def away(retry_after_s: float | None) -> Response:
    """The backend does not answer: what the page should do about it."""
    response = problem(503, "The shop's service does not answer", "Try again later; fixes are kept meanwhile.")
    response.headers["Retry-After"] = str(max(1, round(retry_after_s or 2)))
    return response


def too_many(response: Response, wait_s: float) -> Response:
    """The same answer as a 429 that says when to come back."""
    response.status_code = 429
    response.headers["Retry-After"] = str(int(wait_s) + 1)
    return response


def page_headers(settings: Settings) -> dict[str, str]:
    """The headers of a page and of its worker. Scripts and styles come from us alone, offers from Ably alone."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {settings.ably_url}",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "sw",
        "report-uri": "/csp",
    }
    headers = file_headers(settings) | {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
        "Referrer-Policy": "no-referrer",
    }
    if settings.https:
        headers["Cross-Origin-Opener-Policy"] = "same-origin"  # browsers complain of it on plain HTTP
    return headers


def file_headers(settings: Settings) -> dict[str, str]:
    """The headers of every other answer: as a page of its own it may do nothing. Short, since each first view pays."""
    headers = {
        "Content-Security-Policy": "default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if settings.https:
        headers["Strict-Transport-Security"] = f"max-age={HSTS_S}"
    return headers


def zipped(request: Request, response: Response) -> Response:
    """The answer in gzip where the browser takes it and it pays. Pages hold no secret that a length could tell."""
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"] or response.status_code != 200 or response.is_streamed:
        return response
    body = response.get_data()
    if len(body) < ZIP_FROM_BYTES or not (response.mimetype or "").startswith(ZIPPED):
        return response
    response.set_data(gzip.compress(body, 9, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    return response
