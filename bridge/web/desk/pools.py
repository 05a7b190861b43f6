"""Pools of dynamic numbers: how full they were, whom they covered, and what another size or hold would have brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol

from starlette.responses import Response

from bridge.core.desk.access import Right
from bridge.core.desk.charts import Chart, Series, line_chart
from bridge.core.desk.days import begin_of
from bridge.core.desk.heat import HeatMap, heat_map
from bridge.core.desk.period import Span, read_span
from bridge.core.desk.pools import AUTO, DAYS, HOLDS, MOST_NUMBERS, MOST_VISITS, Advised, Question, TooFew
from bridge.flows.live import Watch
from bridge.flows.pool_lab import Job
from bridge.flows.pooling import pools_of
from bridge.web.desk.context import Asked
from bridge.web.desk.formats import Formats
from bridge.web.desk.routing import Problem, Route

_HOURLY: Final = 14  #: a period of so many days is shown by the hour
_HEAT_LEAST: Final = 1
_MONEY: Final = 1e9


class HourOfPool(Protocol):
    """What a pool did in the hour or day from `at` on; see store/rollups.py."""

    @property
    def at(self) -> datetime: ...
    @property
    def visits(self) -> int: ...
    @property
    def covered(self) -> int: ...
    @property
    def peak(self) -> int: ...
    @property
    def busy(self) -> float: ...
    @property
    def taken(self) -> int: ...
    @property
    def early(self) -> int: ...


class Past(Protocol):
    """May raise StoreDownError."""

    async def occupancy(
        self, begin: datetime, end: datetime, source: str | None = None, *, by_day: bool = False
    ) -> Sequence[HourOfPool]: ...


class Lab(Protocol):
    def job(self, question: Question) -> Job | None:
        """The question's job, begun if need be; None where too many others wait."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """One source's pool as it is configured. `hold` None: automatic."""

    source: str
    title: str
    numbers: int
    hold: int | None


@dataclass(frozen=True, slots=True)
class Sums:
    """A period's figures; shares None where there is nothing to share."""

    visits: int
    covered: int
    peak: int
    taken: int
    early: int

    @property
    def coverage(self) -> float | None:
        return self.covered / self.visits if self.visits else None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be tried. `tried`: whether the person has asked for a replay of it."""

    numbers: int
    hold: int | None
    days: int
    cost: float | None
    budget: float | None
    tried: bool

    @property
    def hold_name(self) -> str:
        return AUTO if self.hold is None else str(self.hold)


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


def _say(asked: Asked, text: str, **values: object) -> str:
    return asked.desk.renderer.text(asked, text, **values)


def formats_of(asked: Asked) -> Formats:
    return Formats(asked.language, asked.desk.zone, asked.desk.settings.currency, asked.who)


def known_pools(asked: Asked) -> list[Known]:
    """Every source that has dynamic numbers."""
    directory = asked.desk.directory
    found = []
    for pool in pools_of(directory):
        if not pool.numbers:
            continue
        holds = [p.hold for p in directory.pools.values() if p.source == pool.source and p.hold is not None]
        title = directory.sources[pool.source].title if pool.source in directory.sources else pool.source
        found.append(Known(pool.source, title, len(pool.numbers), max(holds) if holds else None))
    return found


def _chosen(asked: Asked, pools: list[Known]) -> Known:
    wanted = asked.params.get("source")
    if not wanted:
        return pools[0]
    for pool in pools:
        if pool.source == wanted:
            return pool
    raise Problem(400, "There is no pool of the source %(source)s.", source=wanted[:60])


def read_wish(asked: Asked, pool: Known) -> Wish:
    """The URL's ``numbers``, ``hold`` (``auto`` or seconds), ``days``, ``cost`` and ``budget``. Raises Problem."""
    params = asked.params
    hold = params.get("hold") or (AUTO if pool.hold is None else str(pool.hold))
    if hold != AUTO and not (hold.isascii() and hold.isdigit() and int(hold) <= 86_400):
        raise Problem(400, "%(given)s is not a hold: auto, or seconds.", given=hold[:40])
    return Wish(
        numbers=_whole(params, "numbers", pool.numbers, 0, MOST_NUMBERS),
        hold=None if hold == AUTO else int(hold),
        days=_whole(params, "days", 28, 1, 365),
        cost=_money(params, "cost"),
        budget=_money(params, "budget"),
        tried="numbers" in params,
    )


def _whole(params: Mapping[str, str], name: str, otherwise: int, least: int, most: int) -> int:
    text = params.get(name) or str(otherwise)
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        values = {"name": name, "least": least, "most": most}
        raise Problem(400, "%(name)s must be a whole number from %(least)d to %(most)d.", **values)
    return int(text)


def _money(params: Mapping[str, str], name: str) -> float | None:
    text = params.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= _MONEY:
        raise Problem(400, "%(name)s must be an amount of money.", name=name)
    return value


async def page(asked: Asked) -> Response:
    pools = known_pools(asked)
    try:
        span = read_span(asked.params, asked.desk.today(), "7d")
    except ValueError as error:
        raise Problem(400, str(error)) from None
    if not pools:
        return asked.page("pools.html", pools=[], span=span, pool=None)
    pool = _chosen(asked, pools)
    return asked.page(
        "pools.html", pools=pools, span=span, pool=pool, **await _past(asked, pool, span), **_lab(asked, pool)
    )


async def what_if(asked: Asked) -> Response:
    """The piece of the page with advice and replay: it asks again by itself until both are there."""
    pools = known_pools(asked)
    if not pools:
        raise Problem(404, "There are no pools.")
    pool = _chosen(asked, pools)
    part = asked.params.get("part", "lab")
    if part not in ("lab", "replay"):
        raise Problem(404, "There is no such page.")
    return asked.page(f"pools.html#{part}", pool=pool, **_lab(asked, pool))


async def _past(asked: Asked, pool: Known, span: Span) -> dict[str, Any]:
    zone = asked.desk.zone
    begin, end = begin_of(span.first, zone), begin_of(span.end, zone)
    hours = await asked.store(Past).occupancy(begin, end, pool.source)
    sums = Sums(
        sum(hour.visits for hour in hours),
        sum(hour.covered for hour in hours),
        max((hour.peak for hour in hours), default=0),
        sum(hour.taken for hour in hours),
        sum(hour.early for hour in hours),
    )
    return {
        "sums": sums,
        "now": next((found for found in asked.store(Watch).occupancy() if found.source == pool.source), None),
        "busy": _over_time(asked, pool, span, hours),
        "heat": _heat(hours, pool.numbers, asked),
        "coverage": _coverage(asked, span, hours),
    }


def _over_time(asked: Asked, pool: Known, span: Span, hours: Sequence[HourOfPool]) -> Chart:
    formats, zone = formats_of(asked), asked.desk.zone
    by_hour = span.days <= _HOURLY
    step = timedelta(hours=1) if by_hour else timedelta(days=1)
    at = begin_of(span.first, zone)
    end = min(begin_of(span.end, zone), asked.desk.now())
    places: dict[Any, tuple[float, int]] = {}
    for hour in hours:
        key = hour.at if by_hour else hour.at.astimezone(zone).date()
        busy, peak = places.get(key, (0.0, 0))
        places[key] = (busy + hour.busy / (1 if by_hour else 24), max(peak, hour.peak))
    names, means, peaks = [], [], []
    while at < end:
        local = at.astimezone(zone)
        busy, peak = places.get(at if by_hour else local.date(), (0.0, 0))
        names.append(formats.when(at, "d MMM HH:mm") if by_hour else formats.day(local, "d MMM"))
        means.append(round(busy, 2))
        peaks.append(peak)
        at = at + step if by_hour else begin_of(local.date() + step, zone)
    series = [
        Series(_say(asked, _("At the most")), peaks, "c2"),
        Series(_say(asked, _("On average")), means, "c1"),
        Series(_say(asked, _("Numbers in the pool")), [pool.numbers] * len(names), "before"),
    ]
    return line_chart(names, series, top=pool.numbers)


def _coverage(asked: Asked, span: Span, hours: Sequence[HourOfPool]) -> Chart:
    """By day: the share of visits with a number of their own."""
    formats, zone = formats_of(asked), asked.desk.zone
    seen: dict[date, list[int]] = {}
    for hour in hours:
        day = seen.setdefault(hour.at.astimezone(zone).date(), [0, 0])
        day[0] += hour.visits
        day[1] += hour.covered
    last = min(span.last, asked.desk.today())
    days = [span.first + timedelta(days=n) for n in range((last - span.first).days + 1)]
    shares = [seen[day][1] / seen[day][0] if day in seen and seen[day][0] else None for day in days]
    series = [Series(_say(asked, _("Covered")), shares, "c1")]
    return line_chart([formats.day(day, "d MMM") for day in days], series, whole=False, top=1.0)


def _heat(hours: Sequence[HourOfPool], numbers: int, asked: Asked) -> HeatMap:
    """The mean share of numbers in use, by hour of the week."""
    zone = asked.desk.zone
    sums: dict[tuple[int, int], list[float]] = {}
    for hour in hours:
        local = hour.at.astimezone(zone)
        sums.setdefault((local.weekday(), local.hour), []).append(hour.busy / numbers)
    return heat_map({key: sum(values) / len(values) for key, values in sums.items()})


def _lab(asked: Asked, pool: Known) -> dict[str, Any]:
    """Advice and replay: answers, or how far they are."""
    wish = read_wish(asked, pool)
    lab: Lab = asked.store(Lab)
    advice = lab.job(Question(pool.source, wish.days, size=pool.numbers, cost=wish.cost, budget=wish.budget))
    found = advice.answer if advice else None
    tried = [Question(pool.source, wish.days, wish.numbers, wish.hold)] if wish.tried else []
    present = Question(pool.source, wish.days, pool.numbers, pool.hold)
    replays = [] if found is None or isinstance(found, TooFew) else [lab.job(one) for one in (present, *tried)]
    again = {
        "source": pool.source, "days": wish.days, "hold": wish.hold_name,
        **({"numbers": wish.numbers} if wish.tried else {}),
        **({"cost": f"{wish.cost:g}"} if wish.cost else {}), **({"budget": f"{wish.budget:g}"} if wish.budget else {}),
    }  # fmt: skip
    return {
        "wish": wish,
        "advice": advice,
        "found": found,
        "enough": isinstance(found, Advised),
        "present": replays[0] if replays else None,
        "replay": replays[1] if len(replays) > 1 else None,
        "same": (wish.numbers, wish.hold) == (pool.numbers, pool.hold),
        "holds": sorted({*HOLDS, *(h for h in (wish.hold, pool.hold) if h is not None)}),
        "again": again,
        "days_offered": sorted({*DAYS, wish.days}),
        "most_visits": MOST_VISITS,
        "by_size": _by_size(asked, found, wish) if isinstance(found, Advised) else None,
        "stamp": lambda at: datetime.fromtimestamp(at, asked.desk.zone),
        "foretold": _foretold(found, wish) if isinstance(found, Advised) else None,
    }


def _by_size(asked: Asked, found: Advised, wish: Wish) -> Chart:
    names = [str(size) for size in found.sizes]
    series = [
        Series(_say(asked, _("Visits covered, automatic hold")), found.covered[AUTO], "c1"),
        Series(_say(asked, _("Calls on their own visit, automatic hold")), found.right[AUTO], "c3"),
    ]
    if wish.hold_name in found.covered and wish.hold is not None:
        title = _say(asked, _("Visits covered, hold of %(time)s"), time=formats_of(asked).long(wish.hold))
        series.append(Series(title, found.covered[wish.hold_name], "c2"))
    return line_chart(names, series, whole=False, top=1.0)


def _foretold(found: Advised, wish: Wish) -> tuple[float, float] | None:
    """The forecast of what is wished, from the nearest size there is; None for a hold that is not offered."""
    if wish.hold_name not in found.covered or not wish.numbers:
        return None
    place = min(range(len(found.sizes)), key=lambda n: abs(found.sizes[n] - wish.numbers))
    return found.covered[wish.hold_name][place], found.right[wish.hold_name][place]


ROUTES = [
    Route("GET", "/pools", Right.REPORTS, page),
    Route("GET", "/pools/what-if", Right.REPORTS, what_if),
]
