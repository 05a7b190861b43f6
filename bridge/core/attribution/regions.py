"""What it says about a visit that its region is, or is not, the caller's; learned from the site's own calls."""

from __future__ import annotations

from dataclasses import dataclass

STRENGTH = 20.0  #: what the beginning figures are worth, in calls
MATCH_OF_CALLER = 0.75  #: to begin with: share of calls whose region is that of the visit they came from
MATCH_OF_OTHERS = 0.4  #: and of those whose region is that of some other visit


@dataclass(slots=True)
class Regions:
    """Counts of equal regions among the visits that called and among those that did not, by probability."""

    called: float = 0.0
    called_equal: float = 0.0
    other: float = 0.0
    other_equal: float = 0.0

    def ratio(self, equal: bool | None) -> float:
        """How many times likelier equal (or unequal) regions are for the visit that called than for another; 1 where they say nothing."""
        if equal is None:
            return 1.0
        caller = (self.called_equal + MATCH_OF_CALLER * STRENGTH) / (self.called + STRENGTH)
        others = (self.other_equal + MATCH_OF_OTHERS * STRENGTH) / (self.other + STRENGTH)
        return caller / others if equal else (1 - caller) / (1 - others)

    def learn(self, equal: bool | None, probability: float) -> None:
        """One possible visit of one call, with the probability that it was the one."""
        if equal is None:
            return
        self.called += probability
        self.called_equal += probability * equal
        self.other += 1 - probability
        self.other_equal += (1 - probability) * equal
