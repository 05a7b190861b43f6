"""``callbridge scan URL``: the leak that spoils analytics, pages without the snippet and numbers it cannot swap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli.common import config_option, fail, open_config
from bridge.cli.traffic import Length, progress

if TYPE_CHECKING:
    from bridge.config import Loaded
    from bridge.scan.crawl import Walk
    from bridge.scan.page import Found

#: Where the snippet does not go, in words.
_PLACES = {
    "off": "opted out by data-callbridge=off",
    "field": "in a field of a form",
    "script": "inside a script",
    "data": "in structured data (JSON-LD)",
    "messenger": "a messenger's link",
}


@dataclass(frozen=True, slots=True)
class Leak:
    """A number that stays as it is printed: its `url`, and the reason in words."""

    url: str
    number: str
    written: str
    reason: str


@click.command()
@click.argument("url")
@click.option(
    "--pages", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Look at so many at most."
)
@click.option("--delay", type=Length(), default="0.5s", show_default=True, help="Rest between two requests.")
@click.option("--timeout", type=Length(), default="10s", show_default=True, help="Wait so long for one page.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def scan(url: str, pages: int, delay: float, timeout: float, as_json: bool, config: Path | None) -> None:
    """Look over the company's site at URL: pages without the snippet, and printed numbers it cannot swap.

    Goes through the same host only, obeys robots.txt, one page at a time. Exit status 1 if something was found. Numbers are compared with
    `replace` of the configured site. What scripts put on a page in a browser is not seen.

    \b
    Example:
      callbridge scan https://example.org/ --pages 500
    """
    from bridge.cli.output import to_json
    from bridge.scan.crawl import Limits, NotASiteError, walk

    loaded = open_config(config)
    with progress("pages") as report:
        try:
            found = walk(
                url, loaded.config.region, Limits(pages, delay, timeout), report or (lambda _done, _known: None)
            )
        except NotASiteError as error:
            fail(error)
    bare = [page.url for page in found.pages if not page.snippet]
    leaks = list(_leaks(found, loaded))
    if as_json:
        click.echo(
            to_json(
                {
                    "pages": len(found.pages),
                    "without_snippet": bare,
                    "numbers": [asdict(leak) for leak in leaks],
                    "frames": sorted({frame for page in found.pages for frame in page.frames}),
                    "unreadable": [{"url": where, "reason": why} for where, why in found.unreadable],
                    "kept_out_by_robots": found.kept_out,
                    "not_looked_at": found.left,
                }
            )
        )
    else:
        _print(found, bare, leaks)
    if bare or leaks:
        raise SystemExit(1)


def _leaks(found: Walk, loaded: Loaded) -> Iterator[Leak]:
    from bridge.config.site_build import build_sites

    sites = build_sites(loaded.config)
    known = list(sites.sites.values()) if sites else []
    seen: set[Found] = set()
    for page in found.pages:
        host = page.url.split("/")[2].lower()
        site = next((one for one in known if one.has(host)), known[0] if len(known) == 1 else None)
        for number in page.numbers:
            reason = _reason(number, site.replace if site else None, loaded)
            if reason is not None and number not in seen:
                seen.add(number)  # the footer stands on every page
                yield Leak(page.url, number.number, number.written, reason)


def _reason(found: Found, replaced: tuple[str, ...] | None, loaded: Loaded) -> str | None:
    """Why this number stays as it is; None if the snippet swaps it."""
    if replaced is not None and found.number in replaced:
        return _PLACES.get(found.place)
    if found.number in loaded.directory.numbers:
        return "a tracked number is printed on the page: calls to it are booked wrong"
    return "not in `replace` of the site" if found.place != "script" else None


def _print(found: Walk, bare: list[str], leaks: list[Leak]) -> None:
    from rich.table import Table

    from bridge.cli.output import console, plain

    out = console()
    out.print(
        f"{len(found.pages)} pages looked at, {len(bare)} without the snippet, {len(leaks)} numbers it cannot swap."
    )
    for where in bare:
        out.print(f"  no snippet: {plain(where)}")
    if leaks:
        table = Table("number", "as written", "why it stays", "first seen on")
        for leak in leaks:
            table.add_row(plain(leak.number), plain(leak.written), leak.reason, plain(leak.url))
        out.print(table)
    for where, why in found.unreadable[:20]:
        out.print(f"  not read: {plain(where)}: {plain(why)}")
    frames = sorted({frame for page in found.pages for frame in page.frames})
    if frames:
        out.print(f"  in frames, where the snippet does not reach: {', '.join(map(plain, frames[:5]))}")
    if found.kept_out:
        out.print(f"  kept out by robots.txt: {len(found.kept_out)} pages")
    if found.left:
        out.print(f"  {found.left} further pages not looked at: see --pages")
