import base64
import json
import os
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

import http_ece
import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from endcap.testing import ManualClock
from endcap_backend.webpush.subscriptions import Subscription, Subscriptions


def text(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Browser:
    """A browser's end of a subscription: it alone can read what is sent."""

    def __init__(self, url, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.endpoint = f"{url}/push/{name}"

    def to_json(self):
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {"endpoint": self.endpoint, "keys": {"p256dh": text(point), "auth": text(self.auth)}}

    def subscription(self, hosts=("localhost:*",)):
        return Subscription.from_json(self.to_json(), hosts)

    def read(self, body):
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))


class PushService:
    """A push service over TLS: keeps what it is sent; each request takes the next of `answers`, else 201."""

    def __init__(self, tls):
        self.answers = []
        self.requests = []  # (path, headers, body)
        self._changed = Condition()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with service._changed:
                    service.requests.append((self.path, dict(self.headers), body))
                    status = service.answers.pop(0) if service.answers else 201
                    service._changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def until(self, count, timeout_s=10.0):
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, timeout_s)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def service(authority):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    service = PushService(tls)
    yield service
    service.close()


@pytest.fixture
def client(authority):
    """What trusts the service's certificate."""
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    with httpx.Client(verify=tls, timeout=5.0) as client:
        yield client


@pytest.fixture
def a_browser(service):
    return lambda name="one": Browser(service.url, name)


@pytest.fixture
def subscriptions(database, clock):
    return Subscriptions(database, clock)


@pytest.fixture
def signed_for():
    """Whether a request's signature is by this key: raises when it is not."""

    def check(headers, public_key):
        scheme, _, rest = headers["Authorization"].partition(" ")
        fields = dict(part.split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        assert fields["k"] == public_key
        assert Vapid02.verify(headers["Authorization"])
        return json.loads(base64.urlsafe_b64decode(fields["t"].split(".")[1] + "=="))

    return check
