"""The list of calls in a real browser: how it looks, by keyboard alone, without JavaScript, and with hostile texts in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from calls_house import calls_house
from desk_house import DESKTOP, House, Looking, looking
from lab.history import History
from playwright.sync_api import Browser, Locator, Page, expect

from bridge.core.desk.query import CallQuery
from bridge.core.desk.saying import SetTags
from bridge.store.desk_calls import CallLists
from bridge.store.desk_saying import SayingStore

EVIL = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}</textarea>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, History]]:
    with calls_house(tmp_path_factory.mktemp("calls")) as running:
        yield running


@pytest.fixture(scope="module")
def house(made: tuple[House, History]) -> House:
    return made[0]


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("phone", [False, True])
def test_every_page_is_clean(chromium: Browser, house: House, phone: bool, language: str) -> None:
    kind = f"{language}-{'phone' if phone else 'desktop'}"
    with looking(chromium, house, phone=phone, language=language) as at:
        at.page.goto("/calls")
        at.must_be_clean()
        at.keep(f"calls-{kind}")
        at.page.goto("/calls?class=target&class=dealer&source=yandex-direct&talk_min=30&period=30d&q=")
        at.page.locator("#filters > summary").click()
        at.must_be_clean()
        at.keep(f"calls-filters-{kind}")
        at.page.goto("/calls?q=замер")
        row = at.page.locator("tr.call").first
        row.locator("a.say").click()
        expect(at.page.locator("dialog#say textarea")).to_be_visible()
        at.must_be_clean()
        at.keep(f"calls-say-{kind}")
        at.page.goto("/calls?source=avito")
        at.page.locator("#many > summary").click()
        at.page.locator("button[value=all]").click()
        at.page.wait_for_url("**/bulk")
        at.must_be_clean()
        at.keep(f"calls-bulk-{kind}")
        at.page.goto("/calls?source=nobody")
        at.must_be_clean()
        at.keep(f"calls-none-{kind}")


@pytest.mark.parametrize("role", ["operator", "listener", "marketer", "guest"])
def test_every_role_sees_a_clean_page(chromium: Browser, house: House, role: str) -> None:
    with looking(chromium, house, role, dark=True) as at:
        at.page.goto("/calls")
        at.must_be_clean()
        at.keep(f"calls-{role}-dark")


def test_all_of_it_by_keyboard_alone(chromium: Browser, house: House) -> None:
    with looking(chromium, house) as at:
        keys, page = at.page.keyboard, at.page
        page.goto("/calls?class=-")
        keys.press("j")
        first = _chosen(page)
        keys.press("t")
        expect(_row(page, first).locator(".badge.target")).to_be_visible()
        second = _chosen(page)
        assert second != first
        keys.press("s")
        keys.press("n")
        keys.press("d")
        expect(_row(page, second).locator(".badge.spam").first).to_be_visible()
        expect(page.locator("tr.call .said", has_text="Дилер")).to_have_count(1)
        keys.press("k")
        keys.press("u")
        expect(page.locator("tr.call .said", has_text="Дилер")).to_have_count(0)
        keys.press("u")
        keys.press("u")
        expect(_row(page, second).locator(".badge.unset")).to_be_visible()
        expect(_row(page, first).locator(".badge.target")).to_be_visible()
        # tags and a comment
        here = _chosen(page)
        keys.press("#")
        expect(page.locator("dialog#say input[name=tags]").first).to_be_focused()
        keys.type("vip, от Петрова")
        keys.press("Enter")
        expect(_row(page, here).locator(".tag")).to_have_text(["#vip", "#от Петрова"])
        keys.press("c")
        expect(page.locator("dialog#say textarea")).to_be_focused()
        keys.type("Перезвонить про ёлки")
        keys.press("Control+Enter")
        expect(_row(page, here).locator(".comment")).to_have_text("Перезвонить про ёлки")
        assert _chosen(page) == here
        # select three, let go
        keys.press("x")
        keys.press("Shift+ArrowDown")
        keys.press("Shift+ArrowDown")
        assert page.locator(".pick input:checked").count() == 3
        keys.press("Escape")
        assert page.locator(".pick input:checked").count() == 0
        # search finds what was just written, whatever its form
        keys.press("/")
        keys.type("ёлка")
        keys.press("Enter")
        page.wait_for_url("**q=*")
        expect(page.locator("tr.call")).to_have_count(1)
        keys.press("j")
        keys.press("Enter")
        page.wait_for_url(lambda address: f"/calls/{here}?class=-&q=" in address)
        at.errors.clear()  # the page of a call has tests of its own


def test_keys_work_on_a_russian_keyboard(chromium: Browser, house: House) -> None:
    with looking(chromium, house, language="ru") as at:
        page = at.page
        page.goto("/calls?class=-&source=2gis")
        _press(page, "о", "KeyJ")
        first = _chosen(page)
        _press(page, "е", "KeyT")
        expect(_row(page, first).locator(".badge.target")).to_be_visible()
        _press(page, "№", "Digit3")
        expect(page.locator("dialog#say")).to_be_visible()


def test_the_list_goes_on_and_on(chromium: Browser, house: House) -> None:
    with looking(chromium, house) as at:
        at.page.goto("/calls")
        assert at.page.locator("tr.call").count() == 50
        at.page.mouse.wheel(0, 100_000)
        expect(at.page.locator("tr.call")).to_have_count(100)
        ids = at.page.locator("tr.call").evaluate_all("rows => rows.map(row => row.dataset.id)")
        assert len(set(ids)) == 100
        at.must_be_clean()


def test_without_javascript(chromium: Browser, house: House) -> None:
    context = chromium.new_context(base_url=house.url, viewport=DESKTOP, java_script_enabled=False, locale="en-GB")
    try:
        house.see(context, "marketer")
        page = context.new_page()
        page.goto("/calls")
        page.locator("tr.more a").click()
        page.wait_for_url("**cursor=**")
        assert page.locator("tr.call").count() == 50
        page.goto("/calls")
        page.locator("#filters > summary").click()
        page.locator("#filter input[name=source][value=avito]").check()
        page.locator("#filter input[name=talk_min]").fill("20")
        page.locator("#filter button.main").click()
        page.wait_for_url("**/calls?source=avito&talk_min=20")
        assert page.locator(".chip").count() == 2
        page.locator(".chip a").first.click()
        page.wait_for_url("**/calls?talk_min=20")
        here = page.locator("tr.call").first.get_attribute("data-id")
        page.locator("tr.call a.say").first.click()
        page.locator("button[value=dealer]").click()
        page.wait_for_url("**/calls?batch=*")
        assert "Дилер" in _row(page, here).inner_text()
        page.locator(".notice button").click()
        page.wait_for_url("**/calls?batch=*")
        assert "Дилер" not in _row(page, here).inner_text()
        # many at once
        page.locator(".pick input").first.check()
        page.locator("#many > summary").click()
        page.select_option("#bulk select", "tag")
        page.fill("#bulk input[name=tags]", "bulk-tag")
        page.locator("button[value=selected]").click()
        page.wait_for_url("**/bulk")
        page.locator("form button.main").click()
        page.wait_for_url("**/calls?batch=*")
        assert page.locator("tr.call .tag", has_text="#bulk-tag").count() == 1
    finally:
        context.close()


def test_a_view_is_kept_found_and_removed(chromium: Browser, house: House) -> None:
    with looking(chromium, house) as at:
        page = at.page
        page.goto("/calls?class=-&source=avito")
        page.keyboard.press("v")
        page.fill("#views input[name=name]", "Авито, <b>без класса</b>")
        page.check("#views input[name=shared]")
        page.locator("#views form.stack button").click()
        page.goto("/calls")
        page.keyboard.press("v")
        page.locator("#views a", has_text="Авито").click()
        page.wait_for_url("**/calls?source=avito&class=-")
    with looking(chromium, house, "operator") as at:
        at.page.goto("/calls")
        at.page.locator("#views > summary").click()
        expect(at.page.locator("#views a", has_text="без класса")).to_be_visible()
        assert at.page.locator("#views .views button").count() == 0
    with looking(chromium, house) as at:
        at.page.goto("/calls")
        at.page.locator("#views > summary").click()
        at.page.locator("#views .views button").click()
        at.page.locator("#views > summary").click()
        assert at.page.locator("#views .views a").count() == 0


@pytest.mark.parametrize("phone", [False, True])
def test_hostile_texts_do_nothing(chromium: Browser, house: House, phone: bool) -> None:
    listed = house.do(CallLists(house.database).page(CallQuery(), house.side.desk.zone, 3)).calls
    call = listed[0].id
    saying = SayingStore(house.database)
    house.do(_poison(house, call))
    house.do(saying.say([call], SetTags((EVIL[:60],)), "admin", house.side.desk.clock(), "evil"))
    with looking(chromium, house, phone=phone) as at:
        dialogs: list[str] = []
        at.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        at.page.goto("/calls")
        assert EVIL in _row(at.page, call).inner_text()
        _row(at.page, call).locator("a.say").click()
        expect(at.page.locator("dialog#say textarea")).to_have_value(EVIL)
        at.page.goto(f"/calls?{CallQuery(campaigns=(EVIL,)).pairs() and 'campaign=' + _quoted(EVIL)}")
        assert EVIL in at.page.locator(".chip").inner_text()
        at.page.goto(f"/calls?q={_quoted(EVIL)}")
        _no_scripts(at, dialogs)


async def _poison(house: House, call: str) -> None:
    from sqlalchemy import update

    from bridge.store.schema import calls

    evil = dict.fromkeys(("caller_name", "campaign", "keyword", "landing", "comment", "source", "answered_by"), EVIL)
    async with house.database.writing() as connection:
        await connection.execute(update(calls).where(calls.c.id == call).values(**evil, **{"class": EVIL}))


def _no_scripts(at: Looking, dialogs: list[str]) -> None:
    assert dialogs == []
    assert at.page.locator("img[src=x]").count() == 0
    at.must_be_clean()


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text)


def _row(page: Page, call: str | None) -> Locator:
    return page.locator(f"#call-{call}")


def _chosen(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.closest('tr.call')?.dataset.id ?? ''")
    assert found
    return found


def _press(page: Page, key: str, code: str) -> None:
    page.evaluate(
        "([key, code]) => (document.activeElement ?? document.body).dispatchEvent("
        "new KeyboardEvent('keydown', {key, code, bubbles: true, cancelable: true, shiftKey: key === '№'}))",
        [key, code],
    )
