"""How well calls were booked, by the measures of the field: right, coverage, wrong among the sure, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.core.simulation.loop import Run

SURE = 0.9
BINS = 10


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares in [0, 1]; those of nothing are 0, except coverage of no visits, which is 1."""

    visits: int
    coverage: float  #: visits shown a number of their own
    calls: int
    right: float  #: calls bound to the right visit, of all calls
    bound: float  #: calls bound to some visit, of all calls
    accuracy: float  #: calls bound to the right visit, of those bound
    sure: float  #: calls bound with a confidence of at least SURE, of all calls
    sure_wrong: float  #: wrong ones, of those bound so
    calibration_error: float  #: expected, over ten bins of confidence, of the calls bound


def score(answers: Sequence[tuple[bool, float] | None], visits: int, covered: int) -> Scores:
    """`answers` has one entry per call: (right, confidence) where it was bound to a visit, None where it was not."""
    bound = [answer for answer in answers if answer is not None]
    sure = [right for right, confidence in bound if confidence >= SURE]
    right = sum(right for right, _ in bound)
    calls = len(answers)
    return Scores(
        visits=visits,
        coverage=covered / visits if visits else 1.0,
        calls=calls,
        right=_share(right, calls),
        bound=_share(len(bound), calls),
        accuracy=_share(right, len(bound)),
        sure=_share(len(sure), calls),
        sure_wrong=_share(len(sure) - sum(sure), len(sure)),
        calibration_error=calibration_error(bound),
    )


def calibration_error(bound: Iterable[tuple[bool, float]]) -> float:
    """Expected calibration error over ten equal bins of confidence: the mean distance of confidence and share right, by calls."""
    bins: list[list[tuple[bool, float]]] = [[] for _ in range(BINS)]
    for right, confidence in bound:
        bins[min(int(confidence * BINS), BINS - 1)].append((right, confidence))
    total = sum(map(len, bins))
    if not total:
        return 0.0
    return sum(abs(sum(right - confidence for right, confidence in cell)) for cell in bins) / total


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def of_run(run: Run) -> tuple[Scores, dict[str, Scores]]:
    """The scores of a simulation: over all, and by source."""
    answers: dict[str, list[tuple[bool, float] | None]] = {source: [] for source in run.use}
    for call in run.calls:
        found = call.finding.attribution
        answer = None if found.visit is None else (found.visit == call.visit.visit, found.confidence)
        answers[call.visit.source].append(answer)
    sources = {source: score(answers[source], use.visits, use.covered) for source, use in run.use.items()}
    everything = [answer for part in answers.values() for answer in part]
    return score(everything, sum(u.visits for u in run.use.values()), sum(u.covered for u in run.use.values())), sources
