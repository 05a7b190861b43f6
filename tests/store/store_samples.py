"""Calls to fill books with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.core.model import (
    Attribution,
    AttributionKind,
    BindingKind,
    Call,
    DecidedBy,
    Measure,
    NoticeEvidence,
    Outcome,
    Recording,
    RecordingStatus,
    Ring,
    Screening,
    Verdict,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_call(seq: int = 0, *, source: str | None = "billboard", minutes: float | None = None, **fields: Any) -> Call:
    """A call begun `minutes` (else `seq`) minutes after noon; `seq` tells calls apart."""
    started_at = NOON + timedelta(minutes=seq if minutes is None else minutes)
    kind = AttributionKind.STATIC if source else AttributionKind.UNKNOWN
    given = {
        "id": f"{started_at:%Y%m%d-%H%M%S}-{seq}-{seq:06}",
        "number": "+74951234567",
        "caller": "+79161112233",
        "caller_name": None,
        "started_at": started_at,
        "attribution": Attribution(kind, source, "the number belongs to this source for good"),
        "line": "main",
    }
    return Call(**{**given, **fields})


def answered(seq: int = 0, *, wait: float = 12.0, talk: float = 60.0, **fields: Any) -> Call:
    """A call that was picked up after `wait` seconds and lasted `talk` seconds."""
    begun = a_call(seq, **fields)
    connected = begun.started_at + timedelta(seconds=wait)
    return a_call(
        seq,
        **{
            "answered_at": connected,
            "ended_at": connected + timedelta(seconds=talk),
            "outcome": Outcome.ANSWERED,
            "answered_by": "PJSIP/101",
            **fields,
        },
    )


def missed(seq: int = 0, *, outcome: Outcome = Outcome.UNANSWERED, **fields: Any) -> Call:
    """A call nobody picked up within 30 seconds."""
    begun = a_call(seq, **fields)
    return a_call(seq, **{"ended_at": begun.started_at + timedelta(seconds=30), "outcome": outcome, **fields})


def full_call() -> Call:
    """A call with every field filled, in a zone of its own."""
    at = datetime.fromisoformat("2026-11-20T15:00:00.123456+03:00")
    return Call(
        id="20261120-150000-77-123456",
        number="+74951234567",
        caller="+79161112233",
        caller_name="Анна «Роза» O'Neil; DROP TABLE calls",
        started_at=at,
        attribution=Attribution(AttributionKind.VISIT, "yandex-direct", "shown 2 min ago", visit="v1", confidence=0.93),
        line="main",
        decided_by=DecidedBy.CACHE,
        uniqueid="1763640000.77",
        answered_at=at + timedelta(seconds=12, milliseconds=345),
        ended_at=at + timedelta(seconds=90),
        outcome=Outcome.ANSWERED,
        answered_by="PJSIP/101",
        hung_up_by="caller",
        hangup_cause=16,
        notice=NoticeEvidence(
            "callbridge/ru", "ab" * 32, "ru", at, at + timedelta(seconds=5), completed=True, declined=False
        ),
        recording=Recording(
            RecordingStatus.KEPT, "2026/11/20/x.wav", "wav", 8000, 77.655, 5_000_000_000, "cd" * 32, "whole"
        ),
        rings=(
            Ring("PJSIP/101", at, at + timedelta(seconds=12), "answer", exact=True),
            Ring("PJSIP/102", at + timedelta(seconds=10), None, None),
        ),
        quality={"rxjitter": 0.001, "rtt": 0.03},
        first_time=True,
        binding=BindingKind.POOL,
        screening=Screening(Verdict.SUSPECTED, "7 calls within 10 min", Measure.CHALLENGE, passed=False),
        spam=True,
        trunk="PJSIP/mango",
    )
