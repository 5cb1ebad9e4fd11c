import asyncio
from datetime import UTC, datetime

import pytest

import endcap
from endcap import Purpose
from endcap.aio import AsyncEndcap
from endcap.testing import SHOP, ManualClock, ScriptedSource, a_fix

FENCE = endcap.Geofence("s1/coffee", endcap.Circle(endcap.LatLon(*SHOP), radius_m=30.48))
WAIT_S = 20


@pytest.fixture
def clock():
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def client(backend, tmp_path, clock):
    config = endcap.Config(
        backend_url=backend.url, storage_dir=tmp_path / "phone", remote_config=False, shop_fences=False
    )
    return AsyncEndcap(config, ScriptedSource(), clock=clock)


async def stand(client, clock, seconds=60):
    for _ in range(0, seconds, 5):
        clock.advance(5)
        await client.feed(a_fix(taken_at=clock.now()))


def test_visits_are_heard_by_async_for(client, clock, backend):
    async def main():
        async with client:
            client.register(FENCE)
            await asyncio.to_thread(client.consent.grant, Purpose.LOCATION, text_version="1")
            await stand(client, clock)
            async for event in client.events():
                heard.append(event)
                break
            assert await client.flush(WAIT_S)

    heard = []
    asyncio.run(main())
    assert [event.kind for event in heard] == ["enter"]
    assert backend.count() == 13


def test_what_was_heard_before_anyone_listened_is_not_lost_and_the_stream_ends_with_the_client(client, clock):
    async def main():
        async with client:
            client.register(FENCE)
            client.consent.grant(Purpose.LOCATION, text_version="1")
            await stand(client, clock)
        return [heard async for heard in client.heard()]

    heard = asyncio.run(asyncio.wait_for(main(), WAIT_S))
    assert [each.kind for each in heard if isinstance(each, endcap.GeofenceEvent)] == ["enter"]
    states = [each for each in heard if isinstance(each, endcap.ClientState)]
    assert (states[0].running, states[-1].running) == (True, False)


def test_the_loop_is_never_blocked(client, clock):
    async def main():
        async with client:
            client.consent.grant(Purpose.LOCATION, text_version="1")
            flushing = asyncio.create_task(client.flush(WAIT_S))
            ticks = 0
            while not flushing.done():
                await asyncio.sleep(0)
                ticks += 1
            return ticks

    assert asyncio.run(asyncio.wait_for(main(), WAIT_S)) > 1


def test_reports_diagnostics_and_her_data_are_there_too(client, clock):
    async def main():
        async with client:
            assert not await client.report("shown")
            client.consent.grant(Purpose.ANALYTICS, text_version="1")
            assert await client.report("shown")
            assert (await client.diagnostics())["granted"] == ["analytics"]
            assert (await client.export())["consent"]
            await client.delete_my_data()
            return client.state.granted

    assert asyncio.run(asyncio.wait_for(main(), WAIT_S)) == frozenset()
