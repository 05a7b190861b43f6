"""Times as people type and read them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import click

_AGO = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FORMS = "today, yesterday, 30m, 24h, 7d, 2w (ago), 2026-11-22, or 2026-11-22T14:30"


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def read_time(text: str, now: datetime, zone: tzinfo, *, end: bool = False) -> datetime:
    """`text` as a moment; a day means its beginning in `zone`, or with `end` the beginning of the next. ValueError with FORMS."""
    words = text.strip().lower()
    if words == "now":
        return now
    if found := _AGO.fullmatch(words):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    if (day := _read_day(words, now, zone)) is not None:
        return _midnight(day + timedelta(days=1) if end else day, zone)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time: use {FORMS}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def read_span(
    since: str | None, until: str | None, day: str | None, now: datetime, zone: tzinfo
) -> tuple[datetime | None, datetime | None]:
    """The options ``--since``, ``--until`` and ``--day`` as moments, the second exclusive. click.UsageError if they make none."""
    if day is not None and (since is not None or until is not None):
        raise click.UsageError("--day goes alone, without --since and --until")
    try:
        begin = read_time(day or since or "", now, zone) if day or since else None
        finish = read_time(day or until or "", now, zone, end=True) if day or until else None
    except (ValueError, OverflowError) as error:
        raise click.UsageError(str(error)) from None
    if begin and finish and begin >= finish:
        raise click.UsageError("--since must be before --until")
    return begin, finish


def span_options(command: Any) -> Any:
    """``--since``, ``--until`` and ``--day``."""
    command = click.option("--day", metavar="DAY", help="One day: today, yesterday or 2026-11-22.")(command)
    command = click.option("--until", metavar="TIME", help="Up to then; a day is meant to its end.")(command)
    return click.option("--since", metavar="TIME", help=f"From then on: {FORMS}.")(command)


def local(moment: datetime, zone: tzinfo) -> str:
    """``2026-11-22 14:03:05+03:00``"""
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def duration(milliseconds: float | None) -> str:
    """``0:07``, ``12:05`` or ``1:02:03``; nothing for None."""
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _read_day(words: str, now: datetime, zone: tzinfo) -> date | None:
    today = now.astimezone(zone).date()
    if words in ("today", "yesterday"):
        return today - timedelta(days=words == "yesterday")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", words, re.ASCII):
        try:
            return date.fromisoformat(words)
        except ValueError:
            return None
    return None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
