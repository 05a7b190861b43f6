"""What pages send. Everything in it may be made up: sizes are bounded, types are strict, unknown fields are left out."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_BYTES = 8192
ID_NAMES = frozenset(
    {"gclid", "gbraid", "wbraid", "yclid", "ysclid", "fbclid", "msclkid", "ttclid", "vk", "ga", "ga_session", "ym"}
)
_ID = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
_MAX_ID = 512


def _ours(value: Any) -> Any:
    """An id that we gave out, or None for anything else: a page with a spoilt memory begins anew."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _known_ids(value: Any) -> Any:
    if not isinstance(value, dict):
        return {}
    return {k: v[:_MAX_ID] for k, v in value.items() if k in ID_NAMES and isinstance(v, str) and v}


OurId: TypeAlias = Annotated[str | None, BeforeValidator(_ours)]
Ids: TypeAlias = Annotated[dict[str, str], BeforeValidator(_known_ids)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    site: str = Field(min_length=1, max_length=64)
    page: str = ""


class VisitBody(_Body):
    """``POST /s/v1/visit``"""

    visitor: OurId = None
    visit: OurId = None
    referrer: str = ""
    ids: Ids = Field(default_factory=dict)
    mobile: bool | None = None
    consent: Literal["full", "cookieless"] = "cookieless"


class BeatBody(_Body):
    """``POST /s/v1/beat``"""

    visit: OurId = None
    active: bool = False


class EventBody(_Body):
    """``POST /s/v1/event``; `at` is in milliseconds of the page's clock."""

    visit: OurId = None
    kind: Literal["tap", "copy", "page", "leave"]
    number: str | None = Field(None, max_length=64)
    at: float | None = None
