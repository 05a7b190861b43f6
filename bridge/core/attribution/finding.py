"""What the attributor found for one call: the attribution, and all that speaks for and against it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.core.attribution.rates import Evidence
from bridge.core.model import Attribution, AttributionKind


@dataclass(frozen=True, slots=True)
class InboundCall:
    """A call as far as attribution is concerned. `caller` is E.164 or None where it was withheld; `at` epoch seconds."""

    number: str
    caller: str | None
    at: float
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visit the call may have come from. `repeat` is the part of `probability` that rests on an earlier call of this caller."""

    visit: str
    person: str
    probability: float
    repeat: float = 0.0
    tapped: float = 0.0  #: the part of `probability` that rests on a tap or copy just before
    delay: float = 0.0  #: seconds from the visit's begin to the call


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer for one call. `candidates` is sorted, likeliest first; what is left of 1 is `elsewhere`: earlier holders of the number
    that are not kept in full, or none at all. `evidence` is for learning, None where the caller was known on this number.
    """

    call: InboundCall
    attribution: Attribution
    candidates: tuple[Candidate, ...] = ()
    elsewhere: float = 0.0
    evidence: Evidence | None = None


def at_threshold(attribution: Attribution, threshold: float) -> Attribution:
    """The attribution as shown under the owner's threshold: below it only the source is named."""
    if attribution.visit is None or attribution.confidence >= threshold:
        return attribution
    reason = f"only the source is certain (the likeliest visit, at {attribution.confidence:.2f}, is under the threshold of {threshold:g})"
    return replace(attribution, kind=AttributionKind.SOURCE_DEFAULT, visit=None, confidence=1.0, reason=reason)
