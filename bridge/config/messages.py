"""What pydantic found, said in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bridge.config.models import Config
from bridge.config.problems import Path, did_you_mean, listed, one_line, shown


def worded(error: ErrorDetails) -> str:
    """The message for one of a ValidationError's errors. Values of secrets are never in it."""
    kind, value = error["type"], error.get("input")
    context: Mapping[str, Any] = error.get("ctx") or {}
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return _unknown_key(error["loc"])
        case "value_error":
            return str(context["error"])
        case "string_type":
            return _expected("text", value)
        case "bool_type":
            return _expected("`true` or `false`", value)
        case "int_type" | "int_parsing" | "int_from_float":
            return _expected("a whole number", value)
        case "literal_error":
            words = [str(w) for w in _literals(error["loc"])]
            near = did_you_mean(value, words) if isinstance(value, str) else ""
            return f"{_expected(listed(words), value)}{near}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return _expected("keys with values", value)
        case "tuple_type" | "list_type":
            return _expected("a list", value)
        case "greater_than_equal":
            return f"must be at least {context['ge']}, found {shown(value)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, found {shown(value)}"
        case "too_short" | "string_too_short":
            return "is empty"
        case "string_too_long":
            return f"is longer than {context['max_length']} characters"
        case _:
            return one_line(error["msg"][:1].lower() + error["msg"][1:], 200)


def _expected(what: str, value: object) -> str:
    return f"expected {what}, found {shown(value)}"


def _unknown_key(loc: Path) -> str:
    model = model_at(loc[:-1])
    known = keys_of(model) if model else []
    near = did_you_mean(str(loc[-1]), known)
    return f"unknown key{near}" if near else f"unknown key: here may stand {', '.join(known)}"


def _literals(loc: Path) -> tuple[Any, ...]:
    while isinstance(loc[-1], int):
        loc = loc[:-1]  # one of a list of them
    annotation = _annotation_at(loc)
    for part in (annotation, *get_args(annotation)):
        values = get_args(part)
        if values and all(isinstance(v, str) for v in values):
            return values
    return ()


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys a model knows, as they are written."""
    return list(_fields(model))


def model_at(path: Path) -> type[BaseModel] | None:
    """The model that describes the value at `path` of the configuration."""
    here = _annotation_at(path)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _annotation_at(path: Path) -> Any:
    here: Any = Config
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = _fields(here).get(str(part))
        else:
            inner = [a for a in get_args(here) if a is not Ellipsis]
            here = inner[-1] if inner else None
        here = _without_none(here)
    return here


@lru_cache
def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _without_none(annotation: Any) -> Any:
    args = get_args(annotation)
    left = [a for a in args if a is not type(None)]
    return left[0] if len(left) == 1 and len(args) == 2 else annotation
