"""Who is present on a channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from endcap_devkit.ably_server.errors import PRESENCE_FULL, AblyError
from endcap_devkit.ably_server.messages import PresenceAction, PresenceMessage


class Members:
    """Present members by `connectionId:clientId`, in order of entering, each kept as PRESENT."""

    def __init__(self, max_members: int) -> None:
        self._present: dict[str, PresenceMessage] = {}
        self._max_members = max_members

    def take(self, change: PresenceMessage) -> PresenceMessage | None:
        """Apply one change; what subscribers are told, None when nothing changed (a leave of somebody not here).

        Raises:
            AblyError: 91003, one member more than a channel may have.
        """
        key = change.member_key
        member = self._present.get(key)
        if change.action is PresenceAction.LEAVE:
            return self._leave(change, member)
        if member is None and len(self._present) >= self._max_members:
            raise AblyError(PRESENCE_FULL, f"a channel has at most {self._max_members} presence members")
        self._present[key] = replace(change, action=PresenceAction.PRESENT)
        return change

    def _leave(self, change: PresenceMessage, member: PresenceMessage | None) -> PresenceMessage | None:
        if member is None:
            return None
        del self._present[change.member_key]
        if change.data is None:  # a leave says again what the member last said
            return replace(change, data=member.data, encoding=member.encoding)
        return change

    def of_connection(self, connection_id: str) -> list[PresenceMessage]:
        return [member for member in self._present.values() if member.connection_id == connection_id]

    def __iter__(self) -> Iterator[PresenceMessage]:
        return iter(list(self._present.values()))

    def __len__(self) -> int:
        return len(self._present)
