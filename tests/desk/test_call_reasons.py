"""Every reason that the bridge writes is read by a Russian in Russian, with its names, times and figures."""

from __future__ import annotations

import inspect
import re
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.core import booking, routing
from bridge.core.attribution import reasons
from bridge.core.attribution.finding import Candidate, InboundCall, at_threshold
from bridge.core.model import Attribution, AttributionKind, Binding, BindingKind, Measure, Verdict
from bridge.core.pools.lease import Lease
from bridge.core.retention import Kept, Retention, to_delete
from bridge.core.screening import NumberList, Rate, Rules, screen, told_by_asterisk
from bridge.recordings import merge, mono, worker
from bridge.web.desk.formats import Formats
from bridge.web.desk.reasons import translated

MOSCOW = ZoneInfo("Europe/Moscow")
RUSSIAN = Formats("ru", MOSCOW, "RUB", None)
ENGLISH = Formats("en", MOSCOW, "RUB", None)
AT = datetime(2026, 11, 20, 11, 3, tzinfo=UTC).timestamp()
#: Names and words of the trade that stay as they are.
ALLOWED = {"yandex-direct", "pool-", "asterisk", "wav", "pcm", "x", "caller", "umask", "asterisk-group", "input", "output", "error"}  # fmt: skip


def in_russian(reason: str) -> str:
    """The reason in Russian; no English word is left in it."""
    found = translated(reason, RUSSIAN)
    left = set(re.findall(r"[a-z][a-z'-]*", found.lower())) - ALLOWED
    assert not left, found
    assert translated(reason, ENGLISH) == reason
    return found


def a_lease(began: float = -90, left: float | None = None, taps: tuple[float, ...] = ()) -> Lease:
    return Lease(
        number="+74951000101",
        source="yandex-direct",
        visit="visit-a",
        visitor="person",
        began=AT + began,
        active=AT,
        mobile=False,
        region=None,
        left=None if left is None else AT + left,
        ended=None,
        swapped=False,
        taps=tuple(AT + at for at in taps),
    )


@pytest.mark.parametrize("confidence", [0.0, 0.5, 0.8934, 0.9, 0.9994, 0.9999])
@pytest.mark.parametrize("others", [0, 1, 2, 5])
@pytest.mark.parametrize("since", [None, 10.0, 3900.0, 400_000.0])
@pytest.mark.parametrize(
    ("lease", "candidate"),
    [
        (a_lease(taps=(-5,)), Candidate("visit-a", "person", 0.9, tapped=0.9, delay=90)),
        (a_lease(), Candidate("visit-a", "person", 0.9, delay=150)),
        (a_lease(-90_000, -80_000), Candidate("visit-a", "person", 0.9, delay=90_000)),
        (a_lease(-900_000, -500_000), Candidate("visit-a", "person", 0.9, delay=90_000)),
        (None, Candidate("visit-a", "person", 0.9)),
        (a_lease(), Candidate("visit-a", "person", 0.9, repeat=0.8)),
    ],
)
def test_reasons_of_visits(
    confidence: float, others: int, since: float | None, lease: Lease | None, candidate: Candidate
) -> None:
    call = InboundCall("+74951000101", "+79161234567", AT)
    reason = reasons.for_visit(call, candidate, confidence, lease, others, since, MOSCOW)
    found = in_russian(reason)
    figure = f"{confidence:.3f}" if confidence < 0.9995 else "0.999"
    assert figure.replace(".", ",") in found


def test_a_whole_sentence() -> None:
    reason = (
        "this number was shown to the visit that came from yandex-direct at 23:50 on 2026-11-19 and closed the page 1 h 10 min before the call;"
        " 2 other visits that saw the number before may have called too; 0.834"
    )
    assert in_russian(reason) == (
        "этот номер был показан визиту из yandex-direct (в 23:50 19 нояб. 2026\u202fг.), и страницу закрыли за 1 ч 10 мин до звонка;"
        " могли позвонить и ещё 2 визита, видевшие этот номер раньше; уверенность 0,834"
    )


def test_reasons_of_numbers() -> None:
    for reason in (
        reasons.for_static("yandex-direct"),
        reasons.for_default("yandex-direct"),
        reasons.for_unshown("yandex-direct"),
        reasons.for_unbound(),
        "none of the visits that were shown this number explains the call",
        at_threshold(Attribution(AttributionKind.VISIT, "yandex-direct", "", "v", 0.34), 0.5).reason,
        routing.attribute(routing.Directory("sales", {}), None).reason,
    ):
        in_russian(reason)
    for kind in BindingKind:
        for since in (None, datetime(2026, 11, 1, 22, 0, tzinfo=UTC)):
            binding = Binding("+74951000101", kind, "yandex-direct", "pool-1", since)
            in_russian(routing.attribution_of(binding, "Яндекс Директ", MOSCOW).reason)


def test_reasons_of_recordings() -> None:
    made = [
        *re.findall(
            r'"(the notice[^"]+|no notice[^"]+|the caller declined[^"]+)"', inspect.getsource(booking.recording_of)
        ),
        "the notice was playing",
        "the notice was completed",
        *re.findall(r'reason="([^"]+)"', inspect.getsource(merge)),
        *re.findall(r'BadAudioError\(f?"([^"]+)"', inspect.getsource(merge) + inspect.getsource(mono)),
        *re.findall(r'remarks\.append\(\s*f"([^"]+)"', inspect.getsource(merge)),
        *re.findall(
            r'(?:return |reason = ?|reason=|short = )f"([^"]+)"', inspect.getsource(worker) + inspect.getsource(mono)
        ),
    ]
    assert len(made) > 18
    blanks = {
        "name": "caller", "self.path.name": "x.wav", "path.name": "x.wav", "path": "/x.wav",
        "culprit": "/x", "talk:.0f": "30", "header.rate": "44100",
        "(frames - mono.frames) / rate:.1f": "1.5", "talk - recording.duration:.0f": "7",
        "recording.reason": "Asterisk left no recording file",
        "error.strerror": "Input/output error", "error": "not a WAV file", "end.notice_status": "playing",
        "advice": "add the bridge's user to the group asterisk-group",
    }  # fmt: skip
    for text in made:
        in_russian(re.sub(r"\{([^{}]+)\}", lambda found: blanks[found[1]], text))
    for side in ("caller", "company"):
        closed = f"the {side}'s side was not closed by Asterisk: length taken from the file"
        in_russian(f"{closed}; the {side}'s side ends 12.5 s early: silence added")


def test_reasons_of_deleting() -> None:
    now = datetime(2026, 11, 20, 11, 3, tzinfo=UTC)
    kept = [
        Kept(f"2026{n}01-000000-1-000001", "avito", now - timedelta(days=days), 10)
        for n, days in (("01", 300), ("11", 3))
    ]
    found = [reason for _, reason in to_delete(kept, Retention(timedelta(days=90), {}, 5), now, 20)]
    assert len(found) == 2
    assert in_russian(f"2026-11-20T11:03:00+00:00: {found[0]}") == "20.11.2026, 14:03: старше, чем 90 дней"
    in_russian(f"2026-11-20T11:03:00+00:00: {found[1]}")
    in_russian("2.1% of the disk is free, nothing is recorded below 5.0%")


def test_reasons_of_screening() -> None:
    now = datetime(2026, 11, 20, 11, 3, tzinfo=UTC)
    rules = Rules(block=NumberList({"+7916": ""}), rate=Rate(2, 300), suspect_withheld=True)
    found = [
        screen(None, (), rules, now),
        screen("+79161234567", (), Rules(block=NumberList({"+79161234567": ""})), now),
        screen("+79171234567", [now] * 5, rules, now),
        screen("+79171234567", [now] * 5, Rules(rate=Rate(2, 90)), now),
        told_by_asterisk(f"{Verdict.BLOCKED}-{Measure.REJECT}", None),
    ]
    for one in found:
        assert one is not None
        in_russian(one.reason)


def test_a_persons_words_stay_as_they_are() -> None:
    for text in ("anna: he said so", "anna: the number is bound to nothing", "", "anna: сказал; сам"):
        assert translated(text, RUSSIAN) == text


def test_nothing_that_is_written_in_blanks_breaks_it() -> None:
    for text in (
        "the number belongs to %(x)s for good",
        "this number is shown by <b>%s alone",
        "the notice was x" * 500,
    ):
        assert isinstance(translated(text, RUSSIAN), str)
    done = threading.Event()
    worker = threading.Thread(
        target=lambda: (translated("this number was shown to the visit that came from " * 400, RUSSIAN), done.set())
    )
    worker.start()
    assert done.wait(20)
