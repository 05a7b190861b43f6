"""The geometry of charts: scales with round figures, bars, lines, sparklines, call timelines. Templates draw what stands here (_charts.html).

Lengths are per cent of the plot, so that a chart may be of any width while its text keeps its size; y grows downwards, as in SVG. Paths are
in a box of BOX, which is stretched over the plot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

BOX: Final = (1000, 100)  #: width and height that paths are drawn in
SPARK_BOX: Final = (100, 20)
LOOKS: Final = (
    "c1",
    "c2",
    "c3",
    "c4",
    "c5",
    "c6",
    "c7",
    "c8",
)  #: classes of colours, told apart by the colour-blind too
_LABELS: Final = (10, 100)  #: on a wide screen so many at the most, of so many letters together
_NARROW_LABELS: Final = (4, 32)
_GAP: Final = 0.28  #: of a bar's place
_THINNEST: Final = 0.6


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one kind, one for each name; None: not known. `look`: one of LOOKS, or ``before`` for what it is compared with.

    `names`: its own names of the places, where they are others than the chart's.
    """

    title: str
    values: Sequence[float | None]
    look: str = LOOKS[0]
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """A figure of the scale, and how far down it stands."""

    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Label:
    """A name below the plot. `narrow`: there is room for it on a phone, too. `anchor`: SVG's text-anchor."""

    x: float
    text: str
    narrow: bool
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, or a part of one. `place`: of its label; `series`: of its series."""

    x: float
    y: float
    width: float
    height: float
    place: int
    series: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars or lines over `names`. `paths`: one for each series, in BOX; none where there are bars."""

    names: tuple[str, ...]
    series: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    bars: tuple[Bar, ...] = ()
    paths: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing but noughts."""
        return not any(value for series in self.series for value in series.values)


@dataclass(frozen=True, slots=True)
class Span:
    """What went on from `begin` to `end`, in seconds from the call's beginning. `look`: a class, as of LOOKS or ``ring``, ``talk``..."""

    begin: float
    end: float
    title: str
    look: str = LOOKS[0]


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of a timeline: a phone, the caller."""

    title: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    x: float
    width: float
    span: Span


@dataclass(frozen=True, slots=True)
class Timeline:
    """`lanes`: titles and what is drawn in them; `ticks`: labels whose texts are seconds."""

    lanes: tuple[tuple[str, tuple[Placed, ...]], ...]
    ticks: tuple[Label, ...]
    seconds: float


def scale(top: float, most: int = 4, *, whole: bool = True) -> list[float]:
    """Round figures from 0 to `top` or just above it: steps of 1, 2 or 5 times a power of ten, `most` of them. `whole`: no fractions."""
    if top <= 0:
        return [0.0, 1.0]
    least = top / most
    power = 10.0 ** floor(log10(least))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= least * (1 - 1e-9))
    if whole:
        step = max(1.0, step)
    return [round(step * n, 9) for n in range(ceil(top / step - 1e-9) + 1)]


def bar_chart(
    names: Sequence[str],
    series: Sequence[Series],
    *,
    stacked: bool = True,
    whole: bool = True,
    top: float | None = None,
) -> Chart:
    """Bars over each name: parts on one another, or side by side. `top`: what the scale reaches at least. ValueError for lengths that differ."""
    _same_length(names, series)
    columns = [[one.values[place] or 0.0 for one in series] for place in range(len(names))]
    highest = max((sum(column) if stacked else max(column, default=0.0) for column in columns), default=0.0)
    ticks = scale(max(highest, top or 0.0), whole=whole)
    room = 100 / max(1, len(names))
    width = room * (1 - _GAP) / (1 if stacked else max(1, len(series)))
    bars: list[Bar] = []
    for place, column in enumerate(columns):
        below = 0.0
        for number, value in enumerate(column):
            if value > 0:
                x = room * (place + _GAP / 2) + (0 if stacked else width * number)
                height = 100 * value / ticks[-1]
                bars.append(Bar(_r(x), _r(100 - below - height), _r(width), _r(height), place, number))
                below += height if stacked else 0
    labels = _labels(names, [room * (place + 0.5) for place in range(len(names))])
    return Chart(tuple(names), tuple(series), _ticks(ticks), labels, tuple(bars))


def line_chart(
    names: Sequence[str], series: Sequence[Series], *, whole: bool = True, top: float | None = None
) -> Chart:
    """A line for each series; where a value is not known, it is broken. ValueError for lengths that differ."""
    _same_length(names, series)
    highest = max((value for one in series for value in one.values if value is not None), default=0.0)
    ticks = scale(max(highest, top or 0.0), whole=whole)
    paths = tuple(path(one.values, ticks[-1], BOX) for one in series)
    places = [100 * place / max(1, len(names) - 1) for place in range(len(names))]
    return Chart(tuple(names), tuple(series), _ticks(ticks), _labels(names, places, ends=True), (), paths)


def path(values: Sequence[float | None], top: float, box: tuple[int, int]) -> str:
    """An SVG path over the values, broken where one is not known. A single value is a line across."""
    width, height = box
    points = values if len(values) != 1 else [values[0], values[0]]
    made, drawing = [], False
    for place, value in enumerate(points):
        if value is not None:
            x, y = width * place / max(1, len(points) - 1), height * (1 - value / top)
            made.append(f"{'L' if drawing else 'M'}{_n(x)} {_n(y)}")
        drawing = value is not None
    return "".join(made)


def spark_path(values: Sequence[float | None]) -> str:
    """A path in SPARK_BOX, on a scale of its own from 0; a line along the ground where all is nought."""
    return path(values, max((value for value in values if value is not None), default=0.0) or 1.0, SPARK_BOX)


def thinned(values: Sequence[float], most: int = 30) -> list[float]:
    """Sums over neighbours, so that `most` are left: a small chart has no room for more."""
    size = ceil(len(values) / most) or 1
    return [sum(values[place : place + size]) for place in range(0, len(values), size)]


def timeline(lanes: Iterable[Lane], seconds: float) -> Timeline:
    """The lanes of a call of so many seconds. What is shorter than can be seen is drawn just so wide that it can."""
    total = max(seconds, 1.0)

    def placed(span: Span) -> Placed:
        begin, end = (min(max(at, 0.0), total) for at in (span.begin, span.end))
        width = max(100 * (end - begin) / total, _THINNEST)
        return Placed(_r(min(100 * begin / total, 100 - width)), _r(width), span)

    drawn = tuple((lane.title, tuple(map(placed, lane.spans))) for lane in lanes)
    step = next((n for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600) if total / n <= 6), 7200)
    times = range(0, floor(total) + 1, step)
    ticks = tuple(
        Label(_r(100 * at / total), str(at), n % 2 == 0, "middle" if n else "start") for n, at in enumerate(times)
    )
    return Timeline(drawn, ticks, seconds)


def _labels(names: Sequence[str], places: Sequence[float], *, ends: bool = False) -> tuple[Label, ...]:
    """As many names as there is room for, evenly spaced. `ends`: the first and the last point touch the plot's edges."""
    longest = max(map(len, names), default=0) or 1
    step, wide = (
        ceil(len(names) / max(1, min(most, letters // longest))) or 1 for most, letters in (_LABELS, _NARROW_LABELS)
    )
    wide = ceil(wide / step) * step
    found = []
    for place in range(0, len(names), step):
        anchor = "start" if ends and place == 0 else "end" if ends and place == len(names) - 1 else "middle"
        found.append(Label(_r(places[place]), names[place], place % wide == 0, anchor))
    return tuple(found)


def _ticks(values: Sequence[float]) -> tuple[Tick, ...]:
    return tuple(Tick(_r(100 - 100 * value / values[-1]), value) for value in values)


def _same_length(names: Sequence[str], series: Sequence[Series]) -> None:
    if any(len(one.values) != len(names) for one in series):
        raise ValueError("every series needs a value for each name")


def _r(value: float) -> float:
    return round(value, 2)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
