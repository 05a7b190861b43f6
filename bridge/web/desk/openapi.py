"""The OpenAPI document of the JSON API, made of the routing table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from bridge import __version__
from bridge.core.desk.access import RIGHTS, Right
from bridge.web.desk.api_models import ApiError
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Route

_REF: Final = "#/components/schemas/{model}"
_ERRORS: Final = {
    "400": "something in the request cannot be; `error` says what",
    "401": "nobody is signed in",
    "403": "the role does not allow it, or a browser's request comes from another site",
    "404": "there is no such thing, or not for whoever asks",
    "503": "the books cannot be read now; try again after `Retry-After` seconds",
}
_OF_BODIES: Final = {"413": "the body is too long", "415": "the body is no JSON"}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """OpenAPI 3.1. Every route below ``/v1/`` that has an answer's model is in it."""
    spoken = [route for route in routes if route.path.startswith("/v1/") and route.answer is not None]
    models: dict[type[BaseModel], str] = {ApiError: "serialization"}
    for route in spoken:
        models[route.answer] = "serialization"
        if route.body is not None:
            models[route.body] = "validation"
    _, schemas = models_json_schema(list(models.items()), by_alias=True, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, dict[str, Any]] = {}
    for route in spoken:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callbridge",
            "version": __version__,
            "description": "Calls, what people say of them, and reports. Times are ISO 8601 with offset, numbers E.164,"
            " durations seconds, money hundredths of the desk's currency.",
        },
        "paths": paths,
        "components": {"schemas": schemas["$defs"], "securitySchemes": _SCHEMES},
        "security": [{name: []} for name in _SCHEMES],
    }


_SCHEMES: Final = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "callbridge-session",
        "description": "the cookie of signing in; with https its name is `__Host-callbridge-session`",
    },
}


def _operation(route: Route) -> dict[str, Any]:
    named = re.findall(r"\{(\w+)\}", route.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in named]
    parameters += [
        {"name": name, "in": "query", "description": meaning, "schema": {"type": kind}}
        for name, kind, meaning in route.parameters
    ]
    roles = sorted(role.value for role, rights in RIGHTS.items() if route.right in rights)
    answers = {"200": {"description": "done", "content": _json(route.answer)}}
    told = _ERRORS | (_OF_BODIES if route.body else {})
    answers |= {code: {"description": text, "content": _json(ApiError)} for code, text in told.items()}
    last = route.path.rstrip("/").rpartition("/")[2].strip("{}")
    found: dict[str, Any] = {
        "operationId": f"{route.method.lower()}-{'call' if last == 'id' else last}",
        "summary": route.summary,
        "description": f"For: {', '.join(roles)}.",
        "parameters": parameters,
        "responses": dict(sorted(answers.items())),
    }
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": _json(route.body)}
    return found


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}


@cache
def _text() -> bytes:
    from bridge.web.desk.routes import ROUTES as ALL

    return json.dumps(document(ALL), ensure_ascii=False).encode()


async def openapi(asked: Asked) -> Response:
    return Response(_text(), media_type="application/json")


ROUTES = [Route("GET", "/v1/openapi.json", Right.CALLS, openapi, "This document")]
