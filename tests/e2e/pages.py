"""A company's pages for a browser, and the people who read them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import BrowserContext, Page

PRINTED, PRINTED_AS = "+74951112233", "+7 (495) 111-22-33"
BODY = f"<p id=it>{PRINTED_AS}</p><a id=link href='tel:{PRINTED}'>call</a>"

#: Noted in every page: what the script said when the service had answered, and every text of the number that was painted.
NOTES = """
document.addEventListener('callbridge:ready', e => window.told = e.detail)
window.painted = []
;(function look() {
  const it = document.querySelector('#it')
  if (it && it.textContent !== painted[painted.length - 1]) painted.push(it.textContent)
  requestAnimationFrame(look)
})()
"""

REACT = """
const e = React.createElement
function App() {
  const [clicks, click] = React.useState(0)
  return e('main', null,
    e('p', {id: 'it'}, `+7 (495) 111-22-33${' '.repeat(clicks % 2)}`),
    e('a', {id: 'link', href: 'tel:+74951112233', key: clicks}, 'call'),
    e('button', {id: 'more', onClick: () => click(clicks + 1)}, clicks))
}
ReactDOM.createRoot(document.querySelector('#root')).render(e(React.StrictMode, null, e(App)))
"""
VUE = """
Vue.createApp({
  data: () => ({clicks: 0}),
  render() {
    return Vue.h('main', [
      Vue.h('p', {id: 'it'}, `+7 (495) 111-22-33${' '.repeat(this.clicks % 2)}`),
      Vue.h('a', {id: 'link', href: 'tel:+74951112233', key: this.clicks}, 'call'),
      Vue.h('button', {id: 'more', onClick: () => this.clicks++}, this.clicks),
    ])
  },
}).mount('#root')
"""


class Pages:
    """Serves `files` (path -> body) on a free port. `script` is where the pages load the snippet from."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.script = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                body = outer.files.get(path)
                self.send_response(404 if body is None else 200)
                kind = "text/javascript" if path.endswith(".js") else "text/html"
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                if not isinstance(sys.exception(), ConnectionError):  # a browser may go away at any time
                    super().handle_error(request, client_address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def served(self) -> Iterator[Pages]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def page(self, path: str, body: str = BODY, *, head: str = "", options: str = "", script: bool = True) -> str:
        """Put a page on the site; its URL."""
        tag = f'<script async src="{self.script}" data-site="main" {options}></script>' if script else ""
        text = f"<!doctype html><html><head><meta charset=utf-8>{tag}{head}<title>Company</title></head><body>{body}"
        self.files[path] = text.encode()
        return f"http://{self.host}{path}"

    def app(self, kind: str, parts: Path) -> str:
        """Put a single-page application made with `kind` on the site; its URL. Raises FileNotFoundError."""
        names = {"react": ["react.js", "react-dom.js"], "vue": ["vue.js"]}[kind]
        for name in names:
            self.files[f"/{name}"] = (parts / name).read_bytes()
        self.files[f"/{kind}-app.js"] = (REACT if kind == "react" else VUE).encode()
        head = "".join(f"<script defer src=/{name}></script>" for name in [*names, f"{kind}-app.js"])
        return self.page(f"/{kind}", "<div id=root></div>", head=head)


def advertised(url: str, keyword: str, campaign: str = "spring", source: str = "yandex", **more: str) -> str:
    """The page as an advertisement links it."""
    utm = {"utm_source": source, "utm_medium": "cpc", "utm_campaign": campaign, "utm_term": keyword, **more}
    return f"{url}?" + "&".join(f"{name}={quote(value)}" for name, value in utm.items())


@dataclass
class Person:
    """Somebody with a browser. `errors` are those his pages saw."""

    context: BrowserContext
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(30_000)
        self.context.add_init_script(NOTES)

    def open(self, url: str) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(url)
        return page


def told(page: Page) -> dict[str, Any]:
    """``{"visit", "numbers"}``, as soon as the service has answered this page, or could not."""
    page.wait_for_function("window.told")
    return dict(page.evaluate("told"))


def shown(page: Page) -> str:
    """The number a person reads on the page, in E.164; its link must have the same."""
    number = "+" + "".join(filter(str.isdigit, page.inner_text("#it")))
    assert page.get_attribute("#link", "href") == f"tel:{number}"
    return number


def shows(page: Page, number: str) -> None:
    """Wait until the page shows this number."""
    page.wait_for_function(
        "number => document.querySelector('#it')?.textContent.replace(/\\D/g, '') === number", arg=number.lstrip("+")
    )


def swapped(page: Page) -> str:
    """The number that took the place of the printed one, as soon as it did."""
    page.wait_for_function(
        "number => ![undefined, number].includes(document.querySelector('#it')?.textContent.replace(/\\D/g, ''))",
        arg=PRINTED.lstrip("+"),
    )
    return shown(page)
