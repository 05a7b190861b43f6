"""The page Pools over a made-up past: figures, advice, a slider whose replay is done by a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from desk_house import LOOKS, House, Looking, looking, until
from lab.history import Plan, write_history
from playwright.sync_api import Browser, expect

from bridge.core.desk.pools import Advised, Question, Replayed, TooFew
from bridge.core.desk.settings import DeskSettings
from bridge.core.directory import Directory, Line, Pool, Source
from bridge.core.plan import Leg
from bridge.flows.pool_lab import LabError
from bridge.store.desk_pools import PoolAnswers
from bridge.store.engine import Database

SOURCE = "yandex-direct"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("desk")
    zone = ZoneInfo("Europe/Moscow")
    write_history(folder / "bridge.db", Plan(datetime.now(UTC), days=35, calls_per_day=25, visits_per_day=150))
    pools = {
        "direct": Pool("direct", SOURCE, tuple(f"+74951000{n}" for n in range(101, 113))),
        "vk": Pool("vk", "vk-ads", ("+74951000301", "+74951000302"), hold=600),
        "new": Pool("new", "fresh", ("+74951000901",)),
    }
    sources = {
        name: Source(name, title) for name, title in ((SOURCE, "Яндекс Директ"), ("vk-ads", "VK"), ("fresh", "Новый"))
    }
    lines = {"sales": Line("sales", "Отдел продаж", (Leg("PJSIP/101"),), 40)}
    with House(folder, Directory("sales", lines, sources, pools=pools, zone=zone), DeskSettings()) as running:
        running.do(running.side.sums.settle())
        yield running


def open_page(at: Looking, query: str = "") -> None:
    at.page.goto(f"/pools{query}")
    expect(at.page.locator("#replay")).not_to_contain_text("…", timeout=90_000)


@pytest.mark.parametrize(("phone", "language", "dark"), LOOKS)
def test_it_looks_well(chromium: Browser, house: House, phone: bool, language: str, dark: bool) -> None:
    with looking(chromium, house, "marketer", phone=phone, language=language, dark=dark) as at:
        open_page(at, "?numbers=6&hold=1200&cost=300&budget=90000")
        at.must_be_clean()
        at.keep(f"pools-{language}-{'phone' if phone else 'desktop'}{'-dark' if dark else ''}")


def test_the_slider_speaks_at_once_and_is_replayed_by_keyboard_alone(chromium: Browser, house: House) -> None:
    with looking(chromium, house) as at:
        open_page(at, "?hold=1800")
        slider = at.page.locator("#numbers")
        before = at.page.locator("#covered").inner_text()
        slider.focus()
        at.page.keyboard.press("Home")
        at.page.keyboard.press("ArrowRight")
        expect(at.page.locator("#numbers-said")).to_have_text("2")
        fewer = at.page.locator("#covered").inner_text()
        assert float(fewer.rstrip("%")) < float(before.rstrip("%"))
        replay = at.page.locator("#replay")
        expect(replay).to_contain_text("2 numbers, 30 minutes", timeout=30_000)
        expect(replay).not_to_contain_text("…", timeout=60_000)
        cells = replay.locator("tbody tr").first.locator("td").all_inner_texts()
        assert float(cells[1].rstrip("%")) < float(cells[0].rstrip("%"))  # fewer numbers cover less
        at.page.keyboard.press("Tab")
        at.page.keyboard.press("End")  # the longest hold
        expect(replay).to_contain_text("1 hour")
        expect(replay).not_to_contain_text("…", timeout=60_000)
        assert at.errors == []


def test_without_scripts_it_is_a_form(house: House) -> None:
    with house.client("marketer") as client:
        url = f"/pools?source={SOURCE}&days=28&numbers=5&hold=600"

        def text() -> str:
            return str(client.get(url).text)

        waiting = client.get(url).text
        assert 'http-equiv="refresh"' in waiting or "Replayed over the past" in waiting
        until(lambda: "http-equiv" not in text(), 90)
        until(lambda: "5 numbers" in text() and "Replaying" not in text(), 60)


def test_too_little_traffic_is_said(house: House) -> None:
    with house.client("marketer") as client:
        until(lambda: "only 0 visits of this source" in client.get("/pools?source=fresh").text, 30)


def test_a_desk_without_pools_says_so(house: House) -> None:
    desk = house.side.desk
    before, desk.directory = desk.directory, Directory("sales", desk.directory.lines)
    try:
        with house.client("marketer") as client:
            assert "There are no pools of dynamic numbers." in client.get("/pools").text
            assert client.get("/pools/what-if").status_code == 404
    finally:
        desk.directory = before


@pytest.mark.parametrize(
    "query",
    ["source=nobody", "numbers=-1", "numbers=501", "numbers=x", "hold=soon", "hold=99999999", "days=0", "days=²", "cost=-3",
     "cost=nan", "budget=inf", "period=never", "from=2026-13-01"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(house: House, query: str) -> None:
    with house.client("marketer") as client:
        assert client.get(f"/pools?{query}").status_code == 400


def test_the_process_answers_as_asked(house: House) -> None:
    answers = PoolAnswers(house.database)
    seen: list[tuple[int, int]] = []

    async def ask(question: Question) -> object:
        return await answers(question, lambda done, whole: seen.append((done, whole)))

    advised = house.do(ask(Question(SOURCE, 28, size=12)))
    assert isinstance(advised, Advised)
    assert advised.covered["auto"] == sorted(advised.covered["auto"])  # more numbers never cover less
    assert advised.sizes[-1] >= max(advised.needed.values())
    few, many = (house.do(ask(Question(SOURCE, 28, numbers, 900))) for numbers in (2, 30))
    assert isinstance(few, Replayed)
    assert isinstance(many, Replayed)
    assert few.covered < many.covered
    assert few.visits == many.visits == advised.visits
    assert house.do(ask(Question("fresh", 28))) == TooFew(0)
    assert seen


def test_a_store_that_is_not_there_is_said(house: House) -> None:
    answers = PoolAnswers(Database(f"sqlite:///{house.folder}/gone.db"))

    async def ask() -> object:
        return await answers(Question(SOURCE, 28), lambda done, whole: None)

    with pytest.raises(LabError, match=r"gone\.db"):
        house.do(ask())


def test_the_loop_answers_others_while_it_is_replayed(house: House) -> None:
    """Calls get their answer in the same loop."""
    with house.client("marketer") as client:
        client.get("/pools?numbers=7&hold=300&days=27")
        began = house.side.desk.clock()
        assert client.get("/pools?source=vk-ads").status_code == 200
        assert (house.side.desk.clock() - began).total_seconds() < 5
