"""The pools of the configuration as the allocator takes them, each with its own hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.core.directory import Directory
from bridge.core.model import BindingKind
from bridge.core.pools.hold import AutoHold, FixedHold, HoldPolicy
from bridge.core.pools.lease import Lease, Pool


def pools_of(directory: Directory) -> list[Pool]:
    """One pool per source that has dynamic numbers, a default number or both; ``""`` where it has no default number."""
    members: dict[str, list[str]] = {}
    for pool in directory.pools.values():
        members.setdefault(pool.source, []).extend(pool.numbers)
    defaults: dict[str, str] = {}
    for number, known in directory.numbers.items():
        if known.binding.kind is BindingKind.DEFAULT:
            defaults.setdefault(known.binding.source, number)
    return [
        Pool(source, defaults.get(source, ""), tuple(members.get(source, ())))
        for source in dict.fromkeys((*members, *defaults))
    ]


@dataclass(slots=True)
class HoldPerSource:
    """The hold that each source's pool asks for: of its own length, or found by the bridge (`auto`)."""

    within: Callable[[float], float]
    idle: float
    _fixed: dict[str, FixedHold] = field(default_factory=dict)
    _auto: AutoHold | None = None

    def set_pools(self, directory: Directory) -> None:
        """Take over the pools' wishes. Of two pools of one source the longer hold counts."""
        pools = directory.pools.values()
        holds = {pool.source: [p.hold for p in pools if p.source == pool.source] for pool in pools}
        self._fixed = {
            source: FixedHold(float(max(wanted)), self.idle)
            for source, seconds in holds.items()
            if (wanted := [hold for hold in seconds if hold is not None])
        }
        sizes = {pool.source: len(pool.numbers) for pool in pools_of(directory)}
        if self._auto is None:
            self._auto = AutoHold(sizes, self.within, self.idle)
        else:
            self._auto.sizes, self._auto.idle_after = sizes, self.idle

    def is_auto(self, source: str) -> bool:
        return source not in self._fixed

    def ready(self, lease: Lease) -> float:
        return self._of(lease.source).ready(lease)

    def extra(self, source: str, now: float) -> float:
        return self._of(source).extra(source, now)

    def saw(self, source: str, now: float) -> None:
        self._of(source).saw(source, now)

    def closed(self, source: str, dwell: float) -> None:
        self._of(source).closed(source, dwell)

    def _of(self, source: str) -> HoldPolicy:
        if source in self._fixed:
            return self._fixed[source]
        if self._auto is None:
            raise RuntimeError("no pools yet")
        return self._auto
