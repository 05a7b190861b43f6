"""Made-up traffic for the tests: many families of behaviour, none of which the learner knows."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bridge.core.simulation.traffic import MadeCall, TrafficVisit

DAY = 86_400.0
START = 1_767_225_600.0  # 2026-01-01 00:00 UTC

Delay = Callable[[random.Random], float]


def lognormal(median: float, sigma: float) -> Delay:
    return lambda rng: rng.lognormvariate(math.log(median), sigma)


def weibull(scale: float, shape: float) -> Delay:
    return lambda rng: rng.weibullvariate(scale, shape)


def mixture(*parts: tuple[float, Delay]) -> Delay:
    def draw(rng: random.Random) -> float:
        pick = rng.random() * sum(share for share, _ in parts)
        for share, part in parts:
            pick -= share
            if pick <= 0:
                return part(rng)
        return parts[-1][1](rng)

    return draw


def uniform_log(low: float, high: float) -> Delay:
    return lambda rng: math.exp(rng.uniform(math.log(low), math.log(high)))


def erlang(mean: float, stages: int) -> Delay:
    return lambda rng: rng.gammavariate(stages, mean / stages)


#: as published: 0.914 within half an hour, 0.016 on days two to seven
PUBLISHED = mixture((0.93, lognormal(240, 1.1)), (0.052, uniform_log(1200, DAY)), (0.018, uniform_log(DAY, 7 * DAY)))
#: the same fixed points, but most who call do so at once
PROMPT = mixture(
    (0.72, weibull(110, 1.1)),
    (0.2, lognormal(480, 0.8)),
    (0.064, uniform_log(1800, DAY)),
    (0.016, uniform_log(DAY, 7 * DAY)),
)
LOCKSMITH = mixture((0.96, weibull(120, 1.0)), (0.04, uniform_log(600, DAY)))
KITCHEN = mixture((0.35, erlang(420, 2)), (0.65, lognormal(1.5 * DAY, 1.2)))
TWO_HUMPS = mixture((0.6, erlang(150, 3)), (0.4, erlang(2400, 6)))
HEAVY = mixture((0.85, weibull(400, 0.6)), (0.15, uniform_log(600, 5 * DAY)))
FAMILIES: dict[str, Delay] = {
    "published": PUBLISHED,
    "prompt": PROMPT,
    "locksmith": LOCKSMITH,
    "kitchen": KITCHEN,
    "two humps": TWO_HUMPS,
    "heavy tail": HEAVY,
}


DWELL = lognormal(110, 1.0)


@dataclass(frozen=True)
class Site:
    """One made-up site. `clock` says from when the delay runs: from the visit's beginning or from its end."""

    days: int = 40
    per_day: float = 1000
    shares: Mapping[str, float] = field(default_factory=lambda: {"direct": 0.6, "google": 0.4})
    delay: Delay = PUBLISHED
    clock: str = "begin"
    calls_per_visit: float = 0.06
    dwell: Delay = DWELL
    mobile: float = 0.6
    taps_on_mobile: float = 0.75  # of the calls made on a mobile with the page open
    stays: float = 0.5  # of those who call within 20 min, have the page open meanwhile
    idle_taps: float = 0.01  # visits that tap and do not call
    returning: float = 0.12
    calls_again: float = 0.15
    left_open: float = 0.03
    regions: bool = False


def rate_at(second: float) -> float:
    """Visits by the hour of the day, mean 1: quiet at night, busy from late morning to evening."""
    hour = second % DAY / 3600
    return max(
        0.08, 1 + 0.95 * math.sin((hour - 9) / 24 * 2 * math.pi) + 0.25 * math.sin((hour - 6) / 12 * 2 * math.pi)
    )


_MEAN_RATE = sum(rate_at(60.0 * minute) for minute in range(1440)) / 1440


def generate(seed: int, site: Site) -> list[TrafficVisit]:
    """The visits of `site`, sorted by time; the same seed gives the same traffic."""
    rng = random.Random(seed)
    visits: list[TrafficVisit] = []
    phones: dict[str, str] = {}
    known: dict[str, list[tuple[str, bool, str]]] = {source: [] for source in site.shares}
    for place, at in enumerate(_arrivals(rng, site)):
        source = rng.choices(list(site.shares), weights=list(site.shares.values()))[0]
        past = known[source]
        if past and rng.random() < site.returning:
            client, mobile, region = past[-1 - min(int(rng.expovariate(1 / (site.per_day / 2))), len(past) - 1)]
        else:
            client, mobile, region = f"c{place}", rng.random() < site.mobile, rng.choice(["msk", "msk", "spb", "kzn"])
        past.append((client, mobile, region))
        visits.append(_visit(rng, site, f"v{place}", at, source, client, mobile, region, phones))
    return visits


def _arrivals(rng: random.Random, site: Site) -> Iterator[float]:
    at, end = 0.0, site.days * DAY
    top = 2.6
    while True:
        at += rng.expovariate(site.per_day / DAY / _MEAN_RATE * top)
        if at >= end:
            return
        if rng.random() < rate_at(at) / top:
            yield START + at


def _visit(
    rng: random.Random,
    site: Site,
    name: str,
    at: float,
    source: str,
    client: str,
    mobile: bool,
    region: str,
    phones: dict[str, str],
) -> TrafficVisit:
    leaves = at + min(max(site.dwell(rng), 3.0), 3 * 3600)
    if rng.random() < site.left_open:
        leaves += rng.uniform(1800, 6 * 3600)
    taps: list[float] = []
    calls: list[MadeCall] = []
    if rng.random() < site.calls_per_visit:
        began = at if site.clock == "begin" else leaves
        first = began + max(site.delay(rng), 4.0 if site.clock == "begin" else 0.5)
        phone = phones.setdefault(client, f"+79{rng.randrange(10**9):09d}") if rng.random() < 0.95 else None
        if first - at < 1200 and rng.random() < site.stays:
            leaves = max(leaves, first + rng.uniform(2, 60))
        home = region if rng.random() < 0.8 else "nsk"
        calls.append(MadeCall(first, phone, home if site.regions else None))
        if mobile and first <= leaves and rng.random() < site.taps_on_mobile:
            taps.append(first - rng.uniform(1.0, 9.0) if first - at > 10 else at + (first - at) / 2)
        while rng.random() < site.calls_again:
            last = calls[-1].at
            calls.append(
                MadeCall(last + math.exp(rng.uniform(math.log(30), math.log(5 * DAY))), phone, calls[-1].region)
            )
    elif rng.random() < site.idle_taps:
        taps.append(rng.uniform(at, leaves))
    return TrafficVisit(
        name, at, source, client, leaves, mobile, region if site.regions else None, tuple(taps), tuple(calls)
    )


def as_line(visit: TrafficVisit) -> dict[str, object]:
    """The visit in the shape of a line of a traffic file."""
    row: dict[str, object] = {
        "visit": visit.visit,
        "at": visit.at,
        "source": visit.source,
        "client": visit.client,
        "leaves": visit.leaves,
        "mobile": visit.mobile,
        "taps": list(visit.taps),
        "calls": [{"at": call.at, "from": call.caller} for call in visit.calls],
    }
    return row


def but(site: Site, **changes: object) -> Site:
    return replace(site, **changes)  # type: ignore[arg-type]
