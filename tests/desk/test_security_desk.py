"""The desk against those who mean ill: hostile texts on every page, headers of every answer, paths, cookies, guessing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from calls_house import calls_house
from desk_house import PASSWORD, House, looking
from every_route import SAFE, address, name
from playwright.sync_api import Browser
from starlette.responses import Response

from bridge.core.desk.access import Role
from bridge.flows.desk_ports import Audited
from bridge.flows.people import hash_of
from bridge.web.desk import passwords, signing_in
from bridge.web.desk.context import Asked
from bridge.web.desk.gate import HEADERS
from bridge.web.desk.routing import Route
from bridge.web.desk.service import DeskService
from bridge.web.site.limits import Buckets

EVIL = '"\'><img src=x onerror="window.evil=1"><script>window.evil=1</script><svg/onload=window.evil=1>{{7*7}}</textarea></title>'
EVIL_URL = "javascript:window.evil=1//\"'><img src=x onerror=window.evil=1>"
#: Where texts of callers, visitors and people end up.
SEEDED = {
    "calls": ("caller_name", "campaign", "keyword", "comment", "answered_by", "attribution_reason", "recording_reason"),
    "visits": ("campaign", "keyword", "content", "medium", "came_from", "rule", "click_id", "region", "address"),
    "sessions": ("agent", "address"),
    "users": ("email",),
    "links": ("title", "scope"),
    "audit": ("detail", "address"),
    "tags": ("tag",),
    "views": ("name", "query"),
    "attributions": ("reason", "by"),
    "rings": ("phone",),
}
LOOK = """() => {
    const all = (what) => [...document.querySelectorAll(what)];
    const addresses = all('a[href], form[action]').map((e) => e.getAttribute('href') ?? e.getAttribute('action'));
    return {
        ran: 'evil' in window,
        foreign: all('[onerror], [onload], [onclick], img[src="x"], iframe, object, embed').length
            + all('script:not([src]):not([type="application/json"])').length,
        links: addresses.filter((address) => /^\\s*(javascript|data):/i.test(address)),
        sums: document.body.innerText.includes('49</textarea>'),
    };
}"""
SEEDED_URLS = {
    "calls": ("landing",),
    "visits": ("landing", "referrer", "referrer_host"),
    "visit_pages": ("url",),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Every text that came from outside is hostile."""
    with calls_house(tmp_path_factory.mktemp("evil"), days=3, calls_per_day=20) as (running, _):
        running.add_user("anna", Role.MARKETER, password=passwords.hashed(PASSWORD))
        running.link("source=yandex-direct")
        running.token("anna")
        running.do(running.accounts.note(Audited(running.side.desk.clock(), EVIL, EVIL, EVIL, None, EVIL)))
        books = sqlite3.connect(running.folder / "bridge.db", timeout=30)
        with books:
            for seeded, text in ((SEEDED, EVIL), (SEEDED_URLS, EVIL_URL)):
                for table, columns in seeded.items():
                    there = {row[1] for row in books.execute(f"PRAGMA table_info({table})")}
                    for column in columns:
                        if column in there:
                            books.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (text,))  # noqa: S608
        books.close()
        yield running


@pytest.fixture(scope="module")
def call(house: House) -> str:
    """A call whose visit is known."""
    books = sqlite3.connect(house.folder / "bridge.db", timeout=30)
    query = "SELECT id FROM calls WHERE visit IS NOT NULL ORDER BY started_at DESC LIMIT 1"
    found = books.execute(query).fetchone()
    books.close()
    return str(found[0])


def page_of(house: House, path: str) -> httpx2.Response:
    """The head of the answer: some never end."""
    with house.client("admin") as client, client.stream("GET", path) as answer:
        return answer


@pytest.mark.parametrize("route", SAFE, ids=name)
def test_hostile_texts_stay_texts_on_every_page(chromium: Browser, house: House, call: str, route: Route) -> None:
    path = address(route, id=call, name="anna")
    if not page_of(house, path).headers.get("content-type", "").startswith("text/html"):
        pytest.skip("no page")
    with looking(chromium, house) as at:
        dialogs: list[str] = []
        at.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        at.page.goto(path)
        at.page.wait_for_load_state()
        found = at.page.evaluate(LOOK)
        assert found == {"ran": False, "foreign": 0, "links": [], "sums": False}
        # a recording that is not there is no error of the page; what its policy refuses is one
        errors = [text for text in at.errors if not text.startswith("Failed to load resource: the server responded")]
        assert errors == []
        assert dialogs == []


@pytest.mark.parametrize("route", SAFE, ids=name)
def test_every_answer_has_its_headers_and_stays_out_of_caches(house: House, call: str, route: Route) -> None:
    answer = page_of(house, address(route, id=call, name="anna"))
    assert answer.status_code < 500
    for header, value in HEADERS.items():
        if header not in ("Cache-Control", "Content-Security-Policy"):
            assert answer.headers[header] == value
    policy = answer.headers["content-security-policy"]  # a page may allow a style by a nonce, and nothing else
    assert re.sub(r" 'nonce-[\w-]{22,}'", "", policy) == HEADERS["Content-Security-Policy"]
    assert "nonce" not in policy.partition("style-src")[0]
    assert answer.headers["cache-control"].startswith(("no-store", "private", "no-cache"))


def test_no_page_may_run_what_is_written_into_it() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert HEADERS["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing", 404),
        ("PUT", "/sign-in", 405),
        ("GET", "/links?scope=%00", 200),
        ("GET", "/%ff", 404),
        ("GET", "/calls/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("GET", "/" + "a" * 4000, 404),
    ],
)
def test_answers_that_no_page_makes_have_the_headers_too(house: House, method: str, path: str, status: int) -> None:
    with house.client("admin") as client:
        answer = client.request(method, path)
        assert answer.status_code == status
        for header, value in HEADERS.items():
            assert answer.headers[header] == value, header


def test_a_mistake_of_ours_is_said_without_its_insides(house: House) -> None:
    async def boom(asked: Asked) -> Response:
        raise RuntimeError(f"secret insides of {asked.address}")

    service = DeskService(house.side.desk, [Route("GET", "/boom", None, boom), Route("GET", "/v1/boom", None, boom)])
    house.do(service.start("127.0.0.1", 0))
    try:
        with httpx2.Client(base_url="http://{}:{}".format(*service.address)) as client:
            for path in ("/boom", "/v1/boom"):
                answer = client.get(path)
                assert answer.status_code == 500
                assert "insides" not in answer.text
                assert "Traceback" not in answer.text
                for header, value in HEADERS.items():
                    assert answer.headers[header] == value
        assert service.gate.counters.failed == 2
    finally:
        house.do(service.stop())


TRAVERSALS = (
    "../bridge.db",
    "..%2fbridge.db",
    "%2e%2e/bridge.db",
    "..%5cbridge.db",
    "....//bridge.db",
    "%00",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "vendor/../desk.css",
)


@pytest.mark.parametrize("path", TRAVERSALS)
@pytest.mark.parametrize(
    "form", ["/static/{}", "/calls/{}", "/calls/{}/sound", "/calls/{}/sound/download", "/calls/{}/peaks", "/users/{}"]
)
def test_no_path_leads_out(house: House, form: str, path: str) -> None:
    with house.client("admin") as client:
        # as it stands: a client must not tidy it up
        answer = client.send(client.build_request("GET", httpx2.URL(f"{house.url}{form.format(path)}")))
        assert answer.status_code in (303, 400, 404, 405), answer.status_code
        assert b"SQLite format" not in answer.content
        assert b"root:" not in answer.content


def test_with_https_cookies_are_the_hosts_own_and_go_over_tls_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "_TRIES", Buckets(1000, 1000))
    before = house.side.desk.settings
    house.side.desk.settings = replace(before, url="https://desk.example.org")
    try:
        with house.client(None) as client:
            done = client.post("/sign-in", data={"name": "anna", "password": PASSWORD}, follow_redirects=False)
            cookie = done.headers["set-cookie"]
            assert cookie.startswith("__Host-callbridge-session=")
            assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
            assert "Domain" not in cookie
            # a cookie of the plain name, which another host could have set, is nobody's
            client.cookies.set("callbridge-session", house.token("admin"), "127.0.0.1")
            assert client.get("/users", follow_redirects=False).status_code == 303
    finally:
        house.side.desk.settings = before


def test_tokens_are_long_and_their_hashes_alone_are_kept(house: House) -> None:
    with house.client("marketer") as client:
        made = client.post("/links", data={"title": "x", "scope": "", "days": "1"}).text
        token = made.partition("/l/")[2][:43]
    kept = (house.folder / "bridge.db").read_bytes() + (house.folder / "bridge.db-wal").read_bytes()
    assert hash_of(token).encode() in kept
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept


def test_names_cannot_be_guessed_by_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not there, or has no password, costs the same work as a wrong password."""
    monkeypatch.setattr(signing_in, "_TRIES", Buckets(1000, 1000))
    worked: list[str] = []
    real = passwords._HASHER

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            worked.append(kept[:30])
            return real.verify(kept, password)

        def hash(self, password: str) -> str:
            return real.hash(password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    with house.client(None) as client:
        for who in ("anna", "nobody", "admin"):
            assert client.post("/sign-in", data={"name": who, "password": "wrong"}).status_code == 401
    assert len(worked) == 3
    assert len(set(worked)) == 1  # argon2 with the same parameters


def test_an_address_may_not_try_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "_TRIES", Buckets(0.0001, 5))
    with house.client(None) as client:
        names = [f"guess-{n}" for n in range(8)]
        codes = [client.post("/sign-in", data={"name": who, "password": "x"}).status_code for who in names]
        # whoever claims to come through a proxy is counted by what the trusted one says
        spoofed = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        other = [client.post("/sign-in", data={"name": "x"}, headers=spoofed).status_code for _ in range(6)]
        spoofed = {"X-Forwarded-For": "198.51.100.2, 203.0.113.9"}
        again = client.post("/sign-in", data={"name": "x"}, headers=spoofed).status_code
    assert codes == [401] * 5 + [429] * 3
    assert (other, again) == ([401] * 5 + [429], 429)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_only_forms_are_read(house: House, kind: str) -> None:
    with house.client("admin") as client:
        answer = client.post("/users", content=b'{"name": "x"}', headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert client.post("/users", data={"name": "x" * 70_000}).status_code == 413


def test_another_session_or_role_takes_effect_at_once(house: House) -> None:
    house.add_user("olga", Role.ADMIN)
    with house.client("olga") as olga, house.client("admin") as admin:
        assert olga.get("/users").status_code == 200
        admin.post("/users/olga", data={"role": "listener"})
        assert olga.get("/users", follow_redirects=False).status_code == 303
        olga.cookies.set("callbridge-session", house.token("olga"), "127.0.0.1")
        assert olga.get("/users").status_code == 403


def test_a_page_cannot_be_framed(chromium: Browser, house: House) -> None:
    context = chromium.new_context()
    try:
        house.see(context)
        page = context.new_page()
        framing = f'<iframe src="{house.url}/users"></iframe>'
        page.route("http://evil.example/**", lambda route: route.fulfill(body=framing, content_type="text/html"))
        page.goto("http://evil.example/")
        frame = page.frames[1]
        assert "nobody" not in frame.content()
        assert "<form" not in frame.content()
    finally:
        context.close()
