"""Lines: the company's phones, how they ring, and what happens when nobody answers."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from bridge.config.common import Device, Language, Model, Name, NoticeName, Seconds, Speech, Switch, duration_text
from bridge.config.opening import Opening
from bridge.config.problems import shown
from bridge.core.plan import Leg

_MAILBOX = re.compile(r"[A-Za-z0-9_.-]{1,40}(@[A-Za-z0-9_.-]{1,40})?", re.ASCII)


def _mailbox(value: object) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _MAILBOX.fullmatch(text):
        raise ValueError(f"{shown(value)} is not a mailbox: write it like `100@default`")
    return text


Mailbox: TypeAlias = Annotated[str, PlainValidator(_mailbox), WithJsonSchema({"type": "string"})]


class Ring(Model):
    """Phones that begin to ring together."""

    phones: tuple[Device, ...] = Field((), description="Phones that ring.", examples=[["PJSIP/101", "PJSIP/102"]])
    phone: Device | None = Field(None, description="The phone, where it is only one.", examples=["PJSIP/103"])
    after: Seconds | None = Field(
        None, description="How long after the first ones they join; at once if not given.", examples=["10s"]
    )
    ring_for: Seconds | None = Field(
        None, alias="for", description="How long they ring; to the end of `timeout` if not given.", examples=["20s"]
    )

    @model_validator(mode="after")
    def _phones(self) -> Self:
        if bool(self.phones) == (self.phone is not None):
            raise ValueError("expected one of `phone` and `phones`")
        if self.ring_for == 0:
            raise ValueError("`for` must be at least 1s")
        return self

    def devices(self) -> tuple[str, ...]:
        return self.phones if self.phone is None else (self.phone,)


class Next(Model):
    """What happens to a call that a line does not take: exactly one of these."""

    line: Name | None = Field(None, description="Another line rings.", examples=["support"])
    voicemail: Mailbox | None = Field(
        None, description="The caller may leave a message in a mailbox.", examples=["100@default"]
    )
    announcement: Speech | None = Field(
        None, description="The caller hears this, then the call ends.", examples=[{"text": "We are closed."}]
    )
    hangup: Literal["busy", "normal"] | None = Field(
        None, description="The call ends; with `busy` the caller hears the busy tone.", examples=["busy"]
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [k for k in ("line", "voicemail", "announcement", "hangup") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("expected exactly one of `line`, `voicemail`, `announcement` and `hangup`")
        return self


class Line(Model):
    """The company's phones and how they ring."""

    title: str | None = Field(
        None, min_length=1, max_length=100, description="What people call it.", examples=["Sales"]
    )
    ring: tuple[Ring, ...] = Field(
        min_length=1,
        description="Who rings, in order.",
        examples=[[{"phone": "PJSIP/101"}, {"phone": "PJSIP/102", "after": "10s"}]],
    )
    order: Literal["together", "sequential"] = Field(
        "together",
        description="`sequential`: one entry of `ring` after another, each for `each`, instead of by `after` and `for`.",
        examples=["together"],
    )
    each: Seconds | None = Field(
        None, description="How long each entry rings when `order` is `sequential`.", examples=["15s"]
    )
    timeout: Seconds | None = Field(
        None,
        description="How long the line rings in all; 40s, or as long as all entries of a sequential line.",
        examples=["40s"],
    )
    hours: Opening | None = Field(None, description="When it is open; always if not given.")
    when_closed: Next | None = Field(None, description="What happens outside these hours.")
    when_busy: Next | None = Field(
        None, description="What happens when all its phones are busy; busy tone if not given."
    )
    when_unanswered: Next | None = Field(
        None, description="What happens when nobody answers; the call ends if not given."
    )
    notice: NoticeName | None = Field(
        None, description="Notice of this line's calls, or `none`.", examples=["standard"]
    )
    whisper: Switch = Field(True, description="Whether whoever answers here is told the source.", examples=[True])
    language: Language | None = Field(
        None,
        description="Language of Asterisk's own sounds on this line; as `language` above if not given.",
        examples=["ru"],
    )

    @model_validator(mode="after")
    def _ring_plan(self) -> Self:
        if self.order == "sequential":
            if self.each is None:
                raise ValueError("`order: sequential` needs `each`, such as `each: 15s`")
            if any(ring.after or ring.ring_for for ring in self.ring):
                raise ValueError(
                    "`after` and `for` do not go with `order: sequential`; `each` says how long every entry rings"
                )
        elif self.each is not None:
            raise ValueError("`each` goes with `order: sequential`")
        timeout = self.ring_timeout()
        if not 1 <= timeout <= 600:
            raise ValueError("`timeout` must be between 1s and 10m")
        for leg in self.legs():
            if leg.after >= timeout:
                raise ValueError(
                    f"`{leg.device}` would begin to ring after {duration_text(leg.after)}, when the line's timeout of"
                    f" {duration_text(timeout)} is over"
                )
        if all(leg.after for leg in self.legs()):
            raise ValueError("no phone rings at once: one entry of `ring` must be without `after`")
        devices = [leg.device for leg in self.legs()]
        twice = next((d for d in devices if devices.count(d) > 1), None)
        if twice is not None:
            raise ValueError(f"{shown(twice)} is named twice")
        return self

    @model_validator(mode="after")
    def _closed_means_something(self) -> Self:
        if self.hours is not None and self.when_closed is None:
            raise ValueError("`hours` needs `when_closed`: another line, voicemail, an announcement or hangup")
        if self.hours is None and self.when_closed is not None:
            raise ValueError("`when_closed` needs `hours`")
        return self

    def ring_timeout(self) -> int:
        """Seconds after which the line gives up."""
        if self.timeout is not None:
            return self.timeout
        return len(self.ring) * (self.each or 0) if self.order == "sequential" else 40

    def legs(self) -> tuple[Leg, ...]:
        """Every phone with its times in seconds, in the order they begin."""
        each = self.each or 0
        legs = [
            Leg(device, n * each, each)
            if self.order == "sequential"
            else Leg(device, ring.after or 0, ring.ring_for or 0)
            for n, ring in enumerate(self.ring)
            for device in ring.devices()
        ]
        return tuple(sorted(legs, key=lambda leg: leg.after))
