"""The lite page's door for phones in this machine's network: the page and the stream of its offers at one address.

Local Ably, backend and lite page listen on loopback alone, as ever. What comes in here goes to the lite page; of the
local Ably nothing can be reached but the event stream, which needs a visit's own token.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from endcap.errors import BadConfig
from endcap_devkit.ably_server.certificates import make_certificates

PATIENCE_S = 20.0  # for the lite page's answer
BODY_MAX = 1 << 20  # as the lite page takes
EVERYWHERE = {"0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}  # looked for from there: addresses nobody has
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"}
PORTS_FAULTS = {errno.EADDRINUSE: "is in use", errno.EACCES: "is not for this user"}
LENGTHS = {"content-length", "content-encoding"}


@dataclass(frozen=True, slots=True)
class Behind:
    """Origins on loopback that the door leads to."""

    lite: str
    ably: str


class Door:
    """Listens once it is opened and answers 503 until it leads somewhere. One thread: the demo's loop.

    `host` is an address of this machine, or 0.0.0.0 or :: for all of them; `tls` makes a certificate for the occasion,
    so that browsers give the page their location after a warning.
    """

    def __init__(self, host: str, *, tls: bool) -> None:
        self._host, self._tls = host, tls
        self._behind: Behind | None = None
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def open(self, port: int) -> str:
        """Listen, and give back the address to be typed.

        Raises:
            BadConfig: it is no address of this machine, or the port is taken.
        """
        name = own_address(self._host)
        try:
            taken = await self._listen(certificate_for(name) if self._tls else None, port)
        except (OSError, ValueError) as fault:  # the latter: it can't be the name of a host at all
            await self.close()
            raise _refusal(self._host, port, fault) from None
        return f"{'https' if self._tls else 'http'}://{in_url(name)}:{taken}"

    async def _listen(self, context: ssl.SSLContext | None, port: int) -> int:
        app = web.Application(client_max_size=BODY_MAX)
        app.router.add_get("/sse", self._stream)
        app.router.add_route("*", "/{path:.*}", self._page)
        self._http = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, port, ssl_context=context).start()
        return int(self._runner.addresses[0][1])

    def lead_to(self, behind: Behind) -> None:
        self._behind = behind

    async def close(self) -> None:
        """Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        behind, http = self._way()
        if not request.raw_path.startswith("/"):  # put behind an origin, it could lead to another
            raise web.HTTPBadRequest(text="ask with a path")
        headers = _passed_on(request.headers, HOP_BY_HOP)
        headers["X-Forwarded-For"] = request.remote or ""  # hers alone: what she says of it is not believed
        streams = request.path == "/stream"
        if streams:
            headers["Accept-Encoding"] = "identity"  # its answer is read here
        body = await request.read()
        try:
            async with http.request(
                request.method, behind.lite + request.raw_path, headers=headers, data=body, allow_redirects=False
            ) as answer:
                text = await answer.read()
                return web.Response(
                    status=answer.status,
                    body=_at(request, text, behind) if streams else text,
                    headers=_passed_on(answer.headers, HOP_BY_HOP | ({"content-length"} if streams else set())),
                )
        except (aiohttp.ClientError, TimeoutError):
            raise web.HTTPBadGateway(text="the lite page does not answer") from None

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        behind, http = self._way()
        url = behind.ably + request.raw_path
        headers = {name: request.headers[name] for name in ("Accept", "Last-Event-ID") if name in request.headers}
        try:
            async with http.get(url, headers=headers, timeout=aiohttp.ClientTimeout(sock_connect=PATIENCE_S)) as events:
                out = web.StreamResponse(status=events.status, headers=_passed_on(events.headers, HOP_BY_HOP | LENGTHS))
                await out.prepare(request)
                with suppress(ConnectionError):  # she left
                    async for piece in events.content.iter_any():
                        await out.write(piece)
                return out
        except aiohttp.ClientError:
            raise web.HTTPBadGateway(text="the local Ably does not answer") from None

    def _way(self) -> tuple[Behind, aiohttp.ClientSession]:
        if self._behind is None or self._http is None:
            raise web.HTTPServiceUnavailable(text="the demo is starting", headers={"Retry-After": "1"})
        return self._behind, self._http


def own_address(host: str) -> str:
    """The address under which others reach what listens on `host`. Nothing is sent to find it.

    Raises:
        BadConfig: it is 0.0.0.0 or ::, and this machine is in no network.
    """
    if host not in EVERYWHERE:
        return host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as towards:
            towards.connect((EVERYWHERE[host], 9))
            return str(towards.getsockname()[0])
    except OSError:
        reason = f"{host} is all addresses of this machine, and it is in no network; join one, or name an address"
        raise BadConfig("--host", reason) from None


def in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def certificate_for(name: str) -> ssl.SSLContext:
    return make_certificates(name).context


def _refusal(host: str, port: int, fault: OSError | ValueError) -> BadConfig:
    number = fault.errno if isinstance(fault, OSError) else None
    if number in PORTS_FAULTS:
        act = "choose another with --lite-port, or 0 for a free one"
        return BadConfig("lite-port", f"port {port} of {host} {PORTS_FAULTS[number]}; {act}")
    why = os.strerror(number) if number and number > 0 else fault  # asyncio's own words repeat the address
    act = "name an address of this machine, or 0.0.0.0 for all of them"
    return BadConfig("--host", f"{host}:{port} can't be listened on ({why}); {act}")


def _at(request: web.Request, text: bytes, behind: Behind) -> bytes:
    """The answer to POST /stream, with the address of her stream at the door she came by."""
    try:
        told = json.loads(text)
        url = str(told["url"])
    except (ValueError, KeyError, TypeError):
        return text  # a refusal
    own = f"{request.scheme}://{request.host}"
    return json.dumps({**told, "url": url.replace(behind.ably, own, 1)}).encode()


def _passed_on(headers: Mapping[str, str] | CIMultiDictProxy[str], without: set[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in without)
