"""Who asks: the shopper behind a bearer token, her session alive, and not too often; or who works in the shop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from endcap.consent import Purpose
from endcap_backend.api.limits import RateLimit
from endcap_backend.api.metrics import Metrics
from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Employee, Role
from endcap_backend.api.shoppers import Shopper, Shoppers
from endcap_backend.api.tokens import ACCESS, STAFF, BadToken, Tokens
from endcap_backend.retail.staff import Staff

MAX_TOKEN_CHARS = 2048  # ours have 230


class Guard:
    """Stands before every call of a shopper or of the shop's staff. Safe from any thread."""

    def __init__(self, tokens: Tokens, shoppers: Shoppers, staff: Staff, requests: RateLimit, metrics: Metrics) -> None:
        self._tokens = tokens
        self._shoppers = shoppers
        self._staff = staff
        self._requests = requests
        self._metrics = metrics

    def shopper(self, *needed: Purpose) -> Shopper:
        """The shopper whose token came with the request, who has agreed to all that is `needed`.

        Raises:
            Problem: 401 no token, or one that is not good; 403 she has not agreed; 429 too many requests.
        """
        return self.shopper_with(_sent(), *needed)

    def shopper_with(self, authorization: str, *needed: Purpose) -> Shopper:
        """As `shopper`, of a request with this Authorization header; needs no request of Flask's."""
        shopper = self._shoppers.find(self._paid(authorization))
        if shopper is None or shopper.revoked:
            raise self._refused("the session has ended: begin a new one")
        for purpose in needed:
            if not shopper.allows(purpose):
                self._metrics.refused.labels("consent").inc()
                raise Problem("consent_required", f"she has not agreed to {purpose}", field="purposes")
        return shopper

    def uid(self) -> str:
        """The pseudonym in a good token, whether or not its session is alive; raises 401 and 429 as `shopper`."""
        return self._paid(_sent())

    def staff(self, needed: Role | None = None) -> Employee:
        """Who of the shop makes the request, in the role that is `needed` or as its manager; in any without one.

        Raises:
            Problem: 401 no token of the staff's, or its session has ended; 403 another role.
        """
        employee = self._staff.find(self.staff_session())
        if employee is None:
            raise self._refused("the session has ended: sign in again")
        if needed is not None and not employee.role.may_act_as(needed):
            self._metrics.refused.labels("role").inc()
            raise Problem("forbidden", f"this is for the role {needed}")
        return employee

    def either(self, needed: Role) -> Shopper | Employee:
        """A shopper, or who of the shop acts in a role: for what both see. Raises as `shopper` and `staff`."""
        try:
            self._tokens.read(STAFF, self._bearer(_sent()))
        except BadToken:
            return self.shopper()
        return self.staff(needed)

    def staff_session(self) -> str:
        """The session in a good token of the staff's, whether or not it has ended; raises 401 as `staff`."""
        return str(self._claims(STAFF, _sent())["sid"])

    def _paid(self, authorization: str) -> str:
        uid = str(self._claims(ACCESS, authorization)["sub"])
        self._requests.spend(uid, "requests")
        return uid

    def _bearer(self, authorization: str) -> str:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._refused("send the session's token: Authorization: Bearer ...")
        if len(token) > MAX_TOKEN_CHARS:
            raise self._refused("the token is not one of ours")
        return token.strip()

    def _claims(self, kind: str, authorization: str) -> Mapping[str, Any]:
        try:
            return self._tokens.read(kind, self._bearer(authorization))
        except BadToken as fault:
            raise self._refused(str(fault)) from None

    def _refused(self, why: str) -> Problem:
        self._metrics.refused.labels("token").inc()
        return Problem("unauthorised", why, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _sent() -> str:
    return request.headers.get("Authorization", "")
