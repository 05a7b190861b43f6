"""What the pages of one call need of the store, and the call that a request is about."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Protocol

from bridge.core.call_id import is_call_id
from bridge.core.desk.query import CallQuery
from bridge.core.desk.story import Past, Story
from bridge.core.model import Attribution, Call
from bridge.web.desk.asking import bounds_of
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem


class OneCall(Protocol):
    """Every method may raise StoreDownError."""

    async def call(self, call_id: str, within: CallQuery, zone: tzinfo) -> Call | None: ...
    async def story(self, call_id: str) -> Story | None: ...
    async def earlier(self, call: Call, within: CallQuery, zone: tzinfo, limit: int) -> list[Past]: ...
    async def neighbours(self, call: Call, query: CallQuery, zone: tzinfo) -> tuple[str | None, str | None]: ...
    async def correct(
        self, call_id: str, found: Attribution, *, by: str, at: datetime, batch: str
    ) -> Attribution | None: ...
    async def take_back(self, call_id: str, batch: str, *, by: str, at: datetime, undone_as: str) -> bool: ...


NO_SUCH_CALL = "There is no such call."


async def the_call(asked: Asked) -> Call:
    """The call of the path, if the person may see it. Raises Problem, the same whether it is not there or not for him."""
    call_id = asked.request.path_params["id"]
    book: OneCall = asked.store(OneCall)
    call = await book.call(call_id, bounds_of(asked), asked.desk.zone) if is_call_id(call_id) else None
    if call is None or not asked.person.sees(call):
        raise Problem(404, NO_SUCH_CALL)
    return call
