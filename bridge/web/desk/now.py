"""Calls of this minute, numbers in use, today beside the same weekday, and what is wrong. `events.py` keeps the page up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from starlette.responses import Response

from bridge.core.desk.access import Right, Role
from bridge.core.desk.days import begin_of
from bridge.core.desk.live import LiveCall, Phase
from bridge.core.report import Period, Tally
from bridge.flows.live import Watch
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Route

WEEKS: Final = 4


class Today(Protocol):
    """The tally of each period, of the calls on these lines (None: all); may raise StoreDownError."""

    async def today(self, periods: Sequence[Period], lines: tuple[str, ...] | None) -> list[Tally]: ...


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


PHASES: Final[Mapping[Phase, str]] = {
    Phase.CHALLENGE: _("is asked to press a key"),
    Phase.NOTICE: _("hears the notice"),
    Phase.RINGING: _("rings"),
    Phase.TALKING: _("talks"),
    Phase.VOICEMAIL: _("voicemail"),
    Phase.ANNOUNCEMENT: _("hears an announcement"),
    Phase.ENDING: _("ends"),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Today so far, and the average of the same weekdays up to the same time of day; None: nothing is known of them. `weeks` of them."""

    today: Tally
    usual: Mapping[str, float] | None
    weeks: int

    @property
    def usual_rate(self) -> float | None:
        if self.usual is None or not (ended := self.usual["answered"] + self.usual["missed"]):
            return None
        return self.usual["answered"] / ended


def calls_seen(asked: Asked) -> tuple[LiveCall, ...]:
    """The open calls that the person may see."""
    return tuple(live for live in asked.store(Watch).calls() if asked.person.sees(live.call))


def calls_values(asked: Asked, calls: tuple[LiveCall, ...]) -> dict[str, Any]:
    """For the block `calls` of now.html."""
    ringing = sum(live.phase is not Phase.TALKING for live in calls)
    return {
        "live": calls,
        "ringing": ringing,
        "talking": len(calls) - ringing,
        "phases": PHASES,
        "phone_name": phone_name,
    }


async def rest_values(asked: Asked) -> dict[str, Any]:
    """For the block `rest` of now.html. May raise StoreDownError."""
    watch: Watch = asked.store(Watch)
    who = asked.person
    lines = None if who.role is not Role.OPERATOR else (who.line,) if who.line else ()
    found = await asked.store(Today).today(weekdays(asked.desk.now()), lines)
    overseer = asked.may(Right.REPORTS)
    return {
        "compared": compared(found),
        "pools": watch.occupancy() if overseer else [],
        "alarms": watch.alarms() if overseer else [],
        "at": asked.desk.now(),
        "compare": _COMPARE,
    }


def weekdays(now: datetime) -> list[Period]:
    """Today up to this minute, then the same weekday of the weeks before up to the same time, in UTC."""
    zone = now.tzinfo
    if zone is None:
        raise ValueError("a time without its zone")
    minute = now.replace(second=0, microsecond=0, tzinfo=None)
    periods = []
    for weeks in range(WEEKS + 1):
        until = (minute - timedelta(weeks=weeks)).replace(tzinfo=zone)
        # calls of the running minute belong to today
        end = until if weeks else now + timedelta(minutes=1)
        periods.append(Period(until.date().isoformat(), begin_of(until.date(), zone), end))
    return periods


_COMPARE: Final = ("calls", "answered", "missed", "first_time")


def compared(found: Sequence[Tally]) -> Compared:
    """Weeks before the first call ever are left out of the average."""
    past = list(found[1:])
    while past and not (past[-1].calls or past[-1].spam):
        past.pop()
    if not past:
        return Compared(found[0], None, 0)
    usual = {name: sum(getattr(tally, name) for tally in past) / len(past) for name in _COMPARE}
    return Compared(found[0], usual, len(past))


def phone_name(device: str) -> str:
    """``101`` of ``PJSIP/101``."""
    return device.partition("/")[2].partition("@")[0] or device


async def now(asked: Asked) -> Response:
    return asked.page("now.html", **calls_values(asked, calls_seen(asked)), **await rest_values(asked))


ROUTES = [Route("GET", "/now", Right.NOW, now)]
