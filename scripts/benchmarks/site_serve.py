"""The sites' service in a process of its own: ``python -m benchmarks.site_serve NUMBERS``.

Prints its port and serves until it is ended: the real service, visits and SQLite store, with a pool of NUMBERS, no limits per address, and beside it
an endpoint of the same server that reads a body and answers nothing. ``GET /figures`` tells how long leases took to be on the disk.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.figures import percentile
from bridge.cli.run import _loop_factory
from bridge.core.directory import Directory, Line, Number, Pool, Source
from bridge.core.model import Binding, BindingKind
from bridge.core.plan import Leg
from bridge.core.pools.lease import Lease
from bridge.core.site import Site, Sites
from bridge.core.sources.presets import parse
from bridge.flows.visits import Visits
from bridge.siteside import seldom_collect
from bridge.store.engine import Database
from bridge.store.migrate import migrate
from bridge.store.visits import VisitStore
from bridge.web.site.limits import Buckets
from bridge.web.site.service import SiteService

SOURCE, PRINTED = "yandex-direct", "+74951112233"


def directory(count: int) -> Directory:
    """A pool of `count` numbers and a default number."""
    numbers = tuple(f"+7812{n:07}" for n in range(1, count + 1))
    bound = {"+78120000000": Binding("+78120000000", BindingKind.DEFAULT, SOURCE)}
    bound |= {number: Binding(number, BindingKind.POOL, SOURCE, "direct") for number in numbers}
    return Directory(
        fallback="sales",
        lines={"sales": Line("sales", "Sales", (Leg("PJSIP/101"),), 40)},
        sources={SOURCE: Source(SOURCE, SOURCE)},
        numbers={number: Number(binding) for number, binding in bound.items()},
        pools={"direct": Pool("direct", SOURCE, numbers, 0)},
    )


class Timed:
    """Notes how long each new lease took until the disk had it, counted from when its visit was given the number."""

    def __init__(self, visits: Visits, store: VisitStore) -> None:
        self.seconds: list[float] = []
        self._written: list[float] = []  #: when those began that the store has, and perhaps not the disk
        self._durable, self._sync = visits.writing.durable, store.sync
        visits.writing.durable = self.durable  # type: ignore[method-assign]
        store.sync = self.sync  # type: ignore[method-assign]

    async def durable(self, lease: Lease) -> bool:
        began = time.perf_counter()
        done = await self._durable(lease)
        self._written.append(began)
        return done

    async def sync(self) -> None:
        written, self._written = self._written, []
        await self._sync()
        now = time.perf_counter()
        self.seconds += [now - began for began in written]


async def serve(count: int, folder: Path) -> None:
    database = Database(f"sqlite:///{folder}/bridge.db")
    await migrate(database)
    presets = files("bridge.core.sources").joinpath("presets.toml").read_text(encoding="utf-8")
    # a number goes on at once, so that every new visit is given one, however few there are
    sites = Sites({"main": Site("main", ("example.org",), (PRINTED,), parse(presets))}, idle=0)
    store = VisitStore(database)
    visits = Visits(store, lambda: datetime.now(UTC), sites, directory(count), lambda *_: None)
    await visits.load()
    seldom_collect()
    timed = Timed(visits, store)
    service = SiteService(visits, ("127.0.0.0/8",))
    for name in ("_addresses", "_beginnings", "_visitors"):
        setattr(service, name, Buckets(1e9, 1e9))

    async def nothing(request: Request) -> Response:
        await request.body()
        return Response(status_code=204)

    async def figures(_: Request) -> Response:
        seconds, timed.seconds = timed.seconds, []
        return JSONResponse(
            {
                "leases": len(seconds),
                "p50": percentile(seconds, 0.5) * 1000 if seconds else 0.0,
                "p99": percentile(seconds, 0.99) * 1000 if seconds else 0.0,
                "worst": max(seconds, default=0.0) * 1000,
                "not_durable": visits.counters.not_durable,
                "covered": visits.counters.covered,
            }
        )

    service.app.routes[:0] = [Route("/nothing", nothing, methods=["POST"]), Route("/figures", figures)]
    await service.start("127.0.0.1", 0)
    print(service.address[1], flush=True)
    await visits.run()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1]), Path(temporary)))
