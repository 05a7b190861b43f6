"""Missed callers wait to be called back, until somebody of the company talks to them."""

from __future__ import annotations

import asyncio

import pytest
from house import OUTSIDE, booked, next_caller, number, place, until
from lab.world import Lab
from sqlalchemy import select

from bridge.core.model import Call, Outcome
from bridge.store.engine import Database
from bridge.store.schema import calls


def waits(lab: Lab, call: Call) -> tuple[bool, str | None]:
    """Whether the books want the caller called back, and who did it."""

    async def read() -> tuple[bool, str | None]:
        database = Database(f"sqlite:///{lab.config['store']['url']}")
        try:
            async with database.reading() as connection:
                query = select(calls.c.wants_callback, calls.c.called_back_by).where(calls.c.id == call.id)
                row = (await connection.execute(query)).one()
                return row.wants_callback, row.called_back_by
        finally:
            await database.close()

    return asyncio.run(read())


def missed(lab: Lab, caller: str) -> Call:
    call = place(lab, "unanswered", caller=caller, hang_up_after=None)
    call.wait()
    record = booked(lab, call)
    assert record.outcome is Outcome.UNANSWERED
    return record


def call_out(lab: Lab, dialled: str) -> None:
    """desk-1 picks up, and Asterisk dials."""
    lab.asterisk.rx(f"channel originate PJSIP/desk-1 extension {dialled}@from-phones")


@pytest.mark.parametrize("writing", ["+7{}", "8{}"])
def test_whoever_is_reached_waits_no_more(lab: Lab, writing: str) -> None:
    caller = next_caller()
    record = missed(lab, caller)
    assert waits(lab, record) == (True, None)
    lab.phone("desk-1", answer_after=0.1)
    lab.phone(OUTSIDE, answer_after=0.2, hang_up_after=1.5)
    call_out(lab, writing.format(caller.removeprefix("+7")))
    until(lambda: waits(lab, record) == (False, "company"), 15, "the call back is in the books")


def test_whoever_does_not_answer_waits_on(lab: Lab) -> None:
    caller, other = next_caller(), next_caller()
    record, another = missed(lab, caller), missed(lab, other)
    lab.phone("desk-1", answer_after=0.1)
    busy = lab.phone(OUTSIDE, refuse=486)
    call_out(lab, caller)
    until(lambda: busy.legs and busy.legs[0].ended_at, 15, "he was busy")
    lab.stop_calls()
    lab.wait_idle()
    lab.phone("desk-1", answer_after=0.1)
    lab.phone(OUTSIDE, answer_after=0.2, hang_up_after=1.5)
    call_out(lab, other)
    until(lambda: waits(lab, another) == (False, "company"), 15, "the other was reached")
    assert waits(lab, record) == (True, None)


def test_whoever_calls_again_and_is_answered_waits_no_more(lab: Lab) -> None:
    caller = next_caller()
    record = missed(lab, caller)
    lab.phone("desk-1", answer_after=0.1, hang_up_after=0.7)
    place(lab, number("desk"), caller=caller, hang_up_after=None).wait()
    until(lambda: waits(lab, record) == (False, "caller"), 15, "his own call is in the books")
