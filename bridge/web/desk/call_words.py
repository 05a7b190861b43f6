"""Words of the page of a call: what phones did, why it ended, what was changed. English; the template translates them with ``_()``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from bridge.core.model import DecidedBy, Measure, RecordingStatus, Verdict


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


RESULTS: Final = {
    None: _("not known"),
    "answer": _("picked up"),
    "noanswer": _("no answer"),
    "busy": _("busy"),
    "cancel": _("stopped ringing: another was quicker, or the caller left"),
    "congestion": _("network busy"),
    "chanunavail": _("not reachable"),
}
DECIDED: Final = {
    DecidedBy.DAEMON: _("by the bridge, as configured"),
    DecidedBy.CACHE: _("by the last answer that Asterisk remembered: the bridge did not answer in time"),
    DecidedBy.DEFAULT: _("by Asterisk's fallback line: the bridge did not answer in time"),
    DecidedBy.STATIC: _("by the dialplan's own fallback: the bridge did not answer in time"),
}
ENDED_BY: Final = {"caller": _("the caller hung up"), "company": _("the company hung up")}
_BUSY, _NOBODY, _NETWORK = _("busy"), _("nobody answered"), _("trouble in the network")
#: What the causes of ITU-T Q.850 say.
CAUSES: Final = {
    1: _("the number does not exist"),
    3: _("no way to that number"),
    16: _("normal end"),
    17: _BUSY,
    18: _NOBODY,
    19: _NOBODY,
    20: _("the phone is not registered"),
    21: _("turned away"),
    22: _("the number has changed"),
    26: _("answered elsewhere"),
    27: _("the phone is out of order"),
    28: _("the number is not complete"),
    31: _("normal end"),
    34: _("no free trunk line"),
    38: _NETWORK,
    41: _NETWORK,
    42: _("the network is overloaded"),
    44: _("no free trunk line"),
    47: _("no resources"),
    50: _("not allowed"),
    58: _("no common codec"),
    88: _("no common codec"),
    102: _("no reply in time"),
    111: _("a mistake of the protocol"),
    127: _("an end without a cause"),
}
VERDICTS: Final = {Verdict.SUSPECTED: _("suspected"), Verdict.BLOCKED: _("blocked")}
MEASURES: Final = {
    Measure.PASS: _("let through, marked"),
    Measure.CHALLENGE: _("asked to press a key"),
    Measure.VOICEMAIL: _("sent to voicemail"),
    Measure.BUSY: _("heard the busy tone"),
    Measure.REJECT: _("turned away"),
}
STATUSES: Final = {
    RecordingStatus.NONE: _("not recorded"),
    RecordingStatus.PENDING: _("being made"),
    RecordingStatus.KEPT: _("kept"),
    RecordingStatus.UNNOTICED: _("not recorded"),
    RecordingStatus.DECLINED: _("declined"),
    RecordingStatus.MISSING: _("missing"),
    RecordingStatus.BROKEN: _("damaged"),
    RecordingStatus.OFF_DISK: _("not recorded"),
    RecordingStatus.DELETED: _("deleted"),
}
BINDINGS: Final = {
    "static": _("belongs to one source"),
    "pool": _("of a pool: shown to one visit at a time"),
    "default": _("default number of its source"),
    "retiring": _("retiring"),
}
CONSENTS: Final = {"full": _("with cookies"), "cookieless": _("without cookies")}
GRADES: Final = {"good": _("good"), "fair": _("fair"), "bad": _("bad")}
CHANGED: Final = {
    "class": _("Class"),
    "tags": _("Tags"),
    "comment": _("Comment"),
    "value": _("Value"),
    "checklist": _("Checklist"),
    "attribution": _("Attribution"),
    "called-back": _("Called back"),
}
AUDITED: Final = {"listen": _("listened"), "download": _("downloaded")}


def phone(device: str | None) -> str:
    """A phone as people call it: ``101`` of ``PJSIP/101``."""
    return (device or "").rpartition("/")[2]


def is_empty(value: Any) -> bool:
    """Whether a change says nothing: None, no text, no tags."""
    return value is None or value in ("", [], {})


def moment(at: float) -> datetime:
    """An epoch second as the templates want it."""
    return datetime.fromtimestamp(at, UTC)
