"""Reading forms: small ones, text only."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem

MAX_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 1000


async def read_body(asked: Asked) -> bytes:
    """The request's body. Raises Problem where it is too long."""
    body = b""
    async for chunk in asked.request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Problem(413, "That is too long.")
    return body


async def read_fields(asked: Asked) -> list[tuple[str, str]]:
    """Names and values in the form's order. Raises Problem for what is no form."""
    kind = asked.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(asked)
    if body and kind != "application/x-www-form-urlencoded":
        raise Problem(415, "This is not a form of the desk.")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise Problem(400, "This is not a form of the desk.") from None


async def read_form(asked: Asked) -> dict[str, str]:
    """The form; of a name given twice the last. Raises Problem."""
    return dict(await read_fields(asked))
