"""What ``callbridge user`` and ``callbridge link`` share: the people of the books, and who is asking."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from bridge.cli.common import fail, open_config, open_database, readable_errors

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.flows.people import By, People
    from bridge.store.accounts import AccountStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """The books' side of the desk. `by` stands in the audit log."""

    config: Config
    zone: ZoneInfo
    accounts: AccountStore
    people: People
    by: By


def with_desk(path: Path | None, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Runs `work` over the configured books; what the rules refuse ends the command with their words."""
    from bridge.cli.times import now
    from bridge.flows.people import By, People, PeopleError
    from bridge.store.accounts import AccountStore
    from bridge.store.migrate import require_current

    loaded = open_config(path)
    database = open_database(loaded)

    async def run() -> T:
        try:
            await require_current(database)
            accounts = AccountStore(database)
            people = People(accounts, now, loaded.config.lines)
            return await work(
                Desk(loaded.config, ZoneInfo(loaded.config.timezone), accounts, people, By(f"cli:{getpass.getuser()}"))
            )
        finally:
            await database.close()

    with readable_errors():
        try:
            return asyncio.run(run())
        except PeopleError as error:
            fail(error)
