"""Everything that routing needs to know of the configuration, as one immutable value.

Built once per load (bridge/config/build.py), swapped whole on reload; a look-up is two dictionary reads, however many
numbers there are. Names have been checked: every name in here leads to something that is here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TypeAlias

from bridge.core.hours import Hours
from bridge.core.model import Binding
from bridge.core.phone import normalise
from bridge.core.plan import Leg, NoticeMode, RecordPolicy
from bridge.core.screening import Rules

#: Said in place of a notice's name: this number, source or line has none, whatever the defaults say.
NO_NOTICE = "none"


@dataclass(frozen=True, slots=True)
class GoLine:
    """The call goes to another line."""

    name: str


@dataclass(frozen=True, slots=True)
class GoVoicemail:
    """The caller may leave a message in `mailbox` (``100@default``)."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class GoAnnouncement:
    """The caller hears `sound` (Asterisk's name or an absolute path, without extension), then the end."""

    sound: str


@dataclass(frozen=True, slots=True)
class GoHangup:
    """The end, with a Q.850 cause: 16 normal, 17 busy."""

    cause: int = 16


Target: TypeAlias = GoLine | GoVoicemail | GoAnnouncement | GoHangup


@dataclass(frozen=True, slots=True)
class Line:
    """The company's phones and how they ring. `timeout` is in seconds. `hours` None: always open."""

    name: str
    title: str
    ring: tuple[Leg, ...]
    timeout: int
    hours: Hours | None = None
    when_closed: Target = GoHangup(17)
    when_busy: Target = GoHangup(17)
    when_unanswered: Target = GoHangup(16)
    notice: str | None = None  #: a notice's name, NO_NOTICE, or None: as the defaults say
    whisper: bool = True  #: False: nobody on this line is whispered to
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an ad runs. `whisper`: a sound without extension, ``""`` for none; `prefix` goes before the caller's name."""

    name: str
    title: str
    prefix: str = ""
    line: str | None = None  #: None: the default line
    notice: str | None = None  #: a notice's name, NO_NOTICE, or None: as the line or the defaults say
    whisper: str = ""
    beep: bool = False  #: whoever answers hears a beep: the call is recorded


@dataclass(frozen=True, slots=True)
class NoticeSpec:
    """A recording announcement. `sound` has no extension. `available` False: its file is missing, so no recording."""

    name: str
    sound: str
    milliseconds: int = 0
    sha256: str | None = None
    language: str = "en"
    mode: NoticeMode = "answer"
    decline_key: str = ""
    available: bool = True


@dataclass(frozen=True, slots=True)
class Number:
    """A tracked number: what it is bound to, and what it does otherwise than its source."""

    binding: Binding
    title: str = ""
    line: str | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Dynamic numbers of one source. `hold` is in seconds; None: found by the bridge itself (``auto``)."""

    name: str
    source: str
    numbers: tuple[str, ...]
    hold: int | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """All numbers, sources, lines, pools and notices by name. `region` (ISO country) says how local numbers are read."""

    fallback: str  #: the line for numbers nobody bound
    lines: Mapping[str, Line]
    sources: Mapping[str, Source] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)  #: by E.164
    pools: Mapping[str, Pool] = field(default_factory=dict)
    notices: Mapping[str, NoticeSpec] = field(default_factory=dict)
    default_line: str | None = None  #: None: the fallback line
    default_notice: str | None = None
    record: RecordPolicy = "after-notice"
    screening: Rules | None = None  #: None: everybody is let through
    region: str = "RU"
    language: str = "en"
    zone: tzinfo = UTC  #: in which people read dates

    def number_of(self, dialled: str) -> Number | None:
        """The tracked number behind `dialled`, in whatever writing the carrier sends it; None if it is not ours."""
        e164 = normalise(dialled, self.region)
        return None if e164 is None else self.numbers.get(e164)

    def binding_of(self, dialled: str) -> Binding | None:
        """What `dialled` is bound to now; None if it is not one of the numbers."""
        number = self.number_of(dialled)
        return None if number is None else number.binding

    def source_of(self, number: Number | None) -> Source | None:
        """The source a number belongs to; None for a number nobody bound."""
        return None if number is None else self.sources[number.binding.source]

    def line_of(self, number: Number | None) -> Line:
        """The line a call rings: the number's own, else its source's, else the default; unbound: the fallback line."""
        if number is None:
            return self.lines[self.fallback]
        return self.lines[number.line or self.sources[number.binding.source].line or self.default_line or self.fallback]

    def notice_of(self, number: Number | None, line: Line) -> NoticeSpec | None:
        """The notice of a call: the number's own, else its source's, the line's, the default. It may be unavailable."""
        source = self.source_of(number)
        said = (number.notice if number else None, source.notice if source else None, line.notice, self.default_notice)
        name = next((n for n in said if n is not None), NO_NOTICE)
        return None if name == NO_NOTICE else self.notices[name]

    def whisper_of(self, number: Number | None, line: Line) -> str:
        """The sound whispered to whoever answers; ``""`` for none."""
        source = self.source_of(number)
        return source.whisper if source is not None and line.whisper else ""
