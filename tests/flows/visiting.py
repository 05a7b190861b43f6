"""A company with two pools, its site, and visits on a real SQLite store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from bridge.core.directory import Directory, Line, Number, Pool, Source
from bridge.core.model import Attribution, Binding, BindingKind
from bridge.core.plan import Leg
from bridge.core.site import Site, Sites
from bridge.core.sources.policy import Policy
from bridge.core.sources.presets import parse
from bridge.flows.visit_words import Changed, Hit, Told
from bridge.flows.visits import Visits
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.migrate import migrate
from bridge.store.visits import VisitStore

PRINTED, DEFAULT, GOOGLE_DEFAULT = "+74951112233", "+74951110000", "+74951120000"
PRINTED_KEY = PRINTED.lstrip("+")
ADS = "https://example.org/?utm_source=yandex&utm_medium=cpc&utm_campaign=spring&utm_term=locks"


def pool_numbers(count: int, first: int = 1) -> tuple[str, ...]:
    return tuple(f"+7495{1_110_000 + first + n}" for n in range(count))


def a_directory(
    numbers: int = 3, hold: int | None = 900, google: int = 2, also: Mapping[str, str] | None = None
) -> Directory:
    """`numbers` for yandex-direct and `google` for google-ads, each with its default number; organic visits have a default one alone."""
    pools = {
        "direct": Pool("direct", "yandex-direct", pool_numbers(numbers), hold),
        "google": Pool("google", "google-ads", pool_numbers(google, 10_001), hold),
    }
    for number, source in (also or {}).items():
        name = {"yandex-direct": "direct", "google-ads": "google"}[source]
        pools[name] = replace(pools[name], numbers=(*pools[name].numbers, number))
    bound = {DEFAULT: Binding(DEFAULT, BindingKind.DEFAULT, "yandex-direct")}
    bound[GOOGLE_DEFAULT] = Binding(GOOGLE_DEFAULT, BindingKind.DEFAULT, "google-ads")
    for name, pool in pools.items():
        bound |= {number: Binding(number, BindingKind.POOL, pool.source, name) for number in pool.numbers}
    return Directory(
        fallback="sales",
        lines={"sales": Line("sales", "Sales", (Leg("PJSIP/101"),), 30)},
        sources={name: Source(name, name) for name in ("yandex-direct", "google-ads")},
        numbers={number: Number(binding) for number, binding in bound.items()},
        pools=pools,
    )


def presets() -> str:
    return files("bridge.core.sources").joinpath("presets.toml").read_text(encoding="utf-8")


def some_sites(policy: Policy = Policy.LAST_TOUCH, **more: object) -> Sites:
    site = Site("main", ("example.org",), (PRINTED,), parse(presets()), policy=policy, **more)  # type: ignore[arg-type]
    return Sites({"main": site})


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Company:
    """Visits on a database in `folder`; `die` forgets everything that is not in it, `begin` starts anew."""

    def __init__(
        self, folder: Path, directory: Directory | None = None, sites: Sites | None = None, url: str | None = None
    ) -> None:
        self.url = url or f"sqlite:///{folder}/bridge.db"
        self.directory = directory or a_directory()
        self.sites = sites or some_sites()
        self.site = self.sites.sites["main"]
        self.clock = Clock()
        self.revised: list[tuple[str, Attribution, Attribution]] = []

    async def begin(self, wrap: Callable[[VisitStore], object] = lambda store: store) -> Visits:
        self.database = Database(self.url)
        await migrate(self.database)
        self.store = VisitStore(self.database)
        self.calls = CallStore(self.database)
        bindings = [number.binding for number in self.directory.numbers.values()]
        await self.calls.record_bindings(self.clock.now, bindings)
        self.visits = Visits(wrap(self.store), self.clock, self.sites, self.directory, self._revise)  # type: ignore[arg-type]
        await self.visits.load()
        return self.visits

    async def die(self) -> None:
        await self.store.close()
        await self.database.close()

    def _revise(self, call_id: str, before: Attribution, after: Attribution) -> None:
        self.revised.append((call_id, before, after))

    async def open(self, page: str = ADS, **hit: object) -> Told:
        """A page opens, while the writer works."""
        import asyncio

        asking = asyncio.create_task(self.visits.visit(self.site, Hit(page, **hit)))  # type: ignore[arg-type]
        while not asking.done():
            await asyncio.sleep(0)
            await self.visits.writing.flush(slowly=False)
        told = asking.result()
        assert told is not None
        return told


def shown(told: Told | Changed | dict[str, object] | None) -> str | None:
    """The number a page shows after an answer."""
    swap = told.swap if isinstance(told, Told | Changed) else told
    return None if not swap else swap[PRINTED_KEY]["e164"]  # type: ignore[index,no-any-return]
