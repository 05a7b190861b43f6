"""What the JSON API says and takes. Times are ISO 8601 with the company's offset; numbers E.164; durations seconds; money hundredths."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bridge.core.desk.saying import MOST_COMMENT, MOST_TAG, MOST_TAGS

_MOST_VALUE = 10**13


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ApiAttribution(Said):
    """Why the call is booked on its source. `confidence` is the probability that this is right."""

    kind: str = Field(description="static, visit, caller-memory, source-default or unknown")
    reason: str
    confidence: float = Field(ge=0, le=1)


class ApiCall(Said):
    """One call. `caller` is masked for roles that need not see it, null where it was withheld."""

    id: str
    started_at: datetime
    number: str = Field(description="the tracked number")
    caller: str | None
    caller_name: str | None
    first_time: bool | None
    source: str | None
    campaign: str | None
    keyword: str | None
    landing: str | None
    attribution: ApiAttribution
    line: str | None
    outcome: str | None = Field(description="null while the call is under way")
    wait: float | None = Field(description="seconds until somebody answered")
    talk: float | None = Field(description="seconds")
    answered_by: str | None
    recorded: bool
    spam: bool
    wants_callback: bool
    called_back_at: datetime | None
    call_class: str | None = Field(alias="class")
    tags: list[str]
    comment: str
    value: int | None = Field(description="hundredths of the desk's currency")
    checklist: dict[str, bool]
    score: float | None = Field(description="share of the checklist that was met")


class ApiCalls(Said):
    """Calls, newest first. With `cursor` the next page is asked for; null: that was all."""

    calls: list[ApiCall]
    cursor: str | None


class CallChange(Said):
    """What is to be said of a call. What is not named stays; null takes it away."""

    call_class: str | None = Field(None, alias="class", description="one of the configured classes")
    tags: Annotated[list[Annotated[str, Field(max_length=MOST_TAG)]], Field(max_length=MOST_TAGS)] | None = None
    comment: Annotated[str, Field(max_length=MOST_COMMENT)] | None = None
    value: Annotated[int, Field(ge=0, le=_MOST_VALUE, strict=True)] | None = Field(
        None, description="hundredths of the desk's currency"
    )
    checklist: dict[str, Annotated[bool, Field(strict=True)] | None] | None = Field(
        None, description="items of the configured checklist; null: not judged"
    )


class ApiSource(Said):
    """Calls of a source, a campaign, a keyword or a landing page in a period."""

    source: str | None
    calls: int
    unique: int
    first_time: int
    answered: int
    missed: int
    target: int
    sure: int = Field(description="calls whose attribution is right with 0.9 or more")
    expected: float = Field(description="calls, each shared among the visits it may have come from")
    value: int = Field(description="hundredths of the desk's currency")
    calls_before: int = Field(description="calls in the period before")


class ApiReport(Said):
    begin: date
    end: date = Field(description="the last day, included")
    sources: list[ApiSource]


class ApiPool(Said):
    """A source's dynamic numbers in a period. `peak`: numbers held at once, at the most; `early`: handed on before their hold was over."""

    source: str
    numbers: int
    hold: int | None = Field(description="seconds; null: automatic")
    visits: int
    covered: int
    peak: int
    taken: int
    early: int


class ApiPools(Said):
    begin: date
    end: date = Field(description="the last day, included")
    pools: list[ApiPool]


class ApiError(Said):
    error: str = Field(description="what is wrong, in words")
