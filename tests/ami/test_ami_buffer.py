"""The queue between reader and consumer: in order, bounded, and honest about what it shed."""

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.ami.buffer import Closed, EventBuffer

NOW = datetime(2026, 11, 22, tzinfo=UTC)


async def drain(buffer):
    taken = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                item = await buffer.get()
        except TimeoutError:
            return taken
        taken.append(item[0] if isinstance(item, tuple) else item)


async def test_in_order_and_bounded_by_number():
    buffer = EventBuffer(3, 1000, "hole")
    for name in (b"1", b"2", b"3", b"4", b"5"):
        buffer.put(name, NOW)
    assert (len(buffer), buffer.shed) == (3, 2)
    assert await drain(buffer) == [b"1", b"2", b"3", "hole"]


async def test_bounded_by_size():
    buffer = EventBuffer(100, 10, "hole")
    buffer.put(b"123456", NOW)
    buffer.put(b"123456", NOW)
    assert buffer.shed == 1
    assert await drain(buffer) == [b"123456", "hole"]
    buffer.put(b"1234567890", NOW)
    assert await drain(buffer) == [b"1234567890"]


async def test_a_hole_stands_where_events_are_missing():
    buffer = EventBuffer(2, 1000, "hole")
    for name in (b"1", b"2", b"lost"):
        buffer.put(name, NOW)
    await buffer.get()
    buffer.put(b"3", NOW)
    assert await drain(buffer) == [b"2", "hole", b"3"]


async def test_markers_always_fit():
    buffer = EventBuffer(1, 1000, "hole")
    buffer.put(b"1", NOW)
    buffer.mark("begin")
    assert await drain(buffer) == [b"1", "begin"]


async def test_a_closed_buffer_lets_the_waiting_consumer_go():
    buffer = EventBuffer(1, 1000, "hole")
    waiting = asyncio.create_task(buffer.get())
    await asyncio.sleep(0)
    buffer.close()
    with pytest.raises(Closed):
        await waiting
