"""The backend as a till talks to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import httpx

from endcap.errors import BadConfig, Refused, Unreachable

TIMEOUT_S = 10.0
TRIES = 3  # of one request: a repeat of a purchase changes nothing
_FINAL = frozenset((400, 409, 410, 413, 422))  # what the backend says of a purchase itself, and says again
_OURS = "urn:endcap:problem:"  # how the types of the backend's problems begin
_URL = "--url or ENDCAP_BACKEND_URL"  # where it comes from
_AWAY = frozenset((408, 429))  # with all from 500 on: a proxy's words as well as the backend's


class ShopBackend:
    """Requests of one till, one after the other.

    Raises, in every call:
        Unreachable: there is no answer, or only that it should come later, or it is a proxy's; what was asked may have
            happened.
        Refused: the backend says why, or a proxy before it: `is_final` and `is_unknown` tell which.

    Raises:
        BadConfig: `url` is none.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self._token = ""

    def keys(self) -> object:
        """The public keys codes are verified with."""
        return self._call("GET", "/v1/till/keys")

    def sign_in(self, name: str, password: str) -> None:
        session = self._call("POST", "/v1/staff/sessions", {"name": name, "password": password})
        self._token = str(cast(Mapping[str, Any], session)["token"])

    def offers(self, store: str) -> object:
        """What a till keeps of a store."""
        return self._call("GET", f"/v1/till/offers/{store}")

    def redeem(self, purchase: Mapping[str, Any]) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], self._call("POST", "/v1/redemptions", purchase))

    def reverse(self, number: str) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], self._call("POST", f"/v1/redemptions/{number}/reversal"))

    def _call(self, method: str, path: str, body: object = None) -> object:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        why = ""
        for _ in range(TRIES):
            try:
                answer = httpx.request(method, self._url + path, json=body, headers=headers, timeout=TIMEOUT_S)
            except (httpx.HTTPError, httpx.InvalidURL) as fault:
                why = str(fault) or type(fault).__name__
                continue
            if answer.is_success and (said := _json(answer)) is not None:
                return said
            if 400 <= answer.status_code < 500 and answer.status_code not in _AWAY:
                raise Refused(f"{method} {path}: {_detail(answer)}", answer.status_code, answer.text)
            why = _detail(answer)
            if answer.status_code == 429:
                break  # more of the same is what it complains of
        raise Unreachable(f"no answer from {self._url}: {why}")


def is_final(fault: Refused) -> bool:
    """Whether the backend refuses a purchase for what it is, and will again."""
    return fault.status in _FINAL and _is_ours(fault)


def is_unknown(fault: Refused) -> bool:
    """Whether the backend says that there is no such thing; a proxy's 404 says only that it did not get there."""
    return fault.status == 404 and _is_ours(fault)


def _is_ours(fault: Refused) -> bool:
    try:
        return str(json.loads(fault.body)["type"]).startswith(_OURS)
    except (ValueError, KeyError, TypeError):
        return False


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as fault:
        raise BadConfig(_URL, f"{url!r} is none: {fault}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadConfig(_URL, f"{url!r} is none: give the backend's, such as http://127.0.0.1:8700")
    return url.rstrip("/")


def _json(answer: httpx.Response) -> object:
    """None when it is none: no answer of the backend's."""
    try:
        return answer.json()
    except ValueError:
        return None


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
