"""Medians, ranges, ratios and the tables they are printed in."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of the same thing."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """NaN all over where there are none."""
        found = [x for x in values if x == x]
        if not found:
            return cls(float("nan"), float("nan"), float("nan"), 0)
        return cls(statistics.median(found), min(found), max(found), len(found))

    def text(self, digits: int = 1) -> str:
        """``12.5 (11.9-14.0)``; the range only where there is one."""
        if not self.count:
            return "-"
        middle = f"{self.median:.{digits}f}"
        return middle if self.count == 1 else f"{middle} ({self.low:.{digits}f}-{self.high:.{digits}f})"

    def json(self) -> dict[str, float | int | None]:
        if not self.count:
            return {"median": None, "low": None, "high": None, "count": 0}
        return {
            "median": round(self.median, 3), "low": round(self.low, 3), "high": round(self.high, 3), "count": self.count,
        }  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """E.g. 0.99: the smallest of the worst hundredth; NaN if there are no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def ratio(value: float, base: float) -> str:
    """``0.93``; ``-`` where one of them is missing."""
    return f"{value / base:.2f}" if value == value and base == base and base else "-"


def show(console: Console, title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table: the first column is text, the others are figures."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
