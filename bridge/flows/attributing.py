"""From a call to a number of a pool to its visit: at once when it comes, and anew while evidence still comes in."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from bridge.core.attribution.attributor import Attributor
from bridge.core.attribution.finding import Finding, InboundCall, at_threshold
from bridge.core.attribution.places import place_of_number
from bridge.core.model import Attribution, Binding, BindingKind, Call
from bridge.core.site import Sites
from bridge.flows.visit_ports import Note

log = logging.getLogger(__name__)

#: Told that a call, booked so, is to be booked otherwise: call id, before, after.
Revised: TypeAlias = Callable[[str, Attribution, Attribution], None]
CANDIDATES = 5  #: kept of each call
MATTERS = 0.01  #: a revision that moves the confidence by less is none


@dataclass(slots=True)
class AttributingCounters:
    """Since the start."""

    visit: int = 0  #: calls booked on a visit
    source: int = 0  #: calls to a pool's number booked on its source only
    revised: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Pending:
    """A call whose attribution may still change; what it teaches is learned only then, so that it does not explain itself."""

    call: Call
    finding: Finding
    booked: Attribution


class Attributing:
    """`note` gets every attribution for the history; `revised` is told when a booked one changes."""

    def __init__(self, attributor: Attributor, sites: Sites, note: Callable[[Note], None], revised: Revised) -> None:
        self.counters = AttributingCounters()
        self.sites = sites
        self._attributor = attributor
        self._note = note
        self._revised = revised
        self._pending: dict[str, _Pending] = {}
        self._lessons: deque[Finding] = deque()  #: what calls taught of delays, to be learned when nobody waits

    def attributed(self, call: Call) -> Call:
        """`call` with its visit, if it dialled a number of a pool. Quick, and never raises: in doubt the call stays as it was."""
        if call.binding is not BindingKind.POOL:
            return call
        try:
            return self._attributed(call)
        except Exception:
            self.counters.failed += 1
            log.exception("call %s could not be attributed; it is booked on its source", call.id)
            return call

    def evidence(self, number: str, now: float) -> None:
        """Something became known of the visits that were shown `number`: its calls of late are looked at again."""
        for pending in [p for p in self._pending.values() if p.call.number == number]:
            try:
                self._again(pending, now)
            except Exception:
                self.counters.failed += 1
                log.exception("call %s could not be attributed anew", pending.call.id)

    def settle(self, now: float) -> None:
        """The calls whose time for late evidence is over are remembered as they are booked."""
        for pending in [p for p in self._pending.values() if now - p.finding.call.at > self.sites.revise]:
            self._keep(pending)

    @property
    def lessons(self) -> int:
        """How many remembered calls wait to be learned from."""
        return len(self._lessons)

    def learn_next(self) -> bool:
        """Learn what one remembered call tells of delays: 1 to 3 ms in which nobody is answered. False if there is none."""
        if not self._lessons:
            return False
        finding = self._lessons.popleft()
        try:
            self._attributor.learn(finding)
        except Exception:
            self.counters.failed += 1
            log.exception("nothing could be learned from the call of %s", datetime.fromtimestamp(finding.call.at, UTC))
        return True

    # -- inside --------------------------------------------------------------------------------------------------------

    def _attributed(self, call: Call) -> Call:
        if call.id in self._pending:  # told a second time
            return replace(call, attribution=self._pending[call.id].booked)
        for pending in [p for p in self._pending.values() if call.caller and p.call.caller == call.caller]:
            self._keep(pending)  # he calls again: now it matters who he was
        region = place_of_number(call.caller) if call.caller else None
        inbound = InboundCall(call.number, call.caller, call.started_at.timestamp(), region)
        finding = self._attributor.attribute(inbound, _binding(call))
        booked = self._shown(call, finding)
        self._pending[call.id] = _Pending(call, finding, booked)
        self.counters.visit += booked.visit is not None
        self.counters.source += booked.visit is None
        self._note(Note(call.id, call.started_at, booked, candidates=_candidates(finding)))
        return replace(call, attribution=booked)

    def _again(self, pending: _Pending, now: float) -> None:
        finding = self._attributor.attribute(pending.finding.call, _binding(pending.call))
        pending.finding = finding
        booked, before = self._shown(pending.call, finding), pending.booked
        same = (booked.visit, booked.kind) == (before.visit, before.kind)
        if same and abs(booked.confidence - before.confidence) < MATTERS:
            return
        pending.booked = booked
        self.counters.revised += 1
        self._note(Note(pending.call.id, datetime.fromtimestamp(now, UTC), booked, candidates=_candidates(finding)))
        self._revised(pending.call.id, before, booked)

    def _shown(self, call: Call, finding: Finding) -> Attribution:
        """What is booked: the visit if it is probable enough for the owner, else what the number alone says."""
        found = at_threshold(finding.attribution, self.sites.threshold)
        if found.visit is not None:
            return found
        reason = found.reason if finding.candidates else call.attribution.reason
        return replace(call.attribution, reason=reason)

    def _keep(self, pending: _Pending) -> None:
        """The caller memory knows the call from now on; what it teaches of delays comes later."""
        del self._pending[pending.call.id]
        self._attributor.revise(pending.finding)
        self._lessons.append(pending.finding)


def _binding(call: Call) -> Binding:
    return Binding(call.number, BindingKind.POOL, call.attribution.source or "")


def _candidates(finding: Finding) -> tuple[tuple[str, float], ...]:
    return tuple((c.visit, round(c.probability, 4)) for c in finding.candidates[:CANDIDATES])
