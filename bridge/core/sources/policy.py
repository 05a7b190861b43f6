"""Which of a visitor's visits gives him his source."""

from __future__ import annotations

from enum import StrEnum

from bridge.core.sources.rules import DIRECT
from bridge.core.sources.touch import Touch


class Policy(StrEnum):
    """What an earlier visit counts for."""

    FIRST_TOUCH = "first-touch"  #: the first source stays
    LAST_TOUCH = "last-touch"  #: the latest source that is one: coming back directly changes nothing
    PAID_OVERRIDE = (
        "paid-override"  #: the first source stays until somebody pays for a click; the latest paid click stays
    )


def credited(policy: Policy, earlier: Touch | None, now: Touch) -> Touch:
    """The touch that a visit is credited to, given the one credited before (None for a new visitor) and today's."""
    if earlier is None:
        return now
    if policy is Policy.LAST_TOUCH:
        return earlier if now.source == DIRECT else now
    if policy is Policy.PAID_OVERRIDE and now.paid:
        return now
    return earlier
