"""One realtime connection to Ably, on a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

from endcap.errors import EndcapError, NotAuthorised, Unreachable
from endcap.transports import AblyToken
from endcap.transports.ably_endpoint import TOKEN_CODES, ably_options, fault_from, prepare
from endcap.transports.ably_listening import Listening
from endcap.wire import epoch_ms

if TYPE_CHECKING:
    from ably import AblyRealtime

log = logging.getLogger("endcap")

RETRY_S = 2.0  # after a lost connection; ably's own default is 15
AGAIN_S = 30.0  # after a refusal; the next token may be better
CLOSE_S = 2.0

T = TypeVar("T")


class AblyConnection:
    """Publishes with acknowledgement, listens with catch-up. Any thread may call; ably is imported on the first call.

    `tokens` gives a fresh token for each (re)authorisation and is called on a thread of its own, since it asks the
    network. `endpoint` is a URL; "" takes the token's, and where that is empty too, Ably's cloud. Listeners and
    `on_change` (state, fault) run on the connection's thread and must not block.
    """

    def __init__(
        self,
        tokens: Callable[[], AblyToken],
        *,
        endpoint: str = "",
        on_change: Callable[[str, EndcapError | None], None] = lambda state, fault: None,
    ) -> None:
        ably_options(endpoint)  # fails here and not on the thread
        self._tokens = tokens
        self._endpoint = endpoint
        self._on_change = on_change
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._client: AblyRealtime | None = None
        self._changed: asyncio.Condition | None = None
        self._token: AblyToken | None = None
        self._unused: AblyToken | None = None  # fetched to learn the endpoint, not yet given to ably
        self._token_faults = 0  # in a row
        self._renewal: asyncio.TimerHandle | None = None  # the one that is due
        self._listening: dict[str, Listening] = {}
        self.state = "initialized"
        self.fault: EndcapError | None = None  # the last one; None while all is well

    def start(self) -> None:
        """Connect in the background. Idempotent.

        Raises:
            Unreachable: the connection was closed by this side.
        """
        with self._lock:
            if self._closed:
                raise Unreachable("the Ably connection was closed by this side")
            if self._thread is not None:
                return
            prepare()
            import ably  # noqa: F401  # here, so that a missing package is the caller's to see

            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(_note)
            self._thread = threading.Thread(target=self._run, name="endcap-ably", daemon=True)
            self._thread.start()
        self._soon(self._connect())

    def until_connected(self, timeout_s: float = 10.0) -> AblyToken:
        """Block until connected; the token it is connected with.

        Raises:
            Unreachable, NotAuthorised: why not.
        """
        return self._await(self._until_connected(timeout_s), timeout_s, "connect")

    def publish(self, channel: str, message_id: str, name: str, data: object, timeout_s: float = 10.0) -> None:
        """Publish one message and block until Ably has acknowledged it. The same id within two minutes is one message.

        Raises:
            Unreachable: not connected in time, or no acknowledgement; publish the same again.
            NotAuthorised: the token does not cover the channel (40160), or was refused.
            Refused: Ably won't have this message.
        """
        self._await(self._publish(channel, message_id, name, data, timeout_s), 2 * timeout_s, "publish")

    def listen(self, channel: str, on_data: Callable[[object], None], timeout_s: float = 10.0) -> None:
        """Block until attached; from then on `on_data` gets each message's data, the last hundred first.

        Raises:
            Unreachable, NotAuthorised, Refused: why not; nothing is listened to then.
        """
        self._await(self._listen(channel, on_data, timeout_s), 2 * timeout_s, "attach")

    def close(self) -> None:
        """Disconnect and end the thread, within a few seconds. Idempotent; any thread but the connection's own."""
        with self._lock:
            self._closed = True
            loop, thread, self._thread = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._shut(), loop).result(CLOSE_S)
        except (TimeoutError, CancelledError):
            log.debug("the Ably connection did not close in time")
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_S)
        self.state = "closed"

    def _run(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(_settle())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def _await(self, work: Coroutine[Any, Any, T], timeout_s: float, doing: str) -> T:
        try:
            self.start()
        except EndcapError:
            work.close()
            raise
        future = self._soon(work)
        try:
            return future.result(timeout_s + CLOSE_S)
        except (TimeoutError, CancelledError) as fault:
            future.cancel()
            raise Unreachable(f"{doing}: no answer from Ably within {timeout_s:g} s") from fault

    def _soon(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        loop = self._loop
        if loop is None or self._closed:
            work.close()
            raise Unreachable("the Ably connection was closed by this side")
        return asyncio.run_coroutine_threadsafe(work, loop)

    # From here on everything runs on the connection's thread.

    async def _connect(self) -> None:
        """Make a client; also when the last one could not go on."""
        from ably import AblyRealtime

        try:
            self._unused = self._token = await asyncio.to_thread(self._tokens)
            self._client = client = AblyRealtime(
                auth_callback=self._authorise,
                transport_params={"heartbeats": "true"},  # ably-python sees no ping frames, and would drop a quiet link
                queue_messages=False,  # the outbox is the queue; ably's sends twice, and loses all after two minutes
                disconnected_retry_timeout=RETRY_S * 1000,
                use_binary_protocol=False,
                **ably_options(self._endpoint or self._token.endpoint),
            )
        except Exception as failed:  # the provider's or ably's; whatever it was, the next try may be luckier
            fault = failed if isinstance(failed, EndcapError) else Unreachable(f"token: {type(failed).__name__}")
            await self._become("disconnected", fault)
            self._renew_in(RETRY_S if isinstance(fault, Unreachable) else AGAIN_S)
            return
        client.connection.on(lambda change: self._on_connection(client, change))
        for listening in self._listening.values():
            asyncio.get_running_loop().create_task(listening.attach(client))

    async def _authorise(self, _params: object) -> Any:
        from ably.types.tokendetails import TokenDetails

        token, self._unused = self._unused, None
        if token is None:
            token = self._token = await asyncio.to_thread(self._tokens)
        return TokenDetails(token=token.token, expires=epoch_ms(token.expires_at), client_id=token.client_id)

    def _on_connection(self, client: AblyRealtime, change: Any) -> None:
        if client is not self._client:
            return  # the last words of one that was given up
        state, loop = change.current.value, asyncio.get_running_loop()
        fault = fault_from(change.reason, "connect") if change.reason is not None else None
        if fault is not None and state != "failed":
            fault = Unreachable(str(fault))  # ably gives 400 for a line that broke, and goes on trying
        if state == "connected":
            self._token_faults, fault = 0, None
        elif getattr(change.reason, "code", 0) in TOKEN_CODES:
            self._token_faults += 1
        loop.create_task(self._become(state, fault))
        if state == "failed":
            self._renew_in(AGAIN_S)
        elif self._token_faults > 1:  # ably asks for a new token only the first time
            self._token_faults = 0
            self._renew_in(0.0)

    def _renew_in(self, delay_s: float) -> None:
        """Make another client by then. Many may ask: with the connection each of its channels fails, too."""
        loop = asyncio.get_running_loop()
        if self._renewal is not None:
            if self._renewal.when() <= loop.time() + delay_s:
                return
            self._renewal.cancel()
        self._renewal = loop.call_later(delay_s, lambda: loop.create_task(self._renew()))

    async def _renew(self) -> None:
        self._renewal = None
        await self._become("connecting", None)
        await self._shut()
        if not self._closed:
            await self._connect()

    async def _become(self, state: str, fault: EndcapError | None) -> None:
        if state != self.state:
            log.log(
                logging.WARNING if state == "failed" else logging.INFO, "Ably connection: %s %s", state, fault or ""
            )
        changed = self._condition()
        async with changed:
            self.state, self.fault = state, fault
            changed.notify_all()
        self._on_change(state, fault)

    def _condition(self) -> asyncio.Condition:
        if self._changed is None:
            self._changed = asyncio.Condition()
        return self._changed

    async def _until_connected(self, timeout_s: float) -> AblyToken:
        if self._client is not None and self.state in ("disconnected", "suspended"):
            self._client.connect()  # somebody waits: now, and not when ably's own pause is over
        changed = self._condition()
        try:
            async with asyncio.timeout(timeout_s), changed:
                await changed.wait_for(lambda: self._is_up() or self.state == "failed" or _final(self.fault))
        except TimeoutError:
            raise Unreachable(f"no connection to Ably within {timeout_s:g} s: {self.fault or self.state}") from None
        if not self._is_up() or self._token is None:
            raise self.fault or Unreachable("the Ably connection failed")
        return self._token

    def _is_up(self) -> bool:
        return self.state == "connected" and self._client is not None

    async def _publish(self, channel: str, message_id: str, name: str, data: object, timeout_s: float) -> None:
        from ably import AblyException
        from ably.types.message import Message

        await self._until_connected(timeout_s)
        assert self._client is not None
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.channels.get(channel).publish(Message(id=message_id, name=name, data=data))
        except AblyException as fault:
            raise fault_from(fault, "publish", channel) from fault
        except TimeoutError:
            raise Unreachable(f"publish: no acknowledgement within {timeout_s:g} s") from None
        except Exception as fault:  # ably raises bare ones, when a socket goes in mid-send
            raise Unreachable(f"publish: {type(fault).__name__}: the connection was lost") from fault

    async def _listen(self, channel: str, on_data: Callable[[object], None], timeout_s: float) -> None:
        await self._until_connected(timeout_s)
        assert self._client is not None
        listening = Listening(channel, on_data, self._refused)
        try:
            async with asyncio.timeout(timeout_s):
                await listening.attach(self._client)
        except BaseException as fault:
            listening.let_go()
            if isinstance(fault, TimeoutError):
                raise Unreachable(f"attach: no answer within {timeout_s:g} s") from None
            raise
        self._listening[channel] = listening

    def _refused(self, client: AblyRealtime, fault: EndcapError) -> None:
        """A channel that was listened to is taken away: perhaps the next token gives it back."""
        if client is not self._client:
            return  # it is being given up, and its channels with it
        log.warning("an Ably channel was refused: %s; trying again in %g s", fault, AGAIN_S)
        self.fault = fault
        self._on_change(self.state, fault)
        self._renew_in(AGAIN_S)

    async def _shut(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S / 2):
                await client.close()
        except Exception as fault:  # one that can't be closed must not keep the next from being made
            log.debug("the Ably client did not close: %s", type(fault).__name__)


def _final(fault: EndcapError | None) -> bool:
    """True for what waiting won't mend."""
    return isinstance(fault, NotAuthorised)


async def _settle() -> None:
    """Let cancelled tasks end."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await asyncio.gather(*tasks, return_exceptions=True)


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ably leaves exceptions of its tasks unread when a connection goes; their text may hold a URL with the token."""
    fault = context.get("exception")
    log.debug("on the Ably thread: %s", type(fault).__name__ if fault else context.get("message"))
