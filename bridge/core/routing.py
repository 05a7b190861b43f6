"""Where a call goes: from the number dialled to the answer for the dialplan and the call's attribution.

Pure and quick: everything comes from the Directory in memory. A number nobody bound rings the fallback line; nothing here can refuse a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from bridge.core.directory import (
    Directory,
    GoAnnouncement,
    GoHangup,
    GoLine,
    GoVoicemail,
    Line,
    NoticeSpec,
    Number,
    Target,
)
from bridge.core.model import Attribution, AttributionKind, Binding, BindingKind, Measure, Screening
from bridge.core.phone import normalise
from bridge.core.plan import (
    Answer,
    ChallengeStage,
    HangupStage,
    Notice,
    PlayStage,
    RingStage,
    Stage,
    VoicemailStage,
    clean_text,
)
from bridge.core.screening import Rules

_BUSY, _REJECTED = 17, 21  #: Q.850


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bridge decided for one call. `cache` is the answer as if the line were open, for AstDB."""

    number: str  #: E.164 where it could be read, else the digits dialled
    binding: Binding | None
    attribution: Attribution
    line: Line
    closed: bool
    notice: NoticeSpec | None
    answer: Answer
    cache: Answer
    screening: Screening | None = None


def decide(
    directory: Directory, dialled: str, now: datetime, token: str = "", screening: Screening | None = None
) -> Decision:
    """Decide for a call to `dialled` at `now`. `token` is echoed by the dialplan so that its events can be told from forged ones.

    `screening`: what is known of the caller; it changes this answer, never the cache.
    """
    number = directory.number_of(dialled)
    line = directory.line_of(number)
    notice = directory.notice_of(number, line)
    closed = line.hours is not None and not line.hours.is_open(now)
    cache = _answer(directory, number, line, notice, stages(directory, line, None), "")
    plan = screened(stages(directory, line, now), screening, directory.screening)
    return Decision(
        number=number.binding.number if number else normalise(dialled, directory.region) or dialled,
        binding=number.binding if number else None,
        attribution=attribute(directory, number),
        line=line,
        closed=closed,
        notice=notice,
        answer=_answer(directory, number, line, notice, plan, token, screening),
        cache=cache,
        screening=screening,
    )


def fallback_answer(directory: Directory) -> Answer:
    """The answer for any number while the daemon cannot be asked: the fallback line as if it were open."""
    line = directory.line_of(None)
    return _answer(directory, None, line, directory.notice_of(None, line), stages(directory, line, None), "")


def attribute(directory: Directory, number: Number | None) -> Attribution:
    """The attribution of a call that is known by its number alone."""
    if number is None:
        return Attribution(AttributionKind.UNKNOWN, None, "this number is bound to nothing", confidence=0.0)
    return attribution_of(number.binding, directory.sources[number.binding.source].title, directory.zone)


def attribution_of(binding: Binding, title: str, zone: tzinfo) -> Attribution:
    """What a binding alone says of a call; `title` is the source's, for people, and `zone` that of its dates."""
    kind = AttributionKind.SOURCE_DEFAULT
    match binding.kind:
        case BindingKind.STATIC:
            kind = AttributionKind.STATIC
            reason = f"this number is shown by {title} alone"
        case BindingKind.RETIRING:
            kind = AttributionKind.STATIC
            reason = f"this number was shown by {title} alone" + (
                f"; retiring since {binding.since.astimezone(zone):%Y-%m-%d}" if binding.since else "; retiring"
            )
        case BindingKind.DEFAULT:
            reason = f"this is the default number of {title}: many visits see it, so none is named"
        case BindingKind.POOL:
            reason = f"this number is in the pool {binding.pool} of {title}, and no visit held it"
    return Attribution(kind, binding.source, reason)


def stages(directory: Directory, line: Line, now: datetime | None) -> tuple[Stage, ...]:
    """The plan from `line` on. `now` None: as if every line were open."""
    built: list[Stage] = []
    entered: dict[str, int] = {}

    def enter(target: Line) -> int:
        if target.name in entered:
            return entered[target.name]
        if now is not None and target.hours is not None and not target.hours.is_open(now):
            entered[target.name] = 0  # a circle of closed lines ends the call
            entered[target.name] = go(target.when_closed)
            return entered[target.name]
        built.append(HangupStage())
        place = entered[target.name] = len(built)
        built[place - 1] = RingStage(target.ring, target.timeout, go(target.when_busy), go(target.when_unanswered))
        return place

    def go(target: Target) -> int:
        match target:
            case GoLine(name):
                return enter(directory.lines[name])
            case GoVoicemail(mailbox):
                built.append(VoicemailStage(mailbox))
            case GoAnnouncement(sound):
                built.append(PlayStage(sound))
            case GoHangup(cause):
                built.append(HangupStage(cause))
        return len(built)

    first = enter(line)
    if first == 0:
        return (HangupStage(17),)
    # the dialplan begins at stage 1: a closed line's target may have been built behind others
    if first != 1:
        return _rotated(built, first)
    return tuple(built)


def _rotated(built: list[Stage], first: int) -> tuple[Stage, ...]:
    order = [first, *(n for n in range(1, len(built) + 1) if n != first)]
    place = {old: new for new, old in enumerate(order, 1)} | {0: 0}
    moved = [built[n - 1] for n in order]
    return tuple(
        RingStage(s.legs, s.timeout, place[s.on_busy], place[s.on_unanswered]) if isinstance(s, RingStage) else s
        for s in moved
    )


def screened(plan: tuple[Stage, ...], screening: Screening | None, rules: Rules | None) -> tuple[Stage, ...]:
    """The plan for a caller who is not simply let through. A measure that lacks what it needs lets him through."""
    if screening is None or rules is None:
        return plan
    match screening.measure:
        case Measure.REJECT:
            return (HangupStage(_REJECTED),)
        case Measure.BUSY:
            return (HangupStage(_BUSY),)
        case Measure.VOICEMAIL if rules.mailbox:
            return (VoicemailStage(rules.mailbox),)
        case Measure.CHALLENGE if rules.challenge is not None:
            return (ChallengeStage(rules.challenge.sound, rules.challenge.key, 2), *map(_one_later, plan))
        case _:
            return plan


def _one_later(stage: Stage) -> Stage:
    if not isinstance(stage, RingStage):
        return stage
    on_busy, on_unanswered = (n + 1 if n else 0 for n in (stage.on_busy, stage.on_unanswered))
    return RingStage(stage.legs, stage.timeout, on_busy, on_unanswered)


def _answer(
    directory: Directory,
    number: Number | None,
    line: Line,
    notice: NoticeSpec | None,
    plan: tuple[Stage, ...],
    token: str,
    screening: Screening | None = None,
) -> Answer:
    source = directory.source_of(number)
    return Answer(
        source=source.name if source else "",
        line=line.name,
        stages=plan,
        language=notice.language if notice else line.language,
        notice=Notice(notice.sound, notice.milliseconds, notice.mode, notice.decline_key) if notice else None,
        record=directory.record,
        whisper=directory.whisper_of(number, line),
        beep=source.beep if source else False,
        prefix=clean_text(source.prefix) if source else "",
        screening=screening.wire if screening else "",
        token=token,
    )
