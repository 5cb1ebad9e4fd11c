"""One realtime connection to Ably, on a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from endcap.errors import EndcapError, NotAuthorised, TransportError, Unreachable
from endcap.transports import AblyToken
from endcap.transports.ably_endpoint import TOKEN_CODES, ably_options, fault_of, prepare
from endcap.wire import epoch_ms

if TYPE_CHECKING:
    from ably import AblyRealtime

log = logging.getLogger("endcap")

REWIND = "100"  # messages a first attach replays; Ably's most
HISTORY_PAGE = 100
HISTORY_MOST = 1000  # messages fetched after a gap: more than a shopper is ever told in three days
OVERLAP_MS = (
    10_000  # history is asked from so long before the newest message heard; repeats are the subscriber's to drop
)
RETRY_S = 2.0  # after a lost connection; ably's own default is 15
AGAIN_S = 30.0  # after a refusal; the next token may be better
CLOSE_S = 2.0

OnData = Callable[[object], None]


class AblyConnection:
    """Publishes with acknowledgement and listens with catch-up. Any thread may call; ably is imported on the first.

    `tokens` gives a fresh token for each (re)authorisation and is called on a thread of its own, since it asks the
    network. `endpoint` is a URL; "" takes the token's, and where that is empty too, Ably's cloud. Listeners run on the
    connection's thread and must not block.
    """

    def __init__(self, tokens: Callable[[], AblyToken], *, endpoint: str = "") -> None:
        ably_options(endpoint)  # fails here and not on the thread
        self._tokens = tokens
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._client: AblyRealtime | None = None
        self._changed: asyncio.Condition | None = None
        self._token: AblyToken | None = None
        self._unused: AblyToken | None = None
        self._token_faults = 0  # in a row
        self._listeners: dict[str, OnData] = {}
        self._newest_ms: dict[str, int] = {}
        self.state = "initialized"
        self.fault: EndcapError | None = None  # the last one; None while connected
        self.caught_up = 0  # messages that history brought after a gap

    @property
    def token(self) -> AblyToken | None:
        """The newest token, once there was one."""
        return self._token

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

    def publish(self, channel: str, message_id: str, name: str, data: object, timeout_s: float = 10.0) -> None:
        """Publish one message and block until Ably has acknowledged it. The same id within two minutes is one message.

        Raises:
            Unreachable: not connected in time, or no acknowledgement; publish the same again.
            NotAuthorised: the token does not cover the channel (40160), or was refused.
            Refused: Ably won't have this message.
        """
        self.start()
        future = self._soon(self._publish(channel, message_id, name, data, timeout_s))
        try:
            future.result(timeout_s * 2 + CLOSE_S)
        except (TimeoutError, CancelledError) as fault:
            raise Unreachable(f"publish: no acknowledgement within {timeout_s:g} s") from fault

    def until_connected(self, timeout_s: float = 10.0) -> AblyToken:
        """Block until connected; the token it is connected with.

        Raises:
            Unreachable, NotAuthorised: why not.
        """
        self.start()
        future: Future[AblyToken] = self._soon(self._until_connected(timeout_s))
        try:
            return future.result(timeout_s + CLOSE_S)
        except (TimeoutError, CancelledError) as fault:
            raise Unreachable(f"no connection to Ably within {timeout_s:g} s") from fault

    def listen(self, channel: str, on_data: OnData) -> None:
        """Hand each message's data on `channel` to `on_data`, the last hundred first. Returns at once.

        After a gap that a resume can't bridge, history is asked; a message may then come twice.
        """
        self._listeners[channel] = on_data
        self.start()
        self._soon(self._attach(channel))

    def close(self) -> None:
        """Disconnect and end the thread, within two seconds. Idempotent; any thread but the connection's own."""
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

    def _soon(self, work: Coroutine[Any, Any, Any]) -> Any:
        loop = self._loop
        if loop is None or self._closed or loop.is_closed():
            work.close()
            raise Unreachable("the Ably connection was closed by this side")
        return asyncio.run_coroutine_threadsafe(work, loop)

    # From here on everything runs on the connection's thread.

    async def _connect(self) -> None:
        """Make a client, and again when it can't go on."""
        from ably import AblyRealtime

        try:
            self._unused = self._token = await asyncio.get_running_loop().run_in_executor(None, self._tokens)
            options = ably_options(self._endpoint or self._token.endpoint)
        except EndcapError as fault:
            await self._became("disconnected", fault)
            self._later(AGAIN_S if isinstance(fault, NotAuthorised) else RETRY_S, self._connect)
            return
        self._client = AblyRealtime(
            auth_callback=self._authorise,
            transport_params={"heartbeats": "true"},  # ably-python sees no ping frames, and would drop a quiet link
            queue_messages=False,  # the outbox is the queue; ably's would send twice and lose all after two minutes
            disconnected_retry_timeout=RETRY_S * 1000,
            use_binary_protocol=False,
            **options,
        )
        self._client.connection.on(self._on_connection)
        for channel in self._listeners:
            await self._attach(channel)

    async def _authorise(self, _params: object) -> Any:
        from ably.types.tokendetails import TokenDetails

        token, self._unused = self._unused, None
        if token is None:
            token = self._token = await asyncio.get_running_loop().run_in_executor(None, self._tokens)
        return TokenDetails(token=token.token, expires=epoch_ms(token.expires_at), client_id=token.client_id)

    def _on_connection(self, change: Any) -> None:
        state = getattr(change.current, "value", str(change.current))
        fault = _fault(change.reason, "connect") if change.reason else None
        if fault is not None and state != "failed":
            fault = Unreachable(str(fault))  # ably gives 400 for a line that broke, and goes on trying
        if state == "connected":
            self._token_faults, fault = 0, None
        elif change.reason is not None and getattr(change.reason, "code", 0) in TOKEN_CODES:
            self._token_faults += 1
        asyncio.get_running_loop().create_task(self._became(state, fault))
        if state == "failed":
            self._later(AGAIN_S, self._renew)
        elif self._token_faults > 1:  # ably asks for a new token only the first time
            self._token_faults = 0
            asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _close(client)
        if not self._closed:
            await self._connect()

    async def _became(self, state: str, fault: EndcapError | None) -> None:
        if state != self.state:
            log.log(
                logging.WARNING if state == "failed" else logging.INFO, "Ably connection: %s %s", state, fault or ""
            )
        changed = self._condition()
        async with changed:
            self.state, self.fault = state, fault
            changed.notify_all()

    def _condition(self) -> asyncio.Condition:
        if self._changed is None:
            self._changed = asyncio.Condition()
        return self._changed

    async def _until_connected(self, timeout_s: float) -> AblyToken:
        changed = self._condition()
        if self._client is not None and self.state in ("disconnected", "suspended"):
            self._client.connect()
        try:
            async with asyncio.timeout(timeout_s), changed:
                await changed.wait_for(lambda: self.state in ("connected", "failed") or _final(self.fault))
        except TimeoutError:
            raise Unreachable(f"no connection to Ably within {timeout_s:g} s: {self.fault or self.state}") from None
        if self.state != "connected" or self._token is None:
            raise self.fault or Unreachable("the Ably connection failed")
        return self._token

    async def _publish(self, channel: str, message_id: str, name: str, data: object, timeout_s: float) -> None:
        from ably import AblyException
        from ably.types.message import Message

        await self._until_connected(timeout_s)
        assert self._client is not None
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.channels.get(channel).publish(Message(id=message_id, name=name, data=data))
        except AblyException as fault:
            raise _fault(fault, "publish", channel) from fault
        except TimeoutError:
            raise Unreachable(f"publish: no acknowledgement within {timeout_s:g} s") from None
        except Exception as fault:  # ably raises bare ones, when a socket goes in mid-send
            raise Unreachable(f"publish: {type(fault).__name__}: the connection was lost") from fault

    async def _attach(self, name: str) -> None:
        """Attach, and listen for what the channel's state says."""
        from ably.types.channeloptions import ChannelOptions

        client = self._client
        if client is None:
            return  # _connect will
        channel = client.channels.get(name, ChannelOptions(params={"rewind": REWIND}))
        first = True

        def on_state(change: Any) -> None:
            nonlocal first
            state = getattr(change.current, "value", str(change.current))
            if state == "attached":
                if not first and not change.resumed:
                    asyncio.get_running_loop().create_task(self._catch_up(name))
                first = False
            elif state == "failed":
                self._refused(name, _fault(change.reason, "attach", name))

        channel.on(on_state)
        try:
            await channel.subscribe(self._hear(name))
        except Exception as fault:  # the state says it too; a suspended channel is attached again by ably
            log.debug("attach: %s", type(fault).__name__)

    def _refused(self, name: str, fault: EndcapError) -> None:
        if self.fault is None or self.state == "connected":
            self.fault = fault
        log.warning("an Ably channel was refused: %s; trying again in %g s", fault, AGAIN_S)
        self._later(AGAIN_S, self._renew)

    def _hear(self, name: str) -> Callable[[Any], None]:
        def on_message(message: Any) -> None:
            self._hand_over(name, message)

        return on_message

    def _hand_over(self, name: str, message: Any) -> None:
        self._newest_ms[name] = max(self._newest_ms.get(name, 0), int(message.timestamp or 0))
        try:
            self._listeners[name](message.data)
        except Exception:
            log.exception("a listener on an Ably channel failed")

    async def _catch_up(self, name: str) -> None:
        """After a gap that was not bridged: ask history for what came since, and hand it over oldest first."""
        client, since_ms = self._client, self._newest_ms.get(name, 0) - OVERLAP_MS
        if client is None:
            return
        missed: list[Any] = []
        try:
            page = await client.channels.get(name).history(direction="backwards", limit=HISTORY_PAGE)
            while page is not None and len(missed) < HISTORY_MOST:
                missed += [message for message in page.items if int(message.timestamp or 0) >= since_ms]
                older = any(int(message.timestamp or 0) < since_ms for message in page.items)
                page = await page.next() if page.has_next() and not older else None
        except Exception as fault:  # a token without the history capability, or no network: live messages go on
            log.warning("history after a gap: %s", type(fault).__name__)
        self.caught_up += len(missed)
        for message in reversed(missed):
            self._hand_over(name, message)

    def _later(self, delay_s: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, lambda: loop.create_task(work()))

    async def _shut(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _close(client)


def _final(fault: EndcapError | None) -> bool:
    """True for what waiting won't mend."""
    return fault is not None and not isinstance(fault, Unreachable)


def _fault(reason: Any, doing: str, channel: str = "") -> EndcapError:
    code, status = int(getattr(reason, "code", 0) or 0), int(getattr(reason, "status_code", 0) or 0)
    return fault_of(code, status, getattr(reason, "message", "") or "", channel=channel, doing=doing)


async def _close(client: AblyRealtime) -> None:
    try:
        async with asyncio.timeout(CLOSE_S / 2):
            await client.close()
    except (TimeoutError, TransportError):
        log.debug("the Ably client did not close in time")


async def _settle() -> None:
    """Let cancelled tasks end."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await asyncio.gather(*tasks, return_exceptions=True)


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ably leaves exceptions of its tasks unread when a connection goes; their text may hold a URL with the token."""
    fault = context.get("exception")
    log.debug("on the Ably thread: %s", type(fault).__name__ if fault else context.get("message"))
