"""The desk behind a real nginx with the documented file: TLS, cookies of the very host, whose address counts, the stream of the page Now."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from desk_house import PASSWORD, House, a_directory
from lab.asterisk import CHECKOUT
from lab.nginx import NginxMissingError, find_nginx
from lab.ports import free_tcp

from bridge.core.desk.access import Role
from bridge.core.desk.settings import DeskSettings
from bridge.web.desk import passwords

DOCUMENTED = CHECKOUT / "config/nginx-callbridge-desk.conf"
COOKIE = "__Host-callbridge-session"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, int, Path]]:
    """The house, nginx's port and its certificate. The file is as documented but for the ports and the certificate's place."""
    try:
        program = find_nginx(CHECKOUT / ".lab")
    except NginxMissingError as error:
        pytest.skip(str(error))
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: apt-get install openssl")
    folder, port = tmp_path_factory.mktemp("nginx"), free_tcp()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "privkey.pem"),
            *("-out", folder / "fullchain.pem"),
        ],
        check=True,
        capture_output=True,
    )
    with House(
        folder, a_directory(), DeskSettings(url=f"https://localhost:{port}", trusted_proxies=("127.0.0.1/32",))
    ) as house:
        text = DOCUMENTED.read_text()
        for said, here in (
            ("server 127.0.0.1:9481;", f"server 127.0.0.1:{house.side.service.address[1]};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("/etc/letsencrypt/live/desk.example.org/", f"{folder}/"),
            # a port that is not 443 is part of the name
            ("proxy_set_header Host $host;", "proxy_set_header Host $http_host;"),
        ):
            assert said in text
            text = text.replace(said, here)
        (folder / "desk.conf").write_text(text)
        temporary = "".join(
            f"{what}_temp_path {folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; {temporary} include {folder}/desk.conf; }}\n"
        )
        process = subprocess.Popen(
            [*program.argv, "-c", folder / "nginx.conf", "-p", folder], env=program.environment()
        )
        try:
            _wait_for(port, process, folder)
            yield house, port, folder / "fullchain.pem"
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < end, "nginx does not listen"
            time.sleep(0.05)
        else:
            return


def test_signing_in_over_tls(behind: tuple[House, int, Path]) -> None:
    house, port, certificate = behind
    house.add_user("olga", Role.ADMIN, password=passwords.hashed(PASSWORD))
    trust = ssl.create_default_context(cafile=certificate)
    own = httpx2.HTTPTransport(local_address="127.1.0.2", verify=trust)
    with httpx2.Client(transport=own, base_url=f"https://localhost:{port}", timeout=30) as client:
        ours = {"Origin": f"https://localhost:{port}"}
        foreign = client.post(
            "/sign-in", data={"name": "olga", "password": PASSWORD}, headers={"Origin": "https://evil.example"}
        )
        assert foreign.status_code == 403
        answer = client.post(
            "/sign-in", data={"name": "olga", "password": PASSWORD},
            headers={**ours, "X-Forwarded-For": "203.0.113.9"}, follow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 303
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert answer.headers["Strict-Transport-Security"]
        assert client.get("/calls").status_code == 200
        sessions = house.do(house.accounts.sessions_of("olga", house.side.desk.clock()))
        assert [session.address for session in sessions] == ["127.1.0.2"]  # who forges the header is not believed
        with client.stream("GET", "/now/events") as stream:
            first = next(stream.iter_text())
        assert first
