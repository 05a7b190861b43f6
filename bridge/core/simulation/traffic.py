"""Recorded or made-up traffic: one visit per line, with the calls it led to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

KNOWN = {"visit", "at", "source", "client", "leaves", "mobile", "taps", "calls", "region"}


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A call that a visit led to. `caller` is None where it was withheld."""

    at: float
    caller: str | None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class TrafficVisit:
    """One visit: begins `at`, page closed at `leaves`; times are epoch seconds."""

    visit: str
    at: float
    source: str
    client: str | None
    leaves: float
    mobile: bool | None = None
    region: str | None = None
    taps: tuple[float, ...] = ()
    calls: tuple[MadeCall, ...] = ()


class TrafficError(ValueError):
    """A line that is not a visit. The message begins with ``line N:``."""


def read(lines: Iterable[str]) -> list[TrafficVisit]:
    """All visits, by the time they begin. Raises TrafficError for the first line that is not one; empty lines are skipped."""
    visits: list[TrafficVisit] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            visit = _visit(_json(line))
        except ValueError as problem:
            raise TrafficError(f"line {number}: {problem}") from None
        if visit.visit in seen:
            raise TrafficError(f"line {number}: visit {visit.visit!r} was already on line {seen[visit.visit]}")
        seen[visit.visit] = number
        visits.append(visit)
    visits.sort(key=lambda visit: visit.at)
    return visits


def _json(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"not JSON: {problem}") from None
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the line is wrong, not the code
    return row


def _visit(row: dict[str, Any]) -> TrafficVisit:
    unknown = sorted(set(row) - KNOWN)
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; known are {', '.join(sorted(KNOWN))}")
    at = _time(row, "at")
    leaves = at if row.get("leaves") is None else _time(row, "leaves")
    if leaves < at:
        raise ValueError(f"leaves ({leaves:.15g}) lies before at ({at:.15g})")
    taps = tuple(sorted(_times(row, "taps")))
    calls = tuple(sorted((_call(call) for call in _list(row, "calls")), key=lambda call: call.at))
    for what, moments in (("taps", taps), ("calls", [call.at for call in calls])):
        if moments and moments[0] < at:
            raise ValueError(f"{what}: {moments[0]:.15g} lies before the visit began ({at:.15g})")
    mobile = row.get("mobile")
    if mobile is not None and not isinstance(mobile, bool):
        raise ValueError("mobile must be true or false")
    return TrafficVisit(
        _name(row, "visit"),
        at,
        _name(row, "source"),
        _text(row, "client"),
        leaves,
        mobile,
        _text(row, "region"),
        taps,
        calls,
    )


def _call(value: object) -> MadeCall:
    if not isinstance(value, dict):
        raise ValueError("calls: each call must be an object with at and from")  # noqa: TRY004 - the line is wrong, not the code
    unknown = sorted(set(value) - {"at", "from", "region"})
    if unknown:
        raise ValueError(f"calls: unknown field {unknown[0]!r}; known are at, from, region")
    return MadeCall(_time(value, "at"), _text(value, "from"), _text(value, "region"))


def _time(row: dict[str, Any], field: str) -> float:
    if field not in row:
        raise ValueError(f"{field} is missing")
    return _number(row[field], field)


def _times(row: dict[str, Any], field: str) -> list[float]:
    return [_number(value, field) for value in _list(row, field)]


def _number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{field} must be seconds since the epoch, not {value!r}")
    return float(value)


def _list(row: dict[str, Any], field: str) -> list[Any]:
    value = row.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{field} must be a list")  # noqa: TRY004 - the line is wrong, not the code
    return value


def _name(row: dict[str, Any], field: str) -> str:
    value = _text(row, field)
    if not value:
        raise ValueError(f"{field} is missing")
    return value


def _text(row: dict[str, Any], field: str) -> str | None:
    value = row.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{field} must be text, not {value!r}")  # noqa: TRY004 - the line is wrong, not the code
    return value
