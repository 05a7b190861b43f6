"""One change for many calls: first what it would do, then doing it, in one batch that can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from bridge.core.call_id import is_call_id
from bridge.core.desk.access import Right
from bridge.core.desk.query import CallQuery
from bridge.core.desk.saying import Change, ChangeTags, SetClass, read_tags
from bridge.web.desk.asking import as_seen, bounds_of, query_in, wrong
from bridge.web.desk.calls import MOST_COUNTED
from bridge.web.desk.calls_ports import Lists, Saying
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_fields
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.saying import answer, class_of, class_text, new_batch, ngettext

_SHOWN: Final = 10


async def bulk(asked: Asked) -> Response:
    """``which``: ``selected`` (``call``, any number of times) or ``all`` that ``query`` finds; ``change``: ``class:<name>``, ``tag`` or
    ``untag`` with ``tags``. With ``count``, as the preview said it, it is done; without, or where it would be another number by now, previewed.
    """
    fields = await read_fields(asked)
    form = dict(fields)
    query = query_in(asked, form.get("query", ""))
    change = _change(asked, form)
    ids = await _ids(asked, fields, form, query)
    saying: Saying = asked.store(Saying)
    try:
        preview = await saying.preview(ids, change)
        if form.get("count") == str(preview.total):
            done = await saying.say(ids, change, asked.person.name, asked.desk.clock(), new_batch())
            text = ngettext(asked, "One call is changed.", "%(num)d calls are changed.", len(done.calls))
            return answer(asked, form, done, text)
    except ValueError as error:
        raise wrong(asked, "That cannot be: %(why)s.", error) from None
    lists: Lists = asked.store(Lists)
    return asked.page(
        "calls-bulk.html",
        preview=preview,
        before=_before(asked, change, preview.before),
        after=_after(asked, change),
        form=form,
        selected=ids if form.get("which") == "selected" else [],
        calls=as_seen(asked, await lists.listed(bounds_of(asked), asked.desk.zone, ids[:_SHOWN])),
        changed_meanwhile="count" in form,
    )


async def _ids(asked: Asked, fields: list[tuple[str, str]], form: dict[str, str], query: CallQuery) -> list[str]:
    lists: Lists = asked.store(Lists)
    if form.get("which") == "all":
        ids = await lists.ids(query, asked.desk.zone, MOST_COUNTED + 1)
        if len(ids) > MOST_COUNTED:
            raise Problem(
                400, "More than %(most)d calls at once cannot be changed: narrow the filter.", most=MOST_COUNTED
            )
    else:
        wanted = [value for name, value in fields if name == "call" and is_call_id(value)]
        ids = await lists.ids_of(bounds_of(asked), asked.desk.zone, wanted)
    if not ids:
        raise Problem(400, "No call is selected.")
    return ids


def _change(asked: Asked, form: dict[str, str]) -> Change:
    kind, _, name = form.get("change", "").partition(":")
    if kind == "class":
        return SetClass(class_of(asked, name))
    if kind not in ("tag", "untag"):
        raise Problem(400, "Say what is to be changed.")
    try:
        given = read_tags([form.get("tags", "")])
    except ValueError as error:
        raise wrong(asked, "That cannot be: %(why)s.", error) from None
    if not given:
        raise Problem(400, "Give a tag.")
    return ChangeTags(add=given) if kind == "tag" else ChangeTags(remove=given)


def _before(asked: Asked, change: Change, before: Mapping[str, int]) -> list[tuple[str, int]]:
    """What calls say now, in words, the most frequent first."""
    titles = {now: class_text(asked, now) if isinstance(change, SetClass) else now for now in before}
    return sorted(((titles[now], count) for now, count in before.items()), key=lambda one: -one[1])


def _after(asked: Asked, change: Change) -> str:
    text = asked.desk.renderer.text
    match change:
        case SetClass(name):
            return class_text(asked, name)
        case ChangeTags(add, ()):
            return text(asked, "with %(tags)s", tags=", ".join(add))
        case ChangeTags((), remove):
            return text(asked, "without %(tags)s", tags=", ".join(remove))
    raise TypeError(change)


ROUTES = [Route("POST", "/bulk", Right.BULK, bulk)]
