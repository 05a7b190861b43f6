"""The desk inside the daemon: served, watched, reloaded; off without its section."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

from lab.ports import free_tcp
from pbx import Pbx


def page(port: int, path: str = "/sign-in") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return str(answer.read().decode())


async def test_the_desk_is_served_and_takes_a_changed_configuration(tmp_path: Path) -> None:
    port = free_tcp()
    async with Pbx(tmp_path, desk={"listen": f"127.0.0.1:{port}"}) as pbx:
        await pbx.start()
        await pbx.until(lambda: pbx.health()["desk"]["state"] == "ok")
        assert "callbridge user add" in await asyncio.to_thread(page, port)
        (tmp_path / "oidc.secret").write_text("s3cret")
        (tmp_path / "oidc.secret").chmod(0o600)
        pbx.daemon.config["desk"] |= {
            "url": "https://desk.example.org",
            "oidc": {
                "issuer": "https://login.example.org",
                "client_id": "callbridge",
                "client_secret": {"file": str(tmp_path / "oidc.secret")},
                "roles": {"it": "admin"},
                "title": "By the company",
            },
        }
        await asyncio.to_thread(pbx.daemon.reload)

        async def taken() -> bool:
            return "By the company" in await asyncio.to_thread(page, port)

        async with asyncio.timeout(30):
            while not await taken():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.1)
        pbx.daemon.config["desk"]["listen"] = f"127.0.0.1:{free_tcp()}"
        await asyncio.to_thread(pbx.daemon.reload)
        await pbx.until(lambda: pbx.health()["config"]["state"] == "refused")
        assert "desk.listen" in pbx.health()["config"]["detail"]


async def test_without_its_section_it_is_off(tmp_path: Path) -> None:
    async with Pbx(tmp_path) as pbx:
        await pbx.start()
        assert pbx.health()["desk"]["state"] == "off"
