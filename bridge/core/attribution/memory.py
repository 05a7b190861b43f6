"""Who called before: caller and number to the visits they came from, caller to persons, person to callers, each with a probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX_CALLERS = 200_000
MAX_NUMBERS_OF_CALLER = 8
MAX_CALLS = 3  #: of one caller to one number
WITHHELD = ""  #: stands for every caller who hides his number


@dataclass(frozen=True, slots=True)
class Remembered:
    """What one call told: which visits it may have come from."""

    at: float
    visits: Mapping[str, tuple[str, float]]  #: visit -> (person, probability); what is left of 1 came from elsewhere


class CallerMemory:
    """Grows with `remember`, forgets the callers not heard of for longest beyond MAX_CALLERS."""

    def __init__(self) -> None:
        #: caller -> number -> what each of his latest calls told, oldest first; latest caller last
        self._calls: dict[str, dict[str, tuple[Remembered, ...]]] = {}
        self._callers: dict[str, dict[str, float]] = {}  #: person -> caller -> probability

    def of(self, caller: str | None, number: str, before: float) -> Remembered | None:
        """The latest call of this caller to this very number before a time."""
        known = self._calls.get(caller, _NUMBERS).get(number, ()) if caller else ()
        return next((call for call in reversed(known) if call.at < before), None)

    def persons(self, caller: str | None, before: float) -> dict[str, float]:
        """The persons this caller may be, from all his calls before a time."""
        found: dict[str, float] = {}
        for known in self._calls.get(caller, _NUMBERS).values() if caller else ():
            for call in known:
                if call.at < before:
                    for person, share in call.visits.values():
                        found[person] = max(found.get(person, 0.0), share)
        return found

    def callers(self, person: str) -> Mapping[str, float]:
        """The callers this person has called as."""
        return self._callers.get(person, _NOBODY)

    def remember(self, caller: str | None, number: str, at: float, visits: Mapping[str, tuple[str, float]]) -> None:
        """A call was attributed: `visits` has visit -> (person, probability). For the same call again, the new finding replaces the old."""
        for person, share in visits.values():
            callers = self._callers.setdefault(person, {})
            callers[caller or WITHHELD] = max(callers.get(caller or WITHHELD, 0.0), share)
        if not caller:
            return
        numbers = self._calls.pop(caller, {})
        known = tuple(call for call in numbers.pop(number, ()) if call.at != at)
        numbers[number] = tuple(sorted((*known, Remembered(at, dict(visits))), key=lambda call: call.at))[-MAX_CALLS:]
        if len(numbers) > MAX_NUMBERS_OF_CALLER:
            del numbers[next(iter(numbers))]
        self._calls[caller] = numbers
        if len(self._calls) > MAX_CALLERS:
            self._forget(next(iter(self._calls)))

    def _forget(self, caller: str) -> None:
        for call in (call for known in self._calls.pop(caller).values() for call in known):
            for person, _ in call.visits.values():
                callers = self._callers.get(person, {})
                callers.pop(caller, None)
                if not callers:
                    self._callers.pop(person, None)


_NOBODY: Mapping[str, float] = {}
_NUMBERS: Mapping[str, tuple[Remembered, ...]] = {}
