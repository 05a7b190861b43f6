"""``callbridge pools`` without a subcommand: how every pool does now, and did in the last day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.common import Opened, fail, with_books

if TYPE_CHECKING:
    from bridge.core.simulation.traffic import TrafficVisit
    from bridge.store.traffic import PoolPast

_DAY = 86_400.0
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class PoolState:
    """One source's pool. Shares are in [0, 1], None where nothing was seen; `hold` is in seconds, `auto` whether the bridge chose it."""

    source: str
    numbers: int
    busy: int  #: held by visits that may not be disturbed
    held: int  #: held at all
    visits: int  #: since the last day
    coverage: float | None
    utilisation: float | None  #: most numbers held at once, of all
    reissued: int
    overload: int  #: of them, taken too soon after the last sign of life
    calls: int
    bound: int
    hold: float
    auto: bool
    forecast_coverage: float | None
    forecast_right: float | None  #: of the calls: booked on the right visit


def show_pools(config: Path | None, as_json: bool) -> None:
    """Prints the state of all pools."""
    from bridge.cli.output import to_json

    states = with_books(config, pool_states)
    if as_json:
        click.echo(to_json([asdict(state) for state in states]))
    elif not states:
        click.echo("there are no pools in the configuration")
    else:
        _print(states)


async def pool_states(opened: Opened) -> list[PoolState]:
    """How every pool does, from the books alone: the daemon need not run."""
    from bridge.core.attribution.delays import Delays
    from bridge.core.pools.allocator import Allocator
    from bridge.core.pools.book import KEPT, LeaseBook
    from bridge.flows.learning import LEARNED, learned_from
    from bridge.flows.pooling import HoldPerSource, pools_of

    now = datetime.now(UTC)
    at = now.timestamp()
    idle = float(opened.config.site.idle) if opened.config.site else 300.0
    past = await opened.past.pools(now - timedelta(days=1), idle)
    delays = Delays(learned_from(await opened.visits.get_mark(LEARNED)))
    policy = HoldPerSource(delays.share_within, idle)
    policy.set_pools(opened.directory)
    for source, found in past.items():
        for begin, end in found.spans:
            policy.saw(source, begin)
            policy.closed(source, end - begin)
    pools = [pool for pool in pools_of(opened.directory) if pool.numbers]
    allocator = Allocator(pools, policy, LeaseBook())
    allocator.restore(await opened.visits.latest_leases(KEPT, now - timedelta(days=2)))
    states = []
    for pool in pools:
        held = allocator.occupancy(pool.source, at)
        wanted = {p.hold for p in opened.directory.pools.values() if p.source == pool.source and p.hold is not None}
        hold = float(max(wanted)) if wanted else policy.extra(pool.source, at)
        states.append(_state(pool.source, held, past.get(pool.source), hold, not wanted, delays.share_within))
    return states


def _state(
    source: str, held: tuple[int, int, int], past: PoolPast | None, hold: float, auto: bool, within: Any
) -> PoolState:
    from bridge.core.pools.advice import Visits, auto_forecast
    from bridge.core.pools.hold import Forecast, forecast
    from bridge.store.traffic import PoolPast

    past = past or PoolPast()
    size, visits = held[0], len(past.spans)
    foreseen: Forecast | None = None
    if visits:
        seen = Visits(past.spans)
        hours = seen.hours()
        if auto:
            foreseen = auto_forecast(size, hours, seen.dwell, within)
        else:
            each = [(n, forecast(max(0.0, hold - seen.dwell), size, n / _HOUR, seen.dwell, within)) for n in hours]
            coverage, right = (sum(n * value for n, value in values) / visits for values in (
                [(n, f.coverage) for n, f in each], [(n, f.right) for n, f in each]
            ))  # fmt: skip
            foreseen = Forecast(hold, coverage, right)
    return PoolState(
        source,
        *held,
        visits,
        past.covered / visits if visits else None,
        min(1.0, most_at_once(past.held) / size) if past.held else None,
        past.reissued,
        past.taken_early,
        past.calls,
        past.bound,
        hold,
        auto,
        foreseen.coverage if foreseen else None,
        foreseen.right if foreseen else None,
    )


def most_at_once(spans: list[tuple[float, float]]) -> int:
    """The most of these (begin, end) that hold at one moment."""
    steps = sorted([(begin, 1) for begin, _ in spans] + [(max(begin, end), -1) for begin, end in spans])
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


def traffic_of(traffic: str | None, from_store: bool, days: int, config: Path | None) -> list[TrafficVisit]:
    """The visits of a file, or the site's own of the last `days`; ends the command where both or none are asked for."""
    from bridge.cli.traffic import read_traffic

    if (traffic is None) is not from_store:
        raise click.UsageError("one of TRAFFIC and --from-store is needed")
    if traffic is not None:
        return read_traffic(traffic)

    async def work(opened: Opened) -> list[TrafficVisit]:
        return await opened.past.traffic(datetime.now(UTC) - timedelta(days=days))

    visits = with_books(config, work)
    if not visits:
        fail(f"the books have no visits of the last {days} days")
    return visits


def _print(states: list[PoolState]) -> None:
    from rich.table import Table

    from bridge.cli.output import bar, console, plain
    from bridge.core.pools.hold import in_words

    table = Table(
        "source", "numbers", "busy", "held", "", "visits", "covered", "most held", "early", "calls", "hold", "forecast"
    )
    for state in states:
        table.add_row(
            plain(state.source),
            str(state.numbers),
            str(state.busy),
            str(state.held),
            bar(state.busy / state.numbers, 10),
            str(state.visits),
            _share(state.coverage),
            _share(state.utilisation),
            f"{state.overload} of {state.reissued}",
            f"{state.bound} of {state.calls}",
            in_words(state.hold) + (" (auto)" if state.auto else ""),
            f"{_share(state.forecast_coverage)} covered, {_share(state.forecast_right)} right",
        )
    out = console()
    out.print(table)
    out.print(
        "Visits, coverage and calls: of the last 24 hours. busy: may not be taken now; most held: numbers held at once; early: numbers taken"
        " within 5 min of the last sign of life; calls: booked on a visit; forecast: of the calls, on the right visit.\n"
        "`callbridge pools advise --from-store` says how many numbers there should be."
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
