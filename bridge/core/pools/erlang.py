"""Erlang B: what share of visits finds every number taken."""

from __future__ import annotations


def loss(numbers: int, load: float) -> float:
    """The share of visits that find no free number, with `load` = visits per second x seconds each number is kept.

    Raises ValueError for a negative count or load.
    """
    if numbers < 0 or load < 0:
        raise ValueError("numbers and load cannot be negative")
    share = 1.0
    for n in range(1, numbers + 1):
        share = load * share / (n + load * share)
    return share


def coverage(numbers: int, loads: list[tuple[float, float]]) -> float:
    """Covered share over a day that is not even: `loads` has (visits, load) per stretch of time. 1.0 without visits."""
    total = sum(visits for visits, _ in loads)
    if total <= 0:
        return 1.0
    return 1.0 - sum(visits * loss(numbers, load) for visits, load in loads) / total


def needed(target: float, loads: list[tuple[float, float]], limit: int = 10_000) -> int:
    """The fewest numbers that cover `target` (0..1, exclusive of 1) of the visits; raises ValueError beyond `limit`."""
    if not 0 <= target < 1:
        raise ValueError("the coverage aimed at must lie in [0, 1)")
    high = 1
    while coverage(high, loads) < target:
        high *= 2
        if high > 2 * limit:
            raise ValueError(f"more than {limit} numbers would be needed")
    low = high // 2
    while low < high:
        middle = (low + high) // 2
        if coverage(middle, loads) >= target:
            high = middle
        else:
            low = middle + 1
    return low
