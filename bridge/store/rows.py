"""A call as rows of the tables `calls` and `rings`, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.core.model import (
    Attribution,
    AttributionKind,
    Binding,
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


def call_row(call: Call) -> dict[str, Any]:
    """The columns of `calls` for `call`, but for `first_time` and `revision`, which the store decides."""
    notice = call.notice
    recording = call.recording
    screening = call.screening
    row = {
        "id": call.id,
        "number": call.number,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "source": call.attribution.source,
        "attribution_kind": call.attribution.kind.value,
        "attribution_reason": call.attribution.reason,
        "attribution_confidence": call.attribution.confidence,
        "visit": call.attribution.visit,
        "binding": call.binding.value if call.binding else None,
        "line": call.line,
        "decided_by": call.decided_by.value,
        "uniqueid": call.uniqueid,
        "outcome": call.outcome.value if call.outcome else None,
        "answered_by": call.answered_by,
        "hung_up_by": call.hung_up_by,
        "hangup_cause": call.hangup_cause,
        "talk_ms": _milliseconds(call.talk_seconds),
        "wait_ms": _milliseconds(call.wait_seconds),
        "notice_file": notice.file if notice else None,
        "notice_sha256": notice.sha256 if notice else None,
        "notice_language": notice.language if notice else None,
        "notice_started_at": notice.started_at if notice else None,
        "notice_ended_at": notice.ended_at if notice else None,
        "notice_completed": notice.completed if notice else None,
        "notice_declined": notice.declined if notice else None,
        "recording_status": recording.status.value,
        "recording_path": recording.path,
        "recording_format": recording.format,
        "recording_sample_rate": recording.sample_rate,
        "recording_duration": recording.duration,
        "recording_size": recording.size,
        "recording_sha256": recording.sha256,
        "recording_reason": recording.reason,
        "quality": {key: value for key, value in call.quality.items() if math.isfinite(value)},
        "screening_verdict": screening.verdict.value if screening else None,
        "screening_reason": screening.reason if screening else None,
        "screening_measure": screening.measure.value if screening else None,
        "screening_passed": screening.passed if screening else None,
        "spam": call.spam,
        "trunk": call.trunk,
    }
    return {key: storable_text(value) for key, value in row.items()}


def ring_rows(call: Call) -> list[dict[str, Any]]:
    """The rows of `rings` for `call`, in order."""
    return [
        {
            "call_id": call.id,
            "seq": seq,
            "phone": storable_text(ring.phone),
            "began_at": ring.began_at,
            "ended_at": ring.ended_at,
            "result": storable_text(ring.result),
            "exact": ring.exact,
        }
        for seq, ring in enumerate(call.rings)
    ]


def call_from(row: Mapping[Any, Any], rings: Iterable[Mapping[Any, Any]]) -> Call:
    """The call of a row of `calls` and its rows of `rings`."""
    notice = None
    if row["notice_file"] is not None:
        notice = NoticeEvidence(
            file=row["notice_file"],
            sha256=row["notice_sha256"],
            language=row["notice_language"],
            started_at=row["notice_started_at"],
            ended_at=row["notice_ended_at"],
            completed=row["notice_completed"],
            declined=row["notice_declined"],
        )
    screening = None
    if row["screening_verdict"] is not None:
        screening = Screening(
            verdict=Verdict(row["screening_verdict"]),
            reason=row["screening_reason"],
            measure=Measure(row["screening_measure"]),
            passed=row["screening_passed"],
        )
    return Call(
        id=row["id"],
        number=row["number"],
        caller=row["caller"],
        caller_name=row["caller_name"],
        started_at=row["started_at"],
        attribution=Attribution(
            kind=AttributionKind(row["attribution_kind"]),
            source=row["source"],
            reason=row["attribution_reason"],
            visit=row["visit"],
            confidence=row["attribution_confidence"],
        ),
        line=row["line"],
        decided_by=DecidedBy(row["decided_by"]),
        uniqueid=row["uniqueid"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        answered_by=row["answered_by"],
        hung_up_by=row["hung_up_by"],
        hangup_cause=row["hangup_cause"],
        notice=notice,
        recording=Recording(
            status=RecordingStatus(row["recording_status"]),
            path=row["recording_path"],
            format=row["recording_format"],
            sample_rate=row["recording_sample_rate"],
            duration=row["recording_duration"],
            size=row["recording_size"],
            sha256=row["recording_sha256"],
            reason=row["recording_reason"],
        ),
        rings=tuple(Ring(r["phone"], r["began_at"], r["ended_at"], r["result"], r["exact"]) for r in rings),
        quality=dict(row["quality"]),
        first_time=row["first_time"],
        binding=BindingKind(row["binding"]) if row["binding"] else None,
        screening=screening,
        spam=row["spam"],
        trunk=row["trunk"],
    )


def binding_from(row: Mapping[Any, Any]) -> Binding:
    """The binding of a row of `bindings`."""
    return Binding(row["number"], BindingKind(row["kind"]), row["source"], row["pool"], row["since"])


def storable(call: Call) -> Call:
    """`call` as it will be read back from the books: text every database can hold, finite quality figures."""
    return call_from({**call_row(call), "first_time": call.first_time}, ring_rows(call))


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def storable_text(value: Any) -> Any:
    """Text without what a database refuses (NUL, lone surrogates): a strange caller name must not cost the call."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    return value
