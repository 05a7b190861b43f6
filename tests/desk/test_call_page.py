"""The page of a call: seen on a phone and a desktop, in both languages, worked by keyboard alone, by every role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from call_samples import BEGAN, CALLER, a_call, a_visit, call_id, record, save, sound, weigh
from desk_house import LOOKS, House, a_directory, looking, until
from playwright.sync_api import Browser

from bridge.core.desk.query import EVERYTHING
from bridge.core.desk.settings import DeskSettings
from bridge.core.model import (
    Attribution,
    AttributionKind,
    Call,
    Measure,
    Outcome,
    Recording,
    RecordingStatus,
    Screening,
    Verdict,
)
from bridge.core.site import PageView
from bridge.store.desk_call import DeskCallStore

FULL, SUPPORT, MISSED, HOSTILE, SAYS_NUMBER, OPEN, FIXED, NEWEST = range(1, 9)
SETTINGS = DeskSettings(checklist={"introduced": "Представился", "offer": "Сделал предложение"}, tags=("vip", "замер"))
EVIL = '"><script>document.title="caught"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("call"), a_directory(), SETTINGS) as running:
        full = record(running.recordings, a_call(FULL), samples=sound(12.0, silent=(4.0, 7.0)))
        hostile = a_call(
            HOSTILE,
            caller_name=EVIL,
            attribution=Attribution(AttributionKind.VISIT, "yandex-direct", EVIL, "visit-evil", 0.6),
            screening=Screening(Verdict.SUSPECTED, EVIL, Measure.PASS),
            answered_by="PJSIP/<b>x",
        )
        says = a_call(
            SAYS_NUMBER,
            caller_name="Ivan 8 916 123-45-67",
            attribution=Attribution(
                AttributionKind.VISIT, "yandex-direct", f"anna: it was {CALLER}", "visit-says", 0.6
            ),
            screening=Screening(Verdict.SUSPECTED, f"on the block list as {CALLER}", Measure.PASS),
        )
        missed = a_call(
            MISSED, answered_at=None, answered_by=None, outcome=Outcome.UNANSWERED, hangup_cause=19, quality={}, notice=None,
            attribution=Attribution(AttributionKind.UNKNOWN, None, "this number is bound to nothing", confidence=0.0), rings=(),
        )  # fmt: skip
        opened = a_call(OPEN, answered_at=None, ended_at=None, outcome=None, hung_up_by=None, hangup_cause=None)
        save(
            running, full, a_call(SUPPORT, line="support"), missed, hostile, says, opened, a_call(FIXED), a_call(NEWEST)
        )
        near, far = a_visit("visit-a"), a_visit("visit-b", mobile=False)
        weigh(running, full, (near, 0.931), (far, 0.04))
        weigh(running, a_call(FIXED), (near, 0.931), (far, 0.04))
        evil = a_visit(
            "visit-evil", landing=f"https://x.example/?q={EVIL}", referrer=EVIL, region=EVIL, ids={EVIL: EVIL}
        )
        evil.credited = evil.touch = replace(evil.touch, campaign=EVIL, keyword=EVIL, content=EVIL)
        weigh(running, hostile, (evil, 0.6), (near, 0.3))
        url = "https://okna.example/thanks?phone=%2B79161234567&tel=89161234567"
        weigh(running, says, (a_visit("visit-says", landing=url, pages=[PageView(BEGAN.timestamp() - 5, url)]), 0.6))
        yield running


def path(number: int) -> str:
    return f"/calls/{call_id(number)}"


@pytest.mark.parametrize(("phone", "language", "dark"), LOOKS)
def test_how_it_looks(chromium: Browser, house: House, phone: bool, language: str, dark: bool) -> None:
    with looking(chromium, house, phone=phone, language=language, dark=dark) as at:
        at.page.goto(path(FULL))
        until(lambda: at.page.evaluate("Boolean(document.querySelector('[data-player]').player.surfer)"))
        at.page.click("details.correct summary")
        at.must_be_clean()
        at.page.evaluate("scrollTo(0, 0)")
        at.keep(f"call-{language}-{'phone' if phone else 'desktop'}{'-dark' if dark else ''}")


@pytest.mark.parametrize(
    ("role", "number"),
    [
        *(("admin", number) for number in (MISSED, OPEN, HOSTILE, SAYS_NUMBER)),
        *(
            (role, number)
            for role in ("marketer", "operator", "listener", "guest")
            for number in (HOSTILE, SAYS_NUMBER)
        ),
    ],
)
def test_every_kind_of_call_for_every_role(chromium: Browser, house: House, role: str, number: int) -> None:
    with looking(chromium, house, role, language="ru", phone=True) as at:
        at.page.goto(path(number))
        at.must_be_clean()
        assert at.page.title() != "caught"
        assert at.page.locator("main script, main img").count() == 0


def test_what_the_page_tells(house: House) -> None:
    with house.client() as client:
        page = client.get(path(FULL)).text
    for text in (
        "+7 916 123-45-67", "102 rang for 0:04", "stopped ringing", "as planned", "talked with 102 for 1:00", "the caller hung up",
        "normal end", "Q.850 16", "tapped it 5 s before the call", "93%", "4.0%", "https://okna.example/prices/", "balconies",
        "остекление балкона", "ycl123", "16000000001", "RU-MOW", "with cookies", "callbridge/ru", "ab" * 32, "cd" * 32, "to its end",
        "MOS 4.1", "lost 0.1%", "lost 6.2%", "360 ms", "bad", "Представился",
    ):  # fmt: skip
        assert text in page, text


def test_a_number_is_masked_wherever_it_stands(house: House) -> None:
    for role, whole in (
        ("admin", True),
        ("operator", True),
        ("marketer", False),
        ("listener", False),
        ("guest", False),
    ):
        with house.client(role) as client:
            page = client.get(path(SAYS_NUMBER)).text
            digits = "".join(c for c in page if c.isdigit())
            assert ("9161234567" in digits) is whole, role
            assert ("+7916•••••67" in page) is not whole


def test_whose_call_it_is(house: House) -> None:
    with house.client("operator") as client:
        assert client.get(path(FULL)).status_code == 200
        assert client.get(path(SUPPORT)).status_code == 404
        assert client.post(f"{path(FULL)}/attribution", data={"reason": "x"}).status_code == 403
    with house.client(None) as client:
        client.cookies.set("callbridge-link", house.link("source=avito"), "127.0.0.1")
        assert client.get(path(FULL)).status_code == 404
        client.cookies.set("callbridge-link", house.link("source=yandex-direct"), "127.0.0.1")
        found = client.get(path(FULL))
        assert found.status_code == 200
        assert "<audio" not in found.text
        assert "<textarea" not in found.text
    with house.client() as client:
        assert client.get("/calls/20261120-000000-1-000001").status_code == 404
        assert client.get("/calls/nonsense").status_code == 404
        assert client.get(f"{path(FULL)}?colour=red").status_code == 400


def test_the_neighbours_keep_the_lists_filter(house: House) -> None:
    with house.client() as client:
        page = client.get(f"{path(FULL)}?line=sales&source=yandex-direct").text
        assert f'href="{path(HOSTILE)}?source=yandex-direct&amp;line=sales" data-go="previous"' in page
        assert 'data-go="next"' not in page
        assert 'href="/calls?source=yandex-direct&amp;line=sales"' in page
        page = client.get(path(MISSED)).text
        assert f'href="{path(SUPPORT)}" data-go="next"' in page


def test_by_keyboard_alone(chromium: Browser, house: House) -> None:
    with looking(chromium, house, "marketer") as at:
        at.page.goto(path(FULL))
        keys = at.page.keyboard
        keys.press("t")
        until(lambda: at.page.locator("#class-target[aria-pressed=true]").count())
        until(lambda: "Class" in at.page.inner_text("#history"))
        keys.press("#")
        keys.type("vip, замер")
        keys.press("Enter")
        until(lambda: "vip" in at.page.inner_text("#history"))
        at.page.evaluate("document.activeElement.blur()")
        keys.press("c")
        keys.type("Перезвонить в пять")
        keys.press("Control+Enter")
        until(lambda: "Перезвонить в пять" in at.page.inner_text("#history"))
        at.page.evaluate("document.activeElement.blur()")
        keys.press("u")
        until(lambda: at.page.input_value("textarea") == "")
        at.must_be_clean()
        keys.press("k")
        at.page.wait_for_url(f"**{path(SUPPORT)}")
        keys.press("j")
        at.page.wait_for_url(f"**{path(FULL)}")
        assert at.page.locator("#class-target[aria-pressed=true]").count() == 1
        keys.press("?")
        assert at.page.locator("#keys[open]").count() == 1


def test_what_is_being_typed_stays_when_a_class_is_given(chromium: Browser, house: House) -> None:
    with looking(chromium, house) as at:
        at.page.goto(path(NEWEST))
        at.page.fill("textarea", "half a comm")
        at.page.click("#class-spam")
        until(lambda: at.page.locator("#class-spam[aria-pressed=true]").count())
        assert at.page.input_value("textarea") == "half a comm"


def test_without_scripts_every_form_works(chromium: Browser, house: House) -> None:
    context = chromium.new_context(base_url=house.url, java_script_enabled=False)
    try:
        house.see(context)
        page = context.new_page()
        page.goto(f"{path(FIXED)}?line=sales")
        page.click("#class-target")
        assert "saved" in page.inner_text(".notice")
        assert page.get_attribute("#class-target", "aria-pressed") == "true"
        assert "line=sales" in page.url
        page.click(".notice [data-undo]")
        assert page.get_attribute("#class-target", "aria-pressed") == "false"
        page.check("[name=check-offer][value=yes]")
        page.locator("form[action$=checklist] button").click()
        assert "100%" in page.inner_text("form[action$=checklist]")
        page.click("details.correct summary")
        page.check("input[name=visit][value=visit-b]")
        page.fill("input[name=reason]", "он так сказал")
        page.click("details.correct button")
        assert "admin: он так сказал" in page.inner_text("#attribution")
        page.click("#history [data-undo]")
        assert "tapped it 5 s" in page.inner_text("#attribution")
    finally:
        context.close()


def booked(house: House, number: int) -> Call:
    found = house.do(DeskCallStore(house.database).call(call_id(number), EVERYTHING, house.side.desk.zone))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("form", "status", "expected"),
    [
        ({"visit": "visit-b", "reason": "r"}, 303, (AttributionKind.VISIT, "yandex-direct", "visit-b")),
        ({"visit": "", "source": "yandex-direct", "reason": "r"}, 303, (AttributionKind.SOURCE_DEFAULT, "yandex-direct", None)),
        ({"visit": "", "source": "", "reason": "r"}, 303, (AttributionKind.UNKNOWN, None, None)),
        ({"visit": "visit-evil", "reason": "r"}, 400, None),
        ({"visit": "", "source": "nowhere", "reason": "r"}, 400, None),
        ({"visit": "visit-b", "reason": "  "}, 400, None),
    ],
)  # fmt: skip
def test_a_correction(
    house: House, form: dict[str, str], status: int, expected: tuple[AttributionKind, str | None, str | None] | None
) -> None:
    before = booked(house, FIXED).attribution
    with house.client("marketer") as client:
        answer = client.post(f"{path(FIXED)}/attribution?line=sales", data=form, follow_redirects=False)
        assert answer.status_code == status
        found = booked(house, FIXED).attribution
        if expected is None:
            assert found == before
            return
        assert answer.headers["location"] == f"{path(FIXED)}?line=sales#attribution"
        assert (found.kind, found.source, found.visit) == expected
        assert found.reason == "marketer: r"
        story = house.do(DeskCallStore(house.database).story(call_id(FIXED)))
        batch = story.changes[0].batch
        assert client.post(f"{path(FIXED)}/attribution/undo/{batch}", follow_redirects=False).status_code == 303
        assert booked(house, FIXED).attribution == before
        assert client.post(f"{path(FIXED)}/attribution/undo/{batch}").status_code == 409


def test_a_call_under_way_is_not_corrected(house: House) -> None:
    with house.client() as client:
        answer = client.post(f"{path(OPEN)}/attribution", data={"visit": "", "source": "", "reason": "r"})
        assert answer.status_code == 409


def test_only_an_administrator_sees_who_listened(house: House) -> None:
    with house.client("listener") as client:
        client.get(f"{path(FULL)}/sound")
        assert "Who listened" not in client.get(path(FULL)).text
    with house.client() as client:
        page = client.get(path(FULL)).text
        assert "Who listened" in page
        assert "127.0.0.1" in page


@pytest.mark.parametrize("status", [s for s in RecordingStatus if s is not RecordingStatus.KEPT])
def test_why_there_is_no_player(house: House, status: RecordingStatus) -> None:
    from bridge.web.desk.sound import NO_SOUND

    reason = "the notice was not heard to its end"
    save(house, a_call(30, recording=Recording(status, reason=reason)))
    with house.client() as client:
        page = client.get(path(30)).text
        assert NO_SOUND[status] in page
        assert reason in page
        assert "<audio" not in page


def test_styles_and_scripts_come_from_the_desk_alone(house: House) -> None:
    with house.client() as client:
        first, second = (client.get(path(FULL)) for _ in range(2))
        policy = first.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "script-src 'self';" in policy
        assert policy != second.headers["content-security-policy"]
        assert first.headers["cache-control"] == "no-store"


def test_earlier_calls_are_those_he_may_see(house: House) -> None:
    at = BEGAN - timedelta(days=1)
    save(
        house,
        *(a_call(n, caller="+79990001122", started_at=at + timedelta(hours=n), line=line)
          for n, line in ((40, "support"), (41, "sales"), (42, "sales"))),
    )  # fmt: skip
    with house.client() as client:
        page = client.get(path(42)).text
        assert f'href="{path(40)}"' in page
        assert f'href="{path(41)}"' in page
    with house.client("operator") as client:
        page = client.get(path(42)).text
        assert f'href="{path(40)}"' not in page
        assert f'href="{path(41)}"' in page


def test_what_the_page_weighs(house: House) -> None:
    with house.client() as client:
        page = client.get(path(FULL))
        files = set(re.findall(r'"(/static/[^"]+)"', page.text))
        assert any("wavesurfer" in name for name in files)
        sizes = [int(client.head(name).headers["content-length"]) for name in (*files, f"{path(FULL)}/peaks")]
        assert len(page.content) + sum(sizes) < 150_000
