"""From a call to the visit it came from, with a probability that means what it says.

Every visit that was ever shown the number competes: its rate of calls at this moment (learned, see delays), a tap or copy just before,
whether its page still shows the number, what is known of the caller and of the visitor, the regions. Beside them stand the caller's own
earlier calls to the number, and the possibility that no visit explains the call. The shares of all of these are the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from heapq import nlargest
from math import exp, log, pi, sqrt
from operator import itemgetter

from bridge.core.attribution import reasons
from bridge.core.attribution.bins import HORIZON, bin_of
from bridge.core.attribution.delays import Delays
from bridge.core.attribution.exposure import older_counts
from bridge.core.attribution.finding import Candidate, Finding, InboundCall
from bridge.core.attribution.memory import WITHHELD, CallerMemory, Remembered
from bridge.core.attribution.places import same_place
from bridge.core.attribution.rates import CLOSED, CLOSED_MOBILE, Evidence, Taps, kind_of, tap_bin
from bridge.core.attribution.regions import Regions
from bridge.core.model import Attribution, AttributionKind, Binding, BindingKind
from bridge.core.pools.book import LeaseBook, NumberHistory
from bridge.core.pools.lease import Lease

SWAPPED = 0.01  #: of its rate is left to a visit whose page shows the default number again
OTHER_CALLER = 0.1  #: of its rate is left to a visitor who has already called under another number
STRANGER_ON_NUMBER = (
    0.003  #: chance that somebody known to have called this very number is, unknown to us, another visitor now
)
STRANGER = 0.03  #: the same for somebody known from another number
REPEAT = 0.023  #: a caller calls again at a rate of REPEAT / (time since his last call): 0.3 times in all, over some seven decades
SOONEST_REPEAT = 5.0
KEPT_SHARE = 1e-4  #: candidates below it are not kept in the finding
KEPT = 12
MOST = 0.9999  #: nothing is certain


class Attributor:
    """Answers `attribute`, and learns from what is passed to `remember`. Reads the book the allocator writes."""

    def __init__(
        self, book: LeaseBook, delays: Delays, memory: CallerMemory, regions: Regions | None = None, zone: tzinfo = UTC
    ) -> None:
        self.book = book
        self.delays = delays
        self.memory = memory
        self.regions = regions or Regions()
        self._zone = zone

    def attribute(self, call: InboundCall, binding: Binding | None) -> Finding:
        """The answer for a call to a number that was bound so at the time; changes nothing. May be asked again with later evidence."""
        if binding is None:
            return Finding(call, Attribution(AttributionKind.UNKNOWN, None, reasons.for_unbound(), confidence=0.0))
        source = binding.source
        if binding.kind is BindingKind.DEFAULT:
            return Finding(call, Attribution(AttributionKind.SOURCE_DEFAULT, source, reasons.for_default(source)))
        history = self.book.history(call.number)
        if binding.kind is BindingKind.STATIC or (binding.kind is BindingKind.RETIRING and history is None):
            return Finding(call, Attribution(AttributionKind.STATIC, source, reasons.for_static(source)))
        if history is None or not history.leases or history.leases[0].began > call.at:
            return Finding(call, Attribution(AttributionKind.UNKNOWN, source, reasons.for_unshown(source)))
        return self._weigh(call, source, history)

    def remember(self, finding: Finding) -> None:
        """Take over a finding that was booked, in full. Call once per call; for a revised finding use `revise`."""
        self.learn(finding)
        self.revise(finding)

    def revise(self, finding: Finding) -> None:
        """Only the caller memory takes over the finding: quick. Also of one found anew with later evidence, or corrected by a person."""
        if not finding.candidates:
            return
        call = finding.call
        visits = {c.visit: (c.person, c.probability) for c in finding.candidates[:4] if c.probability >= 0.02}
        if finding.attribution.visit in visits:  # no more than what was said of it
            first = finding.candidates[0]
            visits[first.visit] = (first.person, min(first.probability, finding.attribution.confidence))
        self.memory.remember(call.caller, call.number, call.at, visits)

    def learn(self, finding: Finding) -> None:
        """What the call teaches of delays and regions, once per call; takes 1 to 3 ms."""
        call = finding.call
        if not finding.candidates or finding.evidence is None:
            return
        self.delays.learn(finding.evidence, call.at)
        if call.region is not None:
            for candidate in finding.candidates:
                lease = self.book.of_visit(candidate.visit)
                if lease is not None and lease.region is not None:
                    self.regions.learn(same_place(call.region, lease.region), candidate.probability)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _weigh(self, call: InboundCall, source: str, history: NumberHistory) -> Finding:
        at, rates = call.at, self.delays.best
        known = self.memory.of(call.caller, call.number, at)
        persons = self.memory.persons(call.caller, at)
        stranger = 1.0 if not persons else STRANGER if known is None else STRANGER_ON_NUMBER
        caller = call.caller or WITHHELD
        holder: Lease | None = None
        leases: dict[str, Lease] = {}
        base: dict[str, float] = {}  #: calls per second, by visit
        tapped: dict[str, float] = {}  #: those because of a tap,
        repeated: dict[str, float] = {}  #: and those because of an earlier call
        alike: dict[tuple[int, int, int], float] = {}
        taps: list[Taps] = []
        for lease in history.leases:
            if lease.began > at:
                break
            if at - lease.began > HORIZON:
                continue
            visit = lease.visit
            leases[visit] = lease
            if lease.ended is None or lease.ended > at:
                holder = lease
            factor = stranger
            if persons:
                factor += persons.get(lease.person, 0.0) * (1 - stranger)
            callers = self.memory.callers(lease.person)
            if callers and caller not in callers:
                factor *= 1 - max(callers.values()) * (1 - OTHER_CALLER)
            if lease.swapped and lease.ended is not None and lease.ended <= at:
                factor *= SWAPPED
            if call.region is not None and lease.region is not None:
                factor *= self.regions.ratio(same_place(call.region, lease.region))
            kind, age, since_left = cell = _cell(lease, at)
            base[visit] = base.get(visit, 0.0) + rates.rates[kind][age][since_left] * factor
            alike[cell] = alike.get(cell, 0.0) + factor
            since_tap = lease.tapped_before(at) if lease.taps else None
            tap = None if since_tap is None else tap_bin(since_tap)
            if tap is not None:
                tapped[visit] = tapped.get(visit, 0.0) + rates.taps[tap] * factor
                taps.append(Taps(tap, age, factor))
        elsewhere = 0.0
        if known is not None:
            elsewhere = self._add_repeats(known, at, holder, base, repeated)
        for kind, began in zip((CLOSED, CLOSED_MOBILE), history.older, strict=True):
            for k, number in older_counts(began, at):
                elsewhere += number * rates.rates[kind][k][k] * stranger
                alike[kind, k, k] = alike.get((kind, k, k), 0.0) + number * stranger
        number_rate = self._rate_of(history, at)
        elsewhere += rates.unexplained_rate(number_rate) * stranger
        weights = dict(base)
        for some in (tapped, repeated):
            for visit, weight in some.items():
                weights[visit] = weights.get(visit, 0.0) + weight
        total = sum(weights.values()) + elsewhere
        candidates = [
            _candidate(
                visit,
                weight / total,
                repeated.get(visit, 0.0) / total,
                tapped.get(visit, 0.0) / total,
                leases,
                known,
                at,
            )
            for visit, weight in nlargest(KEPT, weights.items(), key=itemgetter(1))
            if weight >= KEPT_SHARE * total
        ]
        if not candidates:
            attribution = Attribution(
                AttributionKind.UNKNOWN, source, "none of the visits that were shown this number explains the call"
            )
        else:
            first = candidates[0].visit
            row = rates.row(*_cell(leases[first], at)) if first in leases else None
            own = weights[first]
            doubt = rates.variance(rates.by_bin(alike), row, base.get(first, 0.0), own, total - own)
            confidence = moderated(candidates[0].probability, doubt)
            attribution = self._name(call, source, candidates, leases, known, confidence)
        evidence = None
        if known is None:
            evidence = Evidence(tuple([(*key, weight) for key, weight in alike.items()]), tuple(taps), number_rate)
        return Finding(call, attribution, tuple(candidates), elsewhere / total, evidence)

    @staticmethod
    def _add_repeats(
        known: Remembered, at: float, holder: Lease | None, base: dict[str, float], repeated: dict[str, float]
    ) -> float:
        """Adds the caller's earlier calls to the weights; returns the weight of their having come from elsewhere."""
        again = REPEAT / max(at - known.at, SOONEST_REPEAT)
        for visit, (person, share) in known.visits.items():
            # the same person holds the number today: then it is today's visit that calls
            today = holder is not None and holder.person == person
            target = holder.visit if today and holder is not None else visit
            weights = repeated if target == visit else base
            weights[target] = weights.get(target, 0.0) + again * share
        return again * max(0.0, 1 - sum(share for _, share in known.visits.values()))

    def _rate_of(self, history: NumberHistory, at: float) -> float:
        """Calls per second that come to this number in all, roughly: its visits lately times calls per visit."""
        span = at - history.leases[0].began + 3600.0
        return len(history.leases) / span * self.delays.per_visit

    def _name(
        self,
        call: InboundCall,
        source: str,
        candidates: list[Candidate],
        leases: dict[str, Lease],
        known: Remembered | None,
        confidence: float,
    ) -> Attribution:
        winner = candidates[0]
        by_memory = winner.repeat > winner.probability / 2
        kind = AttributionKind.CALLER_MEMORY if by_memory else AttributionKind.VISIT
        others = sum(c.probability >= 0.01 for c in candidates[1:])
        since = None if known is None else call.at - known.at
        confidence = min(confidence, MOST)
        reason = reasons.for_visit(call, winner, confidence, leases.get(winner.visit), others, since, self._zone)
        return Attribution(kind, source, reason, winner.visit, confidence)


def moderated(probability: float, variance: float) -> float:
    """The probability that is left when its log-odds are themselves uncertain by `variance` (MacKay 1992, "The evidence framework applied to
    classification networks": the mean of a logistic over a normal); below one half as it is.
    """
    if probability <= 0.5 or probability >= 1.0:
        return probability
    odds = log(probability / (1 - probability)) / sqrt(1 + pi * variance / 8)
    return 1 / (1 + exp(-odds))


def _cell(lease: Lease, at: float) -> tuple[int, int, int]:
    """Kind, bin of the age and bin of the time since its page was closed, of a visit at some moment."""
    age = bin_of(at - lease.began)
    if lease.left is None or lease.left > at:
        return kind_of(lease.mobile, is_open=True), age, age
    return kind_of(lease.mobile, is_open=False), age, min(age, bin_of(at - lease.left))


def _candidate(
    visit: str,
    probability: float,
    repeat: float,
    tapped: float,
    leases: Mapping[str, Lease],
    known: Remembered | None,
    at: float,
) -> Candidate:
    lease = leases.get(visit)
    if lease is None:
        person = known.visits[visit][0] if known is not None and visit in known.visits else f"visit:{visit}"
        return Candidate(visit, person, probability, repeat)
    return Candidate(visit, lease.person, probability, repeat, tapped, at - lease.began)
