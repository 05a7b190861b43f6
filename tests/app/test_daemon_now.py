"""The desk of a running daemon: its calls within a second, its set-up, and an end that no open page holds up."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
from lab.ports import free_tcp
from pbx import Pbx

from bridge.core.desk.access import Role
from bridge.flows.desk_ports import Session, User
from bridge.store.accounts import AccountStore
from bridge.store.engine import Database
from bridge.web.desk.gate import hash_of


async def sign_in(store: Path) -> str:
    """The token of a session of a new admin."""
    database = Database(f"sqlite:///{store}")
    now = datetime.now(UTC)
    accounts = AccountStore(database)
    await accounts.put_user(User("anna", Role.ADMIN, now))
    await accounts.begin_session(
        hash_of("t0ken"), Session("anna", now, now, now + timedelta(hours=1), "127.0.0.1", "test")
    )
    await database.close()
    return "t0ken"


async def test_calls_come_change_and_go_on_the_page_of_a_running_daemon(tmp_path: Path) -> None:
    port = free_tcp()
    async with Pbx(tmp_path, desk={"listen": f"127.0.0.1:{port}"}) as pbx:
        await pbx.start()
        cookies = {"callbridge-session": await sign_in(pbx.store)}
        async with (
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", cookies=cookies, timeout=30) as client,
            client.stream("GET", "/now/events") as stream,
        ):
            lines = stream.aiter_lines()

            async def until_said(text: str) -> None:
                async with asyncio.timeout(20):
                    while text not in await anext(lines):
                        pass

            await until_said("Nobody is calling")
            await pbx.call(ends=False)
            await until_said("phase talking")
            page = (await client.get("/now")).text
            assert "phase talking" in page
            set_up = (await client.get("/set-up")).text
            assert "What is in force is what stands in the files." in set_up
            assert "sales.ring[0].phone" in set_up
            assert "s3cret" not in set_up
            figures = (await client.get("/set-up/figures")).text
            assert "Calls under way." in figures
            stopping = asyncio.create_task(asyncio.to_thread(pbx.daemon.stop))
            began = time.monotonic()
            async for _ in lines:
                pass  # the stream ends with the daemon
            assert await stopping == 0
            assert time.monotonic() - began < 15  # no grace was waited out for it, let alone the kill
