"""From a call to the visit it came from, with a probability that means what it says.

Every visit that was ever shown the number competes: its rate of calls at this moment (learned, see delays), a tap or copy just before,
whether its page still shows the number, what is known of the caller and of the visitor, the regions. Beside them stand the caller's own
earlier calls to the number, and the possibility that no visit explains the call. The shares of all of these are the answer.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from heapq import nlargest
from math import exp, log, pi, sqrt

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
        """Learn from a finding that was booked. Call once per call; for a revised finding use `revise`."""
        if not finding.candidates:
            return
        if finding.evidence is not None:
            self._learn(finding, finding.evidence)
        self.revise(finding)

    def revise(self, finding: Finding) -> None:
        """Only the caller memory takes over the finding: it was found anew with later evidence, or a person corrected it."""
        call = finding.call
        visits = {c.visit: (c.person, c.probability) for c in finding.candidates[:4] if c.probability >= 0.02}
        if finding.attribution.visit in visits:  # no more than what was said of it
            first = finding.candidates[0]
            visits[first.visit] = (first.person, min(first.probability, finding.attribution.confidence))
        self.memory.remember(call.caller, call.number, call.at, visits)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _weigh(self, call: InboundCall, source: str, history: NumberHistory) -> Finding:
        at, rates = call.at, self.delays.best
        known = self.memory.of(call.caller, call.number, at)
        persons = self.memory.persons(call.caller, at)
        stranger = 1.0 if not persons else STRANGER if known is None else STRANGER_ON_NUMBER
        caller = call.caller or WITHHELD
        holder: Lease | None = None
        leases: dict[str, Lease] = {}
        weights: dict[str, list[float]] = {}  # visit -> [repeat, base, tap]
        bins: dict[str, int] = {}  #: visit -> the bin of its rate
        alike: dict[tuple[int, int, int], float] = {}
        taps: list[Taps] = []
        for lease in history.leases:
            age = at - lease.began
            if age < 0:
                break
            if age > HORIZON:
                continue
            leases[lease.visit] = lease
            if lease.ended is None or lease.ended > at:
                holder = lease
            is_open = lease.left is None or lease.left > at
            kind, k = kind_of(lease.mobile, is_open), bin_of(age)
            since_left = k if is_open or lease.left is None else min(k, bin_of(at - lease.left))
            tapped = lease.tapped_before(at) if lease.taps else None
            tap = None if tapped is None else tap_bin(tapped)
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
            parts = weights.setdefault(lease.visit, [0.0, 0.0, 0.0])
            bins[lease.visit] = since_left if rates.from_left else k
            parts[1] += rates.rates[kind][k][since_left] * factor
            alike[kind, k, since_left] = alike.get((kind, k, since_left), 0.0) + factor
            if tap is not None:
                parts[2] += rates.taps[tap] * factor
                taps.append(Taps(tap, k, factor))
        elsewhere = 0.0
        if known is not None:
            elsewhere = self._add_repeats(known, at, holder, weights)
        for kind, began in zip((CLOSED, CLOSED_MOBILE), history.older, strict=True):
            for k, number in older_counts(began, at):
                elsewhere += number * rates.rates[kind][k][k] * stranger
                alike[kind, k, k] = alike.get((kind, k, k), 0.0) + number * stranger
        number_rate = self._rate_of(history, at)
        elsewhere += rates.unexplained_rate(number_rate) * stranger
        total = sum(map(sum, weights.values())) + elsewhere
        likeliest = nlargest(KEPT, weights.items(), key=lambda item: sum(item[1]))
        candidates = [
            _candidate(visit, parts, total, leases.get(visit), known, at)
            for visit, parts in likeliest
            if sum(parts) >= KEPT_SHARE * total
        ]
        if not candidates:
            attribution = Attribution(
                AttributionKind.UNKNOWN, source, "none of the visits that were shown this number explains the call"
            )
        else:
            first = candidates[0].visit
            own, base = sum(weights[first]), weights[first][1]
            doubt = rates.variance(rates.by_bin(alike), bins.get(first), base, own, total - own)
            confidence = moderated(candidates[0].probability, doubt)
            attribution = self._name(call, source, candidates, leases, known, confidence)
        evidence = None
        if known is None:
            evidence = Evidence(tuple([(*key, weight) for key, weight in alike.items()]), tuple(taps), number_rate)
        return Finding(call, attribution, tuple(candidates), elsewhere / total, evidence)

    @staticmethod
    def _add_repeats(known: Remembered, at: float, holder: Lease | None, weights: dict[str, list[float]]) -> float:
        """Adds the caller's earlier calls to `weights`; returns the weight of their having come from elsewhere."""
        again = REPEAT / max(at - known.at, SOONEST_REPEAT)
        for visit, (person, share) in known.visits.items():
            # the same person holds the number today: then it is today's visit that calls
            today = holder is not None and holder.person == person
            target = holder.visit if today and holder is not None else visit
            weights.setdefault(target, [0.0, 0.0, 0.0])[1 if target != visit else 0] += again * share
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

    def _learn(self, finding: Finding, evidence: Evidence) -> None:
        call = finding.call
        self.delays.learn(evidence, call.at)
        if call.region is not None:
            for candidate in finding.candidates:
                lease = self.book.of_visit(candidate.visit)
                if lease is not None and lease.region is not None:
                    self.regions.learn(same_place(call.region, lease.region), candidate.probability)


def moderated(probability: float, variance: float) -> float:
    """The probability that is left when its log-odds are themselves uncertain by `variance` (MacKay 1992, "The evidence framework applied to
    classification networks": the mean of a logistic over a normal); below one half as it is.
    """
    if probability <= 0.5 or probability >= 1.0:
        return probability
    odds = log(probability / (1 - probability)) / sqrt(1 + pi * variance / 8)
    return 1 / (1 + exp(-odds))


def _candidate(
    visit: str, parts: list[float], total: float, lease: Lease | None, known: Remembered | None, at: float
) -> Candidate:
    repeat, base, tap = (part / total for part in parts)
    if lease is None:
        person = known.visits[visit][0] if known is not None and visit in known.visits else f"visit:{visit}"
        return Candidate(visit, person, repeat + base + tap, repeat)
    return Candidate(visit, lease.person, repeat + base + tap, repeat, tap, at - lease.began)
