"""Who calls whom: lines, numbers and callers of a run, all from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

NOTICE_SECONDS = 1.2
SOURCES = ("radio", "billboard-m4", "yandex-direct")
UNBOUND = ("+74959990001", "+74959990002")
_NOTICES = ("answered", "early", "none")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A phone: it answers after some seconds (None: never), or refuses; it hangs up after some seconds (None: never)."""

    answer_after: float | None
    refuse: int | None = None
    hang_up_after: float | None = None
    hz: float = 1000.0  #: of its tone


PHONES = {
    "talk": Behaviour(0.4, hz=900),
    "quick": Behaviour(0.2, hang_up_after=2.0, hz=1000),
    "slow": Behaviour(1.0, hang_up_after=5.0, hz=1100),
    "late": Behaviour(0.5, hz=1200),
    "silent": Behaviour(None),
    "busy": Behaviour(None, refuse=486),
    "broken": Behaviour(None, refuse=503),
}

LINES: dict[str, dict[str, Any]] = {
    "talk": {"ring": [{"phone": "PJSIP/talk"}], "timeout": "20s"},
    "quick": {"ring": [{"phone": "PJSIP/quick"}], "timeout": "20s"},
    "slow": {"ring": [{"phone": "PJSIP/slow"}], "timeout": "20s"},
    "second": {"ring": [{"phone": "PJSIP/silent"}, {"phone": "PJSIP/late", "after": "2s"}], "timeout": "20s"},
    "chain": {"ring": [{"phone": "PJSIP/busy"}], "timeout": "10s", "when_busy": {"line": "quick"}},
    "silent": {"ring": [{"phone": "PJSIP/silent"}], "timeout": "4s"},
    "busy": {"ring": [{"phone": "PJSIP/busy"}], "timeout": "10s"},
    "broken": {"ring": [{"phone": "PJSIP/broken"}], "timeout": "10s"},
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the run; `source` None: nobody bound it, it rings the default line."""

    e164: str
    line: str
    notice: str
    source: str | None


def _numbers() -> tuple[Number, ...]:
    found: list[Number] = []
    for line in LINES:
        for notice in _NOTICES:
            n = len(found)
            found.append(Number(f"+7495100{n:04}", line, notice, SOURCES[n % len(SOURCES)]))
    return (*found, *(Number(e164, "talk", "answered", None) for e164 in UNBOUND))


NUMBERS = {number.e164: number for number in _numbers()}


@dataclass(frozen=True, slots=True)
class Group:
    """Callers who behave alike: they hang up so long after their 200, give up so long after the last 180; None: they wait."""

    name: str
    share: int  #: of a hundred calls
    lines: tuple[str, ...]
    hang_up_after: float | None
    give_up_after: float | None
    hz: float
    notices: tuple[str, ...] = _NOTICES


GROUPS = (
    Group("short", 20, ("talk", "second"), 3.5, None, 400),
    Group("medium", 20, ("talk", "second", "quick"), 6.0, None, 440),
    Group("long", 10, ("talk",), 10.0, None, 480),
    Group("until the company hangs up", 22, ("quick", "slow", "chain"), None, None, 520),
    Group("quits in the notice", 9, ("talk", "quick"), 0.6, 0.6, 560, ("answered", "early")),
    Group("quits while it rings", 9, ("silent",), 3.0, 1.5, 600),
    Group("patient", 10, ("silent", "busy", "broken"), None, None, 640),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """One call: `caller` is its alone."""

    caller: str
    number: Number
    group: Group


def planned_calls(count: int, chance: random.Random) -> list[Planned]:
    """`count` calls in the shares of the groups, in an order of their own; some to numbers nobody bound."""
    groups = [GROUPS[i % len(GROUPS)] for i in range(len(GROUPS))]  # each at least once
    groups += chance.choices(GROUPS, [group.share for group in GROUPS], k=max(0, count - len(groups)))
    calls = []
    for n, group in enumerate(groups[:count], 1):
        fitting = [x for x in NUMBERS.values() if x.line in group.lines and x.notice in group.notices]
        calls.append(Planned(f"+7999{n:07}", chance.choice(fitting), group))
    return calls


def furnish(config: dict[str, Any], notice: str) -> None:
    """Make the configuration of a lab that of the run."""
    config["lines"] = LINES
    config["notices"] = {
        name: {"file": notice, "text": "This call is recorded.", "play": play}
        for name, play in (("answered", "answer"), ("early", "early"))
    }
    config["sources"] = {name: {"title": name.title()} for name in SOURCES}
    config["numbers"] = {
        x.e164: {"source": x.source, "line": x.line, "notice": x.notice} for x in NUMBERS.values() if x.source
    }
    config["defaults"] = {"line": "talk", "notice": "answered"}
    config["fallback"] = {"line": "talk"}
