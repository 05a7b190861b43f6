"""Times as people type and read them, across daylight saving."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.cli.output import bar, plain
from bridge.cli.times import duration, local, read_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime.fromisoformat("2026-10-25T11:30:00+01:00")  # the day the clocks went back, at 03:00


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("now", "2026-10-25T11:30:00+01:00", None),
        ("today", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        (" Yesterday ", "2026-10-24T00:00:00+02:00", "2026-10-25T00:00:00+02:00"),
        ("2026-10-25", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        ("90m", "2026-10-25T10:00:00+01:00", None),
        ("24h", "2026-10-24T12:30:00+02:00", None),
        ("1d", "2026-10-24T12:30:00+02:00", None),
        ("2w", "2026-10-11T12:30:00+02:00", None),
        ("2026-10-24T14:30", "2026-10-24T14:30:00+02:00", None),
        ("2026-10-24 14:30:05", "2026-10-24T14:30:05+02:00", None),
        ("2026-10-24T14:30Z", "2026-10-24T14:30:00+00:00", None),
    ],
)
def test_read_time(text: str, begin: str, end: str | None) -> None:
    assert read_time(text, NOW, BERLIN) == datetime.fromisoformat(begin)
    assert read_time(text, NOW, BERLIN, end=True) == datetime.fromisoformat(end or begin)


@pytest.mark.parametrize("text", ["", "soon", "7x", "2026-13-01", "2026-02-30", "14:30", "-7d", "٧d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: use today, yesterday"):
        read_time(text, NOW, BERLIN)


def test_local_shows_the_offset_of_its_day() -> None:
    assert local(datetime.fromisoformat("2026-10-24T12:00:00.9+00:00"), BERLIN) == "2026-10-24 14:00:00+02:00"
    assert local(datetime.fromisoformat("2026-10-26T12:00:00+00:00"), BERLIN) == "2026-10-26 13:00:00+01:00"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "0:00"), (7_499, "0:07"), (59_500, "1:00"), (725_000, "12:05"), (3_723_000, "1:02:03")],
)
def test_duration(milliseconds: int | None, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(("share", "text"), [(0, ""), (1, "████"), (2, "████"), (0.5, "██"), (0.53, "██▏"), (0.01, "")])
def test_bar(share: float, text: str) -> None:
    assert bar(share, 4) == text


def test_plain() -> None:
    assert plain(None) == ""
    assert plain("a\nb\x1b[0m\u200fЯ") == "a·b·[0m·Я"
