"""From facts to the one record of a call.

A Call is opened by what the daemon decided (AGI) or by the journal's `begin`, and completed by the journal's `end`. Every function takes the
record so far and returns a new one; applying the same fact twice changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.core.directory import NoticeSpec
from bridge.core.journal import Begin, End, Picked, Rung
from bridge.core.model import Call, DecidedBy, NoticeEvidence, Outcome, Recording, RecordingStatus, Ring, Screening
from bridge.core.phone import is_withheld, normalise
from bridge.core.routing import Decision
from bridge.core.screening import challenged, is_spam, outcome_if_turned_away, told_by_asterisk

#: What a phone's Q.850 cause says of its ringing. 26 is "answered elsewhere" (RFC 3326); 127 is what Asterisk makes of a 487,
#: the answer to its own CANCEL.
_CAUSES = {
    **dict.fromkeys((16, 26, 127), "cancel"),
    **dict.fromkeys((17, 21), "busy"),
    **dict.fromkeys((1, 3, 20), "chanunavail"),
    **dict.fromkeys((34, 38, 41, 42), "congestion"),
}

#: What Asterisk puts at the end of a channel's name to tell calls apart: ``-0000001a``, of Local channels with the half.
_CHANNEL_END = re.compile(r"-[0-9a-f]{1,8}(?:;[12])?", re.ASCII)


def trunk_of(channel: str) -> str | None:
    """``PJSIP/trunk`` of ``PJSIP/trunk-0000001a``; None of nothing. What stands behind a second slash (DAHDI) is the number dialled."""
    name, number = channel[: channel.rfind("-")], channel[channel.rfind("-") :]
    known = name if name and _CHANNEL_END.fullmatch(number) else channel
    return "/".join(known.split("/")[:2]) or None


def caller_of(sent: str, presentation: str, region: str) -> str | None:
    """The caller as booked: E.164 where it can be read, None where it is withheld, else what was sent."""
    if is_withheld(sent) or presentation.startswith("prohib"):
        return None
    return normalise(sent, region) or sent


def opened(
    call_id: str,
    decision: Decision,
    *,
    caller: str | None,
    caller_name: str,
    uniqueid: str,
    at: datetime,
    decided_by: DecidedBy = DecidedBy.DAEMON,
) -> Call:
    """The record of a call that has just begun."""
    return Call(
        id=call_id,
        number=decision.number,
        caller=caller,
        caller_name=caller_name or None,
        started_at=at,
        attribution=decision.attribution,
        binding=decision.binding.kind if decision.binding else None,
        line=decision.line.name,
        decided_by=decided_by,
        uniqueid=uniqueid,
        screening=decision.screening,
        spam=is_spam(decision.screening),
    )


def begun(call: Call, begin: Begin) -> Call:
    """With Asterisk's own time of the INVITE, which is earlier and surer than the daemon's."""
    return replace(call, started_at=begin.at, uniqueid=begin.uniqueid, trunk=trunk_of(begin.channel) or call.trunk)


def answered(call: Call, picked: Picked) -> Call:
    """Somebody was connected; the call goes on."""
    if call.ended_at is not None:
        return call
    return replace(call, answered_at=picked.at, answered_by=picked.phone)


def ended(call: Call, end: End, *, notice: NoticeSpec | None) -> Call:
    """The complete record. `notice` is the configured notice, for the checksum of what was played."""
    screening = screening_of(end, call.screening)
    decided_by = DecidedBy(end.decided_by) if end.decided_by in set(DecidedBy) else call.decided_by
    done = replace(
        call,
        started_at=end.began or call.started_at,
        ended_at=end.at,
        uniqueid=end.uniqueid or call.uniqueid,
        trunk=trunk_of(end.channel) or call.trunk,
        caller_name=end.caller_name or call.caller_name,
        answered_at=end.connected,
        answered_by=end.phone or None,
        outcome=outcome_of(end),
        line=end.line or call.line,
        decided_by=decided_by,
        hung_up_by=end.hung_up_by or None,
        hangup_cause=end.cause,
        notice=_evidence(end, notice),
        recording=_recording(call.recording, end),
        rings=_with_planned(call.rings, rings_of(end)),
        quality=end.rtcp or call.quality,
        screening=screening,
        spam=is_spam(screening),
    )
    return _settled(_in_order(done))


def _in_order(call: Call) -> Call:
    """Nothing lasts less than nothing, even where Asterisk's clock was set back during the call.

    The talk keeps its length if it can. `quality` says by how many seconds the times disagreed, as `clock_jump`.
    """
    jump = 0.0
    if call.answered_at is not None and call.ended_at is not None:
        if (early := (call.answered_at - call.started_at).total_seconds()) < 0:
            jump = early
            later = call.started_at - call.answered_at
            call = replace(call, answered_at=call.started_at, ended_at=call.ended_at + later)
        if (talk := call.talk_seconds or 0.0) < 0:
            jump = min(jump, talk)
            call = replace(call, ended_at=call.answered_at)
    elif call.ended_at is not None and (wait := call.wait_seconds or 0.0) < 0:
        jump = wait
        call = replace(call, ended_at=call.started_at)
    return replace(call, quality={**call.quality, "clock_jump": jump}) if jump else call


def interrupted(call: Call, at: datetime) -> Call:
    """Asterisk died with the call under way: `at` is the last moment it was known to live."""
    if call.ended_at is not None:
        return call
    return replace(call, ended_at=max(at, call.answered_at or call.started_at), outcome=Outcome.INTERRUPTED)


def screening_of(end: End, known: Screening | None) -> Screening | None:
    """What was found about the caller and whether he passed the challenge. An answer that was not used screened nobody."""
    found = told_by_asterisk(end.screening, known) if end.screening else None
    for run in end.trail:
        if run.kind == "challenge":
            found = challenged(found, run.status)
    return found


def outcome_of(end: End) -> Outcome:
    """How the call ended, from the journal's `end` alone."""
    if end.connected is not None:
        return Outcome.ANSWERED
    if end.cause is None and not end.hung_up_by:
        return Outcome.INTERRUPTED  # neither side nor the dialplan ended it: Asterisk was stopped or restarted
    kinds = [run.kind for run in end.trail if run.kind != "challenge"]
    if end.trail and end.trail[-1].kind == "challenge" and end.trail[-1].status == "left":
        return Outcome.ABANDONED
    if kinds in ([], ["hangup"]) and (turned_away := outcome_if_turned_away(screening_of(end, None))) is not None:
        return turned_away
    rung = [run for run in end.trail if run.kind == "ring"]
    if "voicemail" in kinds:
        return Outcome.VOICEMAIL
    if not rung:
        return Outcome.CLOSED if kinds else Outcome.ABANDONED
    match rung[-1].status:
        case "BUSY":
            return Outcome.BUSY
        case "NOANSWER":
            return Outcome.UNANSWERED
        case "CHANUNAVAIL" | "CONGESTION" | "INVALIDARGS":
            return Outcome.UNREACHABLE
        case _:  # CANCEL, ANSWER without being connected (hung up during the whisper), or still dialling
            return Outcome.ABANDONED


def _recording(known: Recording, end: End) -> Recording:
    """What is already known of the recording stays. That it was left out because of the disk counts if it was so and people talked."""
    if known.status is RecordingStatus.OFF_DISK:
        return known if end.recording == "off" and end.connected is not None else recording_of(end)
    return recording_of(end) if known.status in {RecordingStatus.NONE, RecordingStatus.PENDING} else known


def recording_of(end: End) -> Recording:
    """What is to be expected of the recording when the call has ended."""
    match end.recording:
        case "started" if end.connected is not None:
            return Recording(RecordingStatus.PENDING)
        case "unnoticed" if end.connected is not None:
            why = {
                "missing": "the notice's file could not be played",
                "cut": "the notice was not heard to its end",
                "": "no notice was played",
            }
            return Recording(
                RecordingStatus.UNNOTICED, reason=why.get(end.notice_status, f"the notice was {end.notice_status}")
            )
        case "declined":
            return Recording(RecordingStatus.DECLINED, reason="the caller declined by a key")
        case _:
            return Recording(RecordingStatus.NONE)


def rung(call: Call, fact: Rung) -> Call:
    """With one phone's ringing as it was: in place of what was planned for that phone."""
    kept = [ring for ring in call.rings if ring.phone != fact.phone or (ring.exact and ring.began_at != fact.at)]
    result = "answer" if fact.picked_at else _CAUSES.get(fact.cause or 0, "noanswer")
    ring = Ring(fact.phone, fact.at, fact.picked_at or fact.ended_at, result, exact=True)
    return _settled(replace(call, rings=(*kept, ring)))


def rings_of(end: End) -> tuple[Ring, ...]:
    """Who was rung when, as planned: what is left to go by for a phone that left no line of its own."""
    rings: list[Ring] = []
    untils = [*(run.at for run in end.trail[1:]), end.connected or end.at]
    for run, until in zip(end.trail, untils, strict=False):
        for phone, after in run.rang:
            began = run.at + timedelta(seconds=after)
            if began > until:
                continue  # it was over before this phone's turn
            won = run.status == "ANSWER" and phone == end.phone
            lost = "cancel" if run.status == "ANSWER" else run.status.lower() or None
            rings.append(Ring(phone, began, until, "answer" if won else lost))
    return tuple(rings)


def _with_planned(exact: tuple[Ring, ...], planned: tuple[Ring, ...]) -> tuple[Ring, ...]:
    known = {ring.phone for ring in exact if ring.exact}
    return (*(r for r in exact if r.exact), *(ring for ring in planned if ring.phone not in known))


def _settled(call: Call) -> Call:
    """Rings in order; a phone that joined late does not itself know that it won."""
    rings = []
    for ring in call.rings:
        at = call.answered_at
        won = at is not None and ring.phone == call.answered_by and ring.began_at <= at <= (ring.ended_at or at)
        ring = replace(ring, result="answer", ended_at=at) if won else ring
        if ring.ended_at is not None and ring.ended_at < ring.began_at:
            ring = replace(ring, ended_at=ring.began_at)  # the clock was set back
        rings.append(ring)
    return replace(call, rings=tuple(sorted(rings, key=lambda ring: (ring.began_at, ring.phone))))


def _evidence(end: End, notice: NoticeSpec | None) -> NoticeEvidence | None:
    if not end.notice or end.notice_began is None:
        return None  # named by the plan, and never begun
    same = notice is not None and notice.sound == end.notice
    return NoticeEvidence(
        file=end.notice,
        sha256=notice.sha256 if same and notice else None,
        language=end.language,
        started_at=end.notice_began,
        ended_at=end.notice_ended,
        completed=end.notice_status == "completed",
        declined=end.notice_status == "declined",
    )
