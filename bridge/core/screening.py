"""Which callers are let through at once, which must first show that a person calls, and which are turned away.

Nothing is hidden by it: every call is booked with what was found and why. The owner's `allow` comes first, then his `block`, then how often
the caller has rung of late, then whether he withheld his number. Knowing nothing means letting through.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bridge.core.model import Measure, Outcome, Screening, Verdict

MOST_CALLERS = 20_000  #: callers remembered at once; the one longest silent is forgotten first
MOST_CALLS = 200  #: calls remembered of one caller


@dataclass(frozen=True, slots=True)
class NumberList:
    """Numbers (E.164, or the digits as they are sent) and beginnings of numbers, each with its reason or ``""``."""

    numbers: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)  #: without the ``*``

    def find(self, caller: str) -> tuple[str, str] | None:
        """The entry that fits `caller` best, and its reason."""
        if caller in self.numbers:
            return caller, self.numbers[caller]
        for length in range(len(caller), 0, -1):
            if (prefix := caller[:length]) in self.prefixes:
                return f"{prefix}*", self.prefixes[prefix]
        return None


@dataclass(frozen=True, slots=True)
class Rate:
    """More than `calls` calls of one caller within `seconds` are suspicious."""

    calls: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a suspected robot is asked. `sound` has no extension; a person presses `key`."""

    sound: str
    key: str = "5"


@dataclass(frozen=True, slots=True)
class Rules:
    """The owner's wishes. `suspected` and `blocked` are what is done with such calls; `mailbox` serves the measure VOICEMAIL."""

    allow: NumberList = NumberList()
    block: NumberList = NumberList()
    rate: Rate | None = None
    suspect_withheld: bool = False
    suspected: Measure = Measure.CHALLENGE
    blocked: Measure = Measure.REJECT
    challenge: Challenge | None = None
    mailbox: str = ""


def screen(caller: str | None, recent: Sequence[datetime], rules: Rules | None, now: datetime) -> Screening | None:
    """What is found about a call of `caller` (None: withheld) at `now`; None: nothing, he is let through.

    `recent` are the times of his calls, this one included.
    """
    if rules is None:
        return None
    if caller is None:
        return _suspected("the caller's number is withheld", rules) if rules.suspect_withheld else None
    if rules.allow.find(caller) is not None:
        return None
    if (found := rules.block.find(caller)) is not None:
        entry, why = found
        return Screening(
            Verdict.BLOCKED, f"on the block list as {entry}" + (f": {why}" if why else ""), measure=rules.blocked
        )
    rate = rules.rate
    if rate is not None:
        since = now - timedelta(seconds=rate.seconds)
        calls = sum(since < at <= now for at in recent)
        if calls > rate.calls:
            return _suspected(f"{calls} calls within {_length(rate.seconds)}, {rate.calls} are usual", rules)
    return None


def told_by_asterisk(text: str, known: Screening | None) -> Screening | None:
    """What the dialplan wrote into the journal (``VERDICT-MEASURE``), with the reason of `known` where it is the same.

    The journal is all there is of it when the daemon died before it had booked the call.
    """
    if known is not None and known.wire == text:
        return known
    verdict, _, measure = text.partition("-")
    if verdict not in set(Verdict) or measure not in set(Measure):
        return known
    return Screening(Verdict(verdict), "as Asterisk's journal has it; the reason is not known", Measure(measure))


def is_spam(screening: Screening | None) -> bool:
    """Whether a call is counted apart: blocked, or suspected and not shown to be a person's."""
    return screening is not None and screening.passed is not True


def challenged(screening: Screening | None, status: str) -> Screening | None:
    """With what became of the challenge: `status` is ``passed``, ``failed``, ``left`` or ``missing`` (nothing could be played)."""
    if screening is None or status == "missing":
        return screening
    return replace(screening, passed=status == "passed")


def outcome_if_turned_away(screening: Screening | None) -> Outcome | None:
    """The outcome of a call that got no further than the screening; None if it was let through."""
    if screening is None:
        return None
    if screening.verdict is Verdict.BLOCKED:
        return Outcome.BLOCKED
    return Outcome.SCREENED if screening.measure is Measure.BUSY or screening.passed is False else None


class RecentCalls:
    """When each caller rang of late. In memory alone and bounded: forgetting lets callers through, nothing worse."""

    def __init__(self, most_callers: int = MOST_CALLERS, most_calls: int = MOST_CALLS) -> None:
        self._most_callers = most_callers
        self._most_calls = most_calls
        self._calls: OrderedDict[str, deque[tuple[str, datetime]]] = OrderedDict()

    def note(self, caller: str | None, call_id: str, at: datetime) -> tuple[datetime, ...]:
        """Remember a call, once however often it asks; the times of all calls of this caller that are remembered."""
        if caller is None:
            return ()
        calls = self._calls.setdefault(caller, deque(maxlen=self._most_calls))
        self._calls.move_to_end(caller)
        if all(known != call_id for known, _ in calls):
            calls.append((call_id, at))
        while len(self._calls) > self._most_callers:
            self._calls.popitem(last=False)
        return tuple(at for _, at in calls)


def _suspected(reason: str, rules: Rules) -> Screening:
    return Screening(Verdict.SUSPECTED, reason, rules.suspected)


def _length(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
