"""What really happened, as the wire shows it, against what the books say. Pure but for the recordings, which are listened to.

The rules:

- A call is what Asterisk answered with anything at all, a 100 included. An INVITE that fell into Asterisk's death and was never answered, or
  was answered with a refusal while it died or booted, is *refused*: no call, and if it is in the books all the same that is no fault.
- A call that was under way when Asterisk died is *cut*: booked once, as `interrupted`, answered by whoever had picked up. Its end is only
  known as far as the last sign of life: not before the moment the daemon's link was lost (which is that of the death, unless the link
  had been lost before), not after Asterisk lived again, each by one second.
- A call that ``core restart now`` ended with a goodbye to both sides is booked as what it was until then: answered with its talk time, else
  `interrupted`.
- Between the 100 and the first line of the dialplan nobody can know of a call: one that died in there (0.3 s) may be missing.
- A call that began while the daemon could not be asked and ended while the journal's disk was full has an end that nobody wrote down: it is
  booked as `interrupted`, with its talk time as Asterisk's event told it.
- What happened within 0.5 s of the death, or of the call's being picked up, may be booked either way.
- All other calls: the outcome and who answered as the phones saw it. Talk time lies between the shortest and the longest that the two sides
  saw (they differ where Asterisk stood still), by one second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soundfile
from lab.tones import windows

from chaoslab.parties import Seen, Side
from chaoslab.plan import NOTICE_SECONDS, PHONES
from chaoslab.scenarios import LONGEST
from chaoslab.site import Down, Record

Booked: TypeAlias = dict[str, Any]

KINDS = {
    "lost": "calls lost",
    "twice": "booked twice",
    "outcome": "wrong outcome",
    "talk": "talk time off by more than 1 s",
    "fact": "another fact wrong (number, source, who answered, who hung up)",
    "recording": "recordings missing without a reason, or of another call",
    "stray": "recordings without a call",
    "phone": "calls that reached no phone",
    "daemon": "times the daemon ended or stayed ill by itself",
}
#: How often a rule let something pass that a stricter one would not have, and how many recordings were listened to.
ALLOWED = {
    "either": "calls whose end fell together with a death or a pick-up: two outcomes are right",
    "unwritten": "calls booked as interrupted because nobody could write down their end",
    "excused": "recordings missing, with the reason in the books, where the disk was full or Asterisk died or stood still",
    "listened": "recordings listened to for the tones of this caller and this phone",
}
EDGE = 0.5  #: seconds around a death or a pick-up within which both are right
ORDER = 1.5  #: seconds that ``core restart now`` takes to reach Asterisk, at the most
UNBEGUN = 0.3  #: seconds from the 100 to the dialplan's first line, at the most
SECOND = 1.0
GUARD = 3.0  #: seconds the dialplan waits for the daemon


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is not as it was. `at`: from when to when the call was under way."""

    kind: str
    call: str
    text: str
    at: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one call: refused, unbegun, cut or whole; and what may stand in the books."""

    kind: str
    first: float
    last: float
    outcomes: frozenset[str] = frozenset()
    answered_by: frozenset[str | None] = frozenset({None})
    talk: tuple[float, float] | None = None  #: shortest and longest; None: nobody talked


def fate_of(seen: Seen, record: Record) -> Fate:
    """From what both sides saw."""
    side = seen.caller
    ends = [x.ended_at for x in (side, *(leg for _, leg in seen.phones)) if x.ended_at is not None]
    first, last = side.invited_at, side.ended_at or max(ends, default=side.invited_at)
    if side.heard_at is None:
        return Fate("refused" if _during(record.deaths, first, first) else "unheard", first, last)
    dying = _during(record.deaths, side.heard_at - SECOND, side.heard_at)
    if not seen.phones and dying and (side.code or 0) >= 400 and side.answered_at is None and side.code != 487:
        return Fate("refused", first, last)
    end = side.ended_at if side.ended_at is not None else float("inf")
    death = next((x for x in record.deaths if side.heard_at < x.from_at and end > x.from_at - EDGE), None)
    if death is None:
        return _whole(seen, first, last)
    if death.orderly and end <= death.until:
        whole = _whole(seen, first, last)
        if "answered" in whole.outcomes:
            return whole
        natural = whole.outcomes if side.ended_by == "me" or end < death.from_at + ORDER else frozenset()
        return Fate("cut", first, last, natural | {"interrupted"})
    if not seen.phones and death.from_at - side.heard_at < UNBEGUN:
        return Fate("unbegun", first, last)
    cut = _cut(seen, death, record, first)
    if end > death.from_at:
        return cut
    whole = _whole(seen, first, last)  # it ended just before: either is right
    talks = [x.talk for x in (cut, whole) if x.talk]
    talk = (min(x[0] for x in talks), max(x[1] for x in talks)) if talks else None
    return Fate("cut", first, last, cut.outcomes | whole.outcomes, cut.answered_by | whole.answered_by, talk)


def _whole(seen: Seen, first: float, last: float) -> Fate:
    caller = seen.caller
    won = next(((name, leg) for name, leg in seen.phones if leg.answered_at is not None), None)
    if won is not None:
        name, leg = won
        begin, latest = _picked_up(seen.caller, leg)
        ends = [x for x in (caller.ended_at, leg.ended_at) if x is not None] or [last]
        talk = (max(0.0, min(ends) - latest), max(ends) - begin)
        if talk[0] < EDGE:
            return Fate(
                "whole", first, last, frozenset({"answered", "abandoned"}), frozenset({f"PJSIP/{name}", None}), talk
            )
        return Fate("whole", first, last, frozenset({"answered"}), frozenset({f"PJSIP/{name}"}), talk)
    if caller.ended_by == "me":
        outcomes = frozenset({"abandoned"})
    elif not seen.phones:
        outcomes = frozenset({"abandoned", "unreachable"})  # told as a call that reached no phone
    else:
        last_rung = seen.phones[-1][1]
        outcomes = frozenset({{486: "busy", 503: "unreachable"}.get(last_rung.code or 0, "unanswered")})
    return Fate("whole", first, last, outcomes)


def _cut(seen: Seen, death: Down, record: Record, first: float) -> Fate:
    won = next(
        ((n, leg) for n, leg in seen.phones if leg.answered_at is not None and leg.answered_at < death.from_at), None
    )
    if won is None:
        return Fate("cut", first, death.from_at, frozenset({"interrupted"}))
    name, leg = won
    answered, latest = _picked_up(seen.caller, leg)
    lost = min([death.from_at, *(x.from_at for x in record.unlinked if x.overlaps(death.from_at, death.from_at))])
    talk = (max(0.0, lost - latest), death.until - answered)
    who: frozenset[str | None] = frozenset({f"PJSIP/{name}"})
    if death.from_at - latest < EDGE:
        return Fate("cut", first, death.from_at, frozenset({"interrupted"}), who | {None}, talk)
    return Fate("cut", first, death.from_at, frozenset({"interrupted"}), who, talk)


def _picked_up(caller: Side, phone: Side) -> tuple[float, float]:
    """The earliest and the latest moment at which the two may have been connected: later than the pick-up if Asterisk stood still."""
    picked = phone.answered_at or 0.0
    return picked, max(picked, caller.answered_at or 0.0)


def compare(
    calls: Sequence[Seen], books: Sequence[Booked], record: Record, folders: tuple[Path, Path]
) -> tuple[list[Discrepancy], Counter[str]]:
    """All that is wrong, and how many calls there were of each fate and how often a rule let something pass (ALLOWED).

    `folders`: the recordings' and Asterisk's spool of audio.
    """
    by_caller: dict[str, list[Booked]] = {}
    for booked in books:
        by_caller.setdefault(str(booked["caller"]), []).append(booked)
    found: list[Discrepancy] = []
    counts: Counter[str] = Counter()
    for seen in calls:
        fate = fate_of(seen, record)
        mine = by_caller.pop(seen.planned.caller, [])
        if fate.kind == "unbegun" and mine:
            fate = replace(fate, kind="cut", outcomes=frozenset({"interrupted"}))
        counts[fate.kind] += 1
        story = f"{_story(seen)}; booked: {'; '.join(map(_as_booked, mine)) or 'nothing'}"
        call = ", ".join(str(x["id"]) for x in mine) or f"caller {seen.planned.caller}"
        found += [
            Discrepancy(kind, call, f"{text}. {story}", (fate.first, fate.last))
            for kind, text in _of_call(seen, fate, mine, record, folders[0], counts)
        ]
    for caller, extra in by_caller.items():
        found.append(Discrepancy("twice", ", ".join(str(x["id"]) for x in extra), f"nobody called as {caller}"))
    found += _strays(books, *folders)
    found += [Discrepancy("daemon", "-", text) for text in record.unasked]
    return found, counts


def _of_call(
    seen: Seen, fate: Fate, booked: Sequence[Booked], record: Record, recordings: Path, counts: Counter[str]
) -> Iterator[tuple[str, str]]:
    if fate.kind == "unheard":
        yield "phone", "Asterisk lived and never answered the INVITE"
    if len(booked) > 1:
        yield "twice", f"{len(booked)} records"
    if not booked:
        if fate.kind in ("whole", "cut"):
            yield "lost", "not in the books"
        return
    if fate.kind == "whole" and not seen.phones and not _left_early(seen, record):
        yield "phone", "no phone was invited"
    call = booked[0]
    if call["number"] != seen.planned.number.e164:
        yield "fact", f"booked on the number {call['number']}"
    if (call.get("attribution") or {}).get("source") != seen.planned.number.source:
        yield "fact", f"the number belongs to {seen.planned.number.source}"
    if fate.kind not in ("whole", "cut"):
        return
    unwritten = (
        call["outcome"] == "interrupted"
        and call["decided_by"] != "daemon"
        and _during(record.unwritable, fate.last, fate.last)
    )
    counts["either"] += len(fate.outcomes) > 1
    counts["unwritten"] += call["outcome"] not in fate.outcomes and unwritten
    if call["outcome"] not in fate.outcomes and not unwritten:
        yield "outcome", f"it was {' or '.join(sorted(fate.outcomes))}"
        return
    if call["answered_by"] not in fate.answered_by:
        yield "fact", f"answered by {' or '.join(sorted(map(str, fate.answered_by)))}"
    talked = call["talk_seconds"] if call["answered_at"] else None
    if talked is not None and fate.talk and not fate.talk[0] - SECOND <= talked <= fate.talk[1] + SECOND:
        yield "talk", f"booked {talked:.1f} s, it was {_range(fate.talk)} s"
    if fate.kind == "whole" and call["outcome"] == "answered":
        sides = {seen.caller.ended_by, *(leg.ended_by for _, leg in seen.phones if leg.answered_at)}
        right = {"me": "caller", "far": "company"}.get(seen.caller.ended_by or "")
        if sides == {"me", "far"} and call["hung_up_by"] != right:
            yield "fact", f"the {right} hung up"
    if talked is not None and fate.talk:
        yield from _of_recording(seen, fate, call, talked, record, recordings, counts)


def _left_early(seen: Seen, record: Record) -> bool:
    """Whether the caller was gone before a phone was to be rung, at the latest."""
    side = seen.caller
    if side.ended_by != "me" or side.ended_at is None:
        return False
    still = sum(
        max(0.0, min(side.ended_at, x.until) - max(side.invited_at, x.from_at))
        for x in record.frozen
        if x.overlaps(side.invited_at, side.ended_at)
    )
    return side.ended_at - side.invited_at < NOTICE_SECONDS + GUARD + 2 * SECOND + still


def _of_recording(
    seen: Seen, fate: Fate, call: Booked, talked: float, record: Record, recordings: Path, counts: Counter[str]
) -> Iterator[tuple[str, str]]:
    about = call.get("recording") or {}
    status, reason = about.get("status"), about.get("reason")
    if status == "pending":
        yield "recording", "the recording is still pending"
        return
    hurt = fate.kind == "cut" or _during(record.full + record.frozen, fate.first, fate.last)
    if status != "kept":
        wanted = seen.planned.number.notice != "none" and talked > SECOND and call["decided_by"] != "static"
        excused = bool(hurt and reason)
        counts["excused"] += wanted and excused
        if wanted and not excused:
            yield "recording", f"the recording is {status}: {reason or 'no reason given'}"
        return
    path = recordings / str(about["path"])
    if not path.is_file():
        yield "recording", f"{path} is not there"
        return
    audio, rate = soundfile.read(path, always_2d=True)
    length = len(audio) / rate
    if abs(length - talked) > SECOND and not hurt:
        yield "recording", f"the recording lasts {length:.1f} s of {talked:.1f} s"
    phone = next((name for name, leg in seen.phones if leg.answered_at), None)
    # phones of calls that were cut send on for a while, to ports that are others' now
    haunted = _during(record.deaths, fate.first - LONGEST, fate.last)
    if phone is None or length < 1.5 or hurt or haunted:
        return
    counts["listened"] += 1
    tones = (("left", 0, seen.planned.group.hz), ("right", 1, PHONES[phone].hz))
    for side, channel, hz in tones:
        share = float(np.median(windows(audio[:, channel], rate, hz)))
        if share < 0.5:
            yield "recording", f"the {side} channel of the recording does not hold this call's {hz:g} Hz ({share:.2f})"


def _strays(books: Sequence[Booked], recordings: Path, spool: Path) -> Iterator[Discrepancy]:
    known = {str(call["id"]): (call.get("recording") or {}) for call in books}
    for path in sorted(x for x in recordings.rglob("*") if x.is_file()):
        call_id = path.name.lstrip(".").partition(".")[0]
        if call_id not in known:
            yield Discrepancy("stray", call_id, f"{path} belongs to no call")
        elif path.name.endswith(".part"):
            yield Discrepancy("stray", call_id, f"{path} was left half written")
    for path in sorted(x for x in spool.rglob("*") if x.is_file()):
        call_id = path.name.rpartition("-")[0]
        if call_id not in known:
            yield Discrepancy("stray", call_id, f"{path} belongs to no call")
        elif known[call_id].get("status") == "kept":
            yield Discrepancy("stray", call_id, f"{path} is left although the recording is kept")


def _during(downs: Sequence[Down], first: float, last: float) -> bool:
    return any(x.overlaps(first, last) for x in downs)


def _range(talk: tuple[float, float]) -> str:
    return f"{talk[0]:.1f}" if talk[1] - talk[0] < 0.1 else f"{talk[0]:.1f} to {talk[1]:.1f}"


def _story(seen: Seen) -> str:
    """The call in words, times from its INVITE on."""
    side, began = seen.caller, seen.caller.invited_at

    def at(when: float | None) -> str:
        return "never" if when is None else f"+{when - began:.2f} s"

    def leg(name: str, x: Side) -> str:
        codes = ",".join(map(str, x.codes)) or "no answer"
        return f"{name} invited {at(x.invited_at)}, {codes}, picked up {at(x.answered_at)}, ended {at(x.ended_at)} by {x.ended_by}"

    clock = datetime.fromtimestamp(began).astimezone().strftime("%H:%M:%S.%f")[:-3]
    caller = f"{seen.planned.caller} called {seen.planned.number.e164} at {clock} ({seen.planned.group.name})"
    codes = ",".join(map(str, side.codes)) or ("100 only" if side.heard_at else "no answer")
    phones = "; ".join(leg(name, x) for name, x in seen.phones) or "no phone invited"
    return f"Seen: {caller}, {codes}, answered {at(side.answered_at)}, ended {at(side.ended_at)} by {side.ended_by}; {phones}"


def _as_booked(call: Booked) -> str:
    talk = f", talk {call['talk_seconds']:.1f} s" if call["talk_seconds"] is not None else ""
    recording = call.get("recording") or {}
    reason = f" ({recording['reason']})" if recording.get("reason") else ""
    return (
        f"{call['outcome']} from {call['started_at']} to {call['ended_at']}, answered by {call['answered_by']}{talk}, hung up by"
        f" {call['hung_up_by']}, decided by {call['decided_by']}, recording {recording.get('status')}{reason}"
    )
