"""A desk that answers over real books, in a thread of its own, with a user of every role; and a browser's page that looks at it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from lab.asterisk import CHECKOUT
from playwright.sync_api import Browser, BrowserContext, Page

from bridge.core.desk.access import Role
from bridge.core.desk.settings import DeskSettings
from bridge.core.directory import Directory, Line, Source
from bridge.core.plan import Leg
from bridge.deskside import DeskSide
from bridge.flows.desk_ports import Link, Session, User
from bridge.flows.people import hash_of
from bridge.store.accounts import AccountStore
from bridge.store.engine import Database
from bridge.store.migrate import migrate

PASSWORD = "correct horse battery"
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1366, "height": 900}
#: (on a phone, language, dark): both sizes, both languages, both grounds, on every page.
LOOKS = [(False, "en", False), (True, "ru", True)]
T = TypeVar("T")


class House:
    """`do(coroutine)` runs on the desk's own loop. `url` is where it answers; `folder` its books and recordings."""

    def __init__(self, folder: Path, directory: Directory, settings: DeskSettings) -> None:
        self.folder = folder
        self.recordings = folder / "recordings"
        self.database = Database(f"sqlite:///{folder}/bridge.db")
        self.side = DeskSide(
            ("127.0.0.1", 0), settings, directory, self.database, lambda: datetime.now(UTC), self.recordings
        )
        self.accounts = AccountStore(self.database)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="desk", daemon=True)

    def __enter__(self) -> House:
        self._thread.start()
        self.do(migrate(self.database))
        for role in (Role.ADMIN, Role.MARKETER, Role.OPERATOR, Role.LISTENER):
            self.add_user(role.value, role, "sales" if role is Role.OPERATOR else None)
        self._serving = asyncio.run_coroutine_threadsafe(self.side.serve(), self._loop)
        self.do(self._started())
        host, port = self.side.service.address
        self.url = f"http://{host}:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.cancel()
        self.do(asyncio.sleep(0.1))
        self.do(self.side.service.stop())
        self.do(self.database.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def do(self, work: Any) -> Any:
        """The result of a coroutine, run on the desk's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def add_user(self, name: str, role: Role, line: str | None = None, password: str | None = None) -> User:
        user = User(name, role, datetime.now(UTC), line=line, password=password)
        self.do(self.accounts.put_user(user))
        return user

    def token(self, name: str, lasts: timedelta = timedelta(hours=1)) -> str:
        """The token of a new session of that user."""
        now, token = datetime.now(UTC), os.urandom(16).hex()
        session = Session(name, now, now, now + lasts, "127.0.0.1", "test")
        self.do(self.accounts.begin_session(hash_of(token), session))
        return token

    def link(self, scope: str = "", lasts: timedelta = timedelta(hours=1)) -> str:
        """The token of a new guest's link."""
        now, token = datetime.now(UTC), os.urandom(16).hex()
        self.do(self.accounts.add_link(hash_of(token), Link("for the agency", "admin", now, now + lasts, scope)))
        return token

    @contextmanager
    def client(self, name: str | None = "admin", **headers: str) -> Iterator[httpx2.Client]:
        """An HTTP client signed in as that user (None: nobody; ``guest``: by a link), as a browser's page would send."""
        given = {"Sec-Fetch-Site": "same-origin", **headers}
        with httpx2.Client(base_url=self.url, headers=given, timeout=30) as client:
            if name == "guest":
                client.cookies.set("callbridge-link", self.link(), "127.0.0.1")
            elif name is not None:
                client.cookies.set("callbridge-session", self.token(name), "127.0.0.1")
            yield client

    def see(self, context: BrowserContext, name: str = "admin") -> None:
        """Signs the browser in."""
        cookie = ("callbridge-link", self.link()) if name == "guest" else ("callbridge-session", self.token(name))
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": self.url}])

    async def _started(self) -> None:
        while True:
            try:
                self.side.service.address  # noqa: B018 - it says whether it listens
            except RuntimeError:
                await asyncio.sleep(0.01)
            else:
                return


def a_directory(zone: Any = UTC) -> Directory:
    """Two lines, and the sources of `lab.history`."""
    lines = {
        "sales": Line("sales", "Отдел продаж", (Leg("PJSIP/101"),), 40),
        "support": Line("support", "Поддержка", (Leg("PJSIP/201"),), 40),
    }
    return Directory("sales", lines, {"yandex-direct": Source("yandex-direct", "Яндекс Директ")}, zone=zone)


class Looking:
    """A page of the browser that must stay without errors in its console, and clean for axe-core."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def must_be_clean(self) -> None:
        """No error in the console, nothing for axe-core (WCAG 2.2 AA and best practices), no sideways scrolling."""
        assert self.errors == []
        # by the debugger, past the page's CSP
        self.page.evaluate((CHECKOUT / ".lab/web/axe.js").read_text() + ";0")
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        problems = [
            f"{rule['id']}: {rule['help']}: {[node['html'][:160] for node in rule['nodes'][:3]]}"
            for rule in found["violations"]
        ]
        assert problems == [], problems
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"the page is {wide} px wider than the window"

    def keep(self, name: str) -> Path:
        """A picture of the whole page in .lab/screens, for people."""
        folder = CHECKOUT / ".lab/screens"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


@contextmanager
def looking(
    chromium: Browser,
    house: House,
    name: str = "admin",
    *,
    phone: bool = False,
    language: str = "en",
    dark: bool = False,
) -> Iterator[Looking]:
    """A page of a browser signed in as `name`, on a phone or a desktop, in a language, light or dark."""
    context = chromium.new_context(
        base_url=house.url,
        viewport=PHONE if phone else DESKTOP,
        locale="ru-RU" if language == "ru" else "en-GB",
        color_scheme="dark" if dark else "light",
        has_touch=phone,
        is_mobile=phone,
    )
    try:
        house.see(context, name)
        yield Looking(context.new_page())
    finally:
        context.close()


def until(check: Callable[[], T], seconds: float = 10) -> T:
    """The first true answer of `check`. AssertionError where there is none."""
    import time

    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found
