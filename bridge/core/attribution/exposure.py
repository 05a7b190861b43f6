"""How much time visits have spent at every age so far: what calls are counted against."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field

from bridge.core.attribution.bins import COUNT, EDGES, WIDTHS, bin_of

MAX_KEPT = 400_000
SAMPLE = 16


@dataclass(slots=True)
class Moments:
    """When something began for many visits, ascending. Beyond MAX_KEPT the oldest are merely counted, as exposed to everything."""

    times: array[float] = field(default_factory=lambda: array("d"))
    old: int = 0

    def add(self, at: float) -> None:
        """Times come in ascending order; one that comes a little late is taken for the latest."""
        if self.times and at < self.times[-1]:
            at = self.times[-1]
        self.times.append(at)
        if len(self.times) > MAX_KEPT:
            self.old += MAX_KEPT // 2
            del self.times[: MAX_KEPT // 2]

    def __len__(self) -> int:
        return len(self.times) + self.old

    def exposure(self, now: float) -> list[float]:
        """Seconds spent in each bin of the time since, by all together, up to `now`."""
        past = [bisect_right(self.times, now - edge) for edge in EDGES]
        return [
            WIDTHS[k] * (self.old + past[k + 1]) + self._partial(past[k + 1], past[k], now - EDGES[k])
            for k in range(COUNT)
        ]

    def _partial(self, low: int, high: int, until: float) -> float:
        """Seconds that ``times[low:high]`` lie before `until`, together; from a sample where they are many."""
        count = high - low
        if count <= 0:
            return 0.0
        sample = self.times[low : high : max(1, count // SAMPLE)]
        return count * max(0.0, until - sum(sample) / len(sample))


def add_dwell(row: list[float], dwell: float) -> None:
    """Adds the ages that a page passed through in `dwell` seconds to an exposure."""
    for k in range(COUNT):
        if dwell <= EDGES[k]:
            break
        row[k] += min(dwell - EDGES[k], WIDTHS[k])


def older_counts(began: array[float], at: float) -> list[tuple[int, int]]:
    """(bin, how many) of the visits that `began` at these times (ascending), by the bin of their age at `at`; empty bins left out."""
    counts = []
    high = bisect_right(began, at)
    k = bin_of(at - began[high - 1]) if high else COUNT
    while high and k < COUNT:
        low = bisect_right(began, at - EDGES[k + 1], 0, high)
        if low < high:
            counts.append((k, high - low))
        high, k = low, k + 1
    return counts
