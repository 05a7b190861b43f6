"""How long pages stay open: from it follows how a visit's time is shared between its open page and the time since."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import log

from bridge.core.attribution.bins import COUNT, EDGES, FIRST, RATIO, bin_of

APART = 10  #: bins that a visit's age can lie apart from the time since its page was closed; the last takes all beyond
FINE = 4  #: a bin of delays is so many of dwell times

#: By bin of the age (or of the time since the page was closed): the shares of that time by `apart`.
Spread = list[list[float]]


def apart(age: int, since_left: int) -> int:
    """How long the page was open, against the time since: 0 where that is most of the visit's age, more the later it was closed."""
    return min(age - since_left, APART - 1)


class Dwells:
    """Counts dwell times, finely. What visits live through after their pages were closed follows from them alone."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, dwell: float) -> None:
        """A page was open for `dwell` seconds."""
        cell = max(0, int(FINE * (1 + log(max(dwell, 1e-9) / FIRST) / log(RATIO))))
        self._counts[cell] = self._counts.get(cell, 0) + 1

    def spread(self) -> tuple[Spread, Spread]:
        """By bin of the age, and by bin of the time since the page was closed: the share of the closed visits' time by `apart`."""
        by_age, by_left = ([[1e-9] + [0.0] * (APART - 1) for _ in range(COUNT)] for _ in range(2))
        for cell, count in self._counts.items():
            for age, since_left, seconds in _passed(cell):
                by_age[age][apart(age, since_left)] += count * seconds
                by_left[since_left][apart(age, since_left)] += count * seconds
        return _as_shares(by_age), _as_shares(by_left)


@cache
def _passed(cell: int) -> list[tuple[int, int, float]]:
    """(bin of the age, bin of the time since, seconds) that a visit passes through after its page was open so long."""
    dwell = FIRST * RATIO ** ((cell + 0.5) / FINE - 1)
    points = sorted({e for e in EDGES if e > dwell} | {dwell + e for e in EDGES if dwell + e < EDGES[-1]})
    middles = [((low + high) / 2, high - low) for low, high in pairwise(points)]
    return [(bin_of(middle), bin_of(middle - dwell), seconds) for middle, seconds in middles]


def _as_shares(rows: Spread) -> Spread:
    return [[seconds / sum(row) for seconds in row] for row in rows]
