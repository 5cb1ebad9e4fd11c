"""The backend as a till talks to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import httpx

from endcap.errors import Refused, Unreachable

TIMEOUT_S = 10.0
TRIES = 3  # of one request: a repeat of a purchase changes nothing


class ShopBackend:
    """Requests of one till, one after the other.

    Raises, in every call:
        Unreachable: there is no answer, or only that it should come later.
        Refused: the backend says why.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
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
            if answer.status_code < 400:
                return answer.json()
            if answer.status_code != 503:
                raise Refused(f"{method} {path}: {_detail(answer)}", answer.status_code, answer.text)
            why = _detail(answer)
        raise Unreachable(f"no answer from {self._url}: {why}")


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
