"""Who called before: caller and number to the visits they came from, caller to persons, person to callers, each with a probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX_CALLERS = 200_000
MAX_NUMBERS_OF_CALLER = 8
WITHHELD = ""  #: stands for every caller who hides his number


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of one caller's calls to one number: the last of them, and which visits they came from."""

    at: float
    visits: Mapping[str, tuple[str, float]]  #: visit -> (person, probability); what is left of 1 came from elsewhere


class CallerMemory:
    """Grows with `remember`, forgets the callers not heard of for longest beyond MAX_CALLERS."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, Remembered]] = {}  #: caller -> number -> what is known; latest caller last
        self._callers: dict[str, dict[str, float]] = {}  #: person -> caller -> probability

    def of(self, caller: str | None, number: str) -> Remembered | None:
        """Earlier calls of this caller to this very number."""
        return None if not caller else self._calls.get(caller, {}).get(number)

    def persons(self, caller: str | None) -> dict[str, float]:
        """The persons this caller may be, from all his calls."""
        found: dict[str, float] = {}
        if caller:
            for known in self._calls.get(caller, {}).values():
                for person, share in known.visits.values():
                    found[person] = max(found.get(person, 0.0), share)
        return found

    def callers(self, person: str) -> Mapping[str, float]:
        """The callers this person has called as."""
        return self._callers.get(person, _NOBODY)

    def remember(self, caller: str | None, number: str, at: float, visits: Mapping[str, tuple[str, float]]) -> None:
        """A call was attributed (or attributed anew): `visits` has visit -> (person, probability)."""
        for person, share in visits.values():
            callers = self._callers.setdefault(person, {})
            callers[caller or WITHHELD] = max(callers.get(caller or WITHHELD, 0.0), share)
        if not caller:
            return
        numbers = self._calls.pop(caller, {})
        numbers.pop(number, None)
        numbers[number] = Remembered(at, dict(visits))
        if len(numbers) > MAX_NUMBERS_OF_CALLER:
            del numbers[next(iter(numbers))]
        self._calls[caller] = numbers
        if len(self._calls) > MAX_CALLERS:
            self._forget(next(iter(self._calls)))

    def _forget(self, caller: str) -> None:
        for known in self._calls.pop(caller).values():
            for person, _ in known.visits.values():
                callers = self._callers.get(person, {})
                callers.pop(caller, None)
                if not callers:
                    self._callers.pop(person, None)


_NOBODY: Mapping[str, float] = {}
