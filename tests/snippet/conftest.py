"""A real Chromium, a site, and a service that speaks the snippet's protocol: two servers, two origins, as in life."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab.asterisk import CHECKOUT
from lab.browser import BrowserMissingError, find_browser
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from snippet_servers import Service, Site, Visitor


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # module scope: while Playwright runs, its event loop holds the thread, and asyncio tests of other modules could not run
    try:
        program = find_browser(CHECKOUT / ".lab")
    except BrowserMissingError as error:
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program.argv[0],
            env=program.environment(),
            chromium_sandbox=False,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture
def site(service: Service) -> Iterator[Site]:
    with Site(service) as running:
        yield running


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context()
    yield opened
    opened.close()


@pytest.fixture
def visitor(context: BrowserContext, service: Service, site: Site) -> Iterator[Visitor]:
    """A person with a browser; at the end no page may have seen an error."""
    person = Visitor(context, site)
    yield person
    assert person.errors == []
