"""The SQL that sums up one local day, for both databases: first into temporary tables, which holds nobody up, then into the rollups.

Placeholders are ``:name``; the text has nothing in it but our own names.
"""

# ruff: noqa: S608 - texts of our own, values are bound

from __future__ import annotations

from itertools import pairwise
from typing import Final

from bridge.store.credit import bare_page

KEYS: Final = ("source", "campaign", "keyword", "landing")
LEVELS: Final = range(5)
_LEVEL_OF_VISITS: Final = 2  #: from here on a call may belong to several groups, to each in part
SURE: Final = 0.9
LEAST_SHARE: Final = 0.005  #: a visit less likely than that gets no share of a call

#: The columns of `rollups` that are sums, but for those made apart.
SUMS: Final = ("calls", "first_time", "answered", "missed", "target", "sure", "spam", "talk_ms", "wait_ms", "value")
HOURLY: Final = ("calls", "answered", "missed", "wait_ms", "mos", "measured")
OPERATORS: Final = (
    "calls", "target", "talk_ms", "wait_ms", "within_5", "within_10", "within_20", "within_30", "within_60", "later",
    "score", "scored", "mos", "measured",
)  # fmt: skip
_WITHIN: Final = (5, 10, 20, 30, 60)

_TEXTS: Final = ", ".join(f"{name} TEXT NOT NULL" for name in KEYS)
TEMPORARY: Final = {
    "day_slots": "begin_at {instant} NOT NULL, hour INTEGER NOT NULL",
    "day_facts": (
        f"id TEXT NOT NULL, started_at {{instant}} NOT NULL, hour INTEGER NOT NULL, {_TEXTS}, line TEXT NOT NULL,"
        " answered_by TEXT NOT NULL, visit TEXT, known INTEGER NOT NULL, "
        + ", ".join(f"{name} BIGINT NOT NULL" for name in SUMS)
        + ", score DOUBLE PRECISION, mos DOUBLE PRECISION, "
        + ", ".join(f"previous_{level} INTEGER NOT NULL" for level in LEVELS)
    ),
    "day_parts": f"id TEXT NOT NULL, {_TEXTS}, visit TEXT NOT NULL, share DOUBLE PRECISION NOT NULL, fresh INTEGER NOT NULL",
    "day_shares": f"{_TEXTS}, share DOUBLE PRECISION NOT NULL",
    "day_groups": (
        f"level INTEGER NOT NULL, {_TEXTS}, "
        + ", ".join(f"{name} BIGINT NOT NULL" for name in SUMS)
        + ", expected DOUBLE PRECISION NOT NULL, newcomers BIGINT NOT NULL"
    ),
    "day_callers": f"level INTEGER NOT NULL, {_TEXTS}, previous_day INTEGER NOT NULL, calls BIGINT NOT NULL",
    "day_hours": (
        "level INTEGER NOT NULL, source TEXT NOT NULL, hour INTEGER NOT NULL, calls BIGINT NOT NULL, answered BIGINT NOT NULL,"
        " missed BIGINT NOT NULL, wait_ms BIGINT NOT NULL, mos DOUBLE PRECISION NOT NULL, measured BIGINT NOT NULL"
    ),
    "day_pages": "level INTEGER NOT NULL, source TEXT NOT NULL, page TEXT NOT NULL, calls BIGINT NOT NULL",
    "day_operators": (
        "line TEXT NOT NULL, answered_by TEXT NOT NULL, "
        + ", ".join(
            f"{name} {'DOUBLE PRECISION' if name in ('score', 'mos') else 'BIGINT'} NOT NULL" for name in OPERATORS
        )
    ),
}


def create(dialect: str) -> list[str]:
    """Makes the temporary tables, empty."""
    if dialect == "postgresql":
        return [
            f"CREATE TEMPORARY TABLE {name} ({columns.format(instant='timestamptz')}) ON COMMIT DROP"
            for name, columns in TEMPORARY.items()
        ]
    made: list[str] = []
    for name, columns in TEMPORARY.items():
        made += [f"DROP TABLE IF EXISTS temp.{name}", f"CREATE TEMP TABLE {name} ({columns.format(instant='TEXT')})"]
    return made


def gather(dialect: str, targets: int, spam: int) -> list[str]:
    """Fills the temporary tables with the day from ``:begin`` to before ``:end``.

    So many classes count as target, ``:target_0``..., and so many as spam, ``:spam_0``...
    """
    return [
        _facts(dialect, targets, spam),
        _parts(dialect),
        "INSERT INTO day_shares SELECT source, campaign, keyword, landing, share FROM day_parts",
        # what is left of a call belongs to its source, that much its number tells
        "INSERT INTO day_shares SELECT f.source, '', '', '', 1 - p.share FROM day_facts f"
        " JOIN (SELECT id, sum(share) AS share FROM day_parts GROUP BY id) p ON p.id = f.id WHERE p.share < 1",
        "INSERT INTO day_shares SELECT source, campaign, keyword, landing, calls FROM day_facts f"
        " WHERE calls = 1 AND NOT EXISTS (SELECT 1 FROM day_parts p WHERE p.id = f.id)",
        *(sql for level in LEVELS for sql in _groups(level)),
        *(_hours(level) for level in (0, 1)),
        *(_pages(level, dialect) for level in (0, 1)),
        _operators(),
    ]


def _facts(dialect: str, targets: int, spam: int) -> str:
    """One row per call. Of spam all is nought but `spam`."""
    of_target = _classed("c", "target", targets)
    is_spam = f"(c.spam OR {_classed('c', 'spam', spam)})"
    quality = "(c.quality ->> 'rxmes')" if dialect == "postgresql" else "json_extract(c.quality, '$.rxmes')"
    mes = f"CAST({quality} AS DOUBLE PRECISION)"
    sums = {
        "calls": "1",
        "first_time": _one("c.first_time"),
        "answered": _one("c.answered_at IS NOT NULL"),
        "missed": _one("c.answered_at IS NULL AND c.ended_at IS NOT NULL"),
        "target": _one(of_target),
        "sure": _one(f"c.attribution_confidence >= {SURE}"),
        "spam": "0",
        "talk_ms": "coalesce(c.talk_ms, 0)",
        "wait_ms": "CASE WHEN c.answered_at IS NULL THEN 0 ELSE coalesce(c.wait_ms, 0) END",
        "value": "coalesce(c.value, 0)",
    }
    kept = [f"CASE WHEN {is_spam} THEN {1 if name == 'spam' else 0} ELSE {sql} END" for name, sql in sums.items()]
    hour = "(SELECT s.hour FROM day_slots s WHERE s.begin_at <= c.started_at ORDER BY s.begin_at DESC LIMIT 1)"
    previous = [
        f"CASE WHEN c.first_time OR c.caller IS NULL OR {is_spam} THEN 0 ELSE coalesce({_previous_day(level, spam)}, 0) END"
        for level in LEVELS
    ]
    columns = [
        "c.id", "c.started_at", hour, *(f"coalesce(c.{name}, '')" for name in KEYS), "coalesce(c.line, '')", "coalesce(c.answered_by, '')",
        f"CASE WHEN {is_spam} THEN NULL ELSE c.visit END", _one(f"c.caller IS NOT NULL AND NOT {is_spam}"), *kept,
        f"CASE WHEN {is_spam} THEN NULL ELSE c.score END",
        # ITU-T G.107, from the rating that Asterisk gives what it received
        f"CASE WHEN {is_spam} OR {mes} IS NULL THEN NULL ELSE 1 + 0.035 * {mes} + {mes} * ({mes} - 60) * (100 - {mes}) * 0.000007 END",
        *previous,
    ]  # fmt: skip
    return f"INSERT INTO day_facts SELECT {', '.join(columns)} FROM calls c WHERE c.started_at >= :begin AND c.started_at < :end"


def _previous_day(level: int, spam: int) -> str:
    """The local day of the caller's last call before this one in the same group; NULL: none."""
    same = "".join(f" AND coalesce(p.{name}, '') = coalesce(c.{name}, '')" for name in KEYS[:level])
    at = (
        "(SELECT p.started_at FROM calls p WHERE p.caller = c.caller AND (p.started_at, p.id) < (c.started_at, c.id)"
        f" AND NOT p.spam AND NOT {_classed('p', 'spam', spam)}{same} ORDER BY p.started_at DESC, p.id DESC LIMIT 1)"
    )
    return f"(SELECT k.day FROM rollup_calendar k WHERE k.begin_at <= {at} ORDER BY k.begin_at DESC LIMIT 1)"


def _classed(alias: str, name: str, count: int) -> str:
    """Whether a call has one of the classes bound as `name`; never NULL."""
    if not count:
        return "1 = 0"
    return f"coalesce({alias}.\"class\", '') IN ({', '.join(f':{name}_{place}' for place in range(count))})"


def _one(condition: str) -> str:
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END"


def _parts(dialect: str) -> str:
    """The shares of the visits that calls may have come from, as the bridge last saw it."""
    if dialect == "postgresql":
        each = "CROSS JOIN LATERAL jsonb_array_elements(a.candidates) AS e(value)"
        visit, share = "(e.value ->> 0)", "CAST(e.value ->> 1 AS DOUBLE PRECISION)"
    else:
        each = "JOIN json_each(a.candidates) AS e"
        visit, share = "json_extract(e.value, '$[0]')", "json_extract(e.value, '$[1]')"
    landing = bare_page("v.landing", dialect)
    key = [
        f"CASE WHEN v.id IS NULL THEN o.{name} ELSE coalesce({landing if name == 'landing' else f'v.{name}'}, '') END"
        for name in KEYS[1:]
    ]
    last = "(SELECT max(l.seq) FROM attributions l WHERE l.call_id = a.call_id)"
    return (
        f"INSERT INTO day_parts SELECT f.id, f.source, {', '.join(key)}, {visit}, {share}, {_one('v.id IS NOT NULL')} FROM day_facts f"
        f" JOIN attributions a ON a.call_id = f.id AND a.seq = {last} AND a.by = 'bridge' {each}"
        f" LEFT JOIN visits v ON v.id = {visit} LEFT JOIN rollup_origins o ON o.visit = {visit}"
        f" WHERE f.calls = 1 AND {share} >= {LEAST_SHARE} AND (v.id IS NOT NULL OR o.visit IS NOT NULL)"
    )


def _key(level: int) -> tuple[str, str]:
    """The key's columns to select, and what to group by, for which the empty day has no row."""
    names = (name if place < level else f"'' AS {name}" for place, name in enumerate(KEYS))
    return ", ".join([f"{level} AS level", *names]), f"GROUP BY {', '.join(['1', *KEYS[:level]])}"


def _groups(level: int) -> list[str]:
    key, by = _key(level)
    sums = ", ".join(f"sum({name})" for name in SUMS)
    whole = level < _LEVEL_OF_VISITS
    newcomers = f"sum(CASE WHEN known = 1 AND previous_{level} = 0 THEN 1 ELSE 0 END)"
    previous = f"previous_{level}"
    made = [
        f"INSERT INTO day_groups SELECT {key}, {sums}, {'sum(calls)' if whole else '0'}, {newcomers} FROM day_facts {by}",
        f"INSERT INTO day_callers SELECT {key}, {previous}, count(*) FROM day_facts"
        f" WHERE known = 1 AND {previous} > 0 {by}, {previous}",
    ]
    if not whole:
        made.append(f"INSERT INTO day_groups SELECT {key}, {'0, ' * len(SUMS)}sum(share), 0 FROM day_shares {by}")
    return made


def _hours(level: int) -> str:
    source = "source" if level else "''"
    sums = "sum(calls), sum(answered), sum(missed), sum(wait_ms), coalesce(sum(mos), 0), count(mos)"
    by = ", ".join([*KEYS[:level], "hour"])
    return f"INSERT INTO day_hours SELECT {level}, {source}, hour, {sums} FROM day_facts GROUP BY {by}"


def _pages(level: int, dialect: str) -> str:
    page = bare_page("p.url", dialect)
    source = "f.source" if level else "''"
    by = f"{'f.source, ' if level else ''}{page}"
    return (
        f"INSERT INTO day_pages SELECT {level}, {source}, {page}, count(DISTINCT f.id) FROM day_facts f"
        f" JOIN pages p ON p.visit = f.visit AND p.at <= f.started_at WHERE f.calls = 1 GROUP BY {by}"
    )


def _operators() -> str:
    edges = [-1, *(seconds * 1000 for seconds in _WITHIN)]
    speeds = [f"sum({_one(f'wait_ms > {low} AND wait_ms <= {high}')})" for low, high in pairwise(edges)]
    columns = [
        "line", "answered_by", "sum(calls)", "sum(target)", "sum(talk_ms)", "sum(wait_ms)", *speeds,
        f"sum({_one(f'wait_ms > {edges[-1]}')})", "coalesce(sum(score), 0)", "count(score)", "coalesce(sum(mos), 0)", "count(mos)",
    ]  # fmt: skip
    return f"INSERT INTO day_operators SELECT {', '.join(columns)} FROM day_facts WHERE answered = 1 GROUP BY line, answered_by"


_JOIN: Final = "JOIN rollup_groups g ON " + " AND ".join(f"g.{name} = s.{name}" for name in ("level", *KEYS))
_JOIN_SOURCE: Final = "JOIN rollup_groups g ON g.level = s.level AND g.source = s.source AND g.campaign = '' AND g.keyword = '' AND g.landing = ''"

#: What the day is from what was gathered, by table: everything but the period, whose place is marked ``:period``.
OF_DAY: Final = {
    "rollups": (
        f"SELECT g.id, CAST(:period AS INTEGER), {', '.join(f'sum(s.{name})' for name in (*SUMS, 'expected', 'newcomers'))}"
        f" FROM day_groups s {_JOIN} GROUP BY g.id"
    ),
    "rollup_callers": f"SELECT g.id, CAST(:period AS INTEGER), s.previous_day, s.calls FROM day_callers s {_JOIN}",
    "rollup_hours": (
        "SELECT g.id, CAST(:period AS INTEGER), CAST(:weekday AS INTEGER), s.hour, s.calls, s.answered, s.missed, s.wait_ms, s.mos, s.measured"
        f" FROM day_hours s {_JOIN_SOURCE}"
    ),
    "rollup_pages": f"SELECT g.id, CAST(:period AS INTEGER), s.page, s.calls FROM day_pages s {_JOIN_SOURCE}",
    "rollup_operators": f"SELECT CAST(:period AS INTEGER), line, answered_by, {', '.join(OPERATORS)} FROM day_operators",
}

#: What a month is from its days, from ``:first`` to ``:last``.
OF_MONTH: Final = {
    "rollups": ("group_id", "", (*SUMS, "expected", "newcomers")),
    "rollup_callers": ("group_id", "previous_day", ("calls",)),
    "rollup_hours": ("group_id", "weekday, hour", HOURLY),
    "rollup_pages": ("group_id", "page", ("calls",)),
    "rollup_operators": ("", "line, answered_by", OPERATORS),
}

NEW_GROUPS: Final = (
    "INSERT INTO rollup_groups (level, source, campaign, keyword, landing)"
    " SELECT DISTINCT level, source, campaign, keyword, landing FROM day_groups WHERE true ON CONFLICT DO NOTHING"
)
NEW_ORIGINS: Final = (
    "INSERT INTO rollup_origins (visit, campaign, keyword, landing) SELECT DISTINCT p.visit, p.campaign, p.keyword, p.landing"
    " FROM day_parts p JOIN day_facts f ON f.id = p.id WHERE p.fresh = 1 AND coalesce(f.visit, '') <> p.visit ON CONFLICT DO NOTHING"
)


def month_select(table: str) -> str:
    """The rows of a whole month, in the order of the table's columns."""
    before, after, sums = OF_MONTH[table]
    keys = ", ".join(x for x in (before, after) if x)
    selected = [before, "CAST(:period AS INTEGER)", after, *(f"sum({name})" for name in sums)]
    return f"SELECT {', '.join(x for x in selected if x)} FROM {table} WHERE period BETWEEN :first AND :last GROUP BY {keys}"
