"""The query of a page of calls: what its URL asks for, within what the person may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from bridge.core.call_id import is_call_id
from bridge.core.desk.query import EVERYTHING, CallQuery, read_query
from bridge.web.desk.calls_ports import Lists
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem

#: Names in URLs of lists that are no filters: where a page begins, and the batch that was just done.
OTHERS: Final = ("cursor", "batch")


def query_of(asked: Asked, pairs: Iterable[tuple[str, str]] | None = None) -> CallQuery:
    """The query of `pairs`, else of the request's URL. Raises Problem for what is no filter."""
    given = asked.request.query_params.multi_items() if pairs is None else pairs
    today, region = asked.desk.today(), asked.desk.directory.region
    try:
        found = read_query([(n, v) for n, v in given if n not in OTHERS], today, region)
        return found.narrowed(asked.person, today, region)
    except ValueError as error:
        raise Problem(400, "This filter cannot be: %(why)s.", why=str(error)) from None


def bounds_of(asked: Asked) -> CallQuery:
    """All that the person may see."""
    return EVERYTHING.narrowed(asked.person, asked.desk.today(), asked.desk.directory.region)


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
