"""Signing in and out, in a browser and by hand."""

from __future__ import annotations

import pytest
from desk_house import PASSWORD, House, looking
from playwright.sync_api import Browser

from bridge.core.desk.access import Role
from bridge.web.desk import passwords, signing_in
from bridge.web.site.limits import Buckets


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "_TRIES", Buckets(1000, 1000))


@pytest.fixture(scope="module")
def anna(house: House) -> House:
    house.add_user("anna", Role.MARKETER, password=passwords.hashed(PASSWORD))
    return house


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_way_in(chromium: Browser, anna: House, phone: bool, language: str) -> None:
    with looking(chromium, anna, phone=phone, language=language) as at:
        at.page.context.clear_cookies()
        at.page.goto("/")
        at.must_be_clean()
        at.keep(f"sign-in-{language}-{'phone' if phone else 'desktop'}")
        at.page.keyboard.type("anna")
        at.page.keyboard.press("Tab")
        at.page.keyboard.type(PASSWORD)
        at.page.keyboard.press("Enter")
        at.page.wait_for_url("**/sources")
        cookie = next(c for c in at.page.context.cookies() if c["name"] == "callbridge-session")
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"


def test_a_wrong_password_and_a_wrong_name_sound_alike(anna: House) -> None:
    with anna.client(None) as client:
        one = client.post("/sign-in", data={"name": "anna", "password": "no"})
        other = client.post("/sign-in", data={"name": "nobody", "password": "no"})
        assert one.status_code == other.status_code == 401
        assert one.text.replace("anna", "nobody") == other.text


def test_a_session_is_new_with_every_sign_in_and_over_with_sign_out(anna: House) -> None:
    with anna.client("anna") as client:
        fixed = client.cookies["callbridge-session"]
        client.post("/sign-in", data={"name": "anna", "password": PASSWORD})
        new = client.cookies["callbridge-session"]
        assert new != fixed
        client.cookies.set("callbridge-session", fixed, "127.0.0.1")
        assert client.get("/", follow_redirects=False).headers["location"] == "/sign-in"
        client.cookies.set("callbridge-session", new, "127.0.0.1")
        assert client.get("/", follow_redirects=False).headers["location"] == "/sources"
        client.post("/sign-out", follow_redirects=False)
        client.cookies.set("callbridge-session", new, "127.0.0.1")
        assert client.get("/", follow_redirects=False).headers["location"] == "/sign-in"


def test_too_many_wrong_passwords_lock_a_name(house: House) -> None:
    house.add_user("boris", Role.LISTENER, password=passwords.hashed(PASSWORD))
    with house.client(None) as client:
        for _ in range(signing_in.LOCK_AFTER):
            assert client.post("/sign-in", data={"name": "boris", "password": "no"}).status_code == 401
        assert client.post("/sign-in", data={"name": "boris", "password": PASSWORD}).status_code == 401
    actions = [entry.action for _, entry in house.do(house.accounts.audited(limit=20))]
    assert "sign-in-locked" in actions


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_what_does_not_come_from_our_pages_is_refused(anna: House, headers: dict[str, str]) -> None:
    with anna.client("anna") as client:
        del client.headers["Sec-Fetch-Site"]
        assert client.post("/sign-out", headers=headers).status_code == 403


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "/a\nb"])
def test_after_signing_in_nobody_is_sent_elsewhere(anna: House, wanted: str) -> None:
    with anna.client(None) as client:
        data = {"name": "anna", "password": PASSWORD, "next": wanted}
        answer = client.post("/sign-in", data=data, follow_redirects=False)
        assert answer.headers["location"] == "/"


def test_a_guests_link_works_until_it_is_revoked(house: House) -> None:
    token = house.link()
    with house.client(None) as client:
        assert client.get(f"/l/{token}", follow_redirects=False).status_code == 303
        assert client.get("/", follow_redirects=False).headers["location"] == "/sources"
        link = house.do(house.accounts.links(house.side.desk.clock()))[0]
        assert house.do(house.accounts.revoke_link(link.short, house.side.desk.clock()))
        assert client.get("/", follow_redirects=False).headers["location"] == "/sign-in"
        assert client.get(f"/l/{token}").status_code == 404


def test_pages_come_packed_to_whoever_can_unpack_them(house: House) -> None:
    with house.client("admin") as client:
        packed = client.get("/calls", headers={"Accept-Encoding": "gzip"})
        plain = client.get("/calls", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.text == plain.text
