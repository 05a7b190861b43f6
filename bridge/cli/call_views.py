"""One call as a table's row, as JSON, as a spreadsheet's line, and as a card to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from bridge.cli.output import plain
from bridge.cli.times import duration, local
from bridge.core.model import Call, RecordingStatus

HEAD = ("started", "caller", "number", "source", "line", "outcome", "answered by", "wait", "talk", "id")
WIDTHS = (25, 14, 14, 20, 10, 12, 12, 6, 7, 0)

#: Where a terminal has fewer columns than all that takes, these are left; the id is cut to what names one call nearly always.
NARROW = ("started", "caller", "source", "outcome", "talk", "id")
WIDE_ENOUGH = 150

CSV = (
    "id",
    "started_at",
    "number",
    "caller",
    "caller_name",
    "first_time",
    "source",
    "attribution_kind",
    "confidence",
    "reason",
    "visit",
    "binding",
    "line",
    "outcome",
    "answered_by",
    "answered_at",
    "ended_at",
    "wait_seconds",
    "talk_seconds",
    "hung_up_by",
    "hangup_cause",
    "decided_by",
    "recording_status",
    "recording_path",
    "spam",
    "screening_verdict",
    "screening_reason",
    "screening_passed",
)


def cells(call: Call, zone: tzinfo) -> tuple[str, ...]:
    """The row of a table, in the order of HEAD."""
    return (
        local(call.started_at, zone),
        plain(call.caller or "withheld") + (" !" if call.spam else " *" if call.first_time else ""),
        plain(call.number),
        source_text(call),
        plain(call.line),
        call.outcome.value if call.outcome else "under way",
        plain(call.answered_by),
        _length(call.wait_seconds),
        _length(call.talk_seconds),
        call.id,
    )


def narrow_cells(call: Call, zone: tzinfo) -> tuple[str, ...]:
    """The row of a narrow table, in the order of NARROW."""
    row = dict(zip(HEAD, cells(call, zone), strict=True))
    row |= {"started": f"{call.started_at.astimezone(zone):%m-%d %H:%M:%S}", "id": call.id.rpartition("-")[0]}
    return tuple(row[name] for name in NARROW)


def source_text(call: Call) -> str:
    """``yandex-direct``, or ``yandex-direct 93%`` where it is not certain."""
    attribution = call.attribution
    certain = attribution.confidence >= 1 or attribution.source is None
    return plain(attribution.source or "unknown") + ("" if certain else f" {attribution.confidence:.0%}")


def as_dict(call: Call, zone: tzinfo) -> dict[str, Any]:
    """The fields of `bridge.core.model.Call` by their names, times in `zone`, and the two lengths in seconds."""
    fields = {**asdict(call), "wait_seconds": call.wait_seconds, "talk_seconds": call.talk_seconds}
    return {name: _in_zone(value, zone) for name, value in fields.items()}


def as_line(call: Call, zone: tzinfo) -> dict[str, Any]:
    """The columns of CSV."""
    flat = as_dict(call, zone)
    attribution, recording, screening = flat["attribution"], flat["recording"], flat["screening"] or {}
    return {
        **flat,
        **attribution,
        "attribution_kind": attribution["kind"],
        "recording_status": recording["status"],
        "recording_path": recording["path"],
        "screening_verdict": screening.get("verdict"),
        "screening_reason": screening.get("reason"),
        "screening_passed": screening.get("passed"),
    }


def card(call: Call, zone: tzinfo, recordings: Path) -> str:
    """Everything known of a call, for a person."""
    return "\n".join(f"{name:<12}{text}".rstrip() for name, text in _card(call, zone, recordings))


def _card(call: Call, zone: tzinfo, recordings: Path) -> Iterator[tuple[str, str]]:
    who = plain(call.caller or "withheld") + (f"  {plain(call.caller_name)}" if call.caller_name else "")
    first = {True: "  (first call)", False: "  (has called before)", None: ""}[call.first_time]
    yield "Call", call.id
    yield "Caller", who + first
    yield "Number", plain(call.number) + (f"  ({call.binding.value})" if call.binding else "")
    if call.trunk:
        yield "Trunk", plain(call.trunk)
    attribution = call.attribution
    yield "Source", source_text(call) + f"  ({attribution.kind.value}, {attribution.confidence:.0%} sure)"
    yield "  because", plain(attribution.reason)
    if attribution.visit:
        yield "  visit", plain(attribution.visit)
    if call.screening is not None:
        passed = {True: ", passed", False: ", not passed", None: ""}[call.screening.passed]
        yield "Screening", f"{call.screening.verdict.value} ({call.screening.measure.value}{passed})"
        yield "  because", plain(call.screening.reason)
    if call.spam:
        yield "Spam", "yes: counted apart"
    yield "Line", plain(call.line or "none") + f"  (decided by {call.decided_by.value})"
    yield "Began", local(call.started_at, zone)
    for ring in call.rings:
        until = f" for {duration(_between(ring.began_at, ring.ended_at))}" if ring.ended_at else ""
        after = duration(_between(call.started_at, ring.began_at))
        yield (
            "  rang",
            f"{plain(ring.phone)} at +{after}{until}: {plain(ring.result or 'not known')}{'' if ring.exact else ' (as planned)'}",
        )
    if call.answered_at:
        yield (
            "Answered",
            f"{local(call.answered_at, zone)} by {plain(call.answered_by or 'unknown')} after {_length(call.wait_seconds)}",
        )
    yield "Outcome", call.outcome.value if call.outcome else "under way"
    if call.ended_at:
        cause = f"  (cause {call.hangup_cause})" if call.hangup_cause is not None else ""
        yield "Ended", f"{local(call.ended_at, zone)} by {plain(call.hung_up_by or 'unknown')}{cause}"
        yield "  talk", _length(call.talk_seconds) or "none"
    yield from _notice(call, zone)
    yield from _recording(call, recordings)
    if call.quality:
        yield "Quality", "  ".join(f"{plain(name)} {value:g}" for name, value in sorted(call.quality.items()))


def _notice(call: Call, zone: tzinfo) -> Iterator[tuple[str, str]]:
    notice = call.notice
    if notice is None:
        yield "Notice", "none played"
        return
    heard = "declined by key" if notice.declined else "heard to its end" if notice.completed else "NOT heard to its end"
    yield "Notice", f"{plain(notice.file)} ({plain(notice.language)}): {heard}"
    if notice.started_at:
        length = f" for {duration(_between(notice.started_at, notice.ended_at))}" if notice.ended_at else ""
        yield "  played", local(notice.started_at, zone) + length
    if notice.sha256:
        yield "  sha256", plain(notice.sha256)


def _recording(call: Call, recordings: Path) -> Iterator[tuple[str, str]]:
    recording = call.recording
    yield "Recording", recording.status.value + (f": {plain(recording.reason)}" if recording.reason else "")
    if recording.path:
        yield "  file", plain(recordings / recording.path)
    if recording.status is RecordingStatus.KEPT:
        rate = f", {recording.sample_rate} Hz" if recording.sample_rate else ""
        size = f", {recording.size / 1e6:.1f} MB" if recording.size is not None else ""
        yield "  length", (_length(recording.duration) or "unknown") + rate + size + " (left: caller, right: company)"


def _length(seconds: float | None) -> str:
    return duration(None if seconds is None else seconds * 1000)


def _between(begin: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - begin).total_seconds() * 1000


def _in_zone(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone)
    if isinstance(value, dict):
        return {key: _in_zone(each, zone) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_in_zone(each, zone) for each in value]
    return value
