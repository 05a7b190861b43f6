"""What a route is. Every module of pages has a list ROUTES of them; routes.py puts them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import BaseModel
from starlette.responses import Response

from bridge.core.desk.access import Right
from bridge.web.desk.context import Asked

Handler: TypeAlias = Callable[[Asked], Awaitable[Response]]
SAFE: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `right` None: everybody, signed in or not. Pages below ``/v1/`` speak JSON and stand in the OpenAPI document."""

    method: str
    path: str  #: as Starlette writes it
    right: Right | None
    handler: Handler
    summary: str = ""  #: for /v1/: what the document says of it
    body: type[BaseModel] | None = None
    answer: Any = None  #: for /v1/: the model (or a list of it) of the answer
    parameters: tuple[tuple[str, str, str], ...] = ()  #: for /v1/: (name, JSON type, description) of the query


class Problem(Exception):  # noqa: N818 - it is an answer
    """Says no, in words for the person: the gate makes a page, a piece of one or JSON of it. `text` is English and translated there."""

    def __init__(self, status: int, text: str, **values: object) -> None:
        super().__init__(text % values if values else text)
        self.status = status
        self.text = text
        self.values = values
