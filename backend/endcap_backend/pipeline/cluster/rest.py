"""A REST interface of the cluster, with its failures in an operator's words."""

from __future__ import annotations

from typing import Any

import httpx

from endcap.errors import BadConfig, Refused, Unreachable

CALL_TIMEOUT_S = 30.0


class Rest:
    """Requests to one server, with JSON both ways. `what` names it in what goes wrong. One thread at a time."""

    def __init__(
        self, what: str, url: str, user: str = "", password: str = "", *, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        """Nothing is sent yet.

        Raises:
            BadConfig: the URL is none.
        """
        self._what, self._url = what, url.rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise BadConfig(f"{what}'s URL", f"{url!r} is none: it begins with http:// or https://")
        self._client = httpx.Client(
            base_url=self._url, auth=(user, password) if user else None, timeout=timeout_s, follow_redirects=True
        )

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """What the server answers; None for an empty answer.

        Raises:
            Busy: it says that it can't for now, and has not done it.
            Unreachable: it does not answer, or something between does for it.
            Refused: it will not do it, or it is no such server; carries status and body.
        """
        try:
            answer = self._client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as fault:
            raise Unreachable(f"{self._what} does not answer at {self._url}: {fault or type(fault).__name__}") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            kind = Busy if answer.status_code == 429 or _code(answer) // 100 == 503 else Unreachable
            said = f"{self._what} at {self._url} answers {answer.status_code}: {_message(answer)}"
            raise kind(said, _retry_after_s(answer))
        if answer.status_code in (401, 403):
            # a server that knows the login may still lack rights of its own, and then says which
            why = f": {_message(answer)}" if _code(answer) % 100 else ""
            raise Refused(f"{self._what} at {self._url} refuses the login{why}", answer.status_code, answer.text)
        if answer.is_error:
            raise Refused(f"{self._what} answers: {_message(answer)}", answer.status_code, answer.text)
        return self._said(answer) if answer.content else None

    def _said(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            kind = answer.headers.get("content-type", "of no kind")
            raise Refused(
                f"{answer.url} answers with something that is not JSON ({kind}): is it {self._what}, or a proxy?",
                answer.status_code,
                answer.text,
            ) from None


class Busy(Unreachable):
    """The server itself said that it can't for now: it has done nothing, and the same may be asked again."""


def _code(answer: httpx.Response) -> int:
    """The server's own number for what went wrong, such as 40001; 0 when it gives none."""
    try:
        said = answer.json()
    except ValueError:
        return 0
    code = said.get("error_code") if isinstance(said, dict) else None
    return code if isinstance(code, int) else 0


def _retry_after_s(answer: httpx.Response) -> float | None:
    asked = answer.headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() else None


def _message(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return answer.text[:300] or answer.reason_phrase
    return str(said.get("message", said) if isinstance(said, dict) else said)
