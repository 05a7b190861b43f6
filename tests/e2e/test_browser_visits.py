"""Pages in a real Chromium are shown numbers by the daemon's own service, and calls to these through a real Asterisk name the visit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import next_caller, until
from lab.asterisk import CHECKOUT
from lab.browser import BrowserMissingError, find_browser
from lab.ports import free_tcp
from lab.tools import Program, Tools
from lab.world import Lab
from pages import PRINTED, PRINTED_AS, Pages, Person, advertised, shown, shows, swapped, told
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

POOL = [f"+7495111{n:04}" for n in range(20, 36)]
DEFAULT = "+74951110010"
LEAFLET, LEAFLET_DEFAULT = "+74951110050", "+74951110051"
#: Headless Chromium calls itself so, and programs get no number.
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
MOBILE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"

# All of it is of the module: while Playwright runs, its event loop holds the thread, and asyncio tests of others could not run.


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    with Pages().served() as site:
        yield site


@pytest.fixture(scope="module")
def company(tools: Tools, pages: Pages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    def furnish(config: dict[str, Any], lab: Lab) -> None:
        config["sources"] |= {
            "yandex-direct": {"title": "Yandex Direct"},
            "leaflet": {"title": "Leaflet"},
            "printed": {"title": "The printed number"},
        }
        config["numbers"] |= {
            DEFAULT: {"default_of": "yandex-direct"},
            LEAFLET_DEFAULT: {"default_of": "leaflet"},
            PRINTED: {"source": "printed"},
        }
        config["pools"] = {
            "direct": {"source": "yandex-direct", "numbers": POOL, "hold": "20m"},
            "leaflet": {"source": "leaflet", "numbers": [LEAFLET], "hold": "1s"},
        }
        config["defaults"]["notice"] = "none"
        port = free_tcp()
        pages.script = f"http://127.0.0.1:{port}/s/v1.js"
        rule = {"source": "leaflet", "utm": {"source": "leaflet"}}
        site = {"domains": [pages.host], "replace": [PRINTED], "rules": [rule]}
        config["site"] = {
            "listen": f"127.0.0.1:{port}",
            "heartbeat": "5s",
            "idle": "10s",
            "sites": {"main": site},
        }

    with Lab(tmp_path_factory.mktemp("company"), tools, phones=("sales-1",), change=furnish) as lab:
        lab.phone("sales-1", answer_after=0.1, hang_up_after=0.4)
        yield lab


@pytest.fixture(scope="module")
def program() -> Program:
    try:
        return find_browser(CHECKOUT / ".lab")
    except BrowserMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(program: Program, playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(**_how(program))
    yield browser
    browser.close()


@pytest.fixture(scope="module", autouse=True)
def idle(company: Lab, pages: Pages, chromium: Browser) -> Iterator[Page]:
    """A page that nobody touches, opened before all others: by the time its test comes it is idle."""
    person = Person(chromium.new_context(user_agent=DESKTOP))
    page = person.open(advertised(pages.page("/leaflet"), "idle", source="leaflet"))
    swapped(page)
    yield page
    person.context.close()
    assert person.errors == []


@pytest.fixture
def people(chromium: Browser) -> Iterator[Any]:
    """Makes persons, each with a browser nobody else used; at the end none of their pages may have seen an error."""
    made: list[Person] = []

    def person(**how: Any) -> Person:
        made.append(Person(chromium.new_context(**{"user_agent": DESKTOP, **how})))
        return made[-1]

    yield person
    for one in made:
        one.context.close()
    assert [one.errors for one in made if one.errors] == []


def _how(program: Program) -> dict[str, Any]:
    return {
        "executable_path": program.argv[0],
        "env": program.environment(),
        "chromium_sandbox": False,
        "ignore_default_args": ["--disable-back-forward-cache"],
    }


def call(company: Lab, number: str) -> str:
    """Call a number, as a caller nobody else is; who that was."""
    caller = next_caller()
    company.call(number, caller=caller, hang_up_after=None).wait()
    return caller


def card(company: Lab, caller: str, because: str = "") -> dict[str, Any]:
    """What ``callbridge calls show`` has of the one call of `caller`, as soon as it is booked, for a reason that has `because`."""
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        found[:] = company.daemon.calls("--caller", caller)
        return bool(found) and all(x["ended_at"] and because in x["attribution"]["reason"] for x in found)

    until(ended, 30, f"the booking of {caller} {because}")
    assert len(found) == 1
    return company.daemon.call(found[0]["id"])


def called(company: Lab, page: Page, keyword: str, campaign: str = "spring") -> dict[str, Any]:
    """Call the number this page shows; the card, which names the page's visit, its campaign and its keyword."""
    number = shown(page)
    assert number in POOL
    booked = card(company, call(company, number))
    attribution = booked["attribution"]
    assert (attribution["kind"], attribution["source"]) == ("visit", "yandex-direct")
    assert attribution["visit"] == told(page)["visit"]
    assert 0.5 <= attribution["confidence"] <= 1
    assert "this number was shown to the visit that came from yandex-direct" in attribution["reason"]
    visit = booked["visit"]
    assert (visit["id"], visit["credited"]["campaign"], visit["credited"]["keyword"]) == (
        attribution["visit"],
        campaign,
        keyword,
    )
    return booked


def test_a_page(company: Lab, pages: Pages, people: Any) -> None:
    page = people().open(advertised(pages.page("/"), "замки", "весна"))
    swapped(page)
    booked = called(company, page, "замки", "весна")
    assert [x["url"] for x in booked["visit"]["pages"]] == [page.url]
    text = company.daemon.cli("calls", "show", booked["id"]).stdout
    for part in ("замки", "весна", "Yandex Direct", f"{booked['attribution']['confidence']:.3f}"):
        assert part in text


@pytest.mark.parametrize("kind", ["react", "vue"])
def test_an_application_that_writes_the_number_anew(company: Lab, pages: Pages, people: Any, kind: str) -> None:
    try:
        url = pages.app(kind, CHECKOUT / ".lab" / "web")
    except FileNotFoundError as missing:
        pytest.skip(f"no {missing.filename}: scripts/test fetches it with npm")
    page = people().open(advertised(url, kind))
    number = swapped(page)
    for clicks in range(1, 4):
        page.click("#more")
        page.wait_for_function("n => document.querySelector('#more').textContent === String(n)", arg=clicks)
        shows(page, number)
        assert shown(page) == number
    called(company, page, kind)


def test_a_tap_just_before_the_call(company: Lab, pages: Pages, people: Any) -> None:
    phone = people(user_agent=MOBILE, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = phone.open(advertised(pages.page("/mobile"), "tapped"))
    number = swapped(page)
    with page.expect_request(lambda request: request.url.endswith("/event")):
        page.tap("#link")
    booked = card(company, call(company, number), because="and tapped it")
    assert booked["attribution"]["visit"] == told(page)["visit"]
    assert booked["attribution"]["confidence"] >= 0.9
    assert booked["visit"]["credited"]["keyword"] == "tapped"
    assert booked["visit"]["mobile"] is True


def test_two_tabs_of_one_person(company: Lab, pages: Pages, people: Any) -> None:
    person = people()
    first = person.open(advertised(pages.page("/first"), "tabs"))
    number = swapped(first)
    second = person.open(pages.page("/second"))
    assert swapped(second) == number
    assert told(second)["visit"] == told(first)["visit"]
    booked = called(company, second, "tabs")
    assert [x["url"] for x in booked["visit"]["pages"]] == [first.url, second.url]
    assert shown(first) == number


def test_a_page_from_the_back_forward_cache(company: Lab, pages: Pages, people: Any) -> None:
    page = people().open(advertised(pages.page("/kept"), "back"))
    number, url = swapped(page), page.url
    page.evaluate("window.mark = 'the very page'")
    page.goto(pages.page("/elsewhere", "<p>other</p>", script=False))
    with page.expect_response(lambda answer: answer.url.endswith("/beat")):
        page.evaluate("history.back()")
        page.wait_for_url(url, wait_until="commit")
    assert page.evaluate("window.mark") == "the very page"
    assert shown(page) == number
    booked = called(company, page, "back")
    assert "had the page open" in booked["attribution"]["reason"]


def test_a_browser_that_keeps_nothing(
    company: Lab, pages: Pages, program: Program, playwright: Playwright, tmp_path: Path
) -> None:
    settings = tmp_path / "Default" / "Preferences"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    context = playwright.chromium.launch_persistent_context(tmp_path, user_agent=DESKTOP, **_how(program))
    try:
        person = Person(context)
        page = person.open(advertised(pages.page("/blocked"), "blocked"))
        swapped(page)
        refused = page.evaluate("(() => { try { return !localStorage } catch (e) { return e.name } })()")
        assert refused == "SecurityError"
        assert page.evaluate("document.cookie = 'a=b', document.cookie") == ""
        called(company, page, "blocked")
        assert person.errors == []
    finally:
        context.close()


def test_a_slow_network(company: Lab, pages: Pages, people: Any) -> None:
    person = people()
    page = person.open("about:blank")
    person.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000},
    )
    page.goto(advertised(pages.page("/slow"), "slow"))
    page.mouse.move(5, 5)  # were the answer too late for the script, it would ask again for whoever moves
    number = swapped(page)
    page.wait_for_function("painted.length > 1")
    printed, own = page.evaluate("painted")
    assert printed == PRINTED_AS
    assert "+" + "".join(filter(str.isdigit, own)) == number
    called(company, page, "slow")


def test_an_idle_page_gives_its_number_back(company: Lab, pages: Pages, people: Any, idle: Page) -> None:
    assert shown(idle) == LEAFLET  # nobody needed it
    url = pages.page("/leaflet-too")
    other = people().open(advertised(url, "active", source="leaflet"))

    def given() -> bool:
        other.wait_for_timeout(1000)
        other.reload()
        return bool(told(other)["numbers"][PRINTED.lstrip("+")]["e164"] == LEAFLET)

    until(lambda: swapped(other) == LEAFLET or given(), 30, "the idle page's number going on")
    third = people().open(advertised(url, "late", source="leaflet"))
    assert swapped(third) == LEAFLET_DEFAULT  # an active visitor is not robbed
    named = card(company, call(company, shown(other)))
    assert named["attribution"]["visit"] == told(other)["visit"]
    assert named["visit"]["credited"]["keyword"] == "active"
    shows(idle, LEAFLET_DEFAULT)
    default = card(company, call(company, shown(idle)))["attribution"]
    assert (default["kind"], default["source"], default["visit"]) == ("source-default", "leaflet", None)


def test_a_service_that_is_down(company: Lab, pages: Pages, people: Any) -> None:
    regular = people()
    regular.open(pages.page("/asks-first", options="data-consent=wait")).wait_for_function("window.callbridge")
    url = advertised(pages.page("/down"), "down")
    company.daemon.stop()
    try:
        page = regular.open(url)  # has the script in its cache
        assert told(page)["numbers"] == {}
        stranger = people().open(url)  # not even that
        assert stranger.evaluate("window.callbridge") is None
        assert shown(page) == shown(stranger) == PRINTED
        caller = call(company, PRINTED)
    finally:
        company.daemon.start()
    booked = card(company, caller)["attribution"]
    assert (booked["kind"], booked["source"], booked["visit"]) == ("static", "printed", None)
    page.reload()
    swapped(page)
    called(company, page, "down")
