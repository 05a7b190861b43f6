"""The service behind a real nginx with the documented file: TLS, whose address counts, and a page's number swapped in a real browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from lab.asterisk import CHECKOUT
from lab.browser import BrowserMissingError, find_browser
from lab.nginx import NginxMissingError, find_nginx
from lab.ports import free_tcp
from playwright.async_api import Route, async_playwright
from site_served import CHROME, ORIGIN, Served
from visiting import ADS, pool_numbers

DOCUMENTED = CHECKOUT / "config/nginx-callbridge.conf"
VISIT = json.dumps({"site": "main", "page": ADS, "consent": "full"})
HEADERS = {"User-Agent": CHROME, "Origin": ORIGIN, "Content-Type": "text/plain"}


def as_documented(service: int, port: int, folder: Path) -> str:
    """The file as it is, with another port, another certificate and the service's port."""
    text = DOCUMENTED.read_text()
    for said, here in (
        ("server 127.0.0.1:9480;", f"server 127.0.0.1:{service};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/letsencrypt/live/calls.example.org/", f"{folder}/"),
    ):
        assert said in text
        text = text.replace(said, here)
    return text


@pytest.fixture
async def nginx(served: Served, tmp_path: Path) -> AsyncIterator[int]:
    """Its port. The service believes 127.0.0.1 only, and that is nginx."""
    try:
        program = find_nginx(CHECKOUT / ".lab")
    except NginxMissingError as error:
        pytest.skip(str(error))
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl: apt-get install openssl")
    served.service.trust(("127.0.0.1/32",), None)
    port = free_tcp()
    await asyncio.to_thread(
        subprocess.run,
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"),
        ],
        check=True,
        capture_output=True,
    )
    (tmp_path / "site.conf").write_text(as_documented(served.service.address[1], port, tmp_path))
    temporary = "".join(
        f"{what}_temp_path {tmp_path}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary} include {tmp_path}/site.conf; }}\n"
    )
    process = await asyncio.create_subprocess_exec(
        *program.argv, "-c", tmp_path / "nginx.conf", "-p", tmp_path, env=program.environment()
    )
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    assert process.returncode is None, (tmp_path / "error.log").read_text()
                    await asyncio.sleep(0.05)
        writer.close()
        yield port
    finally:
        process.terminate()
        await process.wait()


async def address_of(served: Served, answer: httpx2.Response) -> str | None:
    """What the books keep of the visitor's address."""
    assert answer.status_code == 200, answer.text
    async with asyncio.timeout(20):
        while (visit := await served.store.visit(answer.json()["visit"])) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return visit.address


async def test_over_tls_the_visitors_own_address_counts(served: Served, nginx: int, tmp_path: Path) -> None:
    trust = ssl.create_default_context(cafile=tmp_path / "fullchain.pem")
    own = httpx2.AsyncHTTPTransport(local_address="127.1.0.2", verify=trust)
    async with httpx2.AsyncClient(
        transport=own, base_url=f"https://localhost:{nginx}", headers=HEADERS, timeout=20
    ) as page:
        forged = await page.post("/s/v1/visit", content=VISIT, headers={"X-Forwarded-For": "203.0.113.9"})
        assert await address_of(served, forged) == "127.1.0.0/24"
        assert forged.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert (await page.get("/s/v1.js")).headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert (await page.get("/s/healthz")).text == "ok\n"
        assert (await page.get("/metrics")).status_code == 404
        assert (await page.post("/s/v1/visit", content=b"x" * 20_000)).status_code == 413
        preflight = await page.options("/s/v1/visit", headers={"Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 204
    direct = httpx2.AsyncHTTPTransport(local_address="127.1.0.3")
    host, port = served.service.address
    async with httpx2.AsyncClient(
        transport=direct, base_url=f"http://{host}:{port}", headers=HEADERS, timeout=20
    ) as page:
        forged = await page.post("/s/v1/visit", content=VISIT, headers={"X-Forwarded-For": "203.0.113.9"})
        assert await address_of(served, forged) == "127.1.0.0/24"  # nobody but nginx is believed


async def test_with_the_service_down_nginx_says_so_at_once(served: Served, nginx: int, tmp_path: Path) -> None:
    trust = ssl.create_default_context(cafile=tmp_path / "fullchain.pem")
    await served.service.stop()
    async with httpx2.AsyncClient(verify=trust, timeout=20) as page:
        answer = await page.post(f"https://localhost:{nginx}/s/v1/visit", content=VISIT, headers=HEADERS)
    assert answer.status_code == 502


async def test_a_page_is_shown_its_number_through_nginx(served: Served, nginx: int) -> None:
    try:
        program = find_browser(CHECKOUT / ".lab")
    except BrowserMissingError as error:
        pytest.skip(str(error))

    async def the_site(route: Route) -> None:
        script = f'<script async src="https://localhost:{nginx}/s/v1.js" data-site="main"></script>'
        body = f"<!doctype html><meta charset=utf-8>{script}<p id=it>+7 (495) 111-22-33</p>"
        await route.fulfill(content_type="text/html", body=body)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program.argv[0],
            env=program.environment(),
            chromium_sandbox=False,
            # the site is made up, so Chromium takes it for a public one that reaches into somebody's own network
            args=["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"],
        )
        context = await browser.new_context(ignore_https_errors=True, user_agent=CHROME)
        page = await context.new_page()
        await page.route(f"{ORIGIN}/**", the_site)
        await page.goto(ADS)
        await page.wait_for_function("document.querySelector('#it').textContent !== '+7 (495) 111-22-33'")
        shown = await page.text_content("#it")
        await browser.close()
    assert "+" + "".join(filter(str.isdigit, shown or "")) in pool_numbers(20)
