"""What people say of calls: class, tags, comment, value, checklist; and undoing it. The list and the page of a call post here.

With htmx the answer is empty, and its header HX-Trigger has the events ``toast`` and ``said``, by which a page renews what it shows:
{"calls": ids, "more": bool, "batch": id, "undone": bool, "undoes": id}. Without it one goes back to where `next` of the form says, or to the call.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right, Role
from bridge.core.desk.calls import ChangedSinceError, Done
from bridge.core.desk.saying import (
    Change,
    ChangeTags,
    Said,
    SetChecks,
    SetClass,
    SetComment,
    SetTags,
    SetValue,
    read_comment,
    read_tags,
    read_value,
)
from bridge.web.desk import words
from bridge.web.desk.asking import as_seen, bounds_of, call_of, wrong
from bridge.web.desk.calls_ports import Lists, Saying
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_fields
from bridge.web.desk.language import translations
from bridge.web.desk.routing import Problem, Route

_MOST_TOLD: Final = 100  #: ids in an answer's header
_CHECK: Final = "check-"


async def say_page(asked: Asked) -> Response:
    """All that may be said of a call, as a page, or as a piece for a dialog."""
    call_id = await call_of(asked)
    saying: Saying = asked.store(Saying)
    lists: Lists = asked.store(Lists)
    said = (await saying.said([call_id])).get(call_id, Said())
    listed = await lists.listed(bounds_of(asked), asked.desk.zone, [call_id])
    known_tags = sorted({*asked.desk.settings.tags, *await lists.known_tags()})
    template = "calls-say.html#say" if asked.piece else "calls-say.html"
    return asked.page(template, call=as_seen(asked, listed)[0], said=said, known_tags=known_tags)


async def set_class(asked: Asked) -> Response:
    """``class``: a name; empty: none."""
    form = dict(await read_fields(asked))
    return await _say(asked, form, SetClass(class_of(asked, form.get("class", ""))))


async def set_tags(asked: Asked) -> Response:
    """``tags`` (and ``tag``, any number of times): these and no others; or ``add`` and ``remove``."""
    fields = await read_fields(asked)
    given = {name: _read(asked, read_tags, [v for n, v in fields if n in names]) for name, names in _TAG_FIELDS.items()}
    if any(name in ("tags", "tag") for name, _ in fields):
        return await _say(asked, dict(fields), SetTags(given["tags"]))
    return await _say(asked, dict(fields), ChangeTags(given["add"], given["remove"]))


async def set_comment(asked: Asked) -> Response:
    form = dict(await read_fields(asked))
    return await _say(asked, form, SetComment(_read(asked, read_comment, form.get("comment", ""))))


async def set_value(asked: Asked) -> Response:
    form = dict(await read_fields(asked))
    return await _say(asked, form, SetValue(_read(asked, read_value, form.get("value", ""))))


async def set_checks(asked: Asked) -> Response:
    """``check-<item>``: ``yes``, ``no``, or empty for not judged."""
    form = dict(await read_fields(asked))
    given = {name.removeprefix(_CHECK): value for name, value in form.items() if name.startswith(_CHECK)}
    if not given.keys() <= asked.desk.settings.checklist.keys() or not {*given.values()} <= {"yes", "no", ""}:
        raise Problem(400, "This is not an item of the checklist.")
    return await _say(asked, form, SetChecks({item: {"yes": True, "no": False}.get(v) for item, v in given.items()}))


async def undo(asked: Asked) -> Response:
    """Takes a batch back, whole or not at all. Whoever made it may, and an administrator."""
    batch = asked.request.path_params["batch"]
    form = dict(await read_fields(asked))
    saying: Saying = asked.store(Saying)
    entries = await saying.batch(batch)
    ids = list(dict.fromkeys(entry.call_id for entry in entries))
    lists: Lists = asked.store(Lists)
    seen = await lists.ids_of(bounds_of(asked), asked.desk.zone, ids)
    mine = {entry.by for entry in entries} <= {asked.person.name} or asked.person.role is Role.ADMIN
    if not entries or len(seen) < len(ids) or not mine:
        raise Problem(404, "There is nothing to undo.")
    try:
        done = await saying.undo(batch, asked.person.name, asked.desk.clock(), new_batch())
    except ChangedSinceError as error:
        raise Problem(409, "%(who)s has changed it since: nothing was undone.", who=error.by) from None
    except LookupError:
        raise Problem(409, "This cannot be undone here.") from None
    text = ngettext(asked, "Undone.", "Undone for %(num)d calls.", len(done.calls))
    return answer(asked, form, done, text, undoes=batch)


# --- shared with the page of bulk changes -----------------------------------------------------------------------------


def class_of(asked: Asked, name: str) -> str | None:
    """The class of a form's value. Raises Problem."""
    if name and name not in asked.desk.settings.classes:
        raise Problem(400, "There is no such class.")
    return name or None


def class_text(asked: Asked, name: str | None) -> str:
    """A class in words."""
    if not name:
        return asked.desk.renderer.text(asked, "unclassified")
    known = asked.desk.settings.classes.get(name)
    return asked.desk.renderer.text(asked, words.class_title(known)) if known else name


def new_batch() -> str:
    """The name of changes made together. Nobody guesses one."""
    return secrets.token_hex(12)


def ngettext(asked: Asked, one: str, many: str, number: int) -> str:
    """A text that has a number in it."""
    return translations(asked.language).ngettext(one, many, number) % {"num": number}


def answer(asked: Asked, form: dict[str, str], done: Done, text: str, *, undoes: str = "") -> Response:
    """What a change answers with: events for the page, or the way back."""
    if asked.piece:
        return Response(status_code=204, headers={"HX-Trigger": json.dumps(_events(asked, done, text, undoes))})
    where = urlsplit(form.get("next", ""))
    path = where.path if where.path.startswith("/calls") and not where.netloc else "/calls"
    if "id" in asked.request.path_params and not form.get("next"):
        path = f"/calls/{asked.request.path_params['id']}"
    kept = [pair for pair in where.query.split("&") if pair and not pair.startswith("batch=")]
    query = "&".join([*kept, *([urlencode({"batch": done.batch})] if done.calls else [])])
    return RedirectResponse(path + (f"?{query}" if query else ""), 303)


def _events(asked: Asked, done: Done, text: str, undoes: str) -> dict[str, Any]:
    toast: dict[str, Any] = {"text": text}
    if done.calls:
        toast["undo"] = {"url": f"/undo/{done.batch}", "text": asked.desk.renderer.text(asked, "Undo")}
    said = {
        "calls": done.calls[:_MOST_TOLD],
        "more": len(done.calls) > _MOST_TOLD,
        "batch": done.batch,
        "undone": bool(undoes),
        "undoes": undoes,
    }
    return {"toast": toast, "said": said} if done.calls else {"toast": toast}


async def _say(asked: Asked, form: dict[str, str], change: Change) -> Response:
    call_id = await call_of(asked)
    saying: Saying = asked.store(Saying)
    try:
        done = await saying.say([call_id], change, asked.person.name, asked.desk.clock(), new_batch())
    except ValueError as error:
        raise wrong(asked, "That cannot be: %(why)s.", error) from None
    return answer(asked, form, done, _told(asked, change, done))


def _told(asked: Asked, change: Change, done: Done) -> str:
    text = asked.desk.renderer.text
    if not done.calls:
        return text(asked, "It says so already.")
    match change:
        case SetClass(name):
            return text(asked, "Class: %(name)s", name=class_text(asked, name))
        case SetTags() | ChangeTags():
            return text(asked, "Tags are kept.")
        case SetComment():
            return text(asked, "The comment is kept.")
        case SetValue():
            return text(asked, "The value is kept.")
        case SetChecks():
            return text(asked, "The checklist is kept.")


def _read(asked: Asked, read: Any, given: Any) -> Any:
    try:
        return read(given)
    except ValueError as error:
        raise wrong(asked, "That cannot be: %(why)s.", error) from None


_TAG_FIELDS: Final = {"tags": ("tags", "tag"), "add": ("add",), "remove": ("remove",)}

ROUTES = [
    Route("GET", "/calls/{id}/say", Right.CLASSIFY, say_page),
    Route("POST", "/calls/{id}/class", Right.CLASSIFY, set_class),
    Route("POST", "/calls/{id}/tags", Right.CLASSIFY, set_tags),
    Route("POST", "/calls/{id}/comment", Right.CLASSIFY, set_comment),
    Route("POST", "/calls/{id}/value", Right.CLASSIFY, set_value),
    Route("POST", "/calls/{id}/checklist", Right.CLASSIFY, set_checks),
    Route("POST", "/undo/{batch}", Right.CLASSIFY, undo),
]
