"""The page Missed over real books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from desk_house import House, a_directory, looking
from playwright.sync_api import Browser, expect

from bridge.core.desk.settings import DeskSettings
from bridge.core.model import Attribution, AttributionKind, Call, Outcome
from bridge.store.calls import CallStore


def _call(seq: int, ago: float, outcome: Outcome, caller: str | None, line: str = "sales") -> Call:
    began = datetime.now(UTC) - timedelta(minutes=ago)
    talked = began + timedelta(seconds=9) if outcome is Outcome.ANSWERED else None
    return Call(
        id=f"{began:%Y%m%d-%H%M%S}-{seq}-{seq:06}",
        number="+74951110002",
        caller=caller,
        caller_name="Иван <script>alert(1)</script>" if seq == 1 else None,
        started_at=began,
        attribution=Attribution(AttributionKind.STATIC, "yandex-direct", "the number belongs to this source for good"),
        line=line,
        answered_at=talked,
        ended_at=began + timedelta(seconds=40),
        outcome=outcome,
    )


ANNA, BORIS, VERA, GALYA = "+79161110001", "+79161110002", "+79161110003", "+79161110004"


@pytest.fixture
def missing(tmp_path: Path) -> Iterator[House]:
    """Anna tried twice, Boris once on the other line, Vera was answered in the end, Galya was blocked, somebody withheld his number."""
    with House(tmp_path, a_directory(ZoneInfo("Europe/Moscow")), DeskSettings()) as house:
        calls = [
            _call(1, 50, Outcome.UNANSWERED, ANNA),
            _call(2, 5, Outcome.ABANDONED, ANNA),
            _call(3, 90, Outcome.BUSY, BORIS, "support"),
            _call(4, 300, Outcome.UNANSWERED, VERA),
            _call(5, 200, Outcome.ANSWERED, VERA),
            _call(6, 20, Outcome.BLOCKED, GALYA),
            _call(7, 30, Outcome.UNANSWERED, None),
        ]
        house.do(CallStore(house.database).save_all(calls))
        yield house


def test_who_waits_and_for_how_long(missing: House) -> None:
    with missing.client("admin") as client:
        page = client.get("/missed").text
        assert page.count('data-call="') == 2
        assert "+7 916 111-00-01" in page
        assert "5 minutes ago" in page
        assert "VERA" not in page
        assert "<script>alert" not in page
        done = client.get("/missed?done=yes").text
        assert "+7 916 111-00-03" in done
        assert "he called again" in done
        assert client.get("/missed?nonsense=1").status_code == 400


def test_an_operator_sees_his_line_and_a_marketer_no_numbers(missing: House) -> None:
    with missing.client("operator") as client:
        page = client.get("/missed").text
        assert "+7 916 111-00-01" in page
        assert "+7 916 111-00-02" not in page
        boris = missing.do(CallStore(missing.database).get_by_prefix("2", 20))
        his = next(call.id for call in boris if call.caller == BORIS)
        assert client.post("/missed/done", data={"call": his}).status_code == 404
    with missing.client("marketer") as client:
        page = client.get("/missed").text
        assert "111-00-01" not in page
        assert ANNA not in page
        assert "+7916•••••01" in page


def test_done_by_hand_is_traced_and_can_be_taken_back(missing: House) -> None:
    with missing.client("admin", **{"HX-Request": "true"}) as client:
        waiting = missing.do(CallStore(missing.database).get_by_prefix("2", 20))
        last = max((call for call in waiting if call.caller == ANNA), key=lambda call: call.started_at)
        answer = client.post("/missed/done", data={"call": last.id})
        assert answer.text.count('data-call="') == 1
        undo = answer.headers["HX-Trigger"].partition('"url": "')[2].partition('"')[0]
        assert client.post("/missed/done", data={"call": last.id}).status_code == 404
        assert "marked by admin" in client.get("/missed?done=yes").text
        answer = client.post(undo)
        assert answer.text.count('data-call="') == 2
        assert client.post(undo).status_code == 409


def test_without_javascript_the_button_is_a_form(missing: House) -> None:
    with missing.client("admin") as client:
        call = client.get("/missed").text.partition('data-call="')[2].partition('"')[0]
        answer = client.post("/missed/done", data={"call": call}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/missed")


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_looks_well(chromium: Browser, missing: House, phone: bool, language: str) -> None:
    with looking(chromium, missing, phone=phone, language=language, dark=phone) as at:
        for path in ("/missed", "/missed?done=yes"):
            at.page.goto(path)
            at.must_be_clean()
            at.keep(f"missed{'-done' if 'done' in path else ''}-{language}-{'phone' if phone else 'desktop'}")


def test_by_keyboard_alone(chromium: Browser, missing: House) -> None:
    with looking(chromium, missing) as at:
        at.page.goto("/missed")
        at.page.keyboard.press("j")
        at.page.keyboard.press("d")
        expect(at.page.locator("[data-call]")).to_have_count(1)
        at.page.keyboard.press("u")
        expect(at.page.locator("[data-call]")).to_have_count(2)
        at.must_be_clean()
        at.page.keyboard.press("j")
        at.page.keyboard.press("Enter")
        at.page.wait_for_url("**/calls/*")
