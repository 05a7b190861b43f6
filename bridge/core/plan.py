"""The answer the daemon gives the dialplan, and its one-line wire form.

The wire form is a comma-separated list that the dialplan takes apart with ``Set(ARRAY(...)=...)``; its last field is the commit flag.
It reaches ``Dial`` and ``Playback``, so every field is checked against a whitelist here and nothing from the wire ever goes into it.
AGI lines are cut at 2047 bytes by Asterisk 16 and 18 (res_agi.c, AGI_BUF_LEN), hence MAX_BYTES.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

MAX_BYTES = 1500
VERSION = "1"

_DEVICE = re.compile(r"(PJSIP|SIP|IAX2|Local|DAHDI)/[A-Za-z0-9_.+@/-]{1,100}", re.ASCII)
_SOUND = re.compile(r"[A-Za-z0-9_./-]{1,200}", re.ASCII)
_MAILBOX = re.compile(r"[A-Za-z0-9_.-]{1,40}(@[A-Za-z0-9_.-]{1,40})?", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{0,64}", re.ASCII)
_UNSAFE_IN_TEXT = re.compile(r"[^\w .:/+№-]")

NoticeMode: TypeAlias = Literal["early", "answer"]
RecordPolicy: TypeAlias = Literal["after-notice", "always", "no"]


def is_device(text: str) -> bool:
    """Whether `text` is a dialable device that may be handed to ``Dial``: technology and a plain resource."""
    return _DEVICE.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether `text` may name a source, line or pool: lower-case ASCII, digits, ``-`` and ``_``."""
    return _NAME.fullmatch(text) is not None


def clean_text(text: str, limit: int = 40) -> str:
    """`text` made harmless for a dialplan variable: letters of any script, digits, space and ``.:/+№-`` stay."""
    return _UNSAFE_IN_TEXT.sub("", text).strip()[:limit].rstrip()


@dataclass(frozen=True, slots=True)
class Leg:
    """One phone of a ring stage: rings from `after` seconds on, for `ring_for` seconds (0 = to the stage's end)."""

    device: str
    after: int = 0
    ring_for: int = 0


@dataclass(frozen=True, slots=True)
class RingStage:
    """Phones that ring together or one after another; `on_busy` and `on_unanswered` are stage numbers (1-based, 0 = hang up)."""

    legs: tuple[Leg, ...]
    timeout: int
    on_busy: int = 0
    on_unanswered: int = 0

    def encode(self) -> str:
        legs = "&".join(f"{leg.device}~{leg.after}~{leg.ring_for}" for leg in self.legs)
        return f"ring={self.timeout}={self.on_busy}={self.on_unanswered}={legs}"


@dataclass(frozen=True, slots=True)
class PlayStage:
    """An announcement, then the end. `sound` is an Asterisk sound name or an absolute path, without extension."""

    sound: str

    def encode(self) -> str:
        return f"play={self.sound}"


@dataclass(frozen=True, slots=True)
class VoicemailStage:
    """The caller may leave a message. `greeting` is ``u`` (unavailable) or ``b`` (busy)."""

    mailbox: str
    greeting: Literal["u", "b"] = "u"

    def encode(self) -> str:
        return f"voicemail={self.mailbox}={self.greeting}"


@dataclass(frozen=True, slots=True)
class HangupStage:
    """The end, with a Q.850 cause (17 = busy)."""

    cause: int = 16

    def encode(self) -> str:
        return f"hangup={self.cause}"


@dataclass(frozen=True, slots=True)
class ChallengeStage:
    """The caller hears `sound` and must press `key` (two tries); stage `then` follows, or the end with cause 21."""

    sound: str
    key: str
    then: int = 2

    def encode(self) -> str:
        return f"challenge={self.sound}={self.key}={self.then}"


Stage: TypeAlias = RingStage | PlayStage | VoicemailStage | HangupStage | ChallengeStage


@dataclass(frozen=True, slots=True)
class Notice:
    """The recording announcement as the dialplan plays it. `sound` has no extension; `milliseconds` is its length."""

    sound: str
    milliseconds: int
    mode: NoticeMode = "answer"
    decline_key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything the dialplan needs for one call."""

    source: str
    line: str
    stages: tuple[Stage, ...]
    language: str = "en"
    notice: Notice | None = None
    record: RecordPolicy = "after-notice"
    whisper: str = ""
    beep: bool = False
    prefix: str = ""
    screening: str = ""  #: ``VERDICT-MEASURE`` of a caller who is not simply let through
    token: str = field(default="", repr=False)

    def encode(self) -> str:
        """The wire form. Raises ValueError, naming the field, if anything in it could be more than data to the dialplan."""
        _check(self)
        notice = self.notice
        parts = (
            VERSION,
            self.source,
            self.line,
            self.language,
            notice.sound if notice else "",
            notice.mode if notice else "",
            str(notice.milliseconds) if notice else "0",
            notice.decline_key if notice else "",
            self.record,
            self.whisper,
            "beep" if self.beep else "",
            self.prefix,
            "|".join(stage.encode() for stage in self.stages),
            self.screening,
            self.token,
            "1",
        )
        text = ",".join(parts)
        if len(text.encode()) > MAX_BYTES:
            raise ValueError(
                f"the ring plan of line {self.line} takes {len(text.encode())} bytes, {MAX_BYTES} is the most Asterisk takes safely:"
                " use fewer phones or shorter names"
            )
        return text


def _check(answer: Answer) -> None:
    checks: list[tuple[str, bool]] = [
        (f"source {answer.source!r}", answer.source == "" or is_name(answer.source)),
        (f"line {answer.line!r}", is_name(answer.line)),
        (f"language {answer.language!r}", _LANGUAGE.fullmatch(answer.language) is not None),
        (f"whisper {answer.whisper!r}", answer.whisper == "" or _is_sound(answer.whisper)),
        (f"prefix {answer.prefix!r}", answer.prefix == clean_text(answer.prefix)),
        (f"screening {answer.screening!r}", answer.screening == "" or is_name(answer.screening)),
        ("token", _TOKEN.fullmatch(answer.token) is not None),
        ("a plan without stages", bool(answer.stages)),
    ]
    if answer.notice is not None:
        checks += [
            (f"notice {answer.notice.sound!r}", _is_sound(answer.notice.sound)),
            (
                f"decline key {answer.notice.decline_key!r}",
                re.fullmatch(r"[0-9*#]?", answer.notice.decline_key) is not None,
            ),
        ]
    for stage in answer.stages:
        checks += _stage_checks(stage, len(answer.stages))
    for what, good in checks:
        if not good:
            raise ValueError(f"unsafe for the dialplan: {what}")


def _stage_checks(stage: Stage, count: int) -> list[tuple[str, bool]]:
    match stage:
        case RingStage():
            return [(f"phone {leg.device!r}", is_device(leg.device)) for leg in stage.legs] + [
                ("a ring stage without phones", bool(stage.legs)),
                ("a ring stage's next stage", 0 <= stage.on_busy <= count and 0 <= stage.on_unanswered <= count),
                (
                    "a ring stage's times",
                    stage.timeout > 0 and all(x.after >= 0 and x.ring_for >= 0 for x in stage.legs),
                ),
            ]
        case PlayStage():
            return [(f"sound {stage.sound!r}", _is_sound(stage.sound))]
        case VoicemailStage():
            return [(f"mailbox {stage.mailbox!r}", _MAILBOX.fullmatch(stage.mailbox) is not None)]
        case ChallengeStage():
            return [
                (f"sound {stage.sound!r}", _is_sound(stage.sound)),
                (f"challenge key {stage.key!r}", re.fullmatch(r"[0-9*]", stage.key, re.ASCII) is not None),
                ("a challenge's next stage", 1 <= stage.then <= count),
            ]
        case HangupStage():
            return [(f"cause {stage.cause!r}", 1 <= stage.cause <= 127)]


def _is_sound(text: str) -> bool:
    return _SOUND.fullmatch(text) is not None and ".." not in text
