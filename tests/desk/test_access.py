"""Users, one's own account, links for guests, the audit log: in a browser, by hand, and by keyboard."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from desk_house import PASSWORD, House, looking
from playwright.sync_api import Browser, expect

from bridge.core.desk.access import Role
from bridge.flows.desk_ports import Audited
from bridge.web.desk import account, passwords, signing_in
from bridge.web.desk.agents import browser_of
from bridge.web.desk.audit_page import ACTIONS
from bridge.web.site.limits import Buckets

CODE = Path(account.__file__).parents[2]
CALL = "20261122-142701-76210-452748"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (signing_in, account):
        monkeypatch.setattr(module, "_TRIES", Buckets(1000, 1000))


@pytest.fixture(scope="module")
def lived(house: House) -> House:
    """With people, links, and a log of some length."""
    house.add_user("anna", Role.MARKETER, password=passwords.hashed(PASSWORD))
    house.link("source=yandex-direct&class=target")
    for n in range(250):
        entry = Audited(house.side.desk.clock(), "marketer", "listen", f"{n} s", CALL, "203.0.113.7")
        house.do(house.accounts.note(entry))
    return house


@pytest.mark.parametrize("page", ["users", "users/anna", "account", "links", "audit"])
@pytest.mark.parametrize(("phone", "language"), [(False, "en"), (True, "ru")])
def test_every_page(chromium: Browser, lived: House, page: str, language: str, phone: bool) -> None:
    with looking(chromium, lived, phone=phone, language=language, dark=language == "ru") as at:
        at.page.goto(f"/{page}")
        expect(at.page.locator("h1")).to_be_visible()
        at.must_be_clean()
        at.keep(f"{page.replace('/', '-')}-{language}-{'phone' if phone else 'desktop'}")
        if language == "ru":
            seen = at.page.locator("main").inner_text().replace("for the agency", "")
            assert not re.search(r"\b(the|of|and|New|Role|Line|Show|End|ago|Password|calls)\b", seen), seen


def test_the_way_of_a_user_by_keyboard(chromium: Browser, house: House) -> None:
    with looking(chromium, house) as at:
        at.page.goto("/users")
        at.page.get_by_label("Name", exact=True).focus()
        at.page.keyboard.type("Olga")
        at.page.keyboard.press("Tab")
        at.page.keyboard.type("op")
        at.page.keyboard.press("Tab")
        at.page.keyboard.press("ArrowDown")
        at.page.keyboard.press("Tab")
        at.page.keyboard.type("olga@example.org")
        at.page.keyboard.press("Enter")
        made = at.page.locator(".notice code").inner_text()
        assert len(made) == 23
        at.must_be_clean()
    olga = house.do(house.accounts.user("olga"))
    assert (olga.role, olga.line, olga.email) == (Role.OPERATOR, "sales", "olga@example.org")
    with house.client(None) as client:
        done = client.post("/sign-in", data={"name": "Olga", "password": made}, follow_redirects=False)
        assert done.status_code == 303
        new = {"old": made, "new": "another long secret", "again": "another long secret"}
        before = client.cookies["callbridge-session"]
        assert client.post("/account/password", data=new, follow_redirects=False).status_code == 303
        assert client.cookies["callbridge-session"] != before
        assert client.get("/account").status_code == 200
    with house.client("admin") as client:
        assert client.post("/users/olga/lock", follow_redirects=False).status_code == 303
    with house.client(None) as client:
        data = {"name": "olga", "password": "another long secret"}
        assert client.post("/sign-in", data=data).status_code == 401


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"name": "x y", "role": "admin"}, "A name has letters"),
        ({"name": "admin", "role": "admin"}, "There is a user admin already"),
        ({"name": "zoe", "role": "operator"}, "An operator needs a line"),
        ({"name": "zoe", "role": "operator", "line": "<b>"}, "There is no line &lt;b&gt;."),
        ({"name": "zoe", "role": "guest"}, "Guests come by a link"),
        ({"name": "zoe", "role": "root"}, "Choose a role"),
        ({"name": "zoe", "role": "admin", "email": "x"}, "is not a mail address"),
        ({}, "A name has letters"),
    ],
)
def test_what_no_user_can_be(house: House, form: dict[str, str], message: str) -> None:
    with house.client("admin") as client:
        answer = client.post("/users", data=form or {"role": "admin"})
        assert answer.status_code == 400
        assert message in answer.text
    assert house.do(house.accounts.user("zoe")) is None


def test_the_last_administrator_stays(house: House) -> None:
    with house.client("admin") as client:
        for path, form in (("remove", {}), ("lock", {}), ("", {"role": "marketer"})):
            answer = client.post(f"/users/admin/{path}".rstrip("/"), data=form)
            assert answer.status_code == 400, path
            assert "last administrator" in answer.text
        assert client.get("/users").status_code == 200


def test_a_new_role_ends_the_sessions(house: House) -> None:
    house.add_user("ivan", Role.LISTENER)
    with house.client("ivan") as ivan, house.client("admin") as admin:
        assert ivan.get("/account", follow_redirects=False).status_code == 200
        admin.post("/users/ivan", data={"role": "marketer", "email": ""})
        assert ivan.get("/account", follow_redirects=False).status_code == 303
    assert house.do(house.accounts.user("ivan")).role is Role.MARKETER


def test_an_administrator_may_give_himself_a_new_password(house: House) -> None:
    house.add_user("root", Role.ADMIN, password=passwords.hashed(PASSWORD))
    with house.client("root") as client:
        answer = client.post("/users/root/password")
        made = re.search(r"<code>([a-z2-9-]{23})</code>", answer.text)
        assert made is not None
        assert client.get("/account", follow_redirects=False).status_code == 303
    assert passwords.fits(made[1], house.do(house.accounts.user("root")).password)
    house.do(house.accounts.remove_user("root"))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"old": "wrong", "new": "a longer one 1", "again": "a longer one 1"}, "The old password is another one"),
        ({"old": PASSWORD, "new": "a longer one 1", "again": "a longer one 2"}, "are not the same"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "at least 10 characters"),
        ({"old": PASSWORD, "new": "aaaaaaaaaaaa", "again": "aaaaaaaaaaaa"}, "too easy to guess"),
    ],
)
def test_a_password_that_is_not_changed(lived: House, form: dict[str, str], message: str) -> None:
    with lived.client("anna") as client:
        answer = client.post("/account/password", data=form)
        assert answer.status_code == 400
        assert message in answer.text
        assert client.get("/account").status_code == 200


def test_the_old_password_cannot_be_guessed(lived: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_TRIES", Buckets(0.0001, 3))
    with lived.client("anna") as client:
        codes = [client.post("/account/password", data={"old": "x"}).status_code for _ in range(5)]
    assert codes == [400, 400, 400, 429, 429]


def test_ones_sessions_are_ended_one_by_one_and_all_others(lived: House) -> None:
    with lived.client("anna") as here, lived.client("anna") as there, lived.client("marketer") as foreign:
        shorts = re.findall(r'name="session" value="([0-9a-f]{12})"', foreign.get("/account").text)
        here.post("/account/sessions", data={"session": shorts[0]})  # another's: nothing happens
        assert foreign.get("/account", follow_redirects=False).status_code == 200
        here.post("/account/sessions")
        assert there.get("/account", follow_redirects=False).status_code == 303
        assert here.get("/account", follow_redirects=False).status_code == 200
        assert here.post("/account/sessions", data={"session": "%"}).status_code == 400
        here.post("/account/sessions", data={"session": here_of(here)})
        assert here.get("/account", follow_redirects=False).status_code == 303


def here_of(client: Any) -> str:
    found = re.search(r'name="session" value="([0-9a-f]{12})"', client.get("/account").text)
    assert found is not None
    return found[1]


def test_a_link_is_made_shown_once_opened_and_revoked(house: House) -> None:
    with house.client("marketer") as client:
        page = client.get("/links?scope=source%3Dyandex-direct").text
        assert 'value="source=yandex-direct"' in page
        made = client.post("/links", data={"title": "For Yan", "scope": "source=yandex-direct", "days": "7"}).text
        url = re.search(r"<code>(http://[^<]+/l/[\w-]{43})</code>", made)
        assert url is not None
        assert url[1] not in client.get("/links").text
        for form, message in (
            ({"title": "", "days": "7"}, "needs a title"),
            ({"title": "x", "days": "366"}, "1 to 365 days"),
            ({"title": "x", "days": "-1"}, "1 to 365 days"),
            ({"title": "x", "days": "7", "scope": "nothing=1"}, "there is no filter"),
            ({"title": "x", "days": "7", "scope": "q=" + "x" * 2000}, "too long"),
        ):
            answer = client.post("/links", data=form)
            assert answer.status_code == 400, form
            assert message in answer.text
        with house.client(None) as guest:
            assert guest.get(url[1], follow_redirects=False).status_code == 303
            assert guest.get("/account").status_code == 403
            short = re.search(r"/links/([0-9a-f]{12})/revoke", client.get("/links").text)
            assert short is not None
            client.post(f"/links/{short[1]}/revoke")
            assert guest.get("/account", follow_redirects=False).status_code == 303
        assert client.post("/links/%25/revoke").status_code == 404


def test_the_audit_log_is_read_to_its_end(lived: House) -> None:
    with lived.client("admin") as client:
        first = client.get("/audit?action=listen")
        assert first.text.count("203.0.113.7") == 100
        more = re.search(r'hx-get="(/audit\?[^"]+)"', first.text)
        assert more is not None
        second = client.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"})
        assert second.text.count("203.0.113.7") == 100
        assert "<html" not in second.text
        rows = list(csv.reader(io.StringIO(client.get("/audit.csv?action=listen").text.lstrip("\ufeff"))))
        assert len(rows) == 251
        assert rows[0] == ["at", "by", "action", "call_id", "detail", "address"]
        assert rows[1][0].endswith("+03:00")
        assert rows[1][3] == CALL
        assert "203.0.113.7" in client.get(f"/audit?call={CALL}&by=marketer").text
        assert "203.0.113.7" not in client.get("/audit?by=anna").text
        for wrong in ("call=x", "before=x", "action=x", "who=x"):
            assert client.get(f"/audit?{wrong}").status_code == 400


def test_a_formula_in_the_log_stays_text(lived: House) -> None:
    lived.do(lived.accounts.note(Audited(lived.side.desk.clock(), "x", "export", '=HYPERLINK("http://e")', None, "")))
    with lived.client("admin") as client:
        assert "'=HYPERLINK" in client.get("/audit.csv?action=export").text


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 YaBrowser/25.8 Safari/537.36", "Yandex 25, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E Safari/604.1", "Safari 18, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge 140, Windows"),
        ("curl/8.0", "curl/8.0"),
    ],
)  # fmt: skip
def test_browsers_have_names(agent: str, browser: str) -> None:
    assert browser_of(agent) == browser


def test_every_action_of_the_code_has_a_title() -> None:
    code = "".join(file.read_text() for folder in ("web/desk", "flows") for file in (CODE / folder).glob("*.py"))
    noted = set(re.findall(r'note\((?:by, )?"([a-z-]+)"', code))
    assert noted <= set(ACTIONS)
    assert len(noted) > 12
