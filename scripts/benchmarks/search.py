"""The search for the highest rate that is carried, as a value that is told results and says what to try next."""

from __future__ import annotations

GROWTH = 1.1  #: from one rate of the grid to the next
_SLOWEST, _FASTEST = 5.0, 1000.0
RATES = tuple(
    round(_SLOWEST * GROWTH**n, 1) for n in range(80) if _SLOWEST * GROWTH**n <= _FASTEST
)  #: calls per second that are tried


class Search:
    """First in great strides from about `start` calls/s, then halving what is left; repeat() checks the result again near where it was."""

    def __init__(self, start: float, stride: int = 4) -> None:
        self._at = min(range(len(RATES)), key=lambda n: abs(RATES[n] - start))
        self._stride = stride
        self._good: int | None = None  #: the highest place that was carried
        self._bad: int | None = None  #: the lowest that was not

    @property
    def rate(self) -> float | None:
        """What to try next; None when the search is over."""
        return None if self._over() else RATES[self._at]

    @property
    def best(self) -> float:
        """The highest rate carried; NaN if none was."""
        return float("nan") if self._good is None else RATES[self._good]

    def tell(self, carried: bool) -> None:
        """Whether the rate was carried."""
        if carried:
            self._good = self._at
        else:
            self._bad = self._at
        if self._good is None:
            self._at = max(0, self._at - self._stride)
        elif self._bad is None:
            self._at = min(len(RATES) - 1, self._at + self._stride)
        else:
            self._at = (self._good + self._bad) // 2

    def repeat(self) -> Search:
        """A new search that begins where this one ended, one step of the grid at a time."""
        return Search(self.best if self._good is not None else RATES[0], stride=1)

    def _over(self) -> bool:
        if self._good is not None and self._bad is not None:
            return self._bad - self._good <= 1
        return self._good == len(RATES) - 1 or self._bad == 0
