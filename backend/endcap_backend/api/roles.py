"""Who works in the shop: the roles, and what each may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody of the shop does. A manager may do all that the others may."""

    STAFF = "staff"  # helps shoppers
    TILL = "till"  # takes their money
    MANAGER = "manager"

    def may_act_as(self, needed: Role) -> bool:
        return self in (needed, Role.MANAGER)


@dataclass(frozen=True, slots=True)
class Employee:
    """Who of the shop makes a request."""

    name: str
    role: Role
