"""Who listened to what, took it along, signed in, changed people: the audit log, for administrators."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from bridge.core.call_id import is_call_id
from bridge.core.desk.access import Right
from bridge.flows.desk_ports import Audited
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem, Route

_PAGE: Final = 100
_CSV_PAGE: Final = 1000
_NAMES: Final = ("by", "action", "call", "before")
_COLUMNS: Final = ("at", "by", "action", "call_id", "detail", "address")


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


ACTIONS: Final = {
    "listen": _("listened"),
    "download": _("downloaded a recording"),
    "export": _("exported calls"),
    "sign-in": _("signed in"),
    "sign-in-failed": _("gave a wrong password"),
    "sign-in-locked": _("locked after wrong passwords"),
    "sign-in-limited": _("tried too often"),
    "sign-out": _("signed out"),
    "link-opened": _("opened a link"),
    "link-add": _("made a link"),
    "link-revoke": _("revoked a link"),
    "user-add": _("added a user"),
    "user-change": _("changed a user"),
    "user-password": _("set a password"),
    "user-lock": _("locked a user out"),
    "user-unlock": _("let a user in again"),
    "user-remove": _("removed a user"),
    "sessions-end": _("ended sessions"),
    "password-failed": _("gave a wrong old password"),
}
#: What one filters by; a group has all actions that begin with its name.
FILTERS: Final = {
    "listen": _("Listening"),
    "download": _("Downloads"),
    "export": _("Exports"),
    "sign-in": _("Signing in"),
    "user": _("Users"),
    "link": _("Links"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    by: str | None
    action: str | None
    call_id: str | None
    before: int | None


async def audit(asked: Asked) -> Response:
    wanted = _wanted(asked)
    rows = await _entries(asked, wanted, wanted.before, _PAGE + 1)
    more = rows[_PAGE - 1][0] if len(rows) > _PAGE else None
    people = sorted({user.name for user in await asked.desk.accounts.users()} | {wanted.by or ""} - {""})
    values: dict[str, Any] = {"rows": rows[:_PAGE], "more": more, "wanted": wanted, "people": people}
    return asked.page(
        "audit.html#rows" if asked.piece and wanted.before else "audit.html",
        action_titles=ACTIONS,
        filters=FILTERS,
        keep=[(name, asked.params[name]) for name in _NAMES[:3] if asked.params.get(name)],
        **values,
    )


async def audit_csv(asked: Asked) -> Response:
    """The same, whole."""
    wanted = _wanted(asked)
    await asked.note("export", "audit")
    headers = {"Content-Disposition": f'attachment; filename="audit-{asked.desk.today()}.csv"'}
    return StreamingResponse(_csv(asked, wanted), media_type="text/csv; charset=utf-8", headers=headers)


async def _csv(asked: Asked, wanted: Wanted) -> AsyncIterator[str]:
    yield "\ufeff" + _line(_COLUMNS)
    before = wanted.before
    while rows := await _entries(asked, wanted, before, _CSV_PAGE):
        yield "".join(_line(_cells(asked, entry)) for _id, entry in rows)
        before = rows[-1][0]


def _cells(asked: Asked, entry: Audited) -> tuple[str, ...]:
    at = entry.at.astimezone(asked.desk.zone).isoformat(timespec="seconds")
    return (at, entry.by, entry.action, entry.call_id or "", entry.detail, entry.address)


def _line(cells: tuple[str, ...]) -> str:
    """One line; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    made = io.StringIO()
    safe = [f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells]
    csv.writer(made, lineterminator="\r\n").writerow(safe)
    return made.getvalue()


async def _entries(asked: Asked, wanted: Wanted, before: int | None, limit: int) -> list[tuple[int, Audited]]:
    accounts = asked.desk.accounts
    return await accounts.audited(
        by=wanted.by, call_id=wanted.call_id, action=wanted.action, before=before, limit=limit
    )


def _wanted(asked: Asked) -> Wanted:
    params = asked.params
    if unknown := [name for name in params if name not in _NAMES]:
        raise Problem(400, "%(name)s is no filter of this page.", name=unknown[0][:40])
    call, before, action = params.get("call", "").strip(), params.get("before", ""), params.get("action", "")
    if call and not is_call_id(call):
        raise Problem(400, "%(id)s is no id of a call.", id=call[:60])
    if before and not (before.isdecimal() and len(before) < 19):
        raise Problem(400, "There is no such page.")
    if action and action not in FILTERS and action not in ACTIONS:
        raise Problem(400, "There is no action %(name)s.", name=action[:40])
    return Wanted(params.get("by") or None, action or None, call or None, int(before) if before else None)


ROUTES = [
    Route("GET", "/audit", Right.AUDIT, audit),
    Route("GET", "/audit.csv", Right.AUDIT, audit_csv),
]
