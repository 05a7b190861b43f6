"""The list of calls over HTTP: what each role may, what is said and undone, bulk changes, and files that hold what the page shows."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx2
import openpyxl
import pytest
from calls_house import calls_house
from desk_house import House
from lab.history import History
from sqlalchemy import update

from bridge.core.desk.query import CallQuery
from bridge.store.desk_calls import CallLists
from bridge.store.schema import calls
from bridge.web.desk import bulk

ROW = re.compile(r'<tr class="call" id="call-([0-9-]+)".*?</tr>', re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, History]]:
    with calls_house(tmp_path_factory.mktemp("calls")) as running:
        yield running


@pytest.fixture(scope="module")
def house(made: tuple[House, History]) -> House:
    return made[0]


def _rows(client: httpx2.Client, address: str) -> dict[str, str]:
    """The text of every row of the whole list, page by page as a browser would ask, by call."""
    found: dict[str, str] = {}
    headers: dict[str, str] = {}
    while address:
        page = client.get(address, headers=headers)
        assert page.status_code == 200, page.text
        for row in ROW.finditer(page.text):
            found[row[1]] = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", row[0])))
        more = re.search(r'hx-get="([^"]*)"', page.text)
        address, headers = html.unescape(more[1]) if more else "", {"HX-Request": "true"}
    return found


def _first(house: House, **fields: Any) -> str:
    """A call of that query."""
    found: str = house.do(CallLists(house.database).ids(CallQuery(**fields), house.side.desk.zone, 1))[0]
    return found


def _changed(house: House, call: str, **values: Any) -> None:
    async def change() -> None:
        async with house.database.writing() as connection:
            await connection.execute(update(calls).where(calls.c.id == call).values(**values))

    house.do(change())


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_has_every_call_once_newest_first(house: House, made: tuple[House, History]) -> None:
    with house.client() as client:
        ids = list(_rows(client, "/calls"))
    assert len(ids) == made[1].rows["calls"]
    assert ids == house.do(CallLists(house.database).ids(CallQuery(), house.side.desk.zone, 10_000))


@pytest.mark.parametrize(
    "wrong", ["colour=red", "outcome=x", "caller=12", "cursor=x", "talk_min=a", "first=yes&first=no"]
)
def test_a_wrong_address_is_answered_in_words(house: House, wrong: str) -> None:
    with house.client(**{"Accept-Language": "ru"}) as client:
        answer = client.get(f"/calls?{wrong}")
        assert answer.status_code == 400
        assert re.search(r"<h1>[А-Я][^<]+</h1>", answer.text)


def test_numbers_are_masked_everywhere_for_those_who_need_not_see_them(house: House) -> None:
    call = _first(house, callers=(), first=False)
    [listed] = house.do(CallLists(house.database).listed(CallQuery(), house.side.desk.zone, [call]))
    assert listed.caller
    whole = f"{listed.caller} Anna"
    _changed(
        house,
        call,
        caller_name=whole,
        keyword=f"tel {listed.caller[1:]}",
        comment=f"Перезвонить на 8{listed.caller[2:]}",
    )
    with house.client("marketer") as client:
        for address in ("/calls", f"/calls?caller=%40{call}", f"/calls/{call}/row"):
            text = client.get(address).text
            assert listed.caller[2:] not in text.replace(" ", "").replace("-", ""), address
            assert f"{listed.caller[-2:]}" in text
        assert client.get("/calls?caller=*" + listed.caller[-4:]).status_code == 400
        assert listed.caller[2:] not in client.get("/calls.csv").text
    with house.client("operator") as client:
        assert client.get("/calls?caller=*" + listed.caller[-4:]).status_code == 200


def test_an_operator_sees_his_line_and_a_guest_his_scope(house: House) -> None:
    mine, other = _first(house, lines=("sales",)), _first(house, lines=("service",))
    with house.client("operator") as client:
        ids = set(_rows(client, "/calls")) | set(_rows(client, "/calls?line=service&line=sales"))
        assert ids == set(
            house.do(CallLists(house.database).ids(CallQuery(lines=("sales",)), house.side.desk.zone, 10_000))
        )
        for method, path in (
            ("GET", "row"),
            ("GET", "say"),
            ("POST", "class"),
            ("POST", "tags"),
            ("POST", "comment"),
            ("POST", "value"),
        ):
            assert client.request(method, f"/calls/{other}/{path}").status_code == 404, path
            assert client.request(method, f"/calls/{mine}/{path}").status_code in (200, 303), path
    with house.client(None) as client:
        client.cookies.set("callbridge-link", house.link("source=avito&class=target"), "127.0.0.1")
        ids = set(_rows(client, "/calls?source=yandex-direct")) | set(_rows(client, "/calls"))
        scope = CallQuery(sources=("avito",), classes=("target",))
        assert ids == set(house.do(CallLists(house.database).ids(scope, house.side.desk.zone, 10_000)))
        assert client.post(f"/calls/{next(iter(ids))}/class", data={"class": "spam"}).status_code == 403


@pytest.mark.parametrize(
    ("role", "may"), [("admin", True), ("marketer", True), ("operator", False), ("listener", False), ("guest", False)]
)
def test_who_may_change_many_and_export(house: House, role: str, may: bool) -> None:
    with house.client(role) as client:
        page = client.get("/calls").text
        assert ('form="bulk"' in page, "/calls.csv" in page) == (may, may)
        for answer in (client.get("/calls.csv?class=spam"), client.get("/calls.xlsx?class=spam")):
            assert answer.status_code == (200 if may else 403)
        answer = client.post("/bulk", data={"which": "all", "change": "class:spam", "query": "tag=vip"})
        assert answer.status_code == (200 if may else 403)


# --- saying and undoing -----------------------------------------------------------------------------------------------


def _say(client: httpx2.Client, call: str, what: str, **data: str) -> Any:
    answer = client.post(f"/calls/{call}/{what}", data=data, headers={"HX-Request": "true"})
    assert answer.status_code == 204, answer.text
    return json.loads(answer.headers["HX-Trigger"])


def test_what_is_said_comes_with_an_undo_that_takes_it_back(house: House) -> None:
    call = _first(house, classes=(None,))
    said = lambda: house.do(CallLists(house.database).listed(CallQuery(), house.side.desk.zone, [call]))[0].said  # noqa: E731
    before = said()
    with house.client() as client:
        for what, data, field, value in (
            ("class", {"class": "dealer"}, "call_class", "dealer"),
            ("tags", {"tags": "b, a"}, "tags", ("a", "b")),
            ("comment", {"comment": " Скоро\r\n"}, "comment", "Скоро"),
            ("value", {"value": "1 000,5"}, "value", 100050),
            ("checklist", {"check-offer": "yes", "check-introduced": "no", "check-objection": ""}, "checks", {"offer": True, "introduced": False}),
        ):  # fmt: skip
            events = _say(client, call, what, **data)
            assert getattr(said(), field) == value
            assert events["said"]["calls"] == [call]
            assert events["toast"]["undo"]["url"] == f"/undo/{events['said']['batch']}"
            undone = client.post(events["toast"]["undo"]["url"], headers={"HX-Request": "true"})
            assert json.loads(undone.headers["HX-Trigger"])["said"]["undone"] is True
            assert said() == before
            assert "said" not in _say(client, call, "tags", remove="not there")


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("class", {"class": "no-such"}),
        ("tags", {"tags": "x" * 100}),
        ("tags", {"tags": ",".join(map(str, range(30)))}),
        ("comment", {"comment": "x" * 5000}),
        ("value", {"value": "much"}),
        ("checklist", {"check-other": "yes"}),
        ("checklist", {"check-offer": "perhaps"}),
    ],
)
def test_what_cannot_be_said(house: House, what: str, data: dict[str, str]) -> None:
    with house.client() as client:
        answer = client.post(f"/calls/{_first(house)}/{what}", data=data, headers={"HX-Request": "true"})
    assert answer.status_code == 400
    assert answer.text


def test_undo_of_what_was_changed_since_says_so_and_does_nothing(house: House) -> None:
    call = _first(house)
    _changed(house, call, **{"class": None})
    with house.client() as anna, house.client("marketer") as boris:
        first = _say(anna, call, "class", **{"class": "target"})
        second = _say(boris, call, "class", **{"class": "spam"})
        refused = anna.post(first["toast"]["undo"]["url"], headers={"HX-Request": "true"})
        assert (refused.status_code, refused.text) == (409, "marketer has changed it since: nothing was undone.")
        assert "spam" in anna.get(f"/calls/{call}/row").text
        assert boris.post(f"/undo/{first['said']['batch']}").status_code == 404  # not his
        assert boris.post(second["toast"]["undo"]["url"], headers={"HX-Request": "true"}).status_code == 204
        assert anna.post(first["toast"]["undo"]["url"], headers={"HX-Request": "true"}).status_code == 204
        assert anna.post("/undo/" + "0" * 24).status_code == 404


def test_after_a_form_one_goes_back_and_never_elsewhere(house: House) -> None:
    call = _first(house)
    with house.client() as client:
        for wanted, path in (
            ("/calls?class=-&batch=old", "/calls?class=-&batch="), ("https://evil.example/calls", "/calls?batch="),
            ("//evil.example/calls", "/calls?batch="), ("", f"/calls/{call}?batch="), ("/callsevil\\x", "/calls"),
        ):  # fmt: skip
            _say(client, call, "class", **{"class": ""})
            data = {"class": "dealer", "next": wanted}
            answer = client.post(f"/calls/{call}/class", data=data, follow_redirects=False)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith(path), answer.headers["location"]


# --- many at once -----------------------------------------------------------------------------------------------------


def test_a_bulk_change_is_previewed_done_once_and_undone(house: House) -> None:
    with house.client("marketer") as client:
        count = len(_rows(client, "/calls?source=2gis"))
        form = {"which": "all", "query": "source=2gis", "change": "tag", "tags": "Осень"}
        preview = client.post("/bulk", data=form)
        assert f"Change {count} calls" in preview.text
        assert not _rows(client, "/calls?tag=Осень")
        refused = client.post("/bulk", data={**form, "count": str(count + 1)})
        assert "another number of calls" in refused.text
        assert not _rows(client, "/calls?tag=Осень")
        done = client.post(
            "/bulk", data={**form, "count": str(count), "next": "/calls?source=2gis"}, follow_redirects=False
        )
        batch = done.headers["location"].partition("batch=")[2]
        assert len(_rows(client, "/calls?tag=Осень")) == count
        assert "Undo" in client.get(done.headers["location"]).text
        assert client.post(f"/undo/{batch}", follow_redirects=False).status_code == 303
        assert not _rows(client, "/calls?tag=Осень")


def test_selected_calls_only(house: House) -> None:
    with house.client() as client:
        ids = list(_rows(client, "/calls"))[:3]
        form = {"which": "selected", "call": ids, "change": "class:dealer", "query": ""}
        assert "Change 3 calls" in client.post("/bulk", data=form).text
        client.post("/bulk", data={**form, "count": "3"})
        assert set(ids) <= set(_rows(client, "/calls?class=dealer"))
        for wrong in (
            {**form, "call": []},
            {**form, "change": ""},
            {**form, "change": "class:x"},
            {**form, "change": "tag"},
            {**form, "query": "x=1", "which": "all"},
        ):
            assert client.post("/bulk", data=wrong).status_code == 400


def test_not_more_than_ten_thousand(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bulk.MOST_COUNTED == 10_000
    monkeypatch.setattr(bulk, "MOST_COUNTED", 5)
    with house.client() as client:
        answer = client.post("/bulk", data={"which": "all", "change": "class:spam", "query": ""})
        assert answer.status_code == 400
        assert "More than 5 calls" in answer.text


# --- files ------------------------------------------------------------------------------------------------------------

HOSTILE = '=HYPERLINK("http://evil.example";"click")'


@pytest.mark.parametrize(("role", "language"), [("admin", "en"), ("marketer", "ru")])
@pytest.mark.parametrize("query", ["", "source=yandex-direct&class=target", "q=балкон", "callback=waiting&spam=no"])
def test_files_hold_exactly_what_the_page_shows(house: House, role: str, language: str, query: str) -> None:
    with house.client(role, **{"Accept-Language": language}) as client:
        shown = _rows(client, f"/calls?{query}" if query else "/calls")
        assert shown
        raw = client.get(f"/calls.csv?{query}").content
        book = client.get(f"/calls.xlsx?{query}")
    assert raw.startswith(b"\xef\xbb\xbf")
    head, *lines = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    cells = list(sheet.iter_rows(values_only=True))
    assert sheet.freeze_panes == "A2"
    assert list(cells[0]) == head
    assert head[0] == {"en": "Time", "ru": "Время"}[language]
    assert [line[-1] for line in lines] == [row[-1] for row in cells[1:]] == list(shown)
    for line, row in zip(lines, cells[1:], strict=True):
        text = shown[line[-1]]
        assert isinstance(row[0], datetime)
        assert f"{row[0]:%Y-%m-%d %H:%M:%S}" == line[0]
        assert f"{row[0]:%H:%M}" in text
        for place, value in enumerate(row):
            if isinstance(value, str):
                assert line[place].removeprefix("'") == value
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert line[place] == f"{value:.10g}"
        named = dict(enumerate(row))
        for place in (1, 5, 6, 7, 12, 16):  # caller, source, campaign, keyword, outcome, class
            assert (named[place] or "") in text, (head[place], named[place], text)
        assert ("•" in (row[1] or "•")) == (role == "marketer" or row[1] is None)


def test_hostile_texts_are_text_in_files(house: House) -> None:
    call = _first(house)
    _changed(
        house,
        call,
        caller_name=HOSTILE,
        campaign="@SUM(A1)",
        keyword="+cmd|' /C calc'!A0",
        comment="-2+3\u202etxt",
        landing="\t=1",
    )
    with house.client() as client:
        lines = {
            line["Call"]: line
            for line in csv.DictReader(io.StringIO(client.get("/calls.csv").content.decode("utf-8-sig")))
        }
        sheet = openpyxl.load_workbook(io.BytesIO(client.get("/calls.xlsx").content)).active
    line = lines[call]
    assert line["Caller's name"] == "'" + HOSTILE
    assert line["Campaign"] == "'@SUM(A1)"
    assert line["Keyword"].startswith("'+")
    assert line["Comment"] == "'-2+3·txt"
    for one in lines.values():
        assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in one.values())
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    assert HOSTILE in {cell.value for row in sheet.iter_rows() for cell in row}


def test_every_export_is_written_down_before_it_goes(house: House) -> None:
    with house.client("marketer") as client:
        count = len(_rows(client, "/calls?source=avito"))
        client.get("/calls.xlsx?source=avito")
    [(_, entry)] = house.do(house.accounts.audited(action="export", limit=1))
    assert (entry.by, entry.action, entry.detail) == ("marketer", "export", f"xlsx, {count} calls: source=avito")
