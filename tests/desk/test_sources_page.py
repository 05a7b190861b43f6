"""The page Sources, over a made-up history: its figures against the calls and the command's, its tree, in a browser."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from click.testing import CliRunner
from desk_house import LOOKS, PHONE, House, a_directory, looking
from lab.history import Plan, write_history
from lab.history_shape import OWN_CLASSES
from playwright.sync_api import Browser

from bridge.cli import main
from bridge.core.desk.query import read_query
from bridge.core.desk.settings import CLASSES, CallClass, DeskSettings
from bridge.web.desk.calls_ports import Lists

ZONE = ZoneInfo("Europe/Moscow")
HOSTILE = "<script>alert(1)</script>"
FORMULA = "=HYPERLINK(1)"
CONFIG = """
timezone: Europe/Moscow
store: {{url: {folder}/bridge.db}}
asterisk:
  ami: {{user: callbridge, secret: {{env: NOT_NEEDED_HERE}}}}
recordings: {{folder: sounds}}
lines:
  main: {{ring: [{{phone: PJSIP/101}}]}}
sources:
  avito: {{}}
numbers:
  "+74951234567": {{source: avito}}
fallback: {{line: main}}
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two months of calls; some with a campaign and a keyword nobody would want on a page."""
    folder = tmp_path_factory.mktemp("sources")
    write_history(folder / "bridge.db", Plan(datetime.now(UTC), days=62, calls_per_day=14, seed=3))
    with closing(sqlite3.connect(folder / "bridge.db")) as books, books:
        some = "SELECT id FROM calls WHERE source = 'vk-ads' AND NOT spam ORDER BY started_at DESC LIMIT 3 OFFSET"
        books.execute(f"UPDATE calls SET campaign = ? WHERE id IN ({some} 30)", [HOSTILE])  # noqa: S608 - of our own
        old = (datetime.now(UTC) - timedelta(days=40)).isoformat()
        books.execute(
            "UPDATE calls SET class = 'spam' WHERE started_at < ? AND source = 'avito' AND id LIKE '%7'", [old]
        )
        books.execute(f"UPDATE calls SET keyword = ? WHERE id IN ({some} 33)", [FORMULA])  # noqa: S608
    classes = (*CLASSES, *(CallClass(name, name, key) for name, key in zip(OWN_CLASSES, "dj", strict=True)))
    settings = DeskSettings(classes={one.name: one for one in classes})
    with House(folder, a_directory(ZONE), settings) as running:
        running.do(running.side.sums.settle())
        yield running


def days_ago(days: int) -> str:
    return (datetime.now(ZONE).date() - timedelta(days=days)).isoformat()


#: Days that are over: of calls under way the list knows no outcome yet.
@pytest.fixture(scope="module")
def over() -> str:
    return f"from={days_ago(30)}&to={days_ago(2)}"


def exported(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def links(page: str) -> Iterator[tuple[str, str]]:
    """(filter, figure as it is written) of every link to the list of calls."""
    for query, text in re.findall(r'<a href="/calls\?([^"]+)">([^<]*)</a>', page):
        yield html.unescape(query), text


@pytest.mark.parametrize(("first", "last"), [(30, 2), (60, 31)])
def test_every_figure_is_what_the_list_of_calls_finds_by_its_link(full: House, first: int, last: int) -> None:
    over = f"from={days_ago(first)}&to={days_ago(last)}"
    lists = full.side.desk.stores[Lists]
    today = full.side.desk.today()
    with full.client() as client:
        page = client.get(f"/sources?{over}&open=yandex-direct&open=yandex-direct/brand&open=avito").text
    compared = 0
    rows = re.findall(
        r'<td class="number[^"]*" data-name="(Calls|First-time|Answered|Missed|Target|Sure calls)">(.*?)</td>',
        page,
        re.DOTALL,
    )
    for name, cell in rows:
        ((query, text),) = links(cell)
        count = full.do(lists.count(read_query(parse_qsl(query), today, "RU"), ZONE))
        assert count == int(text.replace(",", "")), (name, query)
        compared += 1
    assert compared > 60
    ((query, text), *_) = links(page)
    assert full.do(lists.count(read_query(parse_qsl(query), today, "RU"), ZONE)) == int(text.replace(",", ""))


def test_the_page_says_what_callbridge_report_says(full: House, tmp_path: Path, over: str) -> None:
    config = tmp_path / "bridge.yaml"
    config.write_text(CONFIG.format(folder=full.folder))
    arguments = [
        "report",
        "sources",
        "--config",
        str(config),
        "--since",
        days_ago(30),
        "--until",
        days_ago(2),
        "--json",
    ]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    with full.client() as client:
        ours = exported(client.get(f"/sources.csv?{over}").text)
        page = client.get(f"/sources?{over}").text
    names = ("calls", "unique", "first_time", "answered", "missed")

    def figures(row: dict[str, Any]) -> tuple[int, ...]:
        return tuple(int(row[name]) for name in names)

    wanted = {row["source"] or "": figures(row) for row in said["rows"] if row["calls"]}
    assert {row["source"]: figures(row) for row in ours if int(row["calls"])} == wanted
    shown = [text for _, text in links(page.partition('<section class="card"')[0])]
    assert shown[:3] == [f"{said['total'][name]:,}" for name in names[:3]]
    assert shown[3].startswith(f"{said['total']['answer_rate']:.0%}")


def test_below_a_row_stand_its_parts(full: House, over: str) -> None:
    with full.client() as client:
        rows = exported(client.get(f"/sources.csv?{over}&open=yandex-direct&open=yandex-direct/brand").text)
    whole = next(row for row in rows if row["source"] == "yandex-direct" and not row["campaign"])
    place = rows.index(whole)
    parts = [row for row in rows[place + 1 :] if row["source"] == "yandex-direct" and not row["keyword"]]
    for name in ("calls", "first_time", "answered", "missed", "target", "sure"):
        # a caller's first call of all belongs to one group, so that these add up; unique callers do not
        assert sum(int(row[name]) for row in parts) == int(whole[name]), name
    assert sum(float(row["expected"]) for row in parts) == pytest.approx(float(whole["expected"]), abs=0.1)
    assert [row["campaign"] for row in rows if row["keyword"]] == ["brand"] * sum(1 for row in rows if row["keyword"])


def test_the_table_alone_is_the_table_of_the_page(full: House, over: str) -> None:
    url = f"/sources?{over}&open=vk-ads"
    with full.client() as client:
        page = client.get(url).text
        piece = client.get(url, headers={"HX-Request": "true"}).text
    assert "<html" not in piece
    assert piece.strip() in page
    assert 'aria-expanded="true"' in piece


def test_a_source_without_more_says_so_and_none_are_empty(full: House) -> None:
    with full.client() as client:
        assert "Nothing more is known" in client.get("/sources?period=30d&open=2gis").text
        empty = client.get("/sources?from=2001-01-01&to=2001-01-02")
    assert empty.status_code == 200
    assert "callbridge doctor" in empty.text


def test_files_hold_the_table_and_no_formulas(full: House) -> None:
    url = "period=60d&open=vk-ads&open=vk-ads/lookalike-2&open=vk-ads/parents&open=vk-ads/-"
    with full.client() as client:
        page = client.get(f"/sources?{url}")
        rows = exported(client.get(f"/sources.csv?{url}").text)
        book = openpyxl.load_workbook(io.BytesIO(client.get(f"/sources.xlsx?{url}").content))
    assert HOSTILE not in page.text
    assert "&lt;script&gt;" in page.text
    assert {"'" + FORMULA} == {row["keyword"] for row in rows if "HYPERLINK" in row["keyword"]}
    cells = [[cell.value or "" for cell in row] for row in book.active.iter_rows(min_row=2)]
    assert [str(row[6]) for row in cells] == [row["calls"] for row in rows]
    assert any(FORMULA in row for row in cells)
    assert all(cell.data_type != "f" for row in book.active.iter_rows() for cell in row)
    notes = [entry for _, entry in full.do(full.accounts.audited(action="export", limit=5))]
    assert [entry.detail.partition(",")[0] for entry in notes[:2]] == ["xlsx", "csv"]


@pytest.mark.parametrize(
    "query",
    ["sort=length", "period=soon", "from=2026-13-01", "open=a//b", "colour=red", "most=9999", "heat=cold", "show=none"],
)
def test_an_address_that_cannot_be_is_answered_in_words(full: House, query: str) -> None:
    with full.client() as client:
        answer = client.get(f"/sources?{query}")
    assert answer.status_code == 400
    assert "This address cannot be" in answer.text


@pytest.mark.parametrize(
    ("name", "status"), [("admin", 200), ("marketer", 200), ("operator", 403), ("listener", 403), (None, 303)]
)
def test_reports_are_not_for_everybody(full: House, name: str | None, status: int) -> None:
    with full.client(name) as client:
        for path in ("/sources", "/sources.csv", "/sources.xlsx"):
            assert client.get(path).status_code == status


def test_a_guest_sees_his_sources_only(full: House) -> None:
    with full.client(None) as client:
        client.cookies.set("callbridge-link", full.link("source=avito"), "127.0.0.1")
        page = client.get("/sources?period=30d&open=yandex-direct&open=avito").text
        assert set(re.findall(r'id="row-([a-z0-9-]+)"', page)) == {"avito"}
        assert not re.search("yandex|vk-ads|2gis|Яндекс", client.get("/sources?period=30d").text)
        assert client.get("/sources?source=2gis").status_code == 400
        assert client.get("/sources.csv").status_code == 403
    with full.client(None) as client:
        client.cookies.set("callbridge-link", full.link("tag=vip"), "127.0.0.1")
        page = client.get("/sources?period=30d").text
        assert "To the list of calls" in page
        assert "avito" not in page


@pytest.mark.parametrize(("phone", "language", "dark"), LOOKS)
def test_the_page_in_a_browser(chromium: Browser, full: House, phone: bool, language: str, dark: bool) -> None:
    with looking(chromium, full, "marketer", phone=phone, language=language, dark=dark) as at:
        at.page.goto("/sources?period=30d&open=yandex-direct&heat=missed")
        at.page.wait_for_selector(".uplot canvas")
        at.must_be_clean()
        at.keep(f"sources-{language}-{'phone' if phone else 'desktop'}{'-dark' if dark else ''}")
        for summary in at.page.locator("details.figures-of > summary").all():
            summary.click()
        at.must_be_clean()


def test_by_keyboard_alone(chromium: Browser, full: House) -> None:
    with looking(chromium, full, "marketer") as at:
        page = at.page
        page.goto("/sources?period=30d")
        page.wait_for_selector(".uplot canvas")

        def tab_to(selector: str) -> None:
            for _ in range(80):
                page.keyboard.press("Tab")
                if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                    return
            raise AssertionError(f"no way to {selector}")

        tab_to(".field")
        page.keyboard.press("End")
        last = page.inner_text(".reading")
        assert "Calls" not in last
        assert "This period" in last
        page.keyboard.press("ArrowLeft")
        assert page.inner_text(".reading") != last
        page.keyboard.press("+")
        page.keyboard.press("0")

        tab_to("a.toggle")
        name = page.evaluate("document.activeElement.id")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(f"[id='{name}'][aria-expanded=true]")
        page.wait_for_function("name => document.activeElement.id === name", arg=name)
        assert "open=" in page.url
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.id").startswith(name)
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector(f"[id='{name}'][aria-expanded=false]")
        assert "open=" not in page.url

        page.goto("/sources?period=30d")
        tab_to("#by-sure")
        assert page.locator("#tip-sure").is_visible()
        page.keyboard.press("Enter")
        page.wait_for_selector("th[aria-sort] #by-sure")
        at.must_be_clean()


def test_without_javascript(chromium: Browser, full: House) -> None:
    context = chromium.new_context(base_url=full.url, java_script_enabled=False, viewport=PHONE)
    try:
        full.see(context, "marketer")
        page = context.new_page()
        page.goto("/sources?period=30d")
        assert page.locator("figure.zoomable svg.chart path.line").count() == 2
        page.locator("a.toggle").first.click()
        assert page.locator("tr.d1").count() > 0
        page.locator("figure.zoomable summary").click()
        assert page.locator("figure.zoomable tbody tr").count() == 30
    finally:
        context.close()


def test_the_chart_follows_the_window_and_the_theme(chromium: Browser, full: House) -> None:
    with looking(chromium, full) as at:
        at.page.goto("/sources?period=30d")
        at.page.wait_for_selector(".uplot canvas")
        at.page.set_viewport_size({"width": 500, "height": 800})
        at.page.wait_for_function("document.querySelector('.uplot').getBoundingClientRect().width < 500")
        at.page.evaluate("document.querySelector('.uplot').dataset.old = 'yes'")
        at.page.emulate_media(color_scheme="dark")
        at.page.wait_for_selector(".uplot:not([data-old]) canvas")
        assert at.page.locator(".uplot").count() == 1
        at.must_be_clean()
