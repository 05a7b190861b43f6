"""A week by its hours: seven rows of twenty-four cells, each in one of ten steps of a colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

DAYS: Final = 7
HOURS: Final = 24
STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of a weekday (Monday is 0). `step`: 0 for nothing, 9 for the most. `value` None: too little is known."""

    weekday: int
    hour: int
    value: float | None
    step: int
    calls: int = 0

    @property
    def x(self) -> float:
        """Where it begins, in per cent of the map."""
        return round(100 * self.hour / HOURS, 2)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """`rows`: by weekday; `top`: the value of the strongest colour."""

    rows: tuple[tuple[Cell, ...], ...]
    top: float

    @property
    def empty(self) -> bool:
        return not self.top


def heat_map(
    values: Mapping[tuple[int, int], float], calls: Mapping[tuple[int, int], int] | None = None, *, least: int = 0
) -> HeatMap:
    """Values by (weekday, hour); what is not there is 0. With `calls`, cells that stand for fewer than `least` of them say nothing."""
    counts = calls or {}

    def value_of(key: tuple[int, int]) -> float | None:
        return None if counts.get(key, 0) < least else values.get(key, 0.0)

    keys = [[(weekday, hour) for hour in range(HOURS)] for weekday in range(DAYS)]
    top = max((value_of(key) or 0.0 for row in keys for key in row), default=0.0)
    rows = tuple(
        tuple(Cell(*key, value_of(key), step(value_of(key), top), counts.get(key, 0)) for key in row) for row in keys
    )
    return HeatMap(rows, top)


def step(value: float | None, top: float) -> int:
    """Which of the ten colours: 0 for nothing, 1 to 9 for equal parts of what there is."""
    return ceil((STEPS - 1) * min(1.0, value / top)) if value and top > 0 else 0
