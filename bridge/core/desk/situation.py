"""How the daemon is, as the desk tells it: its parts, its figures, what is wrong and what to do about it. All of it is handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["error", "warning", "note"]
_ORDER: Final = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class PartState:
    """One part of the daemon: ``ok``, ``off``, ``starting``, or whatever is wrong, since when. `detail` is English, as in the log."""

    name: str
    state: str
    since: datetime
    detail: str = ""

    @property
    def fine(self) -> bool:
        return self.state in ("ok", "off", "starting")


@dataclass(frozen=True, slots=True)
class Alarm:
    """`text` and `todo` are English; what `values` fills in comes from outside. `raw`: they are as a program said them, and are not translated.

    `detail` is what the log says of it.
    """

    level: Level
    text: str
    todo: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    detail: str = ""
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Occupancy:
    """One source's pool now: `busy` numbers may not be taken from their visits, `held` are in the hands of visits at all."""

    source: str
    numbers: int
    busy: int
    held: int


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


#: What it means for people that a part is not well, and what to do.
_PARTS: Final[Mapping[str, tuple[Level, str, str]]] = {
    "config": (
        "warning",
        _("A changed bridge.yaml was refused: the old configuration stays in force."),
        _("Run `callbridge check`, mend what it names, then `callbridge reload`."),
    ),
    "agi": (
        "error",
        _("Calls are not answered by the bridge: Asterisk sends them to the fallback line."),
        _("Run `callbridge doctor`."),
    ),
    "ami": (
        "warning",
        _("There is no link to Asterisk's manager. Calls go on and are booked; single events may come late."),
        _("Is Asterisk running? Run `callbridge doctor`."),
    ),
    "store": (
        "error",
        _("The books cannot be written. Calls go on, and are booked when they can."),
        _("Look at the disk and at the database; `callbridge doctor` says more."),
    ),
    "journal": (
        "error",
        _("Asterisk's journal cannot be read: calls go on and are not booked yet."),
        _("Run `callbridge doctor`: it says which file, and whose rights are missing."),
    ),
    "recordings": (
        "warning",
        _("The disk of the recordings needs looking at."),
        _("Make room, or set `retention`; `callbridge recordings prune --dry-run` shows what would go."),
    ),
    "site": (
        "warning",
        _("The sites' visitors get no numbers of their own now."),
        _("Look at the log; pages go on to show the numbers printed on them."),
    ),
    "desk": ("warning", _("The desk does not answer as it should."), _("Look at the log.")),
    "parts": (
        "warning",
        _("A part of the daemon failed and is being started again."),
        _("Look at the log and report it."),
    ),
}

#: Counters that should stand still: what it means if one has grown within the last hour.
_COUNTERS: Final[tuple[tuple[str, Level, str, str], ...]] = (
    (
        "books_rejected",
        "error",
        _("%(count)d calls have a fact that cannot be booked; it is set aside in journal.rejected."),
        _("Keep that file and report it."),
    ),
    (
        "books_late",
        "warning",
        _("%(count)d calls were routed without the bridge: it was down, or too late."),
        _("The log says why; nothing was lost."),
    ),
    (
        "books_interrupted",
        "warning",
        _("%(count)d calls ended without anybody writing it down."),
        _("Was Asterisk restarted?"),
    ),
    (
        "books_from_events",
        "error",
        _("%(count)d calls ended and the journal does not say so."),
        _("Is the disk full? Run `callbridge doctor`."),
    ),
    (
        "recordings_missing",
        "error",
        _("%(count)d recordings that should be there are not."),
        _("Run `callbridge doctor`; `callbridge calls` names the calls."),
    ),
    ("recordings_broken", "error", _("%(count)d recordings cannot be read."), _("Run `callbridge doctor`.")),
    (
        "agi_failed",
        "error",
        _("%(count)d calls could not be decided and went to the fallback line."),
        _("The log says why; report it."),
    ),
    (
        "agi_late",
        "warning",
        _("%(count)d calls got no answer in time and went on without it."),
        _("Is this machine overloaded?"),
    ),
    (
        "ami_auth_failures",
        "error",
        _("Asterisk refused the bridge's login."),
        _("Compare the secret in manager.conf with that of bridge.yaml."),
    ),
    (
        "ami_shed",
        "note",
        _("Too many events came from Asterisk at once; some were left out. The books are right all the same."),
        _("Use the event filter that `callbridge init` writes."),
    ),
    (
        "site_failed",
        "warning",
        _("%(count)d requests of the sites could not be answered."),
        _("The log says why; report it."),
    ),
    (
        "visits_written_dropped",
        "warning",
        _("%(count)d facts of visits were given up while the store was down."),
        _("Look at the disk and at the database."),
    ),
    (
        "attributed_failed",
        "error",
        _("%(count)d calls could not be attributed to a visit."),
        _("The log says why; report it."),
    ),
)


def alarms_of(
    parts: Iterable[PartState],
    grown: Mapping[str, float],
    occupancy: Iterable[Occupancy],
    more: Iterable[Alarm] = (),
    titles: Mapping[str, str] = MappingProxyType({}),
) -> list[Alarm]:
    """What is wrong, the worst first. `grown`: by how much each counter has grown within the last hour; `more` is said by others;
    `titles` are those of sources.
    """
    found: list[Alarm] = []
    for part in parts:
        if part.fine:
            continue
        level, text, todo = _PARTS.get(part.name, ("warning", part.name, ""))
        found.append(Alarm(level, text, todo, detail=part.detail or part.state))
    for name, level, text, todo in _COUNTERS:
        count = int(grown.get(name, 0))
        if count > 0:
            found.append(Alarm(level, text, todo, {"count": count}))
    for pool in occupancy:
        if pool.numbers and pool.busy >= pool.numbers:
            text = _("All numbers of %(source)s are in use: further visits see the default number.")
            found.append(
                Alarm(
                    "note",
                    text,
                    _("The page Pools says how many numbers would do."),
                    {"source": titles.get(pool.source, pool.source)},
                )
            )
    said = {alarm.detail for alarm in found if alarm.detail}
    found += [alarm for alarm in more if alarm.text not in said]
    return sorted(found, key=lambda alarm: _ORDER.index(alarm.level))
