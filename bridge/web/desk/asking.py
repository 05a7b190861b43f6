"""The query of a page of calls: what its URL asks for, within what the person may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from bridge.core.call_id import is_call_id
from bridge.core.desk.calls import Listed
from bridge.core.desk.query import EVERYTHING, CallQuery, pairs_of, read_query
from bridge.core.desk.story import without_caller
from bridge.core.desk.wrong import WrongError
from bridge.web.desk.calls_ports import Lists
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem

#: Names in URLs of lists that are no filters: where a page begins, and the batch that was just done.
OTHERS: Final = ("cursor", "batch")
_TEXTS: Final = ("caller_name", "campaign", "keyword", "landing")


def query_of(asked: Asked, pairs: Iterable[tuple[str, str]] | None = None) -> CallQuery:
    """The query of `pairs`, else of the request's URL. Raises Problem for what is no filter."""
    given = asked.request.query_params.multi_items() if pairs is None else pairs
    today, region = asked.desk.today(), asked.desk.directory.region
    try:
        found = read_query([(n, v) for n, v in given if n not in OTHERS], today, region)
        return found.narrowed(asked.person, today, region)
    except ValueError as error:
        raise wrong(asked, "This filter cannot be: %(why)s.", error) from None


def query_in(asked: Asked, text: str) -> CallQuery:
    """The query of a form's field that has a URL's query. Raises Problem."""
    try:
        pairs = pairs_of(text)
    except ValueError as error:
        raise wrong(asked, "This filter cannot be: %(why)s.", error) from None
    return query_of(asked, pairs)


def wrong(asked: Asked, text: str, error: ValueError) -> Problem:
    """The problem of `error`, all of it in the person's language where that is known."""
    if not isinstance(error, WrongError):
        return Problem(400, text, why=str(error))
    return Problem(400, text, why=asked.desk.renderer.text(asked, error.text, **error.values))


def bounds_of(asked: Asked) -> CallQuery:
    """All that the person may see."""
    return EVERYTHING.narrowed(asked.person, asked.desk.today(), asked.desk.directory.region)


def as_seen(asked: Asked, calls: Iterable[Listed]) -> list[Listed]:
    """The calls as the person may read them: without callers' numbers in their texts where he need not see them."""
    if asked.person.sees_callers:
        return list(calls)

    def hidden(call: Listed) -> Listed:
        texts = {name: getattr(call, name) for name in _TEXTS}
        masked: dict[str, Any] = {name: text and without_caller(text, call.caller) for name, text in texts.items()}
        said = replace(call.said, comment=without_caller(call.said.comment, call.caller))
        return replace(call, said=said, **masked)

    return [hidden(call) for call in calls]


def address_of(query: CallQuery, **more: str) -> str:
    """The list's address with that filter."""
    pairs = urlencode([*query.pairs(), *more.items()])
    return f"/calls?{pairs}" if pairs else "/calls"


async def call_of(asked: Asked) -> str:
    """The id of the request's ``/calls/{id}/…``. Raises Problem where there is no such call, or he may not see it."""
    call_id = asked.request.path_params["id"]
    lists: Lists = asked.store(Lists)
    if not is_call_id(call_id) or not await lists.ids_of(bounds_of(asked), asked.desk.zone, [call_id]):
        raise Problem(404, "There is no such call.")
    return str(call_id)
