"""A line plot as a self-contained SVG file: no script, no font, nothing to be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 360, 56, 44, 34, 150
_COLOURS = ("#1f6feb", "#bf5700", "#2da44e", "#8250df")


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points (x, share in [0, 1])."""

    name: str
    points: Sequence[tuple[float, float]]


def shares_plot(title: str, x_name: str, lines: Sequence[Line]) -> str:
    """The SVG text: x from 0, y from 0 to 100 %."""
    most = max((x for line in lines for x, _ in line.points), default=1) or 1
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, share: float) -> tuple[float, float]:
        return _LEFT + inner_width * x / most, _TOP + inner_height * (1 - min(max(share, 0.0), 1.0))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for percent in range(0, 101, 20):
        x, y = place(0, percent / 100)
        parts.append(
            f'<path d="M{x:.1f} {y:.1f}h{inner_width}" stroke="#ddd"/><text x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
        )
    for tick in _ticks(most):
        x, y = place(tick, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{tick:g}</text>')
    x, y = place(most / 2, 0)
    parts.append(f'<text x="{x:.1f}" y="{y + 36:.1f}" text-anchor="middle">{escape(x_name)}</text>')
    for at, line in enumerate(lines):
        colour = _COLOURS[at % len(_COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line.points))
        label = _TOP + 16 + 20 * at
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_WIDTH - _RIGHT + 12}" y="{label}" fill="{colour}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _ticks(most: float) -> list[float]:
    step = next(
        step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if most / step <= 12 or step == 10_000
    )
    return [float(tick) for tick in range(0, int(most) + 1, step)]
