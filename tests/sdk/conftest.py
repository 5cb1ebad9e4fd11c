import gzip
import json
import re
import socket
import sqlite3
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import jwt
import pytest
from ably.sync import AblyRestSync

from endcap.transports import AblyToken
from endcap_devkit.ably_server import AblyServer
from endcap_devkit.ably_server import Settings as AblySettings

_STORE = """
INSERT INTO messages (id, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times, body
"""


class TinyBackend:
    """A real HTTP server with the few endpoints the SDK calls, and the faults a test asks for.

    It answers 202 after its SQLite file holds the messages, once each by id, as the product's backend does.
    """

    def __init__(self, path):
        self.requests = []  # (path, headers, parsed body)
        self.tokens = set()
        self.token_lifetime_s = 3600
        self.faults = []  # each is a function(handler) that answers in place of the server
        self.packed_bodies = True
        self.fences = None  # since which version -> what GET /v1/geofences says
        self.config = None  # what GET /v1/config says
        self.ably = None  # a local Ably that the tokens are for
        self.ended = set()  # pseudonyms whose refresh tokens are over
        self.rejects = {}  # id suffix -> (field, reason)
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("CREATE TABLE messages (id TEXT PRIMARY KEY, body TEXT, times INTEGER DEFAULT 1)")
        self.impostors = []  # ids that came again with another content
        self._server = None
        self._open = []
        self.port = 0
        self.go_online()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def go_online(self):
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                backend._handle(self)

            do_GET = do_PUT = do_DELETE = do_POST

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def process_request(self, request, client_address):
                backend._open.append(request)
                super().process_request(request, client_address)

            def handle_error(self, request, client_address):
                pass  # a client that was killed in the middle is what these tests are about

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go_offline(self):
        self._server.shutdown()
        self._server.server_close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self):
        self.go_offline()
        with self._lock:
            self._db.close()

    def bodies(self):
        with self._lock:
            return {row[0]: json.loads(row[1]) for row in self._db.execute("SELECT id, body FROM messages")}

    def count(self):
        with self._lock:
            return self._db.execute("SELECT COUNT(*) FROM messages").fetchone()[0]

    def until_count(self, wanted, timeout_s=30):
        with self._changed:
            return self._changed.wait_for(lambda: self.count() >= wanted, timeout_s)

    def until_requests(self, wanted, timeout_s=30):
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= wanted, timeout_s)

    def answer(self, handler, status, body, headers=()):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def problem(self, status, title, headers=(), **more):
        """A fault to put into `faults`: an RFC 9457 answer."""
        body = {"type": "about:blank", "title": title, "status": status, "detail": f"{title}!", **more}
        return lambda handler: self.answer(
            handler, status, body, {"Content-Type": "application/problem+json", **dict(headers)}
        )

    def _handle(self, handler):
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        packed = handler.headers.get("Content-Encoding") == "gzip"
        if packed and not self.packed_bodies:
            return self.answer(handler, 415, {"title": "no packed bodies"})
        body = json.loads(gzip.decompress(content) if packed else content) if content else None
        with self._changed:
            self.requests.append((handler.path, dict(handler.headers), body))
            fault = self.faults.pop(0) if self.faults else None
            self._changed.notify_all()
        if fault is not None:
            return fault(handler)
        name = re.sub(r"\W", "_", handler.path.removeprefix("/v1/").split("?")[0])
        return getattr(self, f"_{name}", self._unknown)(handler, body)

    def _geofences(self, handler, body):
        since = handler.path.partition("since=")[2]
        answer = self.fences.get(since) if self.fences is not None else None
        self.answer(handler, 200, answer) if answer else self._unknown(handler, body)

    def _me(self, handler, body):
        uid = self._authorised(handler)
        if uid:
            with self._lock:
                erased = self._db.execute("DELETE FROM messages WHERE body LIKE ?", (f'%"uid": "{uid}"%',)).rowcount
            self.tokens = {token for token in self.tokens if token.split("-")[2] != uid}
            self.answer(handler, 200, {"erased": erased})

    def _me_export(self, handler, body):
        uid = self._authorised(handler)
        if uid:
            self.answer(handler, 200, {"uid": uid, "records": [b for b in self.bodies().values() if b["uid"] == uid]})

    def _me_consent(self, handler, body):
        if self._authorised(handler):
            self.answer(handler, 200, body)

    def _unknown(self, handler, body):
        self.problem(404, "no such thing")(handler)

    def _config(self, handler, body):
        self.answer(handler, 200, self.config) if self.config else self._unknown(handler, body)

    def _sessions(self, handler, body):
        number = next(self._numbers)
        now = datetime.now(UTC)
        uid = body["refresh_token"].removeprefix("refresh-") if "refresh_token" in body else f"u{number}"
        if uid in self.ended:
            return self.problem(401, "refresh token is over")(handler)
        token = f"token-{number}-{uid}"
        self.tokens.add(token)
        self.answer(handler, 201, {
            "uid": uid,
            "token": token,
            "expires_at": (now + timedelta(seconds=self.token_lifetime_s)).isoformat(),
            "refresh_token": f"refresh-{uid}",
            "refresh_expires_at": (now + timedelta(days=30)).isoformat(),
        })  # fmt: skip

    def _authorised(self, handler):
        token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token in self.tokens:
            return token.split("-")[2]
        self.problem(401, "token refused")(handler)
        return None

    def _ably_token(self, handler, body):
        uid = self._authorised(handler)
        if uid:
            channels = {"location": f"location:{uid}", "promotions": f"promotions:{uid}"}
            expires_at = datetime.now(UTC) + timedelta(hours=1)
            self.answer(handler, 200, {
                "token": an_ably_jwt(self.ably, uid=uid) if self.ably else "ably",
                "client_id": uid, "expires_at": expires_at.isoformat(), "capability": {}, "channels": channels,
                "endpoint": f"http://localhost:{self.ably.port}" if self.ably else "",
            })  # fmt: skip

    def _locations(self, handler, body):
        self._store(handler, body["locations"])

    def _events(self, handler, body):
        self._store(handler, body["events"])

    def _store(self, handler, items):
        uid = self._authorised(handler)
        if not uid:
            return
        results = [{"index": index, **self._judge(uid, item)} for index, item in enumerate(items)]
        with self._lock:
            self._db.execute("BEGIN")
            for result, item in zip(results, items, strict=True):
                if result["status"] == "accepted":
                    times, body = self._db.execute(_STORE, (item["id"], json.dumps(item))).fetchone()
                    result["status"] = "accepted" if times == 1 else "duplicate"
                    if body != json.dumps(item):
                        self.impostors.append(item["id"])
            self._db.execute("COMMIT")
        if all(result["status"] == "rejected" for result in results):
            return self.problem(422, "nothing valid", errors=results)(handler)
        self.answer(handler, 202, {"results": results})
        with self._changed:
            self._changed.notify_all()

    def _judge(self, uid, item):
        for suffix, (field, reason) in self.rejects.items():
            if item["id"].endswith(suffix):
                return {"status": "rejected", "field": field, "reason": reason}
        if item["uid"] != uid:
            return {"status": "rejected", "field": "uid", "reason": "is another shopper's"}
        return {"status": "accepted"}


@pytest.fixture
def backend(tmp_path):
    backend = TinyBackend(tmp_path / "backend.db")
    yield backend
    backend.close()


def an_ably_jwt(server, *, uid="u1", capability=None, ttl_s=3600.0):
    """A token for the local Ably, as the backend gives one to a phone."""
    name, secret = server.key.split(":")
    now = time.time()
    claims = {
        "iat": int(now),
        "exp": now + ttl_s,
        "x-ably-capability": json.dumps(
            capability or {f"location:{uid}": ["publish"], f"promotions:{uid}": ["subscribe", "history"]}
        ),
        "x-ably-clientId": uid,
    }
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": name})


@pytest.fixture
def a_jwt():
    return an_ably_jwt


@pytest.fixture
def a_token():
    def make(server, *, uid="u1", channel_uid=None, port=None, **more):
        return AblyToken(
            token=an_ably_jwt(server, uid=uid, **more),
            client_id=uid,
            expires_at=datetime.now(UTC) + timedelta(seconds=more.get("ttl_s", 3600)),
            location_channel=f"location:{channel_uid or uid}",
            promotions_channel=f"promotions:{channel_uid or uid}",
            endpoint=f"http://localhost:{port or server.port}",
        )

    return make


@pytest.fixture(scope="module")
def ably():
    with AblyServer(settings=AblySettings(auth_nudge_s=0)) as server:
        yield server


@pytest.fixture
def server_token(ably):
    return lambda: an_ably_jwt(ably, uid="*", capability={"*": ["*"]})


@pytest.fixture
def rest(ably, server_token):
    """The official client, as another party sees the channels."""
    with AblyRestSync(token=server_token(), endpoint=f"localhost:{ably.port}/", tls=False) as client:
        yield client


@pytest.fixture
def on_channel(rest):
    """What stands in a channel's history, oldest first."""
    return lambda channel: [message.data for message in rest.channels.get(channel).history(direction="forwards").items]


@pytest.fixture
def opened():
    """Transports and connections to close in the end."""
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in things:
        thing.close()
