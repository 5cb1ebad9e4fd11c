"""`POST /v1/sessions`: a pseudonym and its tokens, once a shopper has agreed; and her consent as it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from endcap.clock import Clock
from endcap.consent import Purpose
from endcap.errors import BadMessage
from endcap.wire import write_instant
from endcap_backend.api.auth import Guard
from endcap_backend.api.bodies import answer, read_object
from endcap_backend.api.limits import RateLimit
from endcap_backend.api.metrics import Metrics
from endcap_backend.api.openapi import INSTANT, TEXT, Operation, object_of, operation, text
from endcap_backend.api.problems import Problem, invalid
from endcap_backend.api.shoppers import TEXT_VERSION, Consent, Shopper, Shoppers
from endcap_backend.api.tokens import ACCESS, REFRESH, BadToken, Tokens

MAX_BYTES = 16 * 1024  # a session's body has 200

CONSENT = object_of(
    {
        "purposes": {"type": "array", "items": {"type": "string", "enum": list(Purpose)}, "uniqueItems": True},
        "text_version": TEXT_VERSION.schema(),
    },
    about="What she agreed to, having read the text of that version.",
)
SESSION = object_of(
    {
        "uid": text("her pseudonym: 128 random bits"),
        "token": text("for Authorization: Bearer"),
        "expires_at": INSTANT,
        "refresh_token": text("for the next session; good once"),
        "refresh_expires_at": INSTANT,
    }
)
RECORDED = object_of({"purposes": CONSENT["properties"]["purposes"], "text_version": TEXT, "recorded_at": INSTANT})
_PROBLEMS = ("malformed", "too_large", "unsupported_media_type", "invalid", "too_many_requests", "unavailable")
POST_SESSIONS = Operation(
    "Begin a session, or renew one",
    "shopper",
    {201: SESSION},
    body={
        "anyOf": [
            object_of({"consent": CONSENT}, about="a new shopper"),
            object_of(
                {"refresh_token": TEXT}, {"consent": CONSENT}, about="the same one, and her consent if it changed"
            ),
        ]
    },
    problems=(*_PROBLEMS, "unauthorised"),
)
PUT_CONSENT = Operation(
    "Change what she agrees to; an empty list withdraws everything",
    "shopper",
    {200: RECORDED},
    body=CONSENT,
    problems=(*_PROBLEMS, "unauthorised"),
    bearer=True,
)
GET_CONSENT = Operation(
    "Every consent she gave or changed, oldest first",
    "shopper",
    {200: object_of({"consents": {"type": "array", "items": RECORDED}})},
    problems=("unauthorised", "too_many_requests", "unavailable"),
    bearer=True,
)


class SessionDesk:
    """Gives out the pair of tokens a session consists of. Safe from any thread."""

    def __init__(
        self, shoppers: Shoppers, tokens: Tokens, metrics: Metrics, *, token_life_s: float, refresh_life_s: float
    ) -> None:
        self._shoppers = shoppers
        self._tokens = tokens
        self._metrics = metrics
        self._token_life_s = token_life_s
        self._refresh_life_s = refresh_life_s

    def begin(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A session for a new shopper, or the next one of the shopper whose refresh token is in `body`.

        Raises:
            Problem: 401 the refresh token is not good (any more); 422 no consent.
        """
        consent = _consent(body["consent"], "consent") if body.get("consent") is not None else None
        refresh_token = body.get("refresh_token")
        if refresh_token is not None:
            return self._tokens_for(self._renewed(refresh_token, consent), "renewed")
        if consent is None:
            raise Problem("invalid", "consent is missing: a session begins with one", field="consent")
        return self._tokens_for(self._shoppers.enter(consent), "begun")

    def _renewed(self, refresh_token: object, consent: Consent | None) -> Shopper:
        if not isinstance(refresh_token, str):
            raise Problem("invalid", "refresh_token must be text", field="refresh_token")
        try:
            claims = self._tokens.read(REFRESH, refresh_token)
        except BadToken as fault:
            raise Problem("unauthorised", f"{fault}: begin a new session") from None
        shopper = self._shoppers.renew(claims["sub"], claims["gen"], consent)
        if shopper is None:
            self._metrics.sessions.labels("refused").inc()
            raise Problem("unauthorised", "the session has ended, or its refresh token was used twice: begin a new one")
        return shopper

    def _tokens_for(self, shopper: Shopper, what: str) -> dict[str, Any]:
        token, expires_at = self._tokens.issue(ACCESS, shopper.uid, self._token_life_s)
        refresh_token, refresh_expires_at = self._tokens.issue(
            REFRESH, shopper.uid, self._refresh_life_s, gen=shopper.generation
        )
        self._metrics.sessions.labels(what).inc()
        return {
            "uid": shopper.uid,
            "token": token,
            "expires_at": write_instant(expires_at),
            "refresh_token": refresh_token,
            "refresh_expires_at": write_instant(refresh_expires_at),
        }


def blueprint(desk: SessionDesk, guard: Guard, shoppers: Shoppers, beginnings: RateLimit, clock: Clock) -> Blueprint:
    routes = Blueprint("sessions", __name__)

    @routes.post("/v1/sessions")
    @operation(POST_SESSIONS)
    def post_sessions() -> Response:
        beginnings.spend(request.remote_addr or "", "sessions from this address")
        return answer(desk.begin(read_object(MAX_BYTES)), 201)

    @routes.put("/v1/me/consent")
    @operation(PUT_CONSENT)
    def put_consent() -> Response:
        shopper = guard.shopper()
        consent = _consent(read_object(MAX_BYTES), "", at_least_one=False)
        shoppers.agree(shopper.uid, consent)
        recorded = {"text_version": consent.text_version, "recorded_at": write_instant(clock.now())}
        return answer({"purposes": sorted(consent.purposes), **recorded})

    @routes.get("/v1/me/consent")
    @operation(GET_CONSENT)
    def get_consent() -> Response:
        return answer({"consents": shoppers.consents(guard.shopper().uid)})

    return routes


def _consent(value: object, within: str, *, at_least_one: bool = True) -> Consent:
    try:
        return Consent.from_json(value, at_least_one=at_least_one)
    except BadMessage as fault:
        raise invalid(fault, within) from None
