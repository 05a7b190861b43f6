"""A part that fails is started again, and the others do not notice."""

from __future__ import annotations

import asyncio

import pytest

from bridge.supervise import Parts
from bridge.testing import eventually


async def test_a_part_that_fails_is_started_again_and_said(caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    starts: list[int] = []
    beats: list[int] = []

    async def fails() -> None:
        starts.append(1)
        if len(starts) < 3:
            raise ArithmeticError("wrong")
        await asyncio.Event().wait()

    async def lives() -> None:
        while True:
            beats.append(1)
            await asyncio.sleep(0.001)

    parts = Parts(said.append, pauses=(0.0, 0.01))
    parts.start("books", fails)
    parts.start("watch", lives)
    await eventually(lambda: len(starts) == 3)
    before = len(beats)
    await eventually(lambda: len(beats) > before)
    assert parts.failures == 2
    assert said == ["books failed (ArithmeticError: wrong) and is started again"] * 2
    assert caplog.text.count("the part books failed; the others go on") == 2
    await parts.stop()


async def test_a_part_that_ends_is_started_again_and_is_well_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.supervise.STABLE_SECONDS", 0.02)
    said: list[str] = []
    starts: list[int] = []

    async def ends() -> None:
        starts.append(1)
        if len(starts) > 1:
            await asyncio.Event().wait()

    parts = Parts(said.append, pauses=(0.0,))
    parts.start("ami", ends)
    await eventually(lambda: said[-1:] == [""])
    assert said[0] == "ami ended by itself and is started again"
    await parts.stop()
