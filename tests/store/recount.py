"""Reports counted from the raw rows, as plainly as can be: what the rollups must say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import select

from bridge.core.report import Tally
from bridge.store.engine import Database
from bridge.store.schema import calls
from bridge.store.visit_schema import attributions, leases, pages, visits

Path = tuple[str | None, ...]
KEYS = ("source", "campaign", "keyword", "landing")


@dataclass
class Raw:
    """All raw rows, and how calls are counted."""

    zone: tzinfo
    targets: Sequence[str]
    spam: Sequence[str]
    calls: list[dict[Any, Any]]
    notes: dict[str, dict[Any, Any]]  #: the last one of each call
    visits: dict[str, dict[Any, Any]]
    pages: dict[str, list[dict[Any, Any]]]
    leases: list[dict[Any, Any]]

    def day(self, call: dict[Any, Any]) -> date:
        return call["started_at"].astimezone(self.zone).date()

    def is_spam(self, call: dict[Any, Any]) -> bool:
        return call["spam"] or call["class"] in self.spam

    def within(self, begin: date, end: date) -> list[dict[Any, Any]]:
        return [call for call in self.calls if begin <= self.day(call) < end]

    def tallies(self, begin: date, end: date, level: int, under: Path = ()) -> dict[Path, Tally]:
        """By path."""
        groups: dict[Path, list[dict[Any, Any]]] = defaultdict(list)
        expected: Counter[Path] = Counter()
        for call in self.within(begin, end):
            groups[_path(call, level)].append(call)
            for path, share in self.shares(call):
                expected[path[:level]] += share
        paths = [path for path in {*groups, *expected} if path[: len(under)] == under]
        return {path: self._tally(groups[path], expected[path]) for path in paths}

    def shares(self, call: dict[Any, Any]) -> Iterable[tuple[Path, float]]:
        """What may have brought a call, and how likely that is."""
        if self.is_spam(call):
            return []
        note = self.notes.get(call["id"])
        found = []
        for visit_id, share in note["candidates"] if note and note["by"] == "bridge" else ():
            if share >= 0.005 and (visit := self.visits.get(visit_id)):
                landing = bare(visit["landing"])
                found.append(((call["source"], visit["campaign"] or None, visit["keyword"] or None, landing), share))
        if not found:
            return [(_path(call, 4), 1.0)]
        rest = 1.0 - sum(share for _, share in found)
        return [*found, ((call["source"], None, None, None), rest)] if rest > 0 else found

    def hours(self, begin: date, end: date, source: Path) -> Counter[tuple[int, int]]:
        chosen = [
            call for call in self.within(begin, end) if _path(call, len(source)) == source and not self.is_spam(call)
        ]
        local = [call["started_at"].astimezone(self.zone) for call in chosen]
        return Counter((moment.weekday(), moment.hour) for moment in local)

    def seen(self, begin: date, end: date, source: Path) -> Counter[str]:
        """Pages by the calls that followed."""
        counted: Counter[str] = Counter()
        for call in self.within(begin, end):
            if _path(call, len(source)) == source and not self.is_spam(call):
                before = [page for page in self.pages.get(call["visit"], ()) if page["at"] <= call["started_at"]]
                counted.update({bare(page["url"]) for page in before})
        return counted

    def operators(self, begin: date, end: date) -> dict[tuple[str | None, str | None], tuple[int, int, int, int]]:
        """Calls, target, talk and wait by line and phone."""
        found: dict[tuple[str | None, str | None], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for call in self.within(begin, end):
            if call["answered_at"] is not None and not self.is_spam(call):
                sums = found[call["line"], call["answered_by"]]
                for place, value in enumerate(
                    (1, call["class"] in self.targets, call["talk_ms"] or 0, call["wait_ms"] or 0)
                ):
                    sums[place] += value
        return {key: tuple(sums) for key, sums in found.items()}  # type: ignore[misc]

    def busy(self, source: str, begin: datetime, end: datetime) -> tuple[int, float]:
        """The most numbers of a pool held at once by visits under way, and how many on average."""
        held = [(lease["began_at"], lease["active_at"]) for lease in self.leases if lease["source"] == source]
        held = [(max(a, begin), min(b, end)) for a, b in held if a < end and b >= begin]
        peak = max((sum(a <= at <= b for a, b in held) for at, _ in held), default=0)
        return peak, sum((b - a).total_seconds() for a, b in held) / (end - begin).total_seconds()

    def _tally(self, chosen: list[dict[Any, Any]], expected: float) -> Tally:
        good = [call for call in chosen if not self.is_spam(call)]
        return Tally(
            calls=len(good),
            unique=len({call["caller"] for call in good} - {None}),
            first_time=sum(bool(call["first_time"]) for call in good),
            answered=sum(call["answered_at"] is not None for call in good),
            missed=sum(call["answered_at"] is None and call["ended_at"] is not None for call in good),
            talk_ms=sum(call["talk_ms"] or 0 for call in good),
            wait_ms=sum(call["wait_ms"] or 0 for call in good if call["answered_at"] is not None),
            spam=len(chosen) - len(good),
            target=sum(call["class"] in self.targets for call in good),
            sure=sum(call["attribution_confidence"] >= 0.9 for call in good),
            value=sum(call["value"] or 0 for call in good),
            expected=expected,
        )


async def read_raw(database: Database, zone: tzinfo, targets: Sequence[str], spam: Sequence[str]) -> Raw:
    """Everything there is."""
    async with database.reading() as connection:

        async def rows(query: Any) -> list[dict[Any, Any]]:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

        seen = defaultdict(list)
        for page in await rows(select(pages)):
            seen[page["visit"]].append(page)
        return Raw(
            zone, targets, spam,
            calls=await rows(select(calls)),
            notes={note["call_id"]: note for note in await rows(select(attributions).order_by(attributions.c.seq))},
            visits={visit["id"]: visit for visit in await rows(select(visits))},
            pages=seen,
            leases=await rows(select(leases)),
        )  # fmt: skip


def bare(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]


def rounded(tally: Tally) -> tuple[object, ...]:
    return (*(getattr(tally, name) for name in Tally.__slots__ if name != "expected"), round(tally.expected, 6))


def _path(call: dict[Any, Any], level: int) -> Path:
    return tuple(call[name] or None for name in KEYS[:level])
