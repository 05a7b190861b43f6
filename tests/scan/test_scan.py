"""A real site on loopback, with every kind of leak, looked over by the command."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cli import main
from bridge.scan.crawl import Limits, NotASiteError, walk
from bridge.scan.page import read_page

SNIPPET = '<script async src="https://calls.example/s/v1.js" data-site="main"></script>'
OTHER = "+74952223344"
PAGES = {
    "/": f"""<html><head><title>Замки</title>{SNIPPET}</head><body>
        <a href=/prices>цены</a> <a href="contacts#x">контакты</a> <a href="/hidden/a">x</a> <a href="https://else.example/">y</a>
        <a href="/moved">moved</a> <a href="/away">away</a> <a href="/file.pdf">pdf</a> <a href="mailto:a@b.c">m</a> <a href="/gone">g</a>
        <p>Звоните: 8&nbsp;(495) <b>111</b>-<i>22</i>-33</p><a href="tel:84951112233">позвонить</a>
        <p>цена 1 250 000 рублей, ИНН 7707083893</p></body>""",
    "/prices": """<p>+7 495 111-22-33</p><p>Второй офис: +7 (495) 222-33-44</p>""",
    "/contacts": f"""{SNIPPET}<div data-callbridge="off">+7 495 111-22-33</div>
        <script type="application/ld+json">{{"telephone": "+7 495 111-22-33", "x": ["{OTHER}"]}}</script>
        <a href="https://wa.me/74951112233">WhatsApp</a><p>+7 495 111-00-01</p><input value="84951112233">
        <iframe src="https://maps.example/x"></iframe>""",
    "/landed": SNIPPET,
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked: list[str] = self.server.asked  # type: ignore[attr-defined]
        asked.append(self.path)
        if self.path == "/robots.txt":
            self._answer(200, b"User-agent: *\nDisallow: /hidden/\n", "text/plain")
        elif self.path in ("/moved", "/away"):
            self.send_response(302)
            self.send_header("Location", "/landed" if self.path == "/moved" else "https://else.example/")
            self.end_headers()
        elif self.path in PAGES:
            self._answer(200, PAGES[self.path].encode(), "text/html; charset=utf-8")
        else:
            self._answer(404, b"no", "text/html")

    def _answer(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        if self.path == "/prices":
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def site(asked: list[str]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.asked = asked  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def scan(tmp_path: Path) -> Callable[..., Result]:
    config = tmp_path / "bridge.yaml"
    config.write_text(
        """
asterisk: {ami: {user: callbridge, secret: {env: NOT_NEEDED_HERE}}}
lines: {main: {ring: [{phone: PJSIP/101}]}}
fallback: {line: main}
sources: {web: {}}
numbers: {"+74951110001": {default_of: web}}
site: {sites: {main: {domains: ["127.0.0.1"], replace: [8 495 111-22-33]}}}
"""
    )

    def run(*options: str) -> Result:
        return CliRunner().invoke(main, ["scan", *options, "-c", str(config)])

    return run


def test_every_leak_is_found(site: str, scan: Callable[..., Result], asked: list[str]) -> None:
    result = scan(site, "--delay", "0", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["pages"] == 4
    assert found["without_snippet"] == [f"{site}prices"]
    assert {
        (leak["number"], leak["reason"].split(":")[0], leak["url"].removeprefix(site)) for leak in found["numbers"]
    } == {
        (OTHER, "not in `replace` of the site", "prices"),
        (OTHER, "not in `replace` of the site", "contacts"),
        ("+74951112233", "opted out by data-callbridge=off", "contacts"),
        ("+74951112233", "in structured data (JSON-LD)", "contacts"),
        ("+74951112233", "a messenger's link", "contacts"),
        ("+74951112233", "in a field of a form", "contacts"),
        ("+74951110001", "a tracked number is printed on the page", "contacts"),
    }
    assert found["frames"] == ["https://maps.example/x"]
    assert found["kept_out_by_robots"] == [f"{site}hidden/a"]
    assert {(row["url"].removeprefix(site), row["reason"]) for row in found["unreadable"]} == {
        ("away", "leads to another site, else.example"),
        ("gone", "HTTP 404"),
    }
    assert "/hidden/a" not in asked
    assert "/file.pdf" not in asked


def test_a_table_for_people(site: str, scan: Callable[..., Result]) -> None:
    result = scan(site, "--delay", "0")
    assert "4 pages looked at, 1 without the snippet, 7 numbers it cannot swap" in result.stdout
    assert "in structured data" in result.stdout


def test_it_is_bounded_and_rests(site: str) -> None:
    rests: list[float] = []
    found = walk(site, "RU", Limits(pages=2, delay=0.25), sleep=rests.append)
    assert (len(found.pages), rests) == (2, [0.25])
    assert found.left > 0
    assert len(walk(site, "RU", Limits(depth=0, delay=0)).pages) == 1


@pytest.mark.parametrize("url", ["ftp://example.org/", "http://", "http://127.0.0.1:1/"])
def test_what_is_no_site(url: str, scan: Callable[..., Result]) -> None:
    with pytest.raises(NotASiteError):
        walk(url, "RU", Limits(timeout=2))
    result = scan(url)
    assert result.exit_code == 1
    assert result.stderr.startswith("callbridge: ")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>/=\"'! -abdivscriptlnoe:tel+74951112233&#;{}[]"), max_size=300))
def test_no_page_breaks_the_reader(html: str) -> None:
    read_page("https://example.org/", html, "RU")
    read_page("https://example.org/", f'<script type="application/ld+json">{html}', "RU")
    read_page("https://example.org/", f"<a href='{html}'><base href='{html}'>", "RU")
