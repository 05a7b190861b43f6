"""Sources: what rings, for any period against the one before; by source, campaign, keyword and landing page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from bridge.core.desk.access import Right, Role
from bridge.core.desk.charts import Series, line_chart, spark_path, thinned
from bridge.core.desk.heat import heat_map
from bridge.core.desk.period import Span
from bridge.core.desk.sources import (
    FIGURES,
    HEATS,
    LEAST_OF_HEAT,
    MOST,
    SHARES,
    SHOWN,
    SORTS,
    Bounds,
    Branch,
    Counted,
    Path,
    Question,
    added,
    bounds_of,
    calls_pairs,
    range_end,
    read_question,
    share,
    step_of,
    write_path,
)
from bridge.core.model import Outcome
from bridge.core.report import Step, Tally
from bridge.flows.sums import Sums
from bridge.web.desk.context import Asked
from bridge.web.desk.formats import Formats
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.sources_export import as_csv, as_xlsx
from bridge.web.desk.sources_tree import tree
from bridge.web.desk.urls import query

_PAGES: Final = 12
_MISSED: Final = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.ANSWERED)


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


TITLES: Final = {
    "calls": _("Calls"),
    "change": _("vs before"),
    "unique": _("Callers"),
    "first": _("First-time"),
    "answered_share": _("Answered share"),
    "answered": _("Answered"),
    "missed": _("Missed"),
    "target": _("Target"),
    "target_share": _("Target share"),
    "value": _("Value"),
    "sure": _("Sure calls"),
    "expected": _("Expected"),
    "name": _("Source"),
}
_NOTHING: Final = {
    "source": _("unknown source"),
    "campaign": _("no campaign"),
    "keyword": _("no keyword"),
    "landing": _("no landing page"),
}
_STEPS: Final = {Step.DAY: _("Day"), Step.WEEK: _("Week"), Step.MONTH: _("Month")}


async def sources(asked: Asked) -> Response:
    """The page; for htmx the table alone."""
    question = question_of(asked)
    if question is None:
        return asked.page("sources-none.html")
    values = await _table(asked, question)
    if asked.piece:
        return asked.page("_sources_table.html", **values)
    values |= {"picker": _picker(asked, question, values["rows"])}
    return asked.page("sources.html", **values, **await _above(asked, question), **await _below(asked, question))


async def export_csv(asked: Asked) -> Response:
    return await _export(asked, "csv")


async def export_xlsx(asked: Asked) -> Response:
    return await _export(asked, "xlsx")


def question_of(asked: Asked) -> Question | None:
    """What the URL asks; None for a guest whose link is about calls that there are no sums of. Raises Problem."""
    who, today = asked.person, asked.desk.today()
    bounds: Bounds | None = None
    if who.role is Role.GUEST:
        bounds = bounds_of(who.scope, today, asked.desk.directory.region)
        if bounds is None:
            return None
    try:
        return read_question(asked.request.query_params.multi_items(), today, bounds)
    except ValueError as error:
        raise Problem(400, "This address cannot be: %(why)s.", why=str(error)) from None


async def _export(asked: Asked, kind: str) -> Response:
    question = question_of(asked)
    if question is None:
        raise Problem(403, "Your role does not allow this.")
    rows = await tree(asked.store(Sums), replace(question, most=MOST))
    await asked.note("export", f"{kind}, sources: {query(question.pairs())}")
    make = as_csv if kind == "csv" else as_xlsx
    return await make(asked, question.span, rows)


async def _table(asked: Asked, question: Question) -> dict[str, Any]:
    rows = await tree(asked.store(Sums), question)
    most = max((row.tally.calls for row in rows if row.depth == 0), default=0)
    siblings = Counter(row.path[:-1] for row in rows)

    def calls_url(path: Path, figure: str) -> str:
        return _calls_url(asked, question, (path,), figure)

    def here(**changed: object) -> str:
        return f"/sources?{query(question.pairs(**changed))}"

    return {
        "question": question,
        "rows": rows,
        "most_calls": most,
        "spark_path": spark_path,
        "thinned": thinned,
        "calls_url": calls_url,
        "here": here,
        "titles": TITLES,
        "sorts": SORTS,
        "name_of": lambda row: _name(asked, row),
        "write_path": write_path,
        "more": min(MOST, question.most * 4) if question.most < MOST else None,
        "full": max(siblings.values(), default=0) >= question.most,
        "known_before": any(row.before.calls for row in rows),
        "has_value": any(row.tally.value for row in rows),
        "source_title": lambda source: source_title(asked, source),
    }


async def _above(asked: Asked, question: Question) -> dict[str, Any]:
    """The figures and the chart."""
    store: Sums = asked.store(Sums)
    span, before = question.span, question.before
    now = added(list((await store.of(span.first, span.end, question.roots)).values()))
    was = added(list((await store.of(before.first, before.end, question.roots)).values())) if before else Tally()
    step = step_of(span)
    names, values = await _series(asked, question, span, step)
    lines = [Series(asked.desk.renderer.text(asked, "This period"), values)]
    if before is not None and was.calls:
        names_before, values_before = await _series(asked, question, before, step)
        pad = len(names) - len(names_before)
        lines.append(
            Series(
                asked.desk.renderer.text(asked, "The one before"),
                (values_before + [None] * pad)[: len(names)],
                "before",
                (names_before + ["–"] * pad)[: len(names)],
            )
        )
    return {
        "now": now,
        "was": was,
        "figures": FIGURES,
        "shown": SHOWN,
        "shares": SHARES,
        "chart": line_chart(names, lines, whole=question.show not in SHARES) if len(names) > 1 else None,
        "step_title": _STEPS[step],
        "whole_unique": len(question.roots) == 1,
        "share": share,
        "total_url": lambda figure: _calls_url(asked, question, question.roots, figure),
        "chosen": () if question.bounds and question.sources == question.bounds.sources else question.sources,
        # the period's own names are left out
        "kept": [pair for pair in question.pairs() if pair[0] not in ("period", "from", "to")],
    }


async def _series(asked: Asked, question: Question, span: Span, step: Step) -> tuple[list[str], list[float | None]]:
    """The names of days, weeks or months, and the figure that is shown."""
    store: Sums = asked.store(Sums)
    found = await store.series(span.first, span.end, step, question.roots)
    formats = Formats(asked.language, asked.desk.zone, asked.desk.settings.currency, asked.who)
    names = []
    for period in found.periods:
        last = range_end(period.begin, period.end)
        if step is Step.MONTH:
            names.append(formats.day(period.begin, "LLL y"))
        elif last > period.begin:
            names.append(f"{formats.day(period.begin, 'd MMM')} – {formats.day(last, 'd MMM')}")
        else:
            names.append(formats.day(period.begin, "d MMM"))
    sums = [added([found.tallies[path][place] for path in question.roots]) for place in range(len(names))]
    return names, [FIGURES[question.show](one) for one in sums]


async def _below(asked: Asked, question: Question) -> dict[str, Any]:
    """The heat map and the pages."""
    store: Sums = asked.store(Sums)
    begin, end = question.span.first, question.span.end
    calls = dict.fromkeys(((weekday, hour) for weekday in range(7) for hour in range(24)), 0)
    missed = dict(calls)
    pages: dict[str, int] = {}
    for path in question.roots:
        week = await store.heat(begin, end, path)
        for weekday, hour in calls:
            calls[weekday, hour] += week[weekday][hour].calls
            missed[weekday, hour] += week[weekday][hour].missed
        for page, count in await store.pages(begin, end, path, _PAGES if len(question.roots) == 1 else 20 * _PAGES):
            pages[page] = pages.get(page, 0) + count
    if question.heat == "missed":
        heat = heat_map({key: missed[key] / count for key, count in calls.items() if count}, calls, least=LEAST_OF_HEAT)
    else:
        heat = heat_map(calls)
    top = sorted(pages.items(), key=lambda item: (-item[1], item[0]))[:_PAGES]
    return {"heat": heat, "heats": HEATS, "pages": top, "least_of_heat": LEAST_OF_HEAT}


def _picker(asked: Asked, question: Question, rows: list[Branch]) -> list[str | None]:
    """The sources to choose from."""
    if question.bounds and question.bounds.sources:
        found: set[str | None] = set(question.bounds.sources)
    else:
        found = {*asked.desk.directory.sources, *(row.path[0] for row in rows)}
    return sorted(found, key=lambda source: (source is None, source_title(asked, source).casefold()))


def _calls_url(asked: Asked, question: Question, paths: Sequence[Path], figure: str) -> str:
    settings = asked.desk.settings
    wished = [name for name in settings.classes if name not in settings.spam]
    pairs = calls_pairs(question.span, paths, figure, Counted(settings.targets, wished, _MISSED))
    return f"/calls?{query(pairs)}"


def source_title(asked: Asked, source: str | None) -> str:
    """As the configuration calls it."""
    if source is None:
        return asked.desk.renderer.text(asked, "unknown source")
    known = asked.desk.directory.sources.get(source)
    return known.title if known else source


def _name(asked: Asked, row: Branch) -> str:
    part = row.path[-1]
    if part is None:
        return asked.desk.renderer.text(asked, _NOTHING[row.level])
    return source_title(asked, part) if len(row.path) == 1 else part


ROUTES = [
    Route("GET", "/sources", Right.REPORTS, sources),
    Route("GET", "/sources.csv", Right.EXPORT, export_csv),
    Route("GET", "/sources.xlsx", Right.EXPORT, export_xlsx),
]
