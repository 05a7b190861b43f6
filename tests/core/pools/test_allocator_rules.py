"""The rules of the field as properties of any course of events, with calls and crashes in between."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.core.attribution.attributor import Attributor
from bridge.core.attribution.delays import Delays
from bridge.core.attribution.finding import InboundCall
from bridge.core.attribution.memory import CallerMemory
from bridge.core.model import AttributionKind, Binding, BindingKind
from bridge.core.pools.allocator import IDLE_FOR_OWNER, Allocator
from bridge.core.pools.book import LeaseBook
from bridge.core.pools.hold import IDLE_AFTER, AutoHold, FixedHold
from bridge.core.pools.lease import Lease, Pool, Shown, VisitRequest

POOLS = (
    Pool("direct", "+78000000100", ("+78000000101", "+78000000102", "+78000000103")),
    Pool("google", "+78000000200", ("+78000000201", "+78000000202")),
    Pool("radio", "+78000000300"),
)
OF = {number: pool.source for pool in POOLS for number in pool.numbers}


class Rules(RuleBasedStateMachine):
    @initialize(hold=st.sampled_from([0.0, 300.0, 1800.0, None]))
    def begin(self, hold: float | None) -> None:
        self.hold = hold
        self.now = 1_700_000_000.0
        self.written: dict[tuple[str, str, float], Lease] = {}
        self.pages: dict[str, str] = {}  # visit -> what its page showed last
        self.open: set[str] = set()
        self.last_sign: dict[str, float] = {}
        self.began: dict[str, float] = {}
        self.visitor: dict[str, str | None] = {}
        self.source: dict[str, str] = {}
        self.shown_to: dict[str, set[str]] = {}
        self.count = 0
        self.memory = CallerMemory()
        self.delays = Delays()
        self.start()

    def start(self) -> None:
        self.book = LeaseBook()
        policy = AutoHold({p.source: len(p.numbers) for p in POOLS}, self.delays.share_within)
        self.allocator = Allocator(POOLS, policy if self.hold is None else FixedHold(self.hold), self.book)
        self.allocator.restore([copy.copy(lease) for lease in self.written.values()])
        self.attributor = Attributor(self.book, self.delays, self.memory)
        self.write()

    def write(self) -> None:
        for lease in self.allocator.drain():
            self.written[lease.visit, lease.number, lease.began] = copy.copy(lease)

    @rule(seconds=st.sampled_from([0.0, 1.0, 20.0, 120.0, 301.0, 900.0, 1801.0, 40_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        source=st.sampled_from(["direct", "direct", "google", "radio"]), visitor=st.sampled_from([None, "a", "b", "c"])
    )
    def a_visit(self, source: str, visitor: str | None) -> None:
        before = self.holders()
        self.count += 1
        visit = f"v{self.count}"
        shown = self.allocator.assign(VisitRequest(visit, source, visitor), self.now)
        self.write()
        pool = next(pool for pool in POOLS if pool.source == source)
        assert shown.number in (*pool.numbers, pool.default)  # nothing is shared between sources
        assert (shown.lease is None) == (shown.number == pool.default)
        mine = [
            n for n, lease in before.items() if visitor is not None and lease.visitor == visitor and OF[n] == source
        ]
        if shown.lease is None:
            # the default number only when every number is protected
            assert all(number in before and self.protected(before[number]) for number in pool.numbers)
            assert not mine
        elif shown.number in before:
            self.taken(before[shown.number], visitor)
        self.in_order(before, pool, shown, visitor)
        self.pages[visit] = shown.number
        self.open.add(visit)
        self.last_sign[visit] = self.began[visit] = self.now
        self.visitor[visit], self.source[visit] = visitor, source
        self.shown_to.setdefault(shown.number, set()).add(visit)

    def taken(self, lease: Lease, visitor: str | None) -> None:
        same = visitor is not None and lease.visitor == visitor
        assert same or not self.protected(lease)
        if lease.visit in self.open and not same:
            default = next(pool.default for pool in POOLS if pool.source == lease.source)
            assert self.allocator.shown(lease.visit) == default  # an idle page goes back to the default number
            assert not self.allocator.beat(lease.visit, self.now)
            self.pages[lease.visit] = default

    def in_order(self, before: dict[str, Lease], pool: Pool, shown: Shown, visitor: str | None) -> None:
        """Unused for longest first, but for somebody who gets his own number again."""
        if shown.lease is None or self.hold != 0.0 or visitor is not None:
            return
        unused = {n: self.unused_since(before[n]) for n in pool.numbers if n in before}
        if shown.number in unused:
            assert len(unused) == len(pool.numbers)  # none was free
            assert unused[shown.number] == min(unused.values())

    def unused_since(self, lease: Lease) -> float:
        return self.last_sign[lease.visit] + (IDLE_AFTER if lease.visit in self.open else 0.0)

    def protected(self, lease: Lease) -> bool:
        active = lease.visit in self.open and self.now < self.last_sign[lease.visit] + IDLE_AFTER
        if self.hold is None:
            return self.now < self.unused_since(lease) + self.allocator.policy.extra(lease.source, self.now) or active
        return active or self.now < self.began[lease.visit] + self.hold

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def sign_of_life(self, data: st.DataObject) -> None:
        visit = data.draw(st.sampled_from(sorted(self.open)))
        if self.allocator.beat(visit, self.now):
            self.last_sign[visit] = self.now
        self.write()

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def closes(self, data: st.DataObject) -> None:
        visit = data.draw(st.sampled_from(sorted(self.open)))
        self.allocator.leave(visit, self.now)
        self.write()
        self.open.discard(visit)
        self.last_sign[visit] = self.now

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def taps(self, data: st.DataObject) -> None:
        visit = data.draw(st.sampled_from(sorted(self.open)))
        lease = self.allocator.tap(visit, self.now)
        if lease is not None and lease.ended is None:
            self.last_sign[visit] = self.now
        self.write()

    @precondition(lambda self: self.pages)
    @rule(data=st.data(), caller=st.sampled_from([None, "+79160000001", "+79160000002"]))
    def a_call(self, data: st.DataObject, caller: str | None) -> None:
        visit = data.draw(st.sampled_from(sorted(self.pages)))
        number = self.pages[visit]
        source = self.source[visit]
        kind = BindingKind.POOL if number in OF else BindingKind.DEFAULT
        finding = self.attributor.attribute(InboundCall(number, caller, self.now), Binding(number, kind, source))
        found = finding.attribution
        assert found.source == source
        assert 0.0 <= found.confidence <= 1.0
        if kind is BindingKind.DEFAULT:
            assert found.visit is None
            assert found.kind is AttributionKind.SOURCE_DEFAULT
        else:
            assert found.visit in self.shown_to[number]
            whole = sum(candidate.probability for candidate in finding.candidates) + finding.elsewhere
            assert 0.95 <= whole <= 1.0 + 1e-9
        self.attributor.remember(finding)

    @rule()
    def killed(self) -> None:
        self.start()
        for visit, number in self.pages.items():
            if number in OF and self.allocator.book.of_visit(visit) is not None:
                assert self.allocator.shown(visit) == number

    def holders(self) -> dict[str, Lease]:
        return {lease.number: lease for lease in self.written.values() if lease.ended is None}

    @invariant()
    def no_number_is_held_twice(self) -> None:
        if not hasattr(self, "written"):
            return
        held = [lease for lease in self.written.values() if lease.ended is None]
        assert len({lease.number for lease in held}) == len(held)
        assert len({lease.visit for lease in held}) == len(held)
        assert all(OF[lease.number] == lease.source for lease in self.written.values())
        ended = sorted((lease for lease in self.written.values()), key=lambda lease: (lease.number, lease.began))
        for one, other in pairwise(ended):
            if one.number == other.number:
                assert one.ended is not None
                assert one.ended <= other.began


TestRules = Rules.TestCase
TestRules.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def plain(hold: float = 0.0, pools: tuple[Pool, ...] = POOLS) -> Allocator:
    return Allocator(pools, FixedHold(hold), LeaseBook())


def test_a_returning_visitor_gets_his_number_again():
    allocator = plain()
    first = allocator.assign(VisitRequest("v1", "direct", "anna"), 0.0)
    allocator.leave("v1", 60.0)
    for n in range(2, 4):
        allocator.assign(VisitRequest(f"v{n}", "direct", f"p{n}"), 70.0)
    again = allocator.assign(VisitRequest("v9", "direct", "anna"), 5000.0)
    assert again.number == first.number
    allocator.leave("v9", 5010.0)
    # in somebody else's hands by now, who is gone for long: still hers
    for n in range(10, 13):
        allocator.assign(VisitRequest(f"v{n}", "direct", f"p{n}"), 6000.0)
        allocator.leave(f"v{n}", 6010.0)
    late = allocator.assign(VisitRequest("v20", "direct", "anna"), 6010.0 + IDLE_FOR_OWNER)
    assert late.number == first.number


def test_a_number_changes_its_source_only_after_quarantine():
    allocator = plain()
    shown = allocator.assign(VisitRequest("v1", "direct"), 1000.0)
    number = shown.number
    rest = tuple(n for n in POOLS[0].numbers if n != number)
    moved = (Pool("direct", POOLS[0].default, rest), Pool("google", POOLS[1].default, (number,)), POOLS[2])
    allocator.set_pools(moved, 2000.0, quarantine=86_400.0)
    assert allocator.shown("v1") == POOLS[0].default  # its page is open, and goes back
    assert allocator.assign(VisitRequest("v2", "google"), 2000.0 + 86_399.0).lease is None
    assert allocator.assign(VisitRequest("v3", "google"), 2000.0 + 86_401.0).number == number


def test_a_number_that_changed_its_source_while_nobody_ran_rests_after_the_start():
    pool = (Pool("direct", "+78000000100", ("+78000000101", "+78000000102", "+78000000103", "+78000000104")),)
    ended = {"visitor": None, "active": 1100.0, "left": 1100.0}
    leases = [
        Lease("+78000000101", "google", "v1", began=1000.0, ended=1100.0, **ended),  # another source's
        Lease("+78000000102", "direct", "v2", began=1001.0, ended=1100.0, **ended),  # was away, and came back
        Lease("+78000000103", "direct", "v3", began=1002.0, ended=1100.0, **ended),
        Lease("+78000000104", "google", "v4", None, 1003.0, 1100.0),  # a page shows it still
    ]
    allocator = plain(pools=pool)
    allocator.restore(leases, {"+78000000102": 1050.0, "+78000000103": 500.0}, 3600.0)
    assert allocator.shown("v4") == "+78000000104"
    assert [allocator.assign(VisitRequest(f"n{n}", "direct"), 1200.0).number for n in range(2)] == [
        "+78000000103",
        "+78000000100",
    ]
    later = {allocator.assign(VisitRequest(f"m{n}", "direct"), 4700.0 + n).number for n in range(4)}
    assert {"+78000000101", "+78000000102"} <= later


def test_pools_that_share_a_number_are_refused():
    with pytest.raises(ValueError, match="belongs to one pool"):
        plain(pools=(POOLS[0], Pool("other", "+78000000400", (POOLS[0].numbers[0],))))
    with pytest.raises(ValueError, match="default number of other and in the pool of direct"):
        plain(pools=(POOLS[0], Pool("other", POOLS[0].numbers[0])))


def test_a_number_found_open_twice_is_held_once():
    early = Lease("+78000000101", "direct", "v1", None, 10.0, 10.0)
    late = Lease("+78000000101", "direct", "v2", None, 20.0, 20.0)
    allocator = plain()
    allocator.restore([late, early])
    assert (early.ended, late.ended) == (20.0, None)
    assert allocator.drain() == [early]


def test_the_ended_lease_is_written_before_the_one_that_follows():
    pool = (Pool("direct", "+78000000100", ("+78000000101",)),)
    allocator = plain(pools=pool)
    allocator.assign(VisitRequest("v1", "direct"), 0.0)
    allocator.leave("v1", 1.0)
    allocator.drain()
    allocator.assign(VisitRequest("v2", "direct"), 2.0)
    assert [(lease.visit, lease.ended) for lease in allocator.drain()] == [("v1", 2.0), ("v2", None)]
    assert allocator.drain() == []
