"""The desk in a process of its own: ``python -m benchmarks.desk_serve BOOKS EPOCH TOKEN``.

Prints its port and serves until it is ended, over the SQLite file BOOKS, at the moment EPOCH, which stands still. TOKEN is a session's of an
admin. The sums are kept meanwhile, as in the daemon.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lab.history_shape import ADS, CHECKLIST, binding_of

from bridge.cli.run import _loop_factory
from bridge.core.desk.access import Role
from bridge.core.desk.settings import DeskSettings
from bridge.core.directory import Directory, Line, Number, Pool, Source
from bridge.core.model import Binding, BindingKind
from bridge.core.plan import Leg
from bridge.deskside import DeskSide
from bridge.flows.desk_ports import Session, User
from bridge.flows.people import hash_of
from bridge.store.accounts import AccountStore
from bridge.store.engine import Database

ZONE = "Europe/Moscow"


def directory() -> Directory:
    """What the made-up past knows."""
    bound = {
        number: Binding(number, binding_of(ad, number), ad.source)
        for ad in ADS
        for number in (ad.number, *ad.numbers())
    }
    lines = {name: Line(name, name, (Leg("PJSIP/101"),), 40) for name in ("sales", "service")}
    return Directory(
        fallback="sales",
        lines=lines,
        sources={ad.source: Source(ad.source, ad.source) for ad in ADS},
        numbers={
            number: Number(binding) for number, binding in bound.items() if binding.kind is not BindingKind.RETIRING
        },
        pools={ad.source: Pool(ad.source, ad.source, tuple(ad.numbers()), 0) for ad in ADS if ad.pool},
        zone=ZoneInfo(ZONE),
    )


async def serve(path: str, now: datetime, token: str) -> None:
    database = Database(f"sqlite:///{path}")
    side = DeskSide(
        ("127.0.0.1", 0), DeskSettings(checklist={name: name for name in CHECKLIST}), directory(), database, lambda: now
    )
    accounts = AccountStore(database)
    await accounts.put_user(User("bench", Role.ADMIN, now))
    await accounts.begin_session(
        hash_of(token), Session("bench", now, now, now + timedelta(days=1), "127.0.0.1", "bench")
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(side.serve())
        group.create_task(side.sums.run())
        while True:
            try:
                port = side.service.address[1]
                break
            except RuntimeError:
                await asyncio.sleep(0.01)
        print(port, flush=True)


if __name__ == "__main__":
    moment = datetime.fromtimestamp(float(sys.argv[2]), UTC)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(sys.argv[1], moment, sys.argv[3]))
