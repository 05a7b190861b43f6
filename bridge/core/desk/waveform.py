"""The shape of a recording: how loud it is over time, and where nobody says anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

POINTS_PER_SECOND: Final = 20
MOST_POINTS: Final = 6000  #: more than any screen has; a longer recording gets coarser points
FULL: Final = 999  #: the loudest there is
_QUIETEST, _LOUDEST_SILENCE = 6, 20  #: -44 and -34 dB: silence is never looked for outside of these
_SHORTEST: Final = 1.2  #: seconds; a shorter pause belongs to talking
_MARGIN: Final = 0.25  #: seconds of a silence that are left at its ends


@dataclass(frozen=True, slots=True)
class Waveform:
    """`channels`: of each the loudest sample of every point, 0 to FULL; `rate` points a second. `duration` and `silences` in seconds."""

    duration: float
    rate: float
    channels: tuple[tuple[int, ...], ...]
    silences: tuple[tuple[float, float], ...]


def waveform(channels: Sequence[Sequence[int]], duration: float) -> Waveform:
    """From points of POINTS_PER_SECOND, as many for each channel."""
    step = -(-len(channels[0]) // MOST_POINTS) if channels and channels[0] else 1
    drawn = tuple(_coarser(points, step) for points in channels)
    return Waveform(duration, POINTS_PER_SECOND / step, drawn, find_silences(channels, duration))


def find_silences(channels: Sequence[Sequence[int]], duration: float) -> tuple[tuple[float, float], ...]:
    """From-to in seconds where all channels are silent for long. What counts as silent depends on how quiet it is at its quietest."""
    together = [max(points) for points in zip(*channels, strict=True)]
    if not together:
        return ()
    floor = sorted(together)[len(together) // 5]
    limit = min(max(3 * floor, _QUIETEST), _LOUDEST_SILENCE)
    found: list[tuple[float, float]] = []
    begin: int | None = None
    for place, loud in enumerate([*together, FULL]):
        if loud < limit:
            begin = place if begin is None else begin
        elif begin is not None:
            first, last = begin / POINTS_PER_SECOND, min(place / POINTS_PER_SECOND, duration)
            if last - first >= _SHORTEST:
                found.append((round(first + _MARGIN if begin else 0.0, 2), round(last - _MARGIN, 2)))
            begin = None
    return tuple(found)


def _coarser(points: Sequence[int], step: int) -> tuple[int, ...]:
    if step == 1:
        return tuple(points)
    return tuple(max(points[start : start + step]) for start in range(0, len(points), step))
