"""Quality: a sample of each week to listen to and score, operators beside each other, how quickly calls are answered, how they sound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Protocol

from starlette.responses import Response

from bridge.core.desk import quality as core
from bridge.core.desk.access import Right
from bridge.core.desk.charts import Series, bar_chart, spark_path
from bridge.core.desk.heat import heat_map
from bridge.core.desk.period import Span, read_span
from bridge.core.desk.quality import Sample, SoundSums
from bridge.core.desk.sources import LEAST_OF_HEAT, range_end, share
from bridge.core.desk.story import grade
from bridge.core.report import Step
from bridge.flows.sums import Sums
from bridge.web.desk.call_words import GRADES
from bridge.web.desk.context import Asked
from bridge.web.desk.now import phone_name
from bridge.web.desk.routing import Problem, Route

_SORTS: Final = ("name", *core.SORTS)
_PERIOD: Final = frozenset({"period", "from", "to"})
_WEEKS: Final = 12  #: that the picker offers
_WORST: Final = 24  #: hours that are listed
_EARLIEST: Final = date(2000, 1, 3)


class Quality(Protocol):
    """The store, for these pages."""

    async def sample(self, week: date, size: int, spam: Sequence[str], zone: tzinfo, now: datetime) -> Sample: ...
    async def sound(self, begin: date, end: date, spam: Sequence[str], zone: tzinfo) -> list[SoundSums]: ...


async def sample(asked: Asked) -> Response:
    """``?week=2026-11-16``, or any other day of it: the calls to listen to."""
    desk, week = asked.desk, _week(asked)
    store: Quality = asked.store(Quality)
    found = await store.sample(week, desk.settings.sample, desk.settings.spam, desk.zone, desk.clock())
    running = core.monday_of(desk.today())
    return asked.page(
        "quality.html",
        week=week,
        running=running,
        weeks=[running - timedelta(weeks=n) for n in range(_WEEKS)],
        day=timedelta(days=1),
        sample=found,
        phone_name=phone_name,
        least_talk=round(core.LEAST_TALK),
    )


async def operators(asked: Asked) -> Response:
    """``?period=30d&sort=wait``: operators, and how quickly they answer; for htmx the table alone."""
    span, sort = _span(asked, {"sort"}), asked.params.get("sort", "calls")
    if sort.removeprefix("-") not in _SORTS:
        raise _wrong(f"sort: {sort[:40]!r} is none of {', '.join(_SORTS)}")
    sums: Sums = asked.store(Sums)
    monday = core.monday_of(span.last)
    weekly = await sums.operators(monday - timedelta(weeks=core.SCORE_WEEKS - 1), span.end, step=Step.WEEK)
    found, everybody = core.deeds(await sums.operators(span.first, span.end), weekly)
    values: dict[str, Any] = {
        "span": span,
        "sort": sort,
        "operators": core.in_order(found, sort),
        "everybody": everybody,
        "share": share,
        "spark_path": spark_path,
        "phone_name": phone_name,
        "fast": core.FAST,
        "last": range_end(span.first, span.end).isoformat(),
    }
    if asked.piece:
        return asked.page("quality-operators.html#table", **values)
    week = await sums.heat(span.first, span.end)
    shares, counts = core.missed_share(week)
    missed = sum(hour.missed for day in week for hour in day)
    return asked.page(
        "quality-operators.html",
        **values,
        missed=missed,
        speed=_speed(asked, everybody.waits),
        heat=heat_map(shares, counts, least=LEAST_OF_HEAT),
        least_of_heat=LEAST_OF_HEAT,
        by_hour=bar_chart(
            [f"{n}:00" for n in range(24)],
            [Series(asked.desk.renderer.text(asked, "Average wait"), core.wait_by_hour(week))],
        ),
    )


async def sound(asked: Asked) -> Response:
    """``?period=7d``: trunks by the hour, over the last days of the period."""
    span = _span(asked, set(), otherwise="7d")
    first = max(span.first, span.end - timedelta(days=core.SOUND_DAYS))
    store: Quality = asked.store(Quality)
    sums = await store.sound(first, span.end, asked.desk.settings.spam, asked.desk.zone)
    hours = core.by_hour(sums)
    return asked.page(
        "quality-sound.html",
        span=span,
        first=first,
        days=core.SOUND_DAYS,
        trunks=core.by_trunk(sums),
        cells={(one.trunk, one.hour): one for one in hours},
        worst=[one for one in hours if one.measured >= core.LEAST_MEASURED][:_WORST],
        least=core.LEAST_MEASURED,
        grade=grade,
        grades=GRADES,
        trunk_name=lambda trunk: phone_name(trunk) if trunk else asked.desk.renderer.text(asked, "trunk unknown"),
    )


def _speed(asked: Asked, waits: Sequence[int]) -> Any:
    text = asked.desk.renderer.text
    names = [
        text(asked, "over %(seconds)d s", seconds=low)
        if high is None
        else text(asked, "%(low)d–%(high)d s", low=low, high=high)
        for low, high in core.edges()
    ]
    return bar_chart(names, [Series(text(asked, "Calls"), waits, "c3")])


def _week(asked: Asked) -> date:
    """The Monday meant."""
    if set(asked.params) - {"week"}:
        raise _wrong("this page knows only ?week=2026-11-16")
    given, today = asked.params.get("week"), asked.desk.today()
    if not given:
        return core.monday_of(today)
    try:
        found = core.monday_of(date.fromisoformat(given))
    except (ValueError, OverflowError):
        raise _wrong(f"week: {given[:40]!r} is not a date: write it like 2026-11-16") from None
    if not _EARLIEST <= found <= today:
        raise _wrong(f"week: {given} is not a date of our time")
    return found


def _span(asked: Asked, others: set[str], otherwise: str = "30d") -> Span:
    if unknown := set(asked.params) - _PERIOD - others:
        raise _wrong(f"{min(unknown)[:40]!r} is not known here")
    try:
        return read_span(asked.params, asked.desk.today(), otherwise)
    except ValueError as error:
        raise _wrong(str(error)) from None


def _wrong(why: str) -> Problem:
    return Problem(400, "This address cannot be: %(why)s.", why=why)


ROUTES = [
    Route("GET", "/quality", Right.QUALITY, sample),
    Route("GET", "/quality/operators", Right.QUALITY, operators),
    Route("GET", "/quality/sound", Right.QUALITY, sound),
]
