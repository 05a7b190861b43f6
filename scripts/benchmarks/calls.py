"""Calls per second and the time from INVITE to ringing: plain Dial, Dial with MixMonitor, and the bridge's whole way of a call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from lab.bulk import BulkPhone, bulk_calls
from lab.conf import Endpoint
from lab.ports import free_udp
from lab.tools import Tools

from benchmarks.figures import Spread, percentile
from benchmarks.search import Search
from benchmarks.sites import NOTICE_MS, PHONES, VARIANTS, Site, Variant

_ADDRESS = "127.0.0.11"  #: of all phones
_TONE = 440.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard to measure. Times in seconds; `bound` in milliseconds is what p99 may be at the rate searched for."""

    keys: tuple[str, ...]
    seconds: float = 4.0  #: of one step: rate x seconds calls are placed
    rounds: int = 3  #: of the search, at the most
    repeats: int = 3  #: of the comparison at one rate
    budget: float = 420.0  #: no further round is begun after this time
    talk: float = 0.4
    bound: float = 50.0
    start: float = 40.0  #: calls per second the search begins with


@dataclass(frozen=True, slots=True)
class Step:
    """One batch of calls at one rate. Milliseconds are INVITE to 180 at the caller, the notice's own length taken off."""

    variant: str
    rate: float
    placed: int
    failed: int
    p50: float
    p99: float
    asterisk_cpu: float  #: processor milliseconds per call
    daemon_cpu: float
    settled: float  #: seconds from the last call's end until everything was booked

    def carried(self, bound: float) -> bool:
        return self.failed == 0 and self.p99 <= bound


@dataclass(slots=True)
class Measured:
    """All steps of one variant, and what the searches found."""

    variant: Variant
    capacities: list[float] = field(default_factory=list)  #: calls per second
    equal: list[Step] = field(default_factory=list)  #: steps at the rate that all variants carry
    searched: list[Step] = field(default_factory=list)
    warm: int = 0  #: calls placed before measuring
    booked: int | None = None  #: calls in the books that have ended, for the bridge

    @property
    def placed(self) -> int:
        return self.warm + sum(step.placed for step in (*self.equal, *self.searched))

    @property
    def completed(self) -> int:
        """Calls that went their whole way, by the caller's own account."""
        return self.placed - sum(step.failed for step in (*self.equal, *self.searched))


class CallBench:
    """Places the calls of a Plan. `say` is told what is going on."""

    def __init__(self, tools: Tools, folder: Path, plan: Plan, say: Callable[[str], None]) -> None:
        self._tools = tools
        self._folder = folder
        self._plan = plan
        self._say = say
        self._variants = [variant for variant in VARIANTS if variant.key in plan.keys]
        self._sites: dict[str, Site] = {}
        self._began = time.monotonic()

    def run(self) -> dict[str, Measured]:
        """By the variant's key."""
        measured = {variant.key: Measured(variant) for variant in self._variants}
        with ExitStack() as ends:
            self._start(ends)
            for variant in self._variants:  # the first calls load what the later ones find loaded
                measured[variant.key].warm = self._step(variant, 10, 2.0).placed
            self._search(measured, [Search(self._plan.start) for _ in self._variants])
            self._compare(measured)
            for _ in range(1, self._plan.rounds):
                if time.monotonic() - self._began > self._plan.budget:
                    self._say("no time for another round of the search")
                    break
                self._search(measured, [self._again(measured[variant.key]) for variant in self._variants])
            for key, site in self._sites.items():
                if key in measured:
                    measured[key].booked = site.booked()
        return measured

    def _start(self, ends: ExitStack) -> None:
        phone = Endpoint("all", _ADDRESS, free_udp(_ADDRESS))
        answering = BulkPhone(self._tools, self._folder, phone, audio=_TONE)
        answering.start()
        ends.callback(answering.stop)
        wanted: list[tuple[str, Variant | None]] = [("plain", None)]
        wanted += [(variant.key, variant) for variant in self._variants if variant.bridge]
        for key, variant in wanted:
            self._say(f"starting an Asterisk: {variant.title if variant else 'plain'}")
            site = Site(self._folder / key, self._tools, phone.address, phone.port, variant)
            ends.callback(site.stop)
            site.start()
            self._sites[key] = site

    def _search(self, measured: Mapping[str, Measured], searches: Sequence[Search]) -> None:
        pairs = list(zip(self._variants, searches, strict=True))
        while any(search.rate is not None for _, search in pairs):
            for variant, search in pairs:
                if (rate := search.rate) is None:
                    continue
                step = self._step(variant, rate, self._plan.seconds)
                measured[variant.key].searched.append(step)
                search.tell(step.carried(self._plan.bound))
        for variant, search in pairs:
            measured[variant.key].capacities.append(search.best)

    def _again(self, so_far: Measured) -> Search:
        return Search(so_far.capacities[-1] if so_far.capacities[-1] == so_far.capacities[-1] else 5.0, stride=1)

    def _compare(self, measured: Mapping[str, Measured]) -> None:
        """All variants in turn at half of what the weakest of them carries, and at 20 calls/s at least."""
        weakest = min((x.capacities[-1] for x in measured.values() if x.capacities[-1] == x.capacities[-1]), default=10)
        rate = max(20.0, round(weakest / 2))
        for _ in range(self._plan.repeats):
            for variant in self._variants:
                measured[variant.key].equal.append(self._step(variant, rate, self._plan.seconds))

    def _step(self, variant: Variant, rate: float, seconds: float) -> Step:
        site = self._sites[variant.key if variant.bridge else "plain"]
        count = max(20, round(rate * seconds))
        numbers = [f"{variant.prefix}{phone:03}" for phone in range(PHONES)]
        before = site.cpu()
        result = bulk_calls(
            self._tools, self._folder, site.asterisk.ports.sip, numbers,
            count=count, rate=rate, talk=self._plan.talk, audio=_TONE, timeout=count / rate + 15,
        )  # fmt: skip
        settled = site.settle()
        after = site.cpu()
        notice = NOTICE_MS if variant.notice else 0
        times = [x - notice for x in result.milliseconds]
        step = Step(
            variant.key,
            rate,
            count,
            count - result.succeeded,
            percentile(times, 0.5),
            percentile(times, 0.99),
            (after[0] - before[0]) * 1000 / count,
            (after[1] - before[1]) * 1000 / count,
            settled,
        )
        self._say(
            f"{variant.key:14} {rate:6.1f}/s  p50 {step.p50:6.1f} ms  p99 {step.p99:7.1f} ms  failed {step.failed:3}  "
            f"CPU {step.asterisk_cpu:5.1f} + {step.daemon_cpu:4.1f} ms/call  settled in {settled:.1f} s"
        )
        return step


def spread(steps: Sequence[Step], what: Callable[[Step], float]) -> Spread:
    return Spread.of(what(step) for step in steps)
