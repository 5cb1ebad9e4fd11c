"""Clipping: what a tap does to her coupons, offline too."""

from __future__ import annotations

from endcap_shopper.coupons import Coupon
from endcap_shopper.errands import Errands
from endcap_shopper.ground import Ground


class Clipping:
    """On the window's thread. What was clipped and is not told yet is the wallet's, and laid over the shop's word."""

    def __init__(self, ground: Ground, errands: Errands) -> None:
        self._ground, self._errands = ground, errands

    def clip(self, id: str) -> None:
        coupon = self._open(id, "available")
        if coupon is not None:
            state = self._ground.state
            self._ground.set(declined=state.settings.declined - {id})
            self._do("clip", id)
            self._ground.offer_undo(state.words.t("{title} clipped", title=coupon.title), lambda: self.unclip(id))

    def unclip(self, id: str) -> None:
        """Let it go; clipping automatically then leaves it alone too."""
        if self._open(id, "clipped") is not None:
            self._ground.set(declined=self._ground.state.settings.declined | {id})
            self._do("unclip", id)

    def clip_offer(self, alert_id: str) -> None:
        state = self._ground.state
        found = state.inbox.get(alert_id)
        coupon = None if found is None else state.coupon_for(found.alert)
        if coupon is not None:
            self.clip(coupon.id)

    def set_auto(self, on: bool) -> None:
        self._ground.set(auto_clip=on)
        self.clip_all()
        self._ground.tell("coupons")

    def clip_all(self) -> None:
        """Clip what holds now, when she wants that done for her."""
        state = self._ground.state
        if state.settings.auto_clip:
            for id in state.coupons.to_clip(state.settings.declined, state.now):
                self._do("clip", id)

    def reload(self) -> None:
        """See what is not told yet."""
        pending = self._ground.wallet.pending("clip", "unclip")
        self._ground.state.pending_clips = tuple((each.body["coupon"], each.kind == "clip") for each in pending)

    def told(self, coupon: Coupon | None) -> None:
        """The shop has heard; its answer is the coupon as it now is."""
        if coupon is not None:
            state = self._ground.state
            state.book = state.book.updated(coupon)
            self._ground.wallet.keep_answer("coupons", state.book.to_json(), self._ground.now())

    def let_go(self, id: str) -> None:
        """The shop has let it go on her word."""
        state = self._ground.state
        coupon = state.book.get(id)
        if coupon is not None:
            self.told(state.book.with_pending([(id, False)], state.now).get(id))

    def _open(self, id: str, state: str) -> Coupon | None:
        coupon = self._ground.state.coupons.get(id)
        now = None if coupon is None else coupon.at(self._ground.state.now)
        return now if now is not None and now.state == state else None

    def _do(self, kind: str, id: str) -> None:
        self._ground.wallet.act(kind, {"coupon": id}, self._ground.now())
        self.reload()
        self._errands.wake()
        self._ground.tell("coupons", "near", "card")
