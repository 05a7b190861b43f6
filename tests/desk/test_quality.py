"""The page Quality over a made-up past: the sample, operators and answer speed, sound; for every role, in a browser, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from calls_house import SETTINGS, a_directory, calls_house
from desk_house import LOOKS, House, looking
from playwright.sync_api import Browser, expect

from bridge.core.desk.period import read_span
from bridge.core.desk.quality import monday_of
from bridge.core.desk.settings import DeskSettings
from bridge.core.model import Attribution, AttributionKind, Call, Outcome, Recording, RecordingStatus
from bridge.flows.sums import Sums
from bridge.store.calls import CallStore

ZONE = ZoneInfo("Europe/Moscow")
PATHS = ("/quality", "/quality/operators", "/quality/sound")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with calls_house(tmp_path_factory.mktemp("desk"), days=45, calls_per_day=120) as (house, _):
        house.do(house.side.sums.settle())
        yield house


@pytest.fixture(scope="module")
def last_week() -> str:
    return (monday_of(datetime.now(ZONE).date()) - timedelta(days=7)).isoformat()


def listed(page: str) -> list[str]:
    """Ids of the calls of the sample."""
    return re.findall(r'class="open" href="/calls/([^"?]+)"', page)


def test_a_week_that_is_over_stays_as_it_was_drawn(full: House, last_week: str) -> None:
    with full.client("listener") as client:
        page = client.get(f"/quality?week={last_week}").text
        ids = listed(page)
        assert len(ids) == len(set(ids)) == 20
        assert "The week is over" in page
        sunday = (datetime.fromisoformat(last_week) + timedelta(days=6)).date()
        assert listed(client.get(f"/quality?week={sunday}").text) == ids
        assert listed(client.get("/quality").text) != ids
        operators = re.findall(r'data-name="Operator">(\d+)<', page)
        assert set(operators) == {"101", "102", "103", "104", "105"}
        for call_id in ids[:3]:
            assert client.get(f"/calls/{call_id}").status_code == 200


def test_what_is_said_of_a_call_shows_here(full: House, last_week: str) -> None:
    week = (datetime.fromisoformat(last_week) - timedelta(days=7)).date().isoformat()
    with full.client("listener") as client:
        page = client.get(f"/quality?week={week}").text
        before = int(re.search(r"(\d+) of 20 scored", page)[1])
        following = re.search(r'id="next" href="/calls/([^"]+)"', page)[1]
        answer = client.post(f"/calls/{following}/checklist", data={"check-offer": "yes", "check-introduced": "no"})
        assert answer.status_code in (200, 303), answer.text
        page = client.get(f"/quality?week={week}").text
        assert f"{before + 1} of 20 scored" in page
        assert re.search(r'id="next" href="/calls/([^"]+)"', page)[1] != following


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("name", "status"),
    [("admin", 200), ("marketer", 200), ("listener", 200), ("operator", 403), ("guest", 403), (None, 303)],
)
def test_for_whom(full: House, path: str, name: str | None, status: int) -> None:
    with full.client(name) as client:
        assert client.get(path).status_code == status


def test_callers_are_masked_for_those_who_need_not_know_them(full: House, last_week: str) -> None:
    with full.client("admin") as client:
        assert re.search(r"\+7 9\d\d \d{3}-\d\d-\d\d", client.get(f"/quality?week={last_week}").text)
    for name in ("listener", "marketer"):
        with full.client(name) as client:
            page = client.get(f"/quality?week={last_week}").text
        assert "•••••" in page
        assert not re.search(r"\+7 ?9\d\d ?\d{3}", page)


@pytest.mark.parametrize(
    "address",
    [
        "?week=soon", "?week=2026-13-01", "?week=1815-06-18", "?week=9999-12-31", "?colour=red", "?week=0001-01-01",
        "/operators?sort=height", "/operators?sort=--wait", "/operators?period=soon", "/operators?week=2026-11-16", "/sound?sort=mos",
        "/sound?from=2026-11-22&to=2026-11-01",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_is_answered_in_words(full: House, address: str) -> None:
    with full.client() as client:
        answer = client.get(f"/quality{address}")
    assert answer.status_code == 400
    assert "This address cannot be" in answer.text


def test_operators_are_what_the_sums_say(full: House) -> None:
    span = read_span({"period": "30d"}, datetime.now(ZONE).date())
    found = full.do(full.side.desk.stores[Sums].operators(span.first, span.end))
    calls: dict[str, int] = {}
    for one in found:
        calls[one.answered_by.partition("/")[2]] = calls.get(one.answered_by.partition("/")[2], 0) + one.calls
    with full.client("listener") as client:
        page = client.get("/quality/operators?period=30d").text
        shown = re.findall(
            r'class="open" href="/calls\?([^"]+)">(\d+)</a></th>\s*<td data-name="Answered" class="number">([\d,]+)<',
            page,
        )
        assert {name: int(count.replace(",", "")) for _, name, count in shown} == calls
        assert [int(count.replace(",", "")) for _, _, count in shown] == sorted(calls.values(), reverse=True)
        assert client.get(f"/calls?{shown[0][0].replace('&amp;', '&')}").status_code == 200
        by_name = client.get("/quality/operators?period=30d&sort=name", headers={"HX-Request": "true"}).text
        assert "<html" not in by_name
        assert re.findall(r">(\d{3})</a></th>", by_name) == sorted(calls)
        assert 'aria-sort="ascending"' in by_name


def test_the_overloaded_trunk_is_found(full: House) -> None:
    """The made-up past has one: in the evening."""
    with full.client() as client:
        page = client.get("/quality/sound?period=30d").text
    assert "the last 7 days of the period" in page
    trunks, _, rest = page.partition("MOS by trunk and hour")
    assert re.findall(r'data-name="Trunk">([a-z]+)<', trunks) == ["beeline", "mango"]
    worst = re.findall(r'data-name="Trunk">(\w+)</th><td data-name="Hour" class="nowrap hour">(\d+):00', rest)
    assert worst[0][0] == "beeline"
    assert int(worst[0][1]) >= 17
    assert 'class="grade bad">bad' in rest


def test_empty_books_say_what_to_do(tmp_path: Path) -> None:
    with House(tmp_path, a_directory(), DeskSettings()) as house, house.client() as client:
        page = client.get("/quality").text
        assert "No call of this week can be listened to" in page
        assert "There is no checklist" in page
        assert "callbridge doctor" in client.get("/quality/operators").text
        assert "No call of these days was measured" in client.get("/quality/sound").text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    began = datetime.now(ZONE) - timedelta(seconds=90)
    call = Call(
        id=f"{began:%Y%m%d-%H%M%S}-1-000001",
        number="+74951110002",
        caller="+79161234567",
        caller_name=f"name{evil}",
        started_at=began,
        attribution=Attribution(AttributionKind.STATIC, f"source{evil}", "because"),
        line="sales",
        answered_at=began + timedelta(seconds=9),
        ended_at=began + timedelta(seconds=60),
        outcome=Outcome.ANSWERED,
        answered_by=f"PJSIP/phone{evil}",
        recording=Recording(RecordingStatus.KEPT, "x.wav", "wav"),
        quality={"rxmes": 80.0},
        trunk=f"PJSIP/trunk{evil}",
    )
    with House(tmp_path, a_directory(), SETTINGS) as house, house.client() as client:
        house.do(CallStore(house.database).save(call))
        house.do(house.side.sums.settle())
        week = began.date().isoformat()
        for path, names in (
            (f"/quality?week={week}", ("name", "source", "phone")),
            ("/quality/operators?period=7d", ("phone",)),
            ("/quality/sound?period=7d", ("trunk",)),
        ):
            page = client.get(path).text
            assert "<script>alert" not in page
            for name in names:
                assert f"{name}&lt;script&gt;" in page, (path, name)


@pytest.mark.parametrize(("phone", "language", "dark"), LOOKS)
def test_it_looks_well(chromium: Browser, full: House, last_week: str, phone: bool, language: str, dark: bool) -> None:
    with looking(chromium, full, "listener", phone=phone, language=language, dark=dark) as at:
        for path in (f"/quality?week={last_week}", "/quality/operators", "/quality/sound?period=7d"):
            at.page.goto(path)
            at.must_be_clean()
            part = path.partition("?")[0].strip("/").replace("/", "-")
            at.keep(f"{part}-{language}-{'phone' if phone else 'desktop'}{'-dark' if dark else ''}")
        at.page.goto("/quality/operators")
        for summary in at.page.locator("details.figures-of > summary").all():
            summary.click()
        at.must_be_clean()


def test_by_keyboard_alone(chromium: Browser, full: House, last_week: str) -> None:
    with looking(chromium, full, "listener") as at:
        page = at.page
        page.goto("/quality")
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(f"**/quality?week={last_week}")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        expect(page.locator("table.sample tbody tr").first.locator("a.open")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/calls/*")
        page.go_back()
        following = page.locator("#next").get_attribute("href")
        page.keyboard.press("n")
        page.wait_for_url(f"**{following}")
        page.go_back()
        at.errors.clear()  # the made-up recordings have no files to play
        page.keyboard.press("ArrowRight")
        page.wait_for_url(lambda url: last_week not in url)
        page.goto("/quality/operators")
        page.keyboard.press("j")
        expect(page.locator("table.operators a.open").first).to_be_focused()
        page.locator("#by-wait").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**sort=wait")
        expect(page.locator("th[aria-sort=ascending] #by-wait")).to_have_count(1)
        page.goto("/quality/sound")
        page.keyboard.press("j")
        expect(page.locator("table.worst tbody tr").first).to_be_focused()
        at.must_be_clean()


def test_without_javascript(chromium: Browser, full: House, last_week: str) -> None:
    context = chromium.new_context(base_url=full.url, java_script_enabled=False)
    try:
        full.see(context, "listener")
        page = context.new_page()
        page.goto("/quality")
        page.locator("details.drop summary").click()
        page.locator(f"details.drop a[href$='{last_week}']").click()
        page.wait_for_url(f"**/quality?week={last_week}")
        page.locator("#next").click()
        page.wait_for_url("**/calls/*")
        page.goto("/quality/operators")
        page.locator("#by-score").click()
        page.wait_for_url("**sort=score")
    finally:
        context.close()
