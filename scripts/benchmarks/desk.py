"""The desk's pages over a made-up year: how long each takes, with few calls and with very many, and what the first one weighs."""

from __future__ import annotations

import asyncio
import gzip
import re
import secrets
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lab.history import Plan, write_history
from rich.console import Console

from benchmarks.desk_serve import ZONE
from benchmarks.figures import percentile, show
from benchmarks.processes import BenchError, serving
from bridge.core.desk.settings import DeskSettings
from bridge.store.engine import Database
from bridge.store.migrate import migrate
from bridge.store.rollup_keeper import RollupKeeper
from bridge.web.desk.routes import ROUTES

Say = Callable[[str], None]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AIM_MS, AIM_KB = 200.0, 150.0
#: Beside every page that needs nothing more than its address.
MORE = (
    "/calls?source=yandex-direct",
    "/calls?campaign=brand&class=target",
    "/calls?outcome=unanswered&period=365d",
    "/calls?class=-&period=365d",
    "/calls?talk_min=600&period=365d",
    "/calls?tag=complaint",
    "/calls?q=рассрочку",
    "/calls?callback=waiting",
    "/sources?period=today",
    "/sources?period=365d",
    "/sources?period=365d&source=yandex-direct",
    "/sources?period=365d&open=yandex-direct",
    "/pools?period=365d",
    "/quality/operators?period=365d",
    "/quality/sound?period=365d",
)
_NO_PAGE = re.compile(r"\{|\.(csv|xlsx|json)$|/events$|/sign-|^/oidc|^/v1/|what-if")
_LINKED = re.compile(rb'(?:src|href)="(/static/[^"?]+[^"]*)"')


def measure(counts: tuple[int, ...], lab: Path, requests: int, say: Say) -> dict[str, Any]:
    """By the number of calls (and five page views for each): every page's times in milliseconds, and the weight of the first one.

    The books are kept in `lab` and used again.
    """
    result: dict[str, Any] = {}
    for count in counts:
        path = _books(lab, count, say)
        token = secrets.token_hex(16)
        with serving("desk_serve", path, NOW.timestamp(), token) as (port, _):
            pages = {}
            for page in _addresses(path):
                found = _page(port, token, page, requests)
                if found is None:
                    say(f"{count:8} calls  {page}: no such page")
                    continue
                pages[page] = found
                say(
                    f"{count:8} calls  {page}: median {found['median']:.1f} ms, p95 {found['p95']:.1f} ms, {found['kb']:.0f} kB"
                )
            result[str(count)] = {"rows": _rows(path), "pages": pages, "first_kb": _first_weight(port, token)}
    return result


def _books(lab: Path, count: int, say: Say) -> Path:
    path = lab / f"desk-{count}.db"
    if not path.exists():
        new = path.with_suffix(".new")
        for old in lab.glob(f"{new.name}*"):
            old.unlink()
        began = time.monotonic()
        say(f"making up a year with {count} calls")
        plan = Plan(NOW, days=365, calls_per_day=count / 358, visits_per_day=2 * count / 358, zone=ZONE)
        write_history(new, plan, lambda share: say(f"{share:4.0%} made up"))
        say(f"a year is made up in {time.monotonic() - began:.0f} s")
        new.rename(path)
    asyncio.run(_sum_up(path, say))
    return path


async def _sum_up(path: Path, say: Say) -> None:
    database = Database(f"sqlite:///{path}")
    try:
        await migrate(database)
        settings = DeskSettings()
        keeper = RollupKeeper(database, ZoneInfo(ZONE), settings.targets, lambda: NOW, spam=settings.spam)
        began = time.monotonic()
        if days := await keeper.settle():
            say(f"{days} days are summed up in {time.monotonic() - began:.0f} s")
    finally:
        await database.close()


def _addresses(path: Path) -> list[str]:
    plain = [route.path for route in ROUTES if route.method == "GET" and not _NO_PAGE.search(route.path)]
    with closing(sqlite3.connect(path)) as books:
        newest = "SELECT id FROM calls WHERE visit IS NOT NULL AND comment IS NOT NULL ORDER BY started_at DESC LIMIT 1"
        call = books.execute(newest).fetchone()
    return [*dict.fromkeys(plain), *MORE, *([f"/calls/{call[0]}"] if call else [])]


def _page(port: int, token: str, page: str, requests: int) -> dict[str, float] | None:
    status, body, first = _get(port, token, page)
    if status == 404:
        return None
    if status >= 400:
        raise BenchError(f"{page}: status {status}: {body[:500]!r}")
    times = [_get(port, token, page)[2] for _ in range(requests)]
    return {
        "first": first,
        "median": percentile(times, 0.5),
        "p95": percentile(times, 0.95),
        "kb": len(gzip.compress(body)) / 1000,
    }


def _get(port: int, token: str, page: str) -> tuple[int, bytes, float]:
    address = f"http://127.0.0.1:{port}{urllib.request.quote(page, safe='/?&=%')}"  # type: ignore[attr-defined]
    request = urllib.request.Request(address, headers={"Cookie": f"callbridge-session={token}", "Accept": "text/html"})
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - loopback
            body = answer.read()
            status = answer.status
    except urllib.error.HTTPError as error:
        with error:
            body, status = error.read(), error.code
    return status, body, (time.perf_counter() - began) * 1000


def _first_weight(port: int, token: str) -> float:
    """The page Now with all it links to, compressed, in kB."""
    page = _get(port, token, "/now")[1]
    total = len(gzip.compress(page))
    for link in sorted(set(_LINKED.findall(page))):
        total += len(gzip.compress(_get(port, token, link.decode())[1]))
    return total / 1000


def _rows(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as books:
        counts = ((name, f"SELECT count(*) FROM {name}") for name in ("calls", "visits", "pages", "leases"))  # noqa: S608
        return {name: books.execute(sql).fetchone()[0] for name, sql in counts}


def show_tables(console: Console, figures: Mapping[str, Any]) -> None:
    """Every page with each number of calls side by side."""
    counts = list(figures)
    pages = list(dict.fromkeys(page for found in figures.values() for page in found["pages"]))
    headings = ["", *(f"{int(count):,} calls: {what}" for count in counts for what in ("median ms", "p95"))]
    rows = []
    for page in pages:
        row = [page]
        for count in counts:
            found = figures[count]["pages"].get(page)
            row += [f"{found['median']:.1f}", f"{found['p95']:.1f}"] if found else ["-", "-"]
        rows.append(row)
    show(console, "Pages of the desk over HTTP, one at a time", headings, rows)
    for found in figures.values():
        made = ", ".join(f"{many:,} {name}" for name, many in found["rows"].items())
        slow = [page for page, x in found["pages"].items() if x["median"] > AIM_MS]
        console.print(
            f"{made}: the first page weighs {found['first_kb']:.0f} kB compressed, with all it needs (aim: {AIM_KB:.0f})"
        )
        console.print(f"  medians above {AIM_MS:.0f} ms: {', '.join(slow) if slow else 'none'}")
