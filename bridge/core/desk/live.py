"""What a call under way is doing now: hearing the notice, ringing which phones, talking with whom since when.

That somebody was connected, and phones that have stopped ringing, are facts of the journal. The rest is what the plan has for this second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bridge.core.directory import Directory
from bridge.core.model import Call, DecidedBy
from bridge.core.plan import Answer, ChallengeStage, HangupStage, PlayStage, RingStage, VoicemailStage
from bridge.core.routing import decide

_CHALLENGE: Final = timedelta(seconds=20)  #: how long a caller may take to press the key
_STEPS: Final = 100


class Phase(StrEnum):
    """What the caller of an open call hears."""

    CHALLENGE = "challenge"  #: is asked to press a key
    NOTICE = "notice"
    RINGING = "ringing"
    TALKING = "talking"
    VOICEMAIL = "voicemail"
    ANNOUNCEMENT = "announcement"
    ENDING = "ending"  #: the plan is at its end


@dataclass(frozen=True, slots=True)
class LiveCall:
    """An open call. `phones` are those ringing, or the one that talks; `since` is when the phase began."""

    call: Call
    phase: Phase
    since: datetime
    phones: tuple[str, ...] = ()


def plan_of(directory: Directory, call: Call) -> Answer:
    """What the dialplan was told of this call: decided again, as of its beginning."""
    decision = decide(directory, call.number, call.started_at, screening=call.screening)
    return decision.answer if call.decided_by is DecidedBy.DAEMON else decision.cache


def live_call(call: Call, plan: Answer, now: datetime) -> LiveCall:
    """What an open call is doing at `now`."""
    if call.answered_at is not None:
        return LiveCall(call, Phase.TALKING, call.answered_at, (call.answered_by,) if call.answered_by else ())
    at, place, notice = call.started_at, 1, plan.notice
    for _ in range(_STEPS):  # lines may lead to each other in circles
        stage = plan.stages[place - 1]
        match stage:
            case ChallengeStage():
                if now < at + _CHALLENGE and not call.rings:
                    return LiveCall(call, Phase.CHALLENGE, at)
                at, place = min(now, at + _CHALLENGE), stage.then
            case RingStage():
                if notice is not None:
                    heard = at + timedelta(milliseconds=notice.milliseconds)
                    if now < heard and not call.rings:
                        return LiveCall(call, Phase.NOTICE, at)
                    at, notice = min(now, heard), None
                end = at + timedelta(seconds=stage.timeout)
                if now < end:
                    return LiveCall(call, Phase.RINGING, at, _ringing(call, stage, at, now))
                at, place = end, stage.on_unanswered
                if place == 0:
                    break
            case PlayStage():
                return LiveCall(call, Phase.ANNOUNCEMENT, at)
            case VoicemailStage():
                return LiveCall(call, Phase.VOICEMAIL, at)
            case HangupStage():
                break
    return LiveCall(call, Phase.ENDING, at)


def _ringing(call: Call, stage: RingStage, began: datetime, now: datetime) -> tuple[str, ...]:
    """The phones whose turn it is, but for those that are known to have stopped."""
    second = timedelta(seconds=1)
    stopped = {ring.phone for ring in call.rings if ring.ended_at is not None and ring.ended_at >= began}
    return tuple(
        leg.device
        for leg in stage.legs
        if began + leg.after * second <= now
        and (leg.ring_for == 0 or now < began + (leg.after + leg.ring_for) * second)
        and leg.device not in stopped
    )
