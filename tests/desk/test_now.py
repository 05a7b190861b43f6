"""The page Now in a browser, while calls begin, ring, are answered and end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from desk_house import LOOKS, House, a_directory, looking, until
from lab.history import Plan, write_history
from playwright.sync_api import Browser, expect

from bridge.core.booking import opened
from bridge.core.desk.settings import DeskSettings
from bridge.core.desk.situation import Alarm, Occupancy, PartState, alarms_of
from bridge.core.model import Call
from bridge.core.routing import decide
from bridge.flows.desk_setup import NoSetUp
from bridge.flows.live import Live, Unwatched
from bridge.web.desk import events


@dataclass
class Daemon(Unwatched):
    """A daemon of which only the picture of open calls is real."""

    live: Live
    books: dict[str, Call]
    pools: list[Occupancy]

    def calls(self):  # type: ignore[no-untyped-def]
        return self.live.calls()

    async def moved(self, seconds: float) -> None:
        await self.live.moved(seconds)

    def occupancy(self) -> list[Occupancy]:
        return self.pools

    def parts(self) -> list[PartState]:
        now = datetime.now(UTC)
        return [PartState("ami", "degraded", now, "no answer"), PartState("store", "ok", now)]

    def alarms(self) -> list[Alarm]:
        said = Alarm("warning", "disk: /srv: 0.9 GB free", "make room", raw=True)
        return alarms_of(self.parts(), {"books_late": 3}, self.pools, [said])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("desk")
    write_history(folder / "bridge.db", Plan(datetime.now(UTC), days=40, calls_per_day=30))
    with House(folder, a_directory(ZoneInfo("Europe/Moscow")), DeskSettings()) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(house: House) -> Daemon:
    books: dict[str, Call] = {}
    live = Live(books.values, lambda: True, lambda: house.side.desk.directory, lambda: datetime.now(UTC))
    daemon = Daemon(live, books, [Occupancy("yandex-direct", 12, 12, 12), Occupancy("google-ads", 8, 3, 7)])
    house.side.watch(daemon, NoSetUp())
    return daemon


def a_call(house: House, number: int, caller: str | None, ago: float, **changed: object) -> Call:
    now = datetime.now(UTC) - timedelta(seconds=ago)
    decision = decide(house.side.desk.directory, "+74951110001", now)
    call_id = f"{now:%Y%m%d-%H%M%S}-{number}-{number:06}"
    call = opened(call_id, decision, caller=caller, caller_name="Анна <b>", uniqueid=f"{number}.1", at=now)
    return replace(call, **changed)  # type: ignore[arg-type]


@pytest.fixture
def three(house: House, daemon: Daemon) -> Iterator[list[Call]]:
    """Two on the line sales, one on support."""
    now = datetime.now(UTC)
    calls = [
        a_call(house, 1, "+79161234567", 95, answered_at=now - timedelta(seconds=80), answered_by="PJSIP/101", first_time=True),
        a_call(house, 2, None, 4),
        a_call(house, 3, "+79031112233", 7, line="support"),
    ]  # fmt: skip
    daemon.books |= {call.id: call for call in calls}
    yield calls
    daemon.books.clear()


@pytest.mark.parametrize(("phone", "language", "dark"), LOOKS)
def test_it_looks_well(
    chromium: Browser, house: House, three: list[Call], phone: bool, language: str, dark: bool
) -> None:
    with looking(chromium, house, phone=phone, language=language, dark=dark) as at:
        at.page.goto("/now")
        expect(at.page.locator("#link")).to_have_class("small quiet live")
        expect(at.page.locator("#calls tbody tr")).to_have_count(3)
        at.must_be_clean()
        at.keep(f"now-{language}-{'phone' if phone else 'desktop'}{'-dark' if dark else ''}")


def test_it_looks_well_with_nobody_calling(chromium: Browser, house: House, daemon: Daemon) -> None:
    with looking(chromium, house) as at:
        at.page.goto("/now")
        expect(at.page.locator("#link")).to_have_class("small quiet live")
        at.must_be_clean()
        at.keep("now-empty")


def test_calls_come_change_and_go_without_a_reload(chromium: Browser, house: House, daemon: Daemon) -> None:
    with looking(chromium, house, "marketer") as at:
        at.page.goto("/now")
        expect(at.page.locator("#calls")).to_contain_text("Nobody is calling")
        expect(at.page.locator("#link")).to_have_class("small quiet live")
        at.page.evaluate("window.stayed = true")
        call = a_call(house, 4, "+79161234567", 0)
        house.do(told(daemon, call))  # AGI is quicker than the books
        row = at.page.locator("#calls tbody tr")
        expect(row).to_contain_text("rings")
        expect(row).to_contain_text("101")
        expect(row).to_contain_text("+7916•••••67")  # a marketer need not see whom it is
        expect(at.page).to_have_title("(1) Now · callbridge")
        daemon.books[call.id] = replace(call, answered_at=datetime.now(UTC), answered_by="PJSIP/102")
        expect(row).to_contain_text("talks")
        expect(row).to_contain_text("102")
        del daemon.books[call.id]
        expect(row).to_have_count(0)
        assert at.page.evaluate("window.stayed")
        assert at.errors == []


async def told(daemon: Daemon, call: Call) -> None:
    daemon.live.began(call)


def test_an_operator_sees_the_calls_of_his_line_only(chromium: Browser, house: House, three: list[Call]) -> None:
    with looking(chromium, house, "operator") as at:
        at.page.goto("/now")
        expect(at.page.locator("#calls tbody tr")).to_have_count(2)
        expect(at.page.locator("#calls")).to_contain_text("+7 916 123-45-67")
        expect(at.page.locator("main")).not_to_contain_text("needs looking at")
        at.page.wait_for_timeout(1200)  # nor by the stream
        expect(at.page.locator("#calls tbody tr")).to_have_count(2)


def test_by_keyboard_alone(chromium: Browser, house: House, three: list[Call], daemon: Daemon) -> None:
    with looking(chromium, house) as at:
        at.page.goto("/now")
        expect(at.page.locator("#link")).to_have_class("small quiet live")
        at.page.keyboard.press("j")
        at.page.keyboard.press("j")
        focused = at.page.evaluate("document.activeElement.id")
        assert focused == f"call-{three[2].id}"  # the oldest call is the first
        daemon.books[three[2].id] = replace(three[2], answered_at=datetime.now(UTC), answered_by="PJSIP/201")
        expect(at.page.locator("#calls")).to_contain_text("201")
        assert at.page.evaluate("document.activeElement.id") == focused  # news do not take it away
        at.page.keyboard.press("Enter")
        at.page.wait_for_url(f"**/calls/{three[2].id}")


def test_without_scripts_it_comes_again_by_itself(house: House, three: list[Call]) -> None:
    with house.client() as client:
        text = client.get("/now").text
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in text
    assert "+7 916 123-45-67" in text
    assert "Анна &lt;b&gt;" in text


def test_a_revoked_session_ends_its_stream(house: House, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STILL_EVERY", 0.0)
    house.add_user("gone", house.do(house.accounts.user("marketer")).role)
    with house.client("gone") as client, client.stream("GET", "/now/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        house.do(house.accounts.end_sessions("gone"))
        assert [line for line in lines if line.startswith("event: never")] == []  # it ends
    until(lambda: house.side.desk.streams == 0)


def test_there_are_only_so_many_streams(house: House, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST", 1)
    with house.client() as client, client.stream("GET", "/now/events") as answer:
        lines = answer.iter_lines()  # as long as it is there, the stream is
        assert next(lines) == "retry: 2000"
        assert client.get("/now/events").status_code == 503
    until(lambda: house.side.desk.streams == 0)


def test_streams_do_not_hold_up_the_end(house: House, daemon: Daemon) -> None:
    with house.client() as client, client.stream("GET", "/now/events") as answer:
        lines = answer.iter_lines()
        next(lines)
        house.side.desk.closing.set()
        for _ in lines:
            pass  # it ends
    until(lambda: house.side.desk.streams == 0)
    house.side.desk.closing.clear()
