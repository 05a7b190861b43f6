"""The service on a free port of loopback, over a real store, with a client that is a browser's page."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))  # visiting.py

from site_served import CHROME, ORIGIN, Served
from visiting import a_directory

from bridge.web.site import SiteService


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    company = Served(tmp_path, a_directory(20))
    visits = await company.begin()
    running = asyncio.create_task(visits.run())
    company.service = SiteService(visits, ("127.0.0.0/8",), "X-Region")
    await company.service.start("127.0.0.1", 0)
    host, port = company.service.address
    headers = {"User-Agent": CHROME, "Origin": ORIGIN, "Content-Type": "text/plain;charset=UTF-8"}
    async with httpx2.AsyncClient(base_url=f"http://{host}:{port}", headers=headers, timeout=20) as page:
        company.page = page
        yield company
    await company.service.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await company.die()
