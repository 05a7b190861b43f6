"""The journal that Asterisk writes: one line per fact, fields divided by ``|``, a ``.`` as the last field.

The dialplan removes ``|`` and control characters from everything that came from the wire, so nothing is quoted. A line without
the closing ``.`` is not whole (a crash cut it, or it is still being written). Times are seconds since the epoch with milliseconds.

Lines (version 1; dialplan/README.md has the same table)::

    1|begin|ID|AT|UNIQUEID|CHANNEL|NUMBER|CALLER|PRESENTATION|NAME|.
    1|rung|ID|BEGAN|PHONE|ENDED|PICKED|CAUSE|.
    1|answer|ID|CONNECTED|PHONE|PICKED|.
    1|end|ID|AT|UNIQUEID|CHANNEL|NUMBER|CALLER|PRESENTATION|NAME|BEGAN|DECIDED_BY|SOURCE|LINE|LANGUAGE|NOTICE|NOTICE_BEGAN|NOTICE_ENDED|
        NOTICE_STATUS|RECORDING|EXT|CONNECTED|PHONE|TRAIL|DIALSTATUS|CAUSE|HUNG_UP_BY|SCREENING|RTCP|.
    1|reached|ID|AT|NUMBER|PHONE|TALKED|.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from bridge.core.call_id import is_call_id

MAX_LINE = 8192  #: the dialplan's own limit for one value (pbx.c, EXT_DATA_SIZE)

#: How many fields a line of each kind has, the closing one included.
FIELDS = {"begin": 11, "rung": 9, "answer": 7, "end": 30, "reached": 8}
_EPOCH = re.compile(r"\d{9,11}\.\d{3}", re.ASCII)
_RANG = re.compile(r"(?P<phone>[^~&]{3,110})~(?P<after>-?\d{1,5})", re.ASCII)


class JournalError(ValueError):
    """A line that is whole but is not a journal line; the message names what is wrong."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A call came in."""

    call_id: str
    at: datetime
    uniqueid: str
    channel: str
    number: str
    caller: str
    presentation: str
    caller_name: str


@dataclass(frozen=True, slots=True)
class Rung:
    """A phone was rung from `at`; its channel is gone since `ended_at`. `picked_at` None: it did not pick up. `cause` is Q.850."""

    call_id: str
    at: datetime
    phone: str
    ended_at: datetime
    picked_at: datetime | None
    cause: int | None


@dataclass(frozen=True, slots=True)
class Picked:
    """A phone picked up (`picked_at`) and, after whisper and beep, was connected (`at`)."""

    call_id: str
    at: datetime
    phone: str
    picked_at: datetime | None


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage of the plan as it was carried out: `kind` is ring, play, voicemail, hangup or challenge; `status` is Dial's for a
    ring stage, and passed, failed, left or missing for a challenge.

    `rang` holds (phone, seconds after the stage's start) of the phones it rang or was to ring.
    """

    stage: int
    kind: str
    at: datetime
    rang: tuple[tuple[str, int], ...] = ()
    status: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Everything the dialplan knows when the trunk channel is gone. Complete without the other lines."""

    call_id: str
    at: datetime
    uniqueid: str
    channel: str
    number: str
    caller: str
    presentation: str
    caller_name: str
    began: datetime | None
    decided_by: str
    source: str
    line: str
    language: str
    notice: str
    notice_began: datetime | None
    notice_ended: datetime | None
    notice_status: str  #: "", playing, completed, cut, missing, declined
    recording: str  #: "", off, started, unnoticed, declined
    extension: str
    connected: datetime | None
    phone: str
    trail: tuple[StageRun, ...]
    dial_status: str
    cause: int | None
    hung_up_by: str
    screening: str  #: "" or VERDICT-MEASURE
    rtcp: dict[str, float]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that went out has ended (`at`) after somebody was talked to. `number` as it was dialled; its id is no call's in the books."""

    call_id: str
    at: datetime
    number: str
    phone: str
    talked: timedelta


Entry: TypeAlias = Begin | Rung | Picked | End | Outgoing


def parse(line: str) -> Entry:
    """Read one whole line (without its newline). Raises JournalError."""
    if len(line) > MAX_LINE:
        raise JournalError(f"line of {len(line)} characters, {MAX_LINE} at most")
    fields = line.split("|")
    if fields[-1] != ".":
        raise JournalError("the line is not whole: it does not end in |.")
    if fields[0] != "1":
        raise JournalError(f"version {fields[0][:10]!r}; this program reads version 1")
    kind = fields[1] if len(fields) > 2 else ""
    count = FIELDS.get(kind)
    if count is None:
        raise JournalError(f"unknown kind {kind[:20]!r}")
    if len(fields) != count:
        raise JournalError(f"{kind} with {len(fields)} fields instead of {count}")
    if not is_call_id(fields[2]):
        raise JournalError(f"{fields[2][:60]!r} is not a call id")
    match kind:
        case "begin":
            return _begin(fields[2:])
        case "rung":
            return _rung(fields[2:])
        case "answer":
            return _answer(fields[2:])
        case "reached":
            return _outgoing(fields[2:])
        case _:
            return _end(fields[2:])


def _begin(f: list[str]) -> Begin:
    return Begin(f[0], _time(f[1]), f[2], f[3], f[4], f[5], f[6], f[7])


def _rung(f: list[str]) -> Rung:
    return Rung(f[0], _time(f[1]), f[2], _time(f[3]), _maybe(f[4]), _cause(f[5]))


def _answer(f: list[str]) -> Picked:
    return Picked(f[0], _time(f[1]), f[2], _maybe(f[3]))


def _outgoing(f: list[str]) -> Outgoing:
    if not re.fullmatch(r"[0-9]{1,6}", f[4], re.ASCII):
        raise JournalError(f"{f[4][:20]!r} is not a number of seconds")
    return Outgoing(f[0], _time(f[1]), f[2], f[3], timedelta(seconds=int(f[4])))


def _end(f: list[str]) -> End:
    return End(
        call_id=f[0],
        at=_time(f[1]),
        uniqueid=f[2],
        channel=f[3],
        number=f[4],
        caller=f[5],
        presentation=f[6],
        caller_name=f[7],
        began=_maybe(f[8]),
        decided_by=f[9],
        source=f[10],
        line=f[11],
        language=f[12],
        notice=f[13],
        notice_began=_maybe(f[14]),
        notice_ended=_maybe(f[15]),
        notice_status=f[16],
        recording=f[17],
        extension=f[18],
        connected=_maybe(f[19]),
        phone=f[20],
        trail=_trail(f[21]),
        dial_status=f[22],
        cause=_cause(f[23]),
        hung_up_by=f[24],
        screening=f[25],
        rtcp=_rtcp(f[26]),
    )


def _cause(text: str) -> int | None:
    """A Q.850 cause; 0 stands for none."""
    return int(text) or None if re.fullmatch(r"[0-9]{1,3}", text) else None


def _time(text: str) -> datetime:
    found = _maybe(text)
    if found is None:
        raise JournalError(f"{text[:30]!r} is not a time")
    return found


def _maybe(text: str) -> datetime | None:
    if not _EPOCH.fullmatch(text):
        return None
    seconds, _, milliseconds = text.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(milliseconds) * 1000)


def _trail(text: str) -> tuple[StageRun, ...]:
    """``STAGE=KIND=AT=PHONE~AFTER&PHONE~AFTER=STATUS;`` once or more."""
    runs = []
    for part in filter(None, text.split(";")):
        fields = part.split("=")
        if len(fields) != 5 or not fields[0].isdecimal() or len(fields[0]) > 2:
            raise JournalError(f"{part[:60]!r} is not a stage of a plan")
        number, kind, at, rang, status = fields
        phones = tuple((m["phone"], int(m["after"])) for m in _RANG.finditer(rang))
        runs.append(StageRun(int(number), kind, _time(at), phones, status))
    return tuple(runs)


def _rtcp(text: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for part in text.split(";"):
        key, _, value = part.partition("=")
        if key in {"lp", "rlp", "rxjitter", "txjitter", "rxcount", "txcount", "rtt", "rxmes", "txmes"}:
            try:
                values[key] = float(value)
            except ValueError:
                continue
    return values
