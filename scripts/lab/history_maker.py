"""Makes up a past, day by day, as rows of the tables; `lab.history` writes them."""

from __future__ import annotations

import json
import math
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import soundfile

from bridge.core.call_id import folder_of
from bridge.store.schema import metadata
from bridge.store.words import word_rows
from lab import history_shape as shape
from lab.history_shape import ADS, Ad
from lab.tones import RATE, Samples, tone

TABLES = (
    "calls",
    "rings",
    "visits",
    "pages",
    "leases",
    "attributions",
    "tags",
    "checks",
    "changes",
    "bindings",
    "words",
)
_IDLE = 300.0  #: a lease whose visit did nothing for so long may be taken
_KEPT_DAYS = 90  #: recordings older than this are deleted
_FORGOTTEN_DAYS = 14  #: somebody sees to calls missed longer ago
_LANDING_QUERY = "?utm_source={source}&utm_campaign={campaign}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make up. `end` is the moment it is written at: nothing is from later.

    `visits_per_day` None: three for every call. `audio` is the recordings folder, where `recorded` of the latest answered calls get a
    file of `seconds` (two channels, a tone each); of the others the books only say that there is one.
    """

    end: datetime
    seed: int = 1
    days: int = 365
    calls_per_day: float = 40
    visits_per_day: float | None = None
    pages_per_visit: float = 2.5
    zone: str = "Europe/Moscow"
    audio: Path | None = None
    recorded: int = 12
    seconds: float = 8.0


@dataclass(slots=True)
class History:
    """What was written: how many rows of each table, and ids of calls to look at, the latest last."""

    rows: dict[str, int] = field(default_factory=dict)
    with_audio: list[str] = field(default_factory=list)
    commented: list[str] = field(default_factory=list)
    booked_on_visit: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  #: missed, and not called back yet


@dataclass(slots=True)
class _Visit:
    id: str
    ad: Ad
    began: float
    ends: float
    campaign: str | None
    keyword: str | None
    landing: str
    mobile: bool
    number: str | None = None


class Maker:
    def __init__(self, connection: sqlite3.Connection, plan: Plan) -> None:
        self.done = History(dict.fromkeys(TABLES, 0))
        self._connection = connection
        self._plan = plan
        self._zone = ZoneInfo(plan.zone)
        self._end = plan.end.timestamp()
        self._rng = random.Random(plan.seed)  # noqa: S311 - it is to be the same again
        self._callers = shape.Callers(self._rng)
        self._seen: set[str] = set()
        self._unreached: dict[str, list[str]] = {}  #: missed calls nobody has called back, by caller
        self._reached: list[tuple[str, str]] = []
        self._last_booked: dict[str, tuple[str, _Visit]] = {}
        self._free = {ad.source: [(0.0, number) for number in ad.numbers()] for ad in ADS}
        self._lease: dict[str, dict[str, Any]] = {}  #: open ones, by number
        self._history: dict[str, list[_Visit]] = {}  #: the last holders of each number
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self._insert: dict[str, str] = {}
        self._revision = 0
        self._visits = 0
        self._audio: list[tuple[str, float]] = []

    def make(self, say: Callable[[float], None]) -> None:
        last = self._plan.end.astimezone(self._zone).date()
        first = last - timedelta(days=self._plan.days - 1)
        self._bind(first)
        for number in range(self._plan.days):
            day = first + timedelta(days=number)
            visits = self._visits_of(day)
            self._calls_of(day, visits)
            self._flush()
            if number % 8 == 0:
                say(number / self._plan.days)
        self._rows["leases"] += self._lease.values()
        self._flush()
        self._connection.executemany(
            "UPDATE calls SET wants_callback = 0, called_back_at = ?, called_back_by = 'caller' WHERE id = ?",
            self._reached,
        )
        came_back = {call_id for _, call_id in self._reached}
        self.done.waiting = [x for ids in self._unreached.values() for x in ids if x not in came_back]
        say(1.0)

    def write_audio(self) -> None:
        if self._plan.audio is None:
            return
        for call_id, seconds in self._audio[-self._plan.recorded :]:
            path = self._plan.audio / folder_of(call_id) / f"{call_id}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            parties = [_turns(seconds, 440.0, first=True), _turns(seconds, 660.0, first=False)]
            soundfile.write(path, np.column_stack(parties), RATE, subtype="PCM_16")
            self.done.with_audio.append(call_id)

    # --- visits ---------------------------------------------------------------------------------------------------------

    def _visits_of(self, day: date) -> list[_Visit]:
        plan = self._plan
        per_day = 3 * plan.calls_per_day if plan.visits_per_day is None else plan.visits_per_day
        midnight = self._midnight(day)
        count = self._around(per_day * shape.day_weight(day.weekday(), day.timetuple().tm_yday))
        begins = sorted(midnight + shape.moment(self._rng) for _ in range(count))
        sites = [ad for ad in ADS if ad.pool]
        chosen = self._rng.choices(sites, [ad.share for ad in sites], k=count)
        visits = [self._visit(ad, began) for began, ad in zip(begins, chosen, strict=True) if began < self._end - 1800]
        return [visit for visit in visits if visit.number is not None]

    def _visit(self, ad: Ad, began: float) -> _Visit:
        rng = self._rng
        self._visits += 1
        count = min(12, 1 + int(rng.expovariate(1 / max(0.01, self._plan.pages_per_visit - 0.5))))
        stay = rng.expovariate(1 / 60.0) * count + 5.0
        campaign = rng.choice(ad.campaigns) if ad.campaigns else None
        keyword = rng.choice(ad.keywords) if ad.keywords and campaign != "retargeting" else None
        landing = f"{shape.SITE}{shape.LANDINGS[min(6, int(rng.expovariate(0.5)))]}"
        visit = _Visit(f"v{self._visits:08}", ad, began, began + stay, campaign, keyword, landing, rng.random() < 0.68)
        visitor = f"c{int(self._visits * 0.8):08}"
        visit.number = self._take_number(visit, visitor)
        url = landing + (_LANDING_QUERY.format(source=ad.source, campaign=campaign) if campaign else "")
        self._rows["visits"].append(
            {
                "id": visit.id, "site": "main", "visitor": visitor, "began_at": _at(began), "active_at": _at(visit.ends), "source": ad.source,
                "came_from": ad.source, "rule": "preset", "paid": ad.paid, "medium": ad.medium, "campaign": campaign, "keyword": keyword,
                "referrer_host": ad.referrer.removeprefix("https://").strip("/") or None, "touch": "{}", "landing": url, "referrer": ad.referrer,
                "mobile": visit.mobile, "region": "RU-MOW", "address": "203.0.113.0/24", "consent": "full", "ids": "{}",
                "covered": visit.number is not None,
            }
        )  # fmt: skip
        at = began
        for seq in range(count):
            self._rows["pages"].append({"visit": visit.id, "seq": seq, "at": _at(at), "url": url})
            url = shape.SITE + rng.choice(shape.PAGES)
            at += stay / count
        return visit

    def _take_number(self, visit: _Visit, visitor: str) -> str | None:
        """The number of its pool that nobody has used for longest, if its visit is over or idle."""
        free = self._free[visit.ad.source]
        if free[0][0] > visit.began:
            return None
        _, number = heappop(free)
        heappush(free, (visit.ends + _IDLE, number))
        if number in self._lease:
            self._rows["leases"].append({**self._lease.pop(number), "ended_at": _at(visit.began)})
        left = self._rng.random() < 0.7
        self._lease[number] = {
            "number": number, "began_at": _at(visit.began), "source": visit.ad.source, "visit": visit.id, "visitor": visitor,
            "active_at": _at(visit.ends), "left_at": _at(visit.ends) if left else None, "swapped": not left, "mobile": visit.mobile,
            "region": "RU-MOW", "taps": "[]",
        }  # fmt: skip
        holders = self._history.setdefault(number, [])
        holders.append(visit)
        del holders[:-8]
        return number

    # --- calls ----------------------------------------------------------------------------------------------------------

    def _calls_of(self, day: date, visits: Sequence[_Visit]) -> None:
        midnight = self._midnight(day)
        before_next = min(self._midnight(day + timedelta(days=1)) - 1.0, self._end - 120.0)
        by_source: dict[str, list[_Visit]] = {}
        for visit in visits:
            by_source.setdefault(visit.ad.source, []).append(visit)
        weight = shape.day_weight(day.weekday(), day.timetuple().tm_yday)
        planned: list[tuple[float, Ad, _Visit | None]] = []
        for ad in ADS:
            count = self._around(self._plan.calls_per_day * ad.share * weight)
            seen = by_source.get(ad.source, [])
            self._rng.shuffle(seen)
            for place in range(count):
                if place < len(seen) and self._rng.random() < 0.85:
                    at = seen[place].began + self._rng.lognormvariate(4.8, 1.3)
                    planned.append((max(seen[place].began, min(at, before_next - self._rng.random())), ad, seen[place]))
                elif (at := midnight + shape.moment(self._rng)) < before_next:
                    planned.append((at, ad, None))
        for at, ad, visit in sorted(planned, key=lambda x: x[0]):
            self._call(at, ad, visit)

    def _call(self, at: float, ad: Ad, visit: _Visit | None) -> None:
        rng = self._rng
        local = datetime.fromtimestamp(at, self._zone)
        self._revision += 1
        call_id = f"{local:%Y%m%d-%H%M%S}-{self._revision % 10_000_000}-{rng.randrange(1_000_000):06}"
        spam = rng.random() < 0.03
        caller = self._callers.draw(0.05 if spam else 0.34)
        number = visit.number if visit and visit.number else ad.number
        row: dict[str, Any] = {
            "id": call_id, "revision": self._revision, "number": number, "caller": caller, "started_at": _at(at), "source": ad.source,
            "binding": shape.binding_of(ad, number).value, "line": rng.choice(shape.LINES), "decided_by": "daemon",
            "uniqueid": f"{at:.0f}.{self._revision}", "trunk": shape.TRUNKS[self._revision % len(shape.TRUNKS)],
            "first_time": None if caller is None else caller not in self._seen, "recording_status": "none", "quality": "{}", "spam": spam,
            "wants_callback": False,
        }  # fmt: skip
        if caller is not None:
            self._seen.add(caller)
        self._attribute(row, at, ad, visit)
        open_hours = 9 <= local.hour < 20
        if rng.random() < (ad.answered if open_hours else 0.25) and not (spam and rng.random() < 0.5):
            self._answered(row, at, ad, spam=spam)
        else:
            self._missed(row, at, open_hours=open_hours, spam=spam)
        if spam:
            row |= {
                "screening_verdict": "suspected", "screening_reason": "many short calls from this prefix", "screening_measure": "pass",
            }  # fmt: skip
        self._rows["calls"].append(row)

    def _attribute(self, row: dict[str, Any], at: float, ad: Ad, visit: _Visit | None) -> None:
        if visit is None:
            kind, why = (
                ("source-default", "the source's default number")
                if ad.pool
                else ("static", "the number belongs to this source for good")
            )
            row |= {"attribution_kind": kind, "attribution_reason": why, "attribution_confidence": 1.0}
            return
        rng = self._rng
        earlier = self._last_booked.get(row["caller"] or "")
        if earlier is not None and earlier[0] == row["number"]:
            visit, sure, kind, why = (
                earlier[1],
                0.97,
                "caller-memory",
                "this caller rang this number before, booked on this visit",
            )
        else:
            sure = round(min(0.999, rng.betavariate(3.2, 0.5)), 4)
            kind, why = (
                "visit",
                f"this number was shown to the visit that came from {ad.source} {at - visit.began:.0f} s before the call",
            )
        others = [x for x in self._history[visit.number or ""] if x is not visit and x.began < at][-3:]
        rest, candidates = (1.0 - sure) * 0.85, [(visit.id, sure)]
        for other in reversed(others):
            part = round(rest * 0.6, 4)
            rest -= part
            candidates.append((other.id, part))
        candidates.sort(key=lambda x: -x[1])
        if sure < 0.5:
            row |= {
                "attribution_kind": "source-default",
                "attribution_reason": "only the source is certain",
                "attribution_confidence": 1.0,
            }
        else:
            row |= {
                "attribution_kind": kind, "attribution_reason": why, "attribution_confidence": sure, "visit": visit.id,
                "campaign": visit.campaign, "keyword": visit.keyword, "landing": visit.landing,
            }  # fmt: skip
            self.done.booked_on_visit.append(row["id"])
            if row["caller"]:
                self._last_booked[row["caller"]] = (row["number"], visit)
        self._rows["attributions"].append(
            {
                "call_id": row["id"], "seq": 0, "at": row["started_at"], "kind": row["attribution_kind"], "source": ad.source,
                "visit": row.get("visit"), "confidence": row["attribution_confidence"], "reason": row["attribution_reason"], "by": "bridge",
                "candidates": json.dumps(candidates),
            }
        )  # fmt: skip

    def _answered(self, row: dict[str, Any], at: float, ad: Ad, *, spam: bool) -> None:
        rng = self._rng
        wait, talk = 3.0 + rng.expovariate(1 / 9.0), 4.0 + rng.lognormvariate(4.3, 1.0)
        if at + wait + talk > self._end:
            talk = max(1.0, self._end - at - wait - 1.0)
        phones = rng.sample(shape.PHONES, 2)
        row |= {
            "answered_at": _at(at + wait), "ended_at": _at(at + wait + talk), "outcome": "answered", "answered_by": phones[0],
            "hung_up_by": "caller" if rng.random() < 0.7 else "company", "hangup_cause": 16, "talk_ms": round(talk * 1000),
            "wait_ms": round(wait * 1000), "notice_file": "callbridge/ru", "notice_language": "ru", "notice_started_at": _at(at),
            "notice_ended_at": _at(at + 4.0), "notice_completed": True, "notice_declined": False,
        }  # fmt: skip
        mos, lost, jitter = min(4.4, max(1.5, rng.gauss(4.2, 0.25))), rng.randrange(4), 0.002
        if row["trunk"] == shape.TRUNKS[-1] and datetime.fromtimestamp(at, self._zone).hour >= shape.EVENING:
            mos, lost, jitter = mos - 0.8, lost + round(talk * 1.5), 0.034
        row["quality"] = json.dumps(
            {
                "lp": lost,
                "rxcount": round(talk * 50),
                "rxjitter": jitter,
                "rtt": round(0.02 + rng.random() / 30, 4),
                "rxmes": round(mos * 20, 1),
            }
        )
        self._record(row, at, talk)
        self._rang(row["id"], phones, at, at + wait, "answer")
        if row["caller"] in self._unreached:
            self._reached += [(row["answered_at"], call_id) for call_id in self._unreached.pop(row["caller"])]
        if spam or rng.random() < 0.75:
            self._said(row, at + wait + talk, "spam" if spam else self._class(ad))

    def _record(self, row: dict[str, Any], at: float, talk: float) -> None:
        call_id = row["id"]
        row |= {
            "recording_path": f"{folder_of(call_id)}/{call_id}.wav",
            "recording_format": "wav",
            "recording_sample_rate": 8000,
        }
        seconds = talk if self._plan.audio is None else min(talk, self._plan.seconds)
        row |= {
            "recording_duration": round(seconds, 3),
            "recording_size": 44 + 4 * int(seconds * 8000),
            "recording_status": "kept",
        }
        self._audio.append((call_id, seconds))
        del self._audio[: -4 * self._plan.recorded]
        if self._end - at > _KEPT_DAYS * 86400:
            row |= {
                "recording_status": "deleted",
                "recording_path": None,
                "recording_reason": f"older than {_KEPT_DAYS} days",
            }

    def _missed(self, row: dict[str, Any], at: float, *, open_hours: bool, spam: bool) -> None:
        rng = self._rng
        outcome = shape.weighted(rng, shape.MISSED)
        if spam and rng.random() < 0.5:
            outcome = shape.Outcome.BLOCKED
        elif not open_hours and rng.random() < 0.8:
            outcome = shape.Outcome.CLOSED
        wait = 2.0 + rng.random() * 38.0
        row |= {
            "ended_at": _at(at + wait),
            "outcome": outcome.value,
            "hung_up_by": "caller",
            "hangup_cause": 16,
            "wait_ms": round(wait * 1000),
        }
        if outcome.value in ("unanswered", "abandoned", "busy"):
            self._rang(row["id"], rng.sample(shape.PHONES, 2), at, at + wait, "noanswer")
        if row["caller"] is None or spam:
            return
        called_at = at + wait + 120.0 + rng.expovariate(1 / 2400.0)
        forgotten = 0.15 if self._end - at < _FORGOTTEN_DAYS * 86400 else 0.004
        if rng.random() > forgotten and called_at < self._end:
            row |= {"called_back_at": _at(called_at), "called_back_by": "company"}
        else:
            row["wants_callback"] = True
            self._unreached.setdefault(row["caller"], []).append(row["id"])

    def _rang(self, call_id: str, phones: Sequence[str], began: float, ended: float, result: str) -> None:
        for seq, phone in enumerate(phones[: 1 + (self._rng.random() < 0.5)]):
            end = {"ended_at": _at(ended), "result": "cancel" if seq and result == "answer" else result, "exact": True}
            self._rows["rings"].append({"call_id": call_id, "seq": seq, "phone": phone, "began_at": _at(began), **end})

    # --- what people say ------------------------------------------------------------------------------------------------

    def _class(self, ad: Ad) -> str:
        draw = self._rng.random()
        if draw < ad.target:
            return "target"
        return "not-target" if draw < 0.93 else self._rng.choice(shape.OWN_CLASSES)

    def _said(self, row: dict[str, Any], ended: float, found: str) -> None:
        rng = self._rng
        row["class"] = found
        change = {
            "call_id": row["id"], "seq": 0, "at": _at(min(ended + 60.0, self._end)), "by": "anna", "what": "class", "before": "null",
            "after": json.dumps(found), "batch": f"b{self._revision}",
        }  # fmt: skip
        self._rows["changes"].append(change)
        if found == "target" and rng.random() < 0.3:
            row["value"] = round(rng.lognormvariate(10.6, 0.7)) * 100
        if rng.random() < 0.06:
            row["comment"] = rng.choice(shape.COMMENTS)
            self._rows["words"] += word_rows(row["id"], row["started_at"], row["comment"])
            self.done.commented.append(row["id"])
        if rng.random() < 0.1:
            for tag in rng.sample(shape.TAGS, 1 + (rng.random() < 0.2)):
                self._rows["tags"].append({"call_id": row["id"], "tag": tag, "started_at": row["started_at"]})
        if rng.random() < 0.12:
            passed = [rng.random() < share for share in (0.9, 0.6, 0.5)]
            row["score"] = sum(passed) / len(passed)
            for item, met in zip(shape.CHECKLIST, passed, strict=True):
                self._rows["checks"].append({"call_id": row["id"], "item": item, "passed": met})

    # --- inside ---------------------------------------------------------------------------------------------------------

    def _bind(self, first: date) -> None:
        begin = _at(self._midnight(first))
        for ad in ADS:
            for number in (ad.number, *ad.numbers()):
                kind = shape.binding_of(ad, number).value
                row = {
                    "number": number,
                    "valid_from": begin,
                    "kind": kind,
                    "source": ad.source,
                    "pool": ad.source if ad.pool else None,
                }
                self._rows["bindings"].append(row)

    def _flush(self) -> None:
        for name, rows in self._rows.items():
            if not rows:
                continue
            columns = [column.name for column in metadata.tables[name].columns]
            if name not in self._insert:
                quoted = ", ".join(f'"{column}"' for column in columns)
                self._insert[name] = f'INSERT INTO "{name}" ({quoted}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608 - our tables
            self._connection.executemany(self._insert[name], [[row.get(column) for column in columns] for row in rows])
            self.done.rows[name] += len(rows)
            rows.clear()

    def _midnight(self, day: date) -> float:
        return datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()

    def _around(self, expected: float) -> int:
        """A count about so high."""
        return max(0, round(self._rng.gauss(expected, math.sqrt(max(expected, 0.0)))))


def _turns(seconds: float, hertz: float, *, first: bool) -> Samples:
    """One party of a conversation: a tone and silence by turns of a second."""
    sound = tone(hertz, seconds)
    for start in range(0 if not first else 8000, len(sound), 16000):
        sound[start : start + 8000] = 0.0
    return sound


def _at(epoch: float) -> str:
    """A time as SQLite's books have it."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds")
