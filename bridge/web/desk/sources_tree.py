"""The table of sources, as far as it is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bridge.core.desk.period import Span
from bridge.core.desk.sources import LEVELS, Branch, Path, Question, in_order
from bridge.core.desk.sums import ORDERS, Level, Order
from bridge.core.report import Step, Tally
from bridge.flows.sums import Sums

_DAYS: Final = 120  #: a small chart of more days is drawn by months


async def tree(store: Sums, question: Question) -> list[Branch]:
    """All rows in their order, each above those below it."""
    rows = await _level(store, question, (), 0)
    span = question.span
    step = Step.DAY if span.days <= _DAYS else Step.MONTH
    trends = (await store.series(span.first, span.end, step, [row.path for row in rows])).tallies
    return [replace(row, trend=tuple(tally.calls for tally in trends[row.path])) for row in rows]


async def _level(store: Sums, question: Question, under: Path, depth: int) -> list[Branch]:
    before = question.before
    found = dict(await _below(store, question, under))
    if not under and before is not None:
        # a source that has fallen silent is news
        for path, _ in await _groups(store, question, before, under):
            if not question.sources or path[0] in question.sources:
                found.setdefault(path, Tally())
    was = await store.of(before.first, before.end, list(found)) if before and found else {}
    branches = []
    for path, tally in found.items():
        opened = None if len(path) == len(LEVELS) or not tally.calls + tally.expected else path in question.open
        branches.append(Branch(path, depth, tally, was.get(path, Tally()), opened=opened))
    rows: list[Branch] = []
    for branch in in_order(branches, question.sort):
        below = await _level(store, question, branch.path, depth + 1) if branch.opened else []
        rows += [branch, *below]
    return rows


async def _below(store: Sums, question: Question, under: Path) -> list[tuple[Path, Tally]]:
    """The groups below; where they are one only, of calls that have nothing of the kind, those below that one."""
    if not under and question.sources:
        paths = [(source,) for source in question.sources]
        return list((await store.of(question.span.first, question.span.end, paths)).items())
    found = await _groups(store, question, question.span, under)
    while len(found) == 1 and found[0][0][-1] is None and under:
        if len(found[0][0]) == len(LEVELS):
            return []
        found = await _groups(store, question, question.span, found[0][0])
    return found


async def _groups(store: Sums, question: Question, span: Span, under: Path) -> list[tuple[Path, Tally]]:
    """The first groups of the level: by what is asked, or by calls where the sums have no such order."""
    wanted = "first_time" if question.sort == "first" else question.sort
    order: Order = next((name for name in ORDERS if name == wanted), "calls")
    rows = await store.tallies(span.first, span.end, Level(len(under) + 1), under, limit=question.most, order=order)
    return [(row.path, row.tally) for row in rows]
