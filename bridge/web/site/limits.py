"""How often somebody may ask: token buckets, as many as memory allows, the longest unused forgotten first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_KEPT = 50_000


@dataclass(slots=True)
class Buckets:
    """Each key may ask `burst` times at once and `rate` times a second in the long run."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, float]] = field(default_factory=dict)  #: key -> (tokens, since when)

    def take(self, key: str) -> bool:
        """Whether `key` may ask now."""
        now = self.clock()
        tokens, since = self._kept.pop(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - since) * self.rate)
        allowed = tokens >= 1.0
        self._kept[key] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return allowed

    def __len__(self) -> int:
        return len(self._kept)
