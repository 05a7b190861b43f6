"""Everything the page of one call tells, and what follows from it: the way of the call as a picture, how good it sounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from bridge.core.desk.masking import masked
from bridge.core.desk.saying import Entry, Said
from bridge.core.model import Attribution, Call
from bridge.core.site import Visit

Grade: TypeAlias = Literal["good", "fair", "bad"]
_LEAST_TALK_SHOWN: Final = 10.0
_MOST_RINGS: Final = 40
_MATCHING_DIGITS: Final = 7
_DIGITS = re.compile(r"\+?\d[\d ()./_\u00a0\u2010-\u2013-]{4,}\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Booked:
    """A call's attribution as it stood from `at` on. `by` is ``bridge`` or a person; `candidates` are (visit, probability)."""

    at: datetime
    attribution: Attribution
    by: str
    candidates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """Another call of the same caller, in short."""

    id: str
    started_at: datetime
    number: str
    source: str | None
    line: str | None
    outcome: str | None
    talk_seconds: float | None
    class_: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """`visits` are those the call is, was or may be booked on, by id, without their pages but for the call's own; they may be forgotten."""

    call: Call
    said: Said
    booked: tuple[Booked, ...]  #: oldest first
    visits: Mapping[str, Visit]
    changes: tuple[Entry, ...]  #: newest first
    wants_callback: bool = False
    called_back_at: datetime | None = None
    called_back_by: str | None = None

    @property
    def visit(self) -> Visit | None:
        return self.visits.get(self.call.attribution.visit or "")

    @property
    def candidates(self) -> tuple[tuple[str, float], ...]:
        """The visits the call may have come from, likeliest first, as the bridge weighed them last."""
        return next((step.candidates for step in reversed(self.booked) if step.candidates), ())

    @property
    def possible_visits(self) -> frozenset[str]:
        """Those a person may book the call on."""
        named = [step.attribution.visit or "" for step in self.booked]
        meant = [*(visit for visit, _ in self.candidates), *named, self.call.attribution.visit or ""]
        return frozenset(visit for visit in meant if visit in self.visits)


# -- the way of the call -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """`begin` and `length` in seconds, from the call's begin on; `left` and `width` are shares of the picture. `cut`: it goes on beyond."""

    kind: Literal["notice", "ring", "talk"]
    begin: float
    length: float
    left: float
    width: float
    phone: str = ""
    result: str | None = None
    exact: bool = True
    cut: bool = False


def way_of(call: Call) -> tuple[Step, ...]:
    """Notice, rings and talk of a call that has ended, in order. A long talk is cut, so that one sees who rang when."""
    if call.ended_at is None:
        return ()
    talk, total = call.talk_seconds or 0.0, (call.ended_at - call.started_at).total_seconds()
    wait = total - talk
    shown = wait + min(talk, max(wait * 0.6, _LEAST_TALK_SHOWN)) or 1.0

    def step(kind: Literal["notice", "ring", "talk"], first: datetime, last: datetime | None, **more: Any) -> Step:
        begin = min(max((first - call.started_at).total_seconds(), 0.0), total)
        end = min(max((last or call.answered_at or call.ended_at or first), first), call.ended_at or first)
        length = max((end - call.started_at).total_seconds() - begin, 0.0)
        left = min(begin / shown, 1.0)
        return Step(
            kind, begin, length, left, min(length / shown, 1.0 - left), cut=begin + length > shown + 0.05, **more
        )

    rings = sorted(call.rings[:_MOST_RINGS], key=lambda ring: ring.began_at)
    steps = [step("ring", r.began_at, r.ended_at, phone=r.phone, result=r.result, exact=r.exact) for r in rings]
    if call.notice is not None and call.notice.started_at is not None:
        steps.insert(0, step("notice", call.notice.started_at, call.notice.ended_at))
    if call.answered_at is not None:
        steps.append(step("talk", call.answered_at, call.ended_at, phone=call.answered_by or ""))
    return tuple(steps)


# -- how it sounded ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """How one direction sounded. `loss` a share, `lost` packets, `jitter` in seconds; None: Asterisk did not say."""

    mos: float | None = None
    loss: float | None = None
    lost: int | None = None
    jitter: float | None = None

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.mos, self.loss, self.lost, self.jitter))


@dataclass(frozen=True, slots=True)
class Quality:
    """`caller` is how the company heard the caller, `company` the other way round; `rtt` seconds there and back."""

    caller: Heard
    company: Heard
    rtt: float | None
    clock_jump: float | None

    def __bool__(self) -> bool:
        return bool(self.caller or self.company or self.rtt is not None or self.clock_jump is not None)


def quality_of(figures: Mapping[str, float]) -> Quality:
    """From the RTCP figures of a call."""
    return Quality(
        _heard(figures, "rx", "lp", "rxmes"),
        _heard(figures, "tx", "rlp", "txmes"),
        figures.get("rtt"),
        figures.get("clock_jump"),
    )


def _heard(figures: Mapping[str, float], way: str, lost: str, mes: str) -> Heard:
    count, gone = figures.get(f"{way}count"), figures.get(lost)
    loss = gone / (count + gone) if count and gone is not None and gone >= 0 else None
    return Heard(
        mos_of(figures[mes]) if figures.get(mes) else None,
        loss,
        None if gone is None else max(int(gone), 0),
        figures.get(f"{way}jitter"),
    )


def mos_of(mes: float) -> float:
    """Asterisk's media experience score (0 to 100, the R of ITU-T G.107) as a mean opinion score, 1 to 4.5."""
    mes = min(max(mes, 0.0), 100.0)
    return min(max(1 + 0.035 * mes + mes * (mes - 60) * (100 - mes) * 0.000007, 1.0), 4.5)


#: (good from or up to, fair from or up to); MOS is better when more, the others when less.
_LIMITS: Final = {"mos": (4.0, 3.6), "loss": (0.01, 0.03), "jitter": (0.03, 0.05), "rtt": (0.3, 0.5)}


def grade(name: str, value: float) -> Grade:
    """How good a figure (``mos``, ``loss``, ``jitter``, ``rtt``) is: ITU-T G.107 and G.114, roughly."""
    good, fair = _LIMITS[name]
    if name == "mos":
        return "good" if value >= good else "fair" if value >= fair else "bad"
    return "good" if value <= good else "fair" if value <= fair else "bad"


# -- for those who need not know the caller ----------------------------------------------------------------------------


def without_caller(text: str, caller: str | None) -> str:
    """`text` with the caller's number masked in it, however it is written: names, reasons and addresses of pages may hold it."""
    ours = re.sub(r"\D", "", caller or "")[-_MATCHING_DIGITS:]
    if len(ours) < _MATCHING_DIGITS:
        return text if not caller else text.replace(caller, masked(caller))

    def hide(found: re.Match[str]) -> str:
        return masked(caller or "") if ours in re.sub(r"\D", "", found[0]) else found[0]

    return _DIGITS.sub(hide, text.replace("%2B", "+") if ours in text and "%2B" in text else text)
