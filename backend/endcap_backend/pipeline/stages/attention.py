"""What the shop's database knows of shoppers and promotions, asked for before anything is decided about them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from endcap_backend.pipeline.learning import Learning


class Attention:
    """Stands between the decisions of several partitions and what they all know. Owned by the stage's thread.

    `member` hears of each shopper who has become a member since she was last read.
    """

    def __init__(self, learning: Learning, member: Callable[[str], None]) -> None:
        self._learning = learning
        self._member = member
        self._promotions: set[str] = set()  # whose terms were there when terms were last read
        self._terms_changed = False

    def promote(self, pid: str) -> None:
        """A promotion came, or changed: its terms are read before anything is decided."""
        self._promotions.add(pid)
        self._terms_changed = True

    def promotion(self, pid: str) -> None:
        """Somebody is near a promotion. The match may have heard of it before we did."""
        if pid not in self._promotions:
            self.promote(pid)
            self.shoppers(())

    def shoppers(self, uids: Collection[str]) -> None:
        """Something is to be decided about these."""
        changed, self._terms_changed = self._terms_changed, False
        for uid in self._learning.attend(uids, terms_changed=changed):
            self._member(uid)
