"""Deltas are judged by Ably's own decoder."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import vcdiff_decoder
from ably import AblyRealtime
from ably.types.channeloptions import ChannelOptions
from ably.vcdiff.defaultvcdiffdecoder import AblyVCDiffDecoder
from hypothesis import given
from hypothesis import strategies as st

from endcap_devkit.ably_server import AblyServer
from endcap_devkit.ably_server.delta import encode

WAIT_S = 30.0
words = st.lists(st.sampled_from([b"latitude", b"longitude", b"60.1", b"24.9", b"\x00", b"x" * 200]), max_size=12)


@given(words.map(b"".join).filter(bool), words.map(b"".join))
def test_what_is_encoded_decodes_to_the_target(source: bytes, target: bytes) -> None:
    delta = encode(source, target)
    assert vcdiff_decoder.decode(source, delta) == target
    assert len(delta) <= len(target) + 40


def test_a_field_that_changed_costs_little() -> None:
    before = b'{"uid":"' + b"a" * 200 + b'","count":1,"status":"active"}'
    assert len(encode(before, before.replace(b":1,", b":2,"))) < 40


class CountingDecoder(AblyVCDiffDecoder):
    """Ably's decoder; counts, and fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.decoded = 0
        self.fails_at = -1

    def decode(self, delta: bytes, base: bytes) -> bytes:
        self.decoded += 1
        if self.decoded == self.fails_at:
            raise ValueError("spoilt")
        return bytes(super().decode(delta, base))


@pytest.mark.parametrize("fails_at", [-1, 2], ids=["every delta decodes", "the second does not"])
@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
def test_the_official_client_puts_deltas_together_again(ably_server: AblyServer, binary: bool, fails_at: int) -> None:
    sent = [{"uid": "u" * 40, "count": number, "state": "walking"} for number in range(6)]

    async def run() -> tuple[list[Any], int]:
        decoder = CountingDecoder()
        decoder.fails_at = fails_at
        options: dict[str, Any] = {"key": ably_server.key, "endpoint": f"localhost:{ably_server.port}/", "tls": False}
        client = AblyRealtime(**options, use_binary_protocol=binary, vcdiff_decoder=decoder)
        channel = client.channels.get("chat", ChannelOptions(params={"delta": "vcdiff"}))
        heard: asyncio.Queue[Any] = asyncio.Queue()
        await asyncio.wait_for(channel.subscribe(heard.put_nowait), WAIT_S)
        for data in sent:
            await asyncio.wait_for(channel.publish("fix", data), WAIT_S)
        told = [(await asyncio.wait_for(heard.get(), WAIT_S)).data for _ in sent]
        await client.close()
        return told, decoder.decoded

    told, decoded = asyncio.run(run())
    assert told == sent
    assert decoded >= len(sent) - 1 - (fails_at > 0)
