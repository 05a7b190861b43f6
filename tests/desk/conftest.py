"""The desk over real books, and Debian's Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from desk_house import House, a_directory
from lab.asterisk import CHECKOUT
from lab.browser import BrowserMissingError, find_browser
from playwright.sync_api import Browser, sync_playwright

from bridge.core.desk.settings import DeskSettings


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Empty books."""
    folder: Path = tmp_path_factory.mktemp("desk")
    with House(folder, a_directory(ZoneInfo("Europe/Moscow")), DeskSettings()) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # module scope: while Playwright runs, its event loop holds the thread, and asyncio tests of other modules could not run
    if not (CHECKOUT / ".lab/web/axe.js").exists():
        pytest.skip("no axe-core in .lab/web: scripts/test fetches it")
    try:
        program = find_browser(CHECKOUT / ".lab")
    except BrowserMissingError as error:
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program.argv[0], env=program.environment(), chromium_sandbox=False
        )
        yield browser
        browser.close()
