"""Delays in log-spaced bins, and the published distribution of the time from visit to call."""

from __future__ import annotations

from bisect import bisect_right
from math import log

DAY = 86_400.0
FIRST = 2.0  #: seconds: the first bin is [0, FIRST)
RATIO = 1.5
COUNT = 38
EDGES = tuple([0.0] + [FIRST * RATIO**k for k in range(COUNT)])
WIDTHS = tuple(EDGES[k + 1] - EDGES[k] for k in range(COUNT))
HORIZON = EDGES[-1]  #: about 75 days; later calls are beyond what a visit explains
_LOG_RATIO = log(RATIO)

#: The share of first calls made within so many seconds of the visit's begin. Fixed by what is published: 0.914 within
#: half an hour, 0.016 on days two to seven; before and between, a smooth curve.
PUBLISHED = (
    (0.0, 0.0),
    (10.0, 0.015),
    (30.0, 0.065),
    (60.0, 0.15),
    (120.0, 0.31),
    (300.0, 0.60),
    (600.0, 0.77),
    (900.0, 0.845),
    (1800.0, 0.914),
    (DAY, 0.982),
    (7 * DAY, 0.998),
    (HORIZON, 1.0),
)


def bin_of(delay: float) -> int:
    """The bin a delay (seconds, >= 0) falls into; delays beyond the horizon fall into the last."""
    if delay < FIRST:
        return 0
    return min(1 + int(log(delay / FIRST) / _LOG_RATIO), COUNT - 1)


def share_within(delay: float, points: tuple[tuple[float, float], ...] = PUBLISHED) -> float:
    """The cumulative share at `delay`, on a curve given by points (linear in the logarithm of the delay)."""
    at = bisect_right(points, (delay, 2.0))
    if at >= len(points):
        return points[-1][1]
    (low, share_low), (high, share_high) = points[at - 1], points[at]
    if low <= 0:
        return share_low + (share_high - share_low) * delay / high
    return share_low + (share_high - share_low) * log(delay / low) / log(high / low)


def published_shares() -> tuple[float, ...]:
    """The published distribution as one share per bin; they add up to 1."""
    return tuple(share_within(EDGES[k + 1]) - share_within(EDGES[k]) for k in range(COUNT))
