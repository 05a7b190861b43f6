"""How long a number stays with its visit before another visit may be given it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp
from typing import Protocol

from bridge.core.pools.erlang import loss
from bridge.core.pools.lease import Lease

IDLE_AFTER = 300.0  #: seconds without a sign of life after which an open page no longer counts as active
FLOOR = 10.0  #: the shortest hold `auto` chooses: going from page to page must not cost a visitor his number
GRID = (
    FLOOR,
    30.0,
    60.0,
    120.0,
    180.0,
    300.0,
    480.0,
    720.0,
    900.0,
    1200.0,
    1800.0,
    2700.0,
    3600.0,
    7200.0,
    14400.0,
    28800.0,
    86400.0,
)
TOLERANCE = 0.004  #: of all calls: holds forecast this close to the best are as good
COVERAGE_TOLERANCE = 0.001
BUSIER = 1.5  #: how far visits may exceed their average before the next look
ENOUGH = 0.95  #: of the calls: to hold a number for longer than these take is of no use
RECONSIDER = 600.0
RATE_MEMORY = 2700.0  #: seconds over which the rate of visits is averaged


class HoldPolicy(Protocol):
    """Says when a number may be taken from its holder: at ``ready(lease) + extra(pool, now)``, and not before."""

    def ready(self, lease: Lease) -> float:
        """The part that depends on the lease alone (epoch seconds); numbers are given away in its order."""

    def extra(self, source: str, now: float) -> float:
        """Seconds on top of it, the same for every number of the source's pool."""

    def saw(self, source: str, now: float) -> None:
        """A new visit of the source asked for a number."""

    def closed(self, source: str, dwell: float) -> None:
        """A page of the source was closed `dwell` seconds after the visit began."""


@dataclass(frozen=True, slots=True)
class FixedHold:
    """`seconds` from the beginning of the visit, and longer while the visitor is active."""

    seconds: float
    idle_after: float = IDLE_AFTER

    def ready(self, lease: Lease) -> float:
        held = lease.began + self.seconds
        return max(held, lease.active + self.idle_after) if lease.left is None else max(held, lease.left)

    def extra(self, source: str, now: float) -> float:
        return 0.0

    def saw(self, source: str, now: float) -> None:
        return

    def closed(self, source: str, dwell: float) -> None:
        return


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a hold would bring: covered share of the visits, and share of the calls that reach their own visit."""

    hold: float
    coverage: float
    right: float


def forecast(hold: float, numbers: int, rate: float, dwell: float, within: Callable[[float], float]) -> Forecast:
    """`hold` seconds after the last activity, on `numbers` numbers at `rate` visits per second that last `dwell` seconds.

    A number goes on when the hold is over and a visit needs it, so a call is booked right if it comes before that.
    `within(t)` is the share of calls made within t seconds of the visit's begin.
    """
    kept = dwell + hold
    covered = 1.0 - loss(min(numbers, 400), rate * kept * min(1.0, 400 / max(numbers, 1)))
    cycle = max(kept, numbers / max(rate * covered, 1e-9))
    return Forecast(hold, covered, covered * within(cycle))


@dataclass(slots=True)
class _Traffic:
    rate: float = 0.0  #: visits per second, averaged over RATE_MEMORY
    at: float | None = None
    dwell: float = 180.0
    hold: float = FLOOR
    chosen_at: float | None = None


@dataclass(slots=True)
class AutoHold:
    """Counted from the last activity; follows from the pool's size, the traffic and the delays learned.

    With few numbers and many visits a long hold starves the pool, and a call booked on nobody is lost for certain; see best_hold.
    """

    sizes: dict[str, int]  #: numbers in each source's pool
    within: Callable[[float], float]
    idle_after: float = IDLE_AFTER
    _traffic: dict[str, _Traffic] = field(default_factory=dict)

    def ready(self, lease: Lease) -> float:
        return lease.active + self.idle_after if lease.left is None else lease.left

    def extra(self, source: str, now: float) -> float:
        traffic = self._traffic.get(source)
        if traffic is None:
            return FLOOR
        if traffic.chosen_at is None or now - traffic.chosen_at >= RECONSIDER:
            traffic.chosen_at = now
            traffic.hold = self.choose(source, traffic.rate, traffic.dwell).hold
        return traffic.hold

    def saw(self, source: str, now: float) -> None:
        traffic = self._traffic.setdefault(source, _Traffic())
        if traffic.at is not None:
            traffic.rate *= exp(-max(0.0, now - traffic.at) / RATE_MEMORY)
        traffic.rate += 1 / RATE_MEMORY
        traffic.at = now

    def closed(self, source: str, dwell: float) -> None:
        traffic = self._traffic.setdefault(source, _Traffic())
        traffic.dwell += 0.02 * (min(dwell, 3600.0) - traffic.dwell)

    def choose(self, source: str, rate: float, dwell: float) -> Forecast:
        """The hold for `rate` visits per second that last `dwell` seconds, with what it is forecast to bring."""
        return best_hold(self.sizes.get(source, 0), rate, dwell, self.within)


def best_hold(numbers: int, rate: float, dwell: float, within: Callable[[float], float]) -> Forecast:
    """Among the holds forecast to book practically as many calls right as the best one: the longest that costs no coverage to speak of,
    were the visits BUSIER than expected, and no longer than ENOUGH of the calls take. So a pool under pressure holds its numbers briefly.
    """
    options = [forecast(hold, numbers, rate * BUSIER, dwell, within) for hold in GRID]
    best = max(option.right for option in options)
    good = [option for option in options if option.right >= best - TOLERANCE]
    chosen = good[0]
    for option in good[1:]:
        if option.coverage < good[0].coverage - COVERAGE_TOLERANCE or within(dwell + chosen.hold) >= ENOUGH:
            break
        chosen = option
    return forecast(chosen.hold, numbers, rate, dwell, within)


def in_words(seconds: float) -> str:
    """A length of time for people: ``4 s``, ``2 min 30 s``, ``3 h``, ``5 days``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest and minutes < 5 else f"{round(whole / 60)} min"
    if whole < 2 * 86_400:
        hours, rest = divmod(round(whole / 60), 60)
        return f"{hours} h {rest} min" if rest and hours < 5 else f"{round(whole / 3600)} h"
    return f"{round(whole / 86_400)} days"
