"""Calls with real recordings, and the visits behind them, in the books of a house."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from desk_house import House

from bridge.core.call_id import folder_of
from bridge.core.model import (
    Attribution,
    AttributionKind,
    BindingKind,
    Call,
    NoticeEvidence,
    Outcome,
    Recording,
    RecordingStatus,
    Ring,
)
from bridge.core.site import PageView, Visit
from bridge.core.sources.touch import Touch
from bridge.flows.visit_ports import Batch, Note
from bridge.store.calls import CallStore
from bridge.store.visits import VisitStore

BEGAN = datetime(2026, 11, 20, 11, 3, 7, tzinfo=UTC)
CALLER = "+79161234567"
LEFT, RIGHT = 440.0, 1200.0  #: Hz: the caller's tone and the company's
CODECS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "OPUS"),
}


def call_id(number: int) -> str:
    return f"20261120-140307-{number}-{number:06}"


def a_call(number: int, **over: Any) -> Call:
    """An answered call at BEGAN plus so many minutes, booked on the visit ``visit-a``."""
    at = BEGAN + timedelta(minutes=number)
    reason = "this number was shown to the visit that came from yandex-direct at 14:01 and tapped it 5 s before the call; 0.931"
    call = Call(
        id=call_id(number),
        number="+74951000101",
        caller=CALLER,
        caller_name=None,
        started_at=at,
        attribution=Attribution(AttributionKind.VISIT, "yandex-direct", reason, "visit-a", 0.931),
        line="sales",
        answered_at=at + timedelta(seconds=12),
        ended_at=at + timedelta(seconds=72),
        outcome=Outcome.ANSWERED,
        answered_by="PJSIP/102",
        hung_up_by="caller",
        hangup_cause=16,
        notice=NoticeEvidence("callbridge/ru", "ab" * 32, "ru", at, at + timedelta(seconds=4), True, False),
        rings=(
            Ring("PJSIP/101", at + timedelta(seconds=4), at + timedelta(seconds=12), "cancel", exact=True),
            Ring("PJSIP/102", at + timedelta(seconds=8), at + timedelta(seconds=12), "answer", exact=False),
        ),
        quality={"lp": 3, "rxcount": 3000, "rxjitter": 0.004, "rxmes": 82.0, "rlp": 200, "txcount": 3000, "txmes": 40.0, "rtt": 0.36},
        binding=BindingKind.POOL,
    )  # fmt: skip
    return replace(call, **over)


def sound(seconds: float = 4.0, rate: int = 8000, silent: tuple[float, float] | None = None) -> Any:
    """Left the caller's tone, right the company's; between `silent` nobody says anything."""
    at = np.arange(round(seconds * rate)) / rate
    both = np.stack([0.3 * np.sin(2 * np.pi * LEFT * at), 0.3 * np.sin(2 * np.pi * RIGHT * at)], axis=1)
    if silent is not None:
        both[(at >= silent[0]) & (at < silent[1])] = 0.0
    return both


def record(
    recordings: Path, call: Call, form: str = "wav", rate: int = 8000, samples: Any = None, **shape: Any
) -> Call:
    """The call with a recording that is there."""
    path = recordings / folder_of(call.id) / f"{call.id}.{form}"
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = sound(rate=rate, **shape) if samples is None else samples
    container, codec = CODECS[form]
    soundfile.write(path, samples, rate, format=container, subtype=codec)
    recording = Recording(
        RecordingStatus.KEPT,
        path=str(path.relative_to(recordings)),
        format=form,
        sample_rate=rate,
        duration=len(samples) / rate,
        size=path.stat().st_size,
        sha256="cd" * 32,
    )
    return replace(call, recording=recording)


def save(house: House, *calls: Call) -> None:
    house.do(CallStore(house.database).save_all(calls))


def a_visit(name: str, **over: Any) -> Visit:
    """A visit two minutes before BEGAN."""
    began = BEGAN.timestamp() - 120
    touch = Touch(
        "yandex-direct",
        "preset",
        True,
        "cpc",
        "balconies",
        "остекление балкона",
        click_id="ycl123",
        click_id_kind="yclid",
    )
    visit = Visit(
        id=name,
        site="okna",
        visitor="person-1",
        began=began,
        active=began + 100,
        source="yandex-direct",
        touch=touch,
        credited=touch,
        landing="https://okna.example/balconies/?utm_source=yandex",
        referrer="https://yandex.ru/",
        mobile=True,
        region="RU-MOW",
        address="203.0.113.0/24",
        ids={"ym": "16000000001"},
        covered=True,
        pages=[PageView(began, "https://okna.example/balconies/"), PageView(began + 60, "https://okna.example/prices/")],
    )  # fmt: skip
    for field, value in over.items():
        setattr(visit, field, value)
    return visit


def weigh(house: House, call: Call, *candidates: tuple[Visit, float]) -> None:
    """The call's attribution as the bridge weighed it, with the visits it may have come from."""
    visits = [visit for visit, _ in candidates]
    pages = [(visit.id, place, page) for visit in visits for place, page in enumerate(visit.pages)]
    note = Note(call.id, call.started_at, call.attribution, candidates=tuple((v.id, share) for v, share in candidates))
    store = VisitStore(house.database)

    async def write() -> None:
        await store.write(Batch(visits=visits, pages=pages, notes=[note]))
        await store.close()

    house.do(write())
