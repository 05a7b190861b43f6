"""Quality: which calls of a week are listened to, how operators do beside each other, how calls sounded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Final, TypeAlias

from bridge.core.desk.sums import Hour, Operator

LEAST_TALK: Final = 10.0  #: seconds: in less nobody shows how he talks
SETTLED: Final = timedelta(hours=1)  #: after its end a week gets no more recordings
WITHIN: Final = (5, 10, 20, 30, 60)  #: seconds, the edges of `Operator.waits`
FAST: Final = 20  #: seconds: a call answered so soon was answered at once
SOUND_DAYS: Final = 7
LEAST_MEASURED: Final = 5  #: below that an hour's mean says nothing
SCORE_WEEKS: Final = 12


# -- the sample --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call that may be listened to: who answered, and where it came from."""

    call_id: str
    operator: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Sampled:
    """A call of the sample. `talk` in seconds; `heard`: whether anybody listened to it at the desk."""

    call_id: str
    started_at: datetime
    caller: str | None
    caller_name: str | None
    source: str | None
    campaign: str | None
    keyword: str | None
    answered_by: str | None
    talk: float | None
    class_: str | None
    score: float | None
    heard: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """A week's calls to listen to. `drawn`: for good; otherwise the week goes on, and so does the drawing."""

    calls: tuple[Sampled, ...]
    drawn: bool

    @property
    def scored(self) -> int:
        return sum(call.score is not None for call in self.calls)

    @property
    def next(self) -> str | None:
        """The first that has no score yet."""
        return next((call.call_id for call in self.calls if call.score is None), None)


_Stratum: TypeAlias = tuple[str | None, str | None]


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def is_over(end: datetime, now: datetime) -> bool:
    """Whether the week that ended at `end` can be drawn for good."""
    return now >= end + SETTLED


def draw(week: date, candidates: Iterable[Candidate], size: int) -> list[str]:
    """`size` calls of the week, always the same ones: of every operator and every source their share, and one at least if `size` allows.

    Every next call is of the operator and source that lack most to their share, those without any call first; so the beginning of the
    list has something of everybody. Of calls alike, the one with the smallest SHA-256 of ``week|id``: as good as by chance.
    """
    strata: defaultdict[_Stratum, list[tuple[bytes, str]]] = defaultdict(list)
    for one in candidates:
        key = sha256(f"{week.isoformat()}|{one.call_id}".encode()).digest()
        strata[one.operator, one.source].append((key, one.call_id))
    for calls in strata.values():
        calls.sort(reverse=True)  # the next one is the last
    total = sum(map(len, strata.values()))
    sizes = {stratum: len(calls) for stratum, calls in strata.items()}
    of_operator, of_source = _margins(sizes)
    operators: Counter[str | None] = Counter()
    sources: Counter[str | None] = Counter()
    taken: Counter[_Stratum] = Counter()

    def wanted(stratum: _Stratum) -> tuple[int, int, bytes]:
        operator, source = stratum
        unseen = (not operators[operator]) + (not sources[source])
        lacks = size * (of_operator[operator] + of_source[source] + sizes[stratum])
        lacks -= total * (operators[operator] + sources[source] + taken[stratum])
        return -unseen, -lacks, strata[stratum][-1][0]

    drawn: list[str] = []
    while len(drawn) < min(size, total):
        chosen = min((stratum for stratum, calls in strata.items() if calls), key=wanted)
        operators[chosen[0]] += 1
        sources[chosen[1]] += 1
        taken[chosen] += 1
        drawn.append(strata[chosen].pop()[1])
    return drawn


def _margins(sizes: Mapping[_Stratum, int]) -> tuple[Counter[str | None], Counter[str | None]]:
    operators: Counter[str | None] = Counter()
    sources: Counter[str | None] = Counter()
    for (operator, source), count in sizes.items():
        operators[operator] += count
        sources[source] += count
    return operators, sources


# -- operators ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deeds:
    """What one operator did in a period, or all of them (`phone` None and `everybody`). Seconds and shares; None where there is none.

    `scores`: of the last weeks, in order, those without any left out.
    """

    phone: str | None
    calls: int
    fast: int
    target: int
    wait: float | None
    talk: float | None
    score: float | None
    scored: int
    mos: float | None
    measured: int
    waits: tuple[int, ...]
    scores: tuple[float, ...] = ()
    everybody: bool = False

    @property
    def fast_share(self) -> float | None:
        return self.fast / self.calls if self.calls else None

    @property
    def target_share(self) -> float | None:
        return self.target / self.calls if self.calls else None


SORTS: Final[Mapping[str, Callable[[Deeds], float | None]]] = {
    "calls": lambda one: -one.calls,
    "fast": lambda one: _down(one.fast_share),
    "wait": lambda one: one.wait,
    "talk": lambda one: _down(one.talk),
    "target": lambda one: _down(one.target_share),
    "score": lambda one: _down(one.score),
    "mos": lambda one: _down(one.mos),
}


def deeds(found: Sequence[Operator], weekly: Sequence[Operator] = ()) -> tuple[list[Deeds], Deeds]:
    """Every operator over all lines, and everybody together. `weekly`: the last weeks, for their scores."""
    by_phone: defaultdict[str | None, list[Operator]] = defaultdict(list)
    for one in found:
        by_phone[one.answered_by].append(one)
    scores = {phone: _scores(weekly, phone) for phone in by_phone}
    together = _together(None, found, _scores(weekly), everybody=True)
    return [_together(phone, parts, scores[phone]) for phone, parts in by_phone.items()], together


def in_order(found: Iterable[Deeds], sort: str) -> list[Deeds]:
    """By one of SORTS from the best or most down, or by ``name``; ``-`` before it turns it round. Those without a figure are last."""
    name = sort.removeprefix("-")
    by_name = sorted(found, key=lambda one: _natural(one.phone))
    if name == "name":
        return by_name[::-1] if sort.startswith("-") else by_name
    figure = SORTS[name]
    known = [(value, one) for one in by_name if (value := figure(one)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=sort.startswith("-"))
    return [one for _, one in known] + [one for one in by_name if figure(one) is None]


def _together(
    phone: str | None, parts: Sequence[Operator], scores: tuple[float, ...], *, everybody: bool = False
) -> Deeds:
    calls, scored, measured = (sum(getattr(part, name) for part in parts) for name in ("calls", "scored", "measured"))
    waits = tuple(sum(part.waits[place] for part in parts) for place in range(len(WITHIN) + 1))
    return Deeds(
        phone,
        calls,
        sum(waits[: WITHIN.index(FAST) + 1]),
        sum(part.target for part in parts),
        sum(part.wait_ms for part in parts) / calls / 1000 if calls else None,
        sum(part.talk_ms for part in parts) / calls / 1000 if calls else None,
        sum((part.score or 0) * part.scored for part in parts) / scored if scored else None,
        scored,
        sum((part.mos or 0) * part.measured for part in parts) / measured if measured else None,
        measured,
        waits,
        scores,
        everybody,
    )


def _scores(weekly: Sequence[Operator], phone: str | None = "") -> tuple[float, ...]:
    """Of one phone, or of all; by week."""
    sums: defaultdict[date, list[tuple[float, int]]] = defaultdict(list)
    for one in weekly:
        if one.scored and phone in ("", one.answered_by):
            sums[one.period.begin].append(((one.score or 0) * one.scored, one.scored))
    return tuple(sum(s for s, _ in sums[week]) / sum(n for _, n in sums[week]) for week in sorted(sums))


def _down(value: float | None) -> float | None:
    return None if value is None else -value


def _natural(phone: str | None) -> tuple[bool, int, str]:
    """``PJSIP/9`` before ``PJSIP/101``; nobody last."""
    return phone is None, len(phone or ""), phone or ""


# -- answer speed ------------------------------------------------------------------------------------------------------


def wait_by_hour(week: Sequence[Sequence[Hour]]) -> list[float | None]:
    """Seconds until somebody answered, on average, for each of the 24 hours."""
    hours = list(zip(*week, strict=True))
    counts = [sum(one.answered for one in hour) for hour in hours]
    waits = [sum(one.wait_ms for one in hour) for hour in hours]
    return [wait / count / 1000 if count else None for wait, count in zip(waits, counts, strict=True)]


def missed_share(week: Sequence[Sequence[Hour]]) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], int]]:
    """By (weekday, hour): the share of calls nobody answered, and of how many calls."""
    ended = {
        (weekday, hour): (one.missed, one.answered + one.missed)
        for weekday, hours in enumerate(week)
        for hour, one in enumerate(hours)
    }
    return {key: missed / all_ for key, (missed, all_) in ended.items() if all_}, {
        key: all_ for key, (_, all_) in ended.items()
    }


def edges() -> list[tuple[int, int | None]]:
    """From and to, in seconds, of the six parts of `Operator.waits`; None: without end."""
    return [*pairwise((0, *WITHIN)), (WITHIN[-1], None)]


# -- sound -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sound:
    """How the calls of a trunk sounded in one hour of the day, or in all (`hour` None), on average over `measured` calls.

    `mos` from 1 to 4.5; `loss` a share of the packets and `jitter` in seconds, None where Asterisk did not say.
    """

    trunk: str | None
    hour: int | None
    measured: int
    mos: float
    loss: float | None
    jitter: float | None


@dataclass(frozen=True, slots=True)
class SoundSums:
    """The sums that `Sound` is made of. `lost` of `packets`; `jitter` is the sum over `jittered` calls, seconds."""

    trunk: str | None
    hour: int
    measured: int
    mos: float
    lost: float
    packets: float
    jitter: float
    jittered: int


def by_trunk(sums: Sequence[SoundSums]) -> list[Sound]:
    """Each trunk over all hours, the worst first."""
    found: defaultdict[str | None, list[SoundSums]] = defaultdict(list)
    for one in sums:
        found[one.trunk].append(one)
    return _worst_first(_sound(trunk, None, parts) for trunk, parts in found.items())


def by_hour(sums: Sequence[SoundSums], least: int = 1) -> list[Sound]:
    """Each trunk in each hour with so many measured calls at least, the worst first."""
    return _worst_first(_sound(one.trunk, one.hour, [one]) for one in sums if one.measured >= least)


def _sound(trunk: str | None, hour: int | None, parts: Sequence[SoundSums]) -> Sound:
    measured, packets, jittered = (
        sum(getattr(part, name) for part in parts) for name in ("measured", "packets", "jittered")
    )
    return Sound(
        trunk,
        hour,
        measured,
        sum(part.mos for part in parts) / measured,
        sum(part.lost for part in parts) / packets if packets else None,
        sum(part.jitter for part in parts) / jittered if jittered else None,
    )


def _worst_first(found: Iterable[Sound]) -> list[Sound]:
    return sorted(found, key=lambda one: (one.mos, -one.measured, one.trunk or "", one.hour or 0))
