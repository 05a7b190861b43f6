"""The daemon's own desk over a real Asterisk: a real call is seen in Chromium while it rings, listened to and classified when it has ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from house import next_caller
from lab.asterisk import CHECKOUT
from lab.browser import BrowserMissingError, find_browser
from lab.daemon import SOURCES
from lab.ports import free_tcp
from lab.tools import Tools
from lab.world import Lab
from playwright.sync_api import Browser, Page, expect, sync_playwright

PASSWORD = "correct horse battery"
SECOND = 1000.0

# All of it is of the module: while Playwright runs, its event loop holds the thread, and asyncio tests of others could not run.


@pytest.fixture(scope="module")
def office(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose daemon serves the desk, with a user made by the command line while it runs."""

    def furnish(config: dict[str, Any], lab: Lab) -> None:
        config["desk"] = {"listen": f"127.0.0.1:{free_tcp()}", "classes": {"order": {"title": "Order", "key": "o"}}}
        config["timezone"] = "Europe/Moscow"

    with Lab(tmp_path_factory.mktemp("office"), tools, change=furnish) as lab:
        command = [sys.executable, "-m", "bridge", "user", "add", "anna", "--role", "admin", "--password-stdin"]
        subprocess.run(
            [*command, "-c", lab.daemon.config_file], input=PASSWORD, text=True, check=True, cwd=CHECKOUT, timeout=60
        )
        yield lab


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        program = find_browser(CHECKOUT / ".lab")
    except BrowserMissingError as error:
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program.argv[0],
            env=program.environment(),
            chromium_sandbox=False,
            args=["--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, office: Lab) -> Iterator[Page]:
    """Anna's page, signed in by keyboard; nothing may go wrong in its console."""
    errors: list[str] = []
    context = chromium.new_context(base_url=f"http://{office.config['desk']['listen']}", locale="en-GB")
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    page.keyboard.type("anna")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/now")
    yield page
    context.close()
    assert errors == []


def test_a_real_call_from_its_ringing_to_its_class(office: Lab, page: Page) -> None:
    caller = next_caller()
    phone = office.phone("sales-1", answer_after=2.0)
    call = office.call(SOURCES["radio"], caller=caller, name="Иван <i>", hang_up_after=None)
    # while it is under way the page Now says so by itself
    live = page.locator("#calls")
    expect(live.locator(".phase.ring, .phase.rings, .phase.ringing")).to_be_visible(timeout=15 * SECOND)
    expect(live).to_contain_text("Radio")
    expect(live).to_contain_text("Иван <i>")
    phone.wait_answered()
    expect(live.locator(".phase.talk, .phase.talks, .phase.talking")).to_be_visible(timeout=15 * SECOND)
    page.wait_for_timeout(2 * SECOND)
    call.hang_up()
    call.wait()
    expect(live.locator("[data-count='0']")).to_be_visible(timeout=15 * SECOND)
    office.wait_booked()

    # then it is in the list, and has a recording of both sides
    page.goto("/calls")
    row = page.locator("tbody tr", has_text="Иван <i>")
    expect(row).to_contain_text("answered")
    call_id = office.daemon.calls()[-1]["id"]
    page.goto(f"/calls/{call_id}")
    page.locator("[data-do='play']").click()
    page.locator("[data-time]").filter(has_not_text="0:00 /").wait_for(timeout=15 * SECOND)
    expect(page.locator("#attribution")).to_contain_text("Radio")

    # one key classifies, one takes it back; the history has both
    page.locator("h1").click()
    page.keyboard.press("o")
    expect(page.locator("#history")).to_contain_text("anna", timeout=10 * SECOND)
    shown = office.daemon.cli("calls", "show", call_id).stdout
    assert "Radio" in shown
    page.goto("/calls?class=order")
    expect(page.locator("tbody")).to_contain_text("Иван <i>")
    page.goto("/audit?action=listen")
    expect(page.locator("main")).to_contain_text(call_id)


def test_a_missed_real_call_waits_to_be_called_back(office: Lab, page: Page) -> None:
    caller = next_caller()
    before = len(office.daemon.calls())
    office.phone("sales-1", answer_after=None)
    call = office.call(SOURCES["billboard-m4"], caller=caller, hang_up_after=None)
    page.wait_for_timeout(2 * SECOND)
    call.hang_up()
    call.wait()
    office.wait_booked(before)
    page.goto("/missed")
    expect(page.locator("table.missed tbody tr")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("d")
    expect(page.locator("table.missed")).to_have_count(0)


def test_every_page_of_the_daemons_own_desk_answers(page: Page) -> None:
    for path in (
        "now",
        "calls",
        "missed",
        "sources",
        "pools",
        "quality",
        "set-up",
        "users",
        "audit",
        "links",
        "account",
    ):
        answer = page.goto(f"/{path}")
        assert answer is not None
        assert (path, answer.status) == (path, 200)
        expect(page.locator("h1")).to_be_visible()
