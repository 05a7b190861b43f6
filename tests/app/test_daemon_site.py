"""The site's side inside the daemon, killed with -9 in the middle of its work; calls that find their visit."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

from lab.ports import free_tcp
from pbx import Pbx

from bridge.testing import agi_call

POOL = [f"+7495111{n:04}" for n in range(1, 21)]
DEFAULT, PRINTED = "+74951119999", "74951112233"
ADS = "https://example.org/?utm_source=yandex&utm_medium=cpc&utm_campaign=spring&utm_term=locks"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


def a_site(port: int, pool: list[str] = POOL) -> dict[str, Any]:
    return {
        "sources": {"radio": {}, "yandex-direct": {"title": "Yandex Direct"}},
        "numbers": {"+74951110000": {"source": "radio"}, DEFAULT: {"default_of": "yandex-direct"}},
        "pools": {"direct": {"source": "yandex-direct", "numbers": pool, "hold": "20m"}},
        "site": {
            "listen": f"127.0.0.1:{port}",
            "sites": {"main": {"domains": ["example.org"], "replace": [f"+{PRINTED}"]}},
        },
    }


class Pages:
    """Pages of the site, each from an address of its own."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/s/v1/"
        self._addresses = iter(f"203.0.{high}.{low}" for high in range(256) for low in range(1, 255))

    async def post(self, what: str, **body: Any) -> dict[str, Any] | None:
        return await asyncio.to_thread(self._post, what, {"site": "main", "page": ADS, "consent": "full", **body})

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any] | None:
        headers = {
            "Origin": "https://example.org",
            "User-Agent": AGENT,
            "Content-Type": "text/plain",
            "X-Forwarded-For": next(self._addresses),
        }
        request = urllib.request.Request(self._url + what, json.dumps(body).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    async def visit(self, **body: Any) -> tuple[str, str]:
        """The visit and the number it shows."""
        told = await self.post("visit", **body)
        assert told is not None
        return told["visit"], told["swap"][PRINTED]["e164"]


def rows(pbx: Pbx, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{pbx.store}?mode=ro", uri=True)) as books:
        return books.execute(query).fetchall()


async def test_a_kill_in_the_middle_hands_no_number_out_twice(tmp_path: Path) -> None:
    port = free_tcp()
    pages = Pages(port)
    async with Pbx(tmp_path, **a_site(port)) as pbx:
        await pbx.start()
        assert pbx.health()["site"]["state"] == "ok"
        first = [await pages.visit() for _ in range(5)]

        async def many() -> list[tuple[str, str]]:
            found = []
            for _ in range(6):
                try:
                    found.append(await pages.visit())
                except (OSError, urllib.error.URLError):
                    break
            return found

        asking = [asyncio.create_task(many()) for _ in range(4)]
        await asyncio.sleep(0.15)
        await asyncio.to_thread(pbx.daemon.kill9)
        shown = first + [one for some in await asyncio.gather(*asking) for one in some]
        await pbx.start()
        shown += [await pages.visit() for _ in range(20)]
        own = [number for _, number in shown if number != DEFAULT]
        assert len(own) == len(set(own)), "a number was shown to two visits"
        assert set(own) <= set(POOL)
        for visit, number in first:  # the pages that were open go on with theirs
            assert await pages.post("beat", visit=visit, active=True) is None
            told = await pages.post("visit", visit=visit)
            assert told is not None
            assert (told["visit"], told["swap"][PRINTED]["e164"]) == (visit, number)
        held = rows(pbx, "SELECT number FROM leases WHERE ended_at IS NULL")
        assert len(held) == len(set(held)) == len(POOL)


async def test_a_call_is_booked_on_its_visit_whether_the_daemon_was_asked_or_not(tmp_path: Path) -> None:
    port = free_tcp()
    pages = Pages(port)
    async with Pbx(tmp_path, **a_site(port)) as pbx:
        await pbx.start()
        visit, number = await pages.visit()
        other, unheard = await pages.visit()
        # a number is written before it is shown, what else is known of its visit a moment later
        await pbx.until(lambda: len(rows(pbx, "SELECT id FROM visits")) == 2)
        assert await agi_call(
            ("127.0.0.1", pbx.ports.agi),
            "inbound",
            "20261122-120000-7-000007",
            number.lstrip("+"),
            callerid="79161234567",
        )
        await asyncio.to_thread(pbx.daemon.kill9)
        began = time.time()
        head = f"{began:.0f}.8|PJSIP/trunk-00000008|{unheard.lstrip('+')}|+79167654321|allowed|Анна"
        pbx.write(f"1|begin|20261122-120001-8-000008|{began:.3f}|{head}|.")
        await pbx.start()

        def booked() -> bool:
            found = dict(rows(pbx, "SELECT number, visit FROM calls"))
            return found.get(unheard) == other

        await pbx.until(booked)
        found = {row[0]: row[1:] for row in rows(pbx, "SELECT visit, attribution_kind, source FROM calls")}
        assert found[other] == ("visit", "yandex-direct")
        if visit in found:  # the kill may have come before the books had heard of it; the journal has it in life
            assert found[visit] == ("visit", "yandex-direct")
        keyword = rows(pbx, "SELECT v.campaign, v.keyword FROM calls c JOIN visits v ON v.id = c.visit")
        assert set(keyword) == {("spring", "locks")}
        assert (other,) in rows(pbx, "SELECT visit FROM attributions")
        card = (await asyncio.to_thread(pbx.daemon.cli, "calls", "show", "20261122-120001-8")).stdout
        assert "locks" in card
        assert "spring" in card
        assert other in card


async def test_the_service_is_off_without_its_section_and_comes_with_a_start_only(tmp_path: Path) -> None:
    port = free_tcp()
    site = a_site(port)
    section = site.pop("site")
    async with Pbx(tmp_path, **site) as pbx:
        await pbx.start()
        assert pbx.health()["site"]["state"] == "off"
        pbx.daemon.config["site"] = section
        await asyncio.to_thread(pbx.daemon.reload)
        await pbx.until(lambda: pbx.health()["config"]["state"] == "refused")
        assert "site" in pbx.health()["config"]["detail"]


async def test_numbers_come_and_go_with_a_reload(tmp_path: Path) -> None:
    port = free_tcp()
    pages = Pages(port)
    async with Pbx(tmp_path, **a_site(port, POOL[:1])) as pbx:
        await pbx.start()
        visit, number = await pages.visit()
        assert number == POOL[0]
        pbx.daemon.config["pools"]["direct"]["numbers"] = POOL[1:2]
        await asyncio.to_thread(pbx.daemon.reload)

        async def taken() -> bool:
            told = await pages.post("beat", visit=visit, active=True)
            return told is not None and told["swap"][PRINTED]["e164"] == DEFAULT

        async with asyncio.timeout(30):
            while not await taken():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.1)
        assert (await pages.visit())[1] == POOL[1]
