"""The words of the product as frozen values. Times are aware datetimes; durations are seconds (float) unless named otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class BindingKind(StrEnum):
    """What a number is bound to."""

    STATIC = "static"  #: one source for good
    POOL = "pool"  #: member of a source's pool: shown to one visit at a time
    DEFAULT = "default"  #: a source's default number: the source is certain, never a visit
    RETIRING = "retiring"  #: keeps forwarding until no more calls come


class AttributionKind(StrEnum):
    """How the bridge knows where a call came from."""

    STATIC = "static"
    VISIT = "visit"
    CALLER_MEMORY = "caller-memory"
    SOURCE_DEFAULT = "source-default"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How a call ended, seen from the caller."""

    ANSWERED = "answered"  #: a phone picked up and was connected
    VOICEMAIL = "voicemail"  #: nobody picked up; the caller reached the mailbox
    UNANSWERED = "unanswered"  #: phones rang to the end of the plan
    BUSY = "busy"  #: every phone was busy
    UNREACHABLE = "unreachable"  #: no phone could be rung at all
    CLOSED = "closed"  #: outside opening hours; the caller heard the closing announcement
    ABANDONED = "abandoned"  #: the caller hung up before anybody answered
    BLOCKED = "blocked"  #: on the block list: turned away
    SCREENED = "screened"  #: suspected: turned away, or the challenge was not passed
    INTERRUPTED = "interrupted"  #: Asterisk died with the call under way


class Verdict(StrEnum):
    """What the screening thinks of a caller. Whom it lets through at once has none."""

    SUSPECTED = "suspected"
    BLOCKED = "blocked"


class Measure(StrEnum):
    """What is done with a suspected or blocked call."""

    PASS = "pass"  #: it rings as any other, marked  # noqa: S105
    CHALLENGE = "challenge"  #: it rings once the caller has pressed a key
    VOICEMAIL = "voicemail"
    BUSY = "busy"
    REJECT = "reject"


class DecidedBy(StrEnum):
    """Who decided where the call went."""

    DAEMON = "daemon"
    CACHE = "cache"  #: AstDB's last known good answer for the number
    DEFAULT = "default"  #: AstDB's fallback line
    STATIC = "static"  #: the dialplan's own BRIDGE_FALLBACK


class RecordingStatus(StrEnum):
    """What became of a call's recording."""

    NONE = "none"  #: nothing was to be recorded (unanswered, recording off)
    PENDING = "pending"  #: Asterisk wrote it; not merged yet
    KEPT = "kept"
    UNNOTICED = "unnoticed"  #: not recorded because the notice was missing or not heard to its end
    DECLINED = "declined"  #: the caller declined by a key
    MISSING = "missing"  #: it should be there and is not; see the reason
    BROKEN = "broken"  #: it is there and cannot be read; see the reason
    OFF_DISK = "off-disk"  #: not recorded because the disk was nearly full
    DELETED = "deleted"  #: it was kept and is gone: see the reason for when and why


@dataclass(frozen=True, slots=True)
class Binding:
    """What one number is bound to now. `number` is E.164 with `+`."""

    number: str
    kind: BindingKind
    source: str
    pool: str | None = None
    since: datetime | None = None  #: for a retiring number: since when


@dataclass(frozen=True, slots=True)
class Attribution:
    """Source, visit, confidence in [0, 1] and a reason a person believes."""

    kind: AttributionKind
    source: str | None
    reason: str
    visit: str | None = None
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class NoticeEvidence:
    """What the caller was told about the recording, and whether he heard it out."""

    file: str
    sha256: str | None
    language: str
    started_at: datetime | None
    ended_at: datetime | None
    completed: bool
    declined: bool


@dataclass(frozen=True, slots=True)
class Ring:
    """One phone rung for a call. `result`: answer, noanswer, busy, cancel (another was quicker, or the caller left), congestion,
    chanunavail; None where it is not known. `exact` False: as the plan had it, not as the phone's own channel noted it.
    """

    phone: str
    began_at: datetime
    ended_at: datetime | None = None
    result: str | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished (or failed) recording; `path` is relative to the recordings folder."""

    status: RecordingStatus
    path: str | None = None
    format: str | None = None
    sample_rate: int | None = None
    duration: float | None = None
    size: int | None = None
    sha256: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Screening:
    """What was found about a caller who was not simply let through. `passed`: whether he passed the challenge; None: not asked."""

    verdict: Verdict
    reason: str
    measure: Measure
    passed: bool | None = None

    @property
    def wire(self) -> str:
        """As the dialplan and the journal have it."""
        return f"{self.verdict}-{self.measure}"


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody outside whom the company called and talked to. `number` as `Call.caller` has it; `at`: when they began to talk."""

    number: str
    at: datetime
    phone: str  #: the company's
    talk_ms: int


@dataclass(frozen=True, slots=True)
class Call:
    """One inbound call, however many channels Asterisk made of it. `ended_at` is None while it is under way."""

    id: str
    number: str  #: E.164 where it could be read, else the digits dialled
    caller: str | None  #: E.164 where it could be read, else what was sent, cleaned; None = withheld
    caller_name: str | None
    started_at: datetime
    attribution: Attribution
    line: str | None
    decided_by: DecidedBy = DecidedBy.DAEMON
    uniqueid: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    answered_by: str | None = None
    hung_up_by: str | None = None  #: "caller", "company" or None where unknown
    hangup_cause: int | None = None  #: Q.850
    notice: NoticeEvidence | None = None
    recording: Recording = field(default_factory=lambda: Recording(RecordingStatus.NONE))
    rings: tuple[Ring, ...] = ()
    quality: dict[str, float] = field(default_factory=dict)  #: RTCP: lp, rlp, rxjitter, rtt, rxmes, txmes...
    first_time: bool | None = None  #: the caller's first call; None where the caller is withheld
    binding: BindingKind | None = None
    screening: Screening | None = None  #: None: let through at once
    spam: bool = False  #: counted apart, never hidden
    trunk: str | None = None  #: the channel it came in by, without its number: ``PJSIP/trunk``

    @property
    def talk_seconds(self) -> float | None:
        """Seconds from being connected to the end; None if nobody answered or the end is unknown."""
        if self.answered_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.answered_at).total_seconds()

    @property
    def wait_seconds(self) -> float | None:
        """Seconds from the INVITE to being connected, or to the end if nobody answered."""
        until = self.answered_at or self.ended_at
        return None if until is None else (until - self.started_at).total_seconds()
