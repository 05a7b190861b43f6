"""What every page has at hand: the desk (what is shared), and what was asked (by whom, in which language)."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from bridge.core.desk.access import Right, Who
from bridge.core.desk.settings import DeskSettings
from bridge.core.directory import Directory
from bridge.flows.desk_ports import Accounts, Audited
from bridge.web.desk.render import Renderer

#: Bytes of a page from which on packing it saves more time than it takes; and how hard it is packed: a millisecond for a long list.
_WORTH_PACKING: Final = 1500
_QUICKLY: Final = 4


@dataclass(slots=True)
class Desk:
    """Shared by all requests. `directory` and `settings` change with a reload. `stores` has what the pages' modules need of
    the store, by the name of the module's Protocol; see `bridge/deskside.py`, which puts it together.
    """

    settings: DeskSettings
    directory: Directory
    accounts: Accounts
    clock: Callable[[], datetime]
    renderer: Renderer = field(default_factory=Renderer)
    stores: dict[type, Any] = field(default_factory=dict)
    closing: asyncio.Event = field(default_factory=asyncio.Event)  #: what streams has to end
    streams: int = 0

    @property
    def zone(self) -> tzinfo:
        return self.directory.zone

    def now(self) -> datetime:
        """In the zone people read."""
        return self.clock().astimezone(self.zone)

    def today(self) -> date:
        return self.now().date()


@dataclass(slots=True)
class Asked:
    """One request: by whom (`who` None: not signed in), from where, in which language."""

    desk: Desk
    request: Request
    who: Who | None
    address: str
    language: str
    session: str = ""  #: the hash of the session's token; "" without one

    @property
    def person(self) -> Who:
        """Who asks, on a route that needs a right. Raises RuntimeError elsewhere."""
        if self.who is None:
            raise RuntimeError("this route is open to everybody")
        return self.who

    def may(self, right: Right) -> bool:
        return self.who is not None and self.who.may(right)

    @property
    def params(self) -> dict[str, str]:
        """The URL's query; of a name given twice the last."""
        return dict(self.request.query_params)

    @property
    def piece(self) -> bool:
        """Whether htmx asks for a piece of a page, rather than the browser for the whole."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    def store(self, kind: type[Any]) -> Any:
        """The adapter for a Protocol of the pages."""
        return self.desk.stores[kind]

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or with `template` like ``calls.html#rows`` the block of that name alone."""
        body = self.desk.renderer.render(self, template, values).encode()
        headers = {"Vary": "Accept-Encoding"}
        if len(body) > _WORTH_PACKING and "gzip" in self.request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, _QUICKLY, mtime=0), "gzip"
        return HTMLResponse(body, status, headers)

    async def note(self, action: str, detail: str = "", call_id: str | None = None) -> None:
        """Into the audit log."""
        by = self.who.name if self.who else "-"
        await self.desk.accounts.note(Audited(self.desk.clock(), by, action, detail, call_id, self.address))
