"""Who may see the console: signing in with a cookie of the staff's own, and forms that no other site can post."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, g, make_response, redirect, request

from endcap_backend.api.problems import Problem
from endcap_backend.api.roles import Employee, Role
from endcap_backend.api.staff import SignIn, StaffDesk
from endcap_backend.api.tokens import STAFF, BadToken, Tokens
from endcap_backend.retail.staff import Staff

V = TypeVar("V", bound=Callable[..., Any])
SIGN_IN = "/console/sign-in"
_COOKIE_PATH = "/console"


@dataclass(frozen=True, slots=True)
class Guest:
    """Who looks at the console, and the secret of her forms."""

    employee: Employee
    session: str
    form_secret: str


class Door:
    """Lets the staff in. Safe from any thread.

    The cookie holds the token that `POST /v1/staff/sessions` would give; scripts can't read it, and browsers send it
    with our own pages' requests alone. Every form bears a secret derived from her session.
    """

    def __init__(self, desk: StaffDesk, staff: Staff, tokens: Tokens, form_key: bytes) -> None:
        self._desk = desk
        self._staff = staff
        self._tokens = tokens
        self._form_key = form_key

    def enter(self, name: str, password: str) -> Response:
        """Sign in and go to the console; raises the problems of `StaffDesk.enter`."""
        session = self._desk.enter(SignIn(name, password), request.remote_addr or "")
        response = make_response(redirect("/console", 303))
        response.set_cookie(
            _cookie(), session["token"], httponly=True, secure=request.is_secure, samesite="Strict", path=_COOKIE_PATH
        )
        return response

    def leave(self) -> Response:
        guest = self.guest()
        if guest is not None:
            self._staff.end(guest.session)
        response = make_response(redirect(SIGN_IN, 303))
        response.delete_cookie(  # browsers take nothing less of a `__Secure-` one
            _cookie(), httponly=True, secure=request.is_secure, samesite="Strict", path=_COOKIE_PATH
        )
        return response

    def guest(self) -> Guest | None:
        """Who the request's cookie is of; None when she has to sign in."""
        try:
            number = str(self._tokens.read(STAFF, request.cookies.get(_cookie(), ""))["sid"])
        except BadToken:
            return None
        employee = self._staff.find(number)
        return None if employee is None else Guest(employee, number, self._form_secret(number))

    def open_to(self, needed: Role | None = None) -> Callable[[V], V]:
        """For a view: only who has signed in, in the role `needed` or as the manager; `g.guest` is she.

        A post has to bear the secret of her forms.
        """

        def guarded(view: V) -> V:
            @wraps(view)
            def look(*args: Any, **more: Any) -> Any:
                guest = self.guest()
                if guest is None:
                    return redirect(SIGN_IN, 303)
                if needed is not None and not guest.employee.role.may_act_as(needed):
                    raise Problem("forbidden", f"this is for the role {needed}")
                if request.method == "POST" and not _same(request.form.get("secret", ""), guest.form_secret):
                    raise Problem("forbidden", "the form is not from this page, or you have signed in anew: go back")
                g.guest = guest
                return view(*args, **more)

            return cast(V, look)

        return guarded

    def _form_secret(self, session: str) -> str:
        return hmac.digest(self._form_key, session.encode(), "sha256").hex()


def _cookie() -> str:
    """`__Secure-` makes browsers refuse it over plain HTTP; on loopback there is no other."""
    return "__Secure-console" if request.is_secure else "console"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
