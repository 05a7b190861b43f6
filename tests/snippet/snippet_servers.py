"""The site, the service, and the person in front of the browser."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from lab.asterisk import CHECKOUT
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

SNIPPET = CHECKOUT / "bridge/web/static/s/v1.js"
PRINTED = "74951112233"


def shown(local: str, country: str = "7", trunk: str = "8") -> dict[str, str]:
    """A number to show, e.g. of ``4957778899``."""
    area, one, two, three = local[:3], local[3:6], local[6:8], local[8:]
    return {
        "e164": f"+{country}{local}",
        "national": f"{trunk} ({area}) {one}-{two}-{three}",
        "international": f"+{country} {area} {one}-{two}-{three}",
        "tel": f"+{country}{local}",
    }


OURS = shown("4957778899")
DEFAULT = shown("4950000001")


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a browser may go away at any time
            super().handle_error(request, client_address)


class _Server:
    """An HTTP server of its own on a free port."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.get(self)

            def do_POST(self) -> None:
                outer.post(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = _Http(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def get(self, request: BaseHTTPRequestHandler) -> None: ...

    def post(self, request: BaseHTTPRequestHandler, body: bytes) -> None: ...


def answer(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    if status != 204:
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


class Service(_Server):
    """Speaks the protocol of docs/snippet.md. A test sets what it answers and reads what it heard."""

    def __init__(self) -> None:
        self.swap: dict[str, dict[str, str]] | None = {PRINTED: OURS}
        self.changed: dict[str, dict[str, str]] | None = None  #: answered to beats
        self.beat = 0.2
        self.ttl = 600.0
        self.status = 200  #: of visits and beats
        self.delay = 0.0
        self.lost: set[str] = set()  #: visits it knows nothing of any more
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.types: set[str] = set()
        self._came = threading.Condition()
        super().__init__()

    def get(self, request: BaseHTTPRequestHandler) -> None:
        code = SNIPPET.read_bytes()
        answer(
            request,
            200,
            code,
            Content_Type="text/javascript; charset=utf-8",
            Cache_Control="public, max-age=600",
            Access_Control_Allow_Origin="*",
        )

    def post(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        kind = request.path.rpartition("/")[2]
        said = json.loads(body)
        self.types.add(request.headers.get("Content-Type", ""))
        with self._came:
            self.heard.append((kind, said))
            self._came.notify_all()
        if kind == "event":
            return answer(request, 204, Access_Control_Allow_Origin="*")
        if request.headers.get("Origin") == "null":
            return answer(request, 403)
        time.sleep(self.delay)
        if self.status != 200:
            return answer(request, self.status, Access_Control_Allow_Origin="*")
        if kind == "visit":
            result: dict[str, Any] | None = None
            if self.swap is not None:
                result = {
                    "visitor": said["visitor"] or "p1",
                    "visit": said["visit"] if said["visit"] not in (None, *self.lost) else f"v{len(self.of('visit'))}",
                    "swap": self.swap,
                    "beat": self.beat,
                    "ttl": self.ttl,
                }
        elif said["visit"] in self.lost:
            result = {"swap": {PRINTED: shown(PRINTED[1:])}, "ask": True}
        else:
            result = {"swap": self.changed} if self.changed is not None else None
        if result is None:
            return answer(request, 204, Access_Control_Allow_Origin="*")
        return answer(request, 200, json.dumps(result).encode(), Access_Control_Allow_Origin="*")

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was heard of one kind: visit, beat, event."""
        return [said for what, said in self.heard if what == kind]

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [x for x in self.of("event") if x["kind"] == kind]

    def wait(self, reached: Callable[[Service], object], patience: float = 15.0) -> None:
        """Until `reached` is true of what was heard."""
        with self._came:
            if not self._came.wait_for(lambda: reached(self), patience):
                raise AssertionError(f"not heard; heard: {[(kind, said) for kind, said in self.heard][-5:]}")


@dataclass
class Document:
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    late: bytes = b""  #: comes when the site is told so


class Site(_Server):
    """The company's site: pages by path."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.pages: dict[str, Document] = {}
        self.release = threading.Event()  #: the late part of a page may come
        super().__init__()

    def tag(self, attributes: str = "") -> str:
        return f'<script async src="{self.service.origin}/s/v1.js" data-site="main" {attributes}></script>'

    def page(
        self,
        body: str,
        path: str = "/",
        *,
        tag: str | None = None,
        head: str = "<title>Company</title>",
        late: str = "",
        **headers: str,
    ) -> str:
        """Put a page on the site; its URL. `late`: a second part of the body, which comes with `release`."""
        text = f"<!doctype html><html><head><meta charset=utf-8>{self.tag() if tag is None else tag}{head}</head><body>{body}"
        self.pages[path] = Document(text.encode(), {k.replace("_", "-"): v for k, v in headers.items()}, late.encode())
        return self.origin + path

    def file(self, path: str, source: Path) -> None:
        self.pages[path] = Document(source.read_bytes(), {"Content-Type": "text/javascript; charset=utf-8"})

    def get(self, request: BaseHTTPRequestHandler) -> None:
        found = self.pages.get(urlsplit(request.path).path)
        if found is None:
            answer(request, 404)
            return
        headers = {"Content-Type": "text/html; charset=utf-8"} | found.headers
        if not found.late:
            answer(request, 200, found.body, **headers)
            return
        request.send_response(200)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(found.body) + len(found.late)))
        request.end_headers()
        request.wfile.write(found.body)
        request.wfile.flush()
        self.release.wait(20)
        request.wfile.write(found.late)


class Visitor:
    """A person with a browser: opens pages, and notes every error that a page sees."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.context = context
        self.site = site
        self.errors: list[str] = []
        self.console: list[str] = []

    def tab(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        return page

    def open(self, url: str) -> Page:
        page = self.tab()
        page.goto(url)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        self.console.append(message.text)


def swapped(page: Page, selector: str, text: str) -> None:
    """Wait until the element reads so."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent === text", arg=[selector, text]
    )
