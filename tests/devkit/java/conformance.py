"""What the official Java client sees of the local Ably, on a real JVM. Run: python conformance.py <scenario>.

The server is in ABLY_URL and ABLY_KEY, the client's jars in CLASSPATH, over TLS the server's CA in TRUST_STORE. Prints
one line of JSON with what was seen.
"""

from __future__ import annotations

import json
import os
import queue
import sys
from typing import Any
from urllib.parse import urlsplit

import jnius_config

if trust_store := os.environ.get("TRUST_STORE"):
    jnius_config.add_options(f"-Djavax.net.ssl.trustStore={trust_store}", "-Djavax.net.ssl.trustStorePassword=changeit")

from jnius import PythonJavaClass, autoclass, java_method  # the JVM starts here

WAIT_S = 20.0
ClientOptions = autoclass("io.ably.lib.types.ClientOptions")
Param = autoclass("io.ably.lib.types.Param")


def options(key: str | None = None, binary: bool = True) -> Any:
    url = urlsplit(os.environ["ABLY_URL"])
    made = ClientOptions(key or os.environ["ABLY_KEY"])
    made.tls = url.scheme == "https"
    made.restHost = made.realtimeHost = url.hostname
    made.port = made.tlsPort = url.port
    made.useBinaryProtocol = binary
    made.logLevel = 6
    return made


class Listener(PythonJavaClass):
    """Messages of a channel, into a queue."""

    __javainterfaces__ = ("io/ably/lib/realtime/ChannelBase$MessageListener",)

    def __init__(self) -> None:
        super().__init__()
        self.heard: queue.Queue[Any] = queue.Queue()

    @java_method("(Lio/ably/lib/types/Message;)V")
    def onMessage(self, message: Any) -> None:
        self.heard.put((message.name, str(message.data)))


class Completion(PythonJavaClass):
    """Whether a publish or an attach succeeded: 0 or the error's code."""

    __javainterfaces__ = ("io/ably/lib/realtime/CompletionListener",)

    def __init__(self) -> None:
        super().__init__()
        self.code: queue.Queue[int] = queue.Queue()

    @java_method("()V")
    def onSuccess(self) -> None:
        self.code.put(0)

    @java_method("(Lio/ably/lib/types/ErrorInfo;)V")
    def onError(self, reason: Any) -> None:
        self.code.put(reason.code)


def batch() -> Any:
    """As the Kafka connector publishes: one REST request for many records."""
    utils = autoclass("io.ably.lib.http.HttpUtils")
    gson = autoclass("com.google.gson.JsonParser")
    rest = autoclass("io.ably.lib.rest.AblyRest")(options())
    specs = [
        {"channels": ["promotions:u1"], "messages": [{"id": "a:0", "data": "1"}]},
        {"channels": [":bad"], "messages": [{"data": "2"}]},
    ]
    body = utils.requestBodyFromGson(gson.parseString(json.dumps(specs)), rest.options.useBinaryProtocol)
    reply = rest.request("POST", "/messages", [Param("newBatchResponse", "true")], body, None)
    items = [json.loads(str(item.toString())) for item in reply.items()]
    return {
        "status": reply.statusCode,
        "failures": [item["failureCount"] for item in items],
        "channel": items[0]["results"][0]["channel"],
        "code": items[1]["results"][0]["error"]["code"],
    }


def realtime(binary: bool) -> Any:
    client = autoclass("io.ably.lib.realtime.AblyRealtime")(options(binary=binary))
    channel, listener = client.channels.get("chat"), Listener()
    channel.subscribe(listener)
    attached = Completion()
    channel.attach(attached)
    told = [attached.code.get(timeout=WAIT_S)]
    for data in ("one", "two"):
        done = Completion()
        channel.publish("said", data, done)
        told.append(done.code.get(timeout=WAIT_S))
    heard = [listener.heard.get(timeout=WAIT_S) for _ in range(2)]
    newest = [item.data for item in channel.history([Param("limit", "1")]).items()]
    client.close()
    return {"codes": told, "heard": heard, "newest": newest}


def presence() -> Any:
    made = options()
    made.clientId = "u1"
    client = autoclass("io.ably.lib.realtime.AblyRealtime")(made)
    channel, done = client.channels.get("room"), Completion()
    channel.presence.enter("aisle 3", done)
    code = done.code.get(timeout=WAIT_S)
    members = [(member.clientId, str(member.data)) for member in channel.presence.get(True)]
    client.close()
    return {"code": code, "members": members}


def refused() -> Any:
    rest = autoclass("io.ably.lib.rest.AblyRest")(options())
    params = autoclass("io.ably.lib.rest.Auth$TokenParams")()
    params.capability = '{"promotions:a":["subscribe"]}'
    token = rest.auth.requestToken(params, None).token
    made = options()
    made.key, made.token = None, token
    client = autoclass("io.ably.lib.realtime.AblyRealtime")(made)
    codes = []
    for name in ("promotions:a", "promotions:b"):
        done = Completion()
        client.channels.get(name).attach(done)
        codes.append(done.code.get(timeout=WAIT_S))
    client.close()
    return codes


SCENARIOS = {
    "batch": batch,
    "realtime_msgpack": lambda: realtime(True),
    "realtime_json": lambda: realtime(False),
    "presence": presence,
    "refused": refused,
}

if __name__ == "__main__":
    print(json.dumps(SCENARIOS[sys.argv[1]]()), flush=True)
    os._exit(0)  # the client's threads outlive it
