from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.journal import MAX_LINE, Begin, End, JournalError, Picked, Rung, StageRun, parse

ID = "20261122-142701-76210-452748"
END = (
    f"1|end|{ID}|1795357624.671|1795357621.0|PJSIP/trunk-00000000|74951110001|+79161234567|allowed_not_screened|Иван|1795357621.661|daemon|radio|"
    "office|ru|/sounds/notice|1795357622.165|1795357623.664|completed|started|wav|1795357624.179|PJSIP/101|"
    "1=ring=1795357623.667=PJSIP/101~0&PJSIP/102~10=NOANSWER;2=play=1795357624.000==;|NOANSWER|16|caller|suspected-pass|"
    "ssrc=1;themssrc=2;lp=3;rxjitter=0.5;rxcount=150;txjitter=x;rtt=0.02;rxmes=88.1;txmes=nan|."
)


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def test_begin() -> None:
    entry = parse(
        f"1|begin|{ID}|1795357621.661|1795357621.0|PJSIP/trunk-0|74951110001|+79161234567|allowed|Иван Петров|."
    )
    assert entry == Begin(
        ID, at(1795357621661), "1795357621.0", "PJSIP/trunk-0", "74951110001", "+79161234567", "allowed", "Иван Петров"
    )


def test_rung_and_answer() -> None:
    rung = parse(f"1|rung|{ID}|1795357623.668|PJSIP/101|1795357624.672||17|.")
    assert rung == Rung(ID, at(1795357623668), "PJSIP/101", at(1795357624672), None, 17)
    assert parse(f"1|answer|{ID}|1795357624.179|PJSIP/101|1795357624.000|.") == Picked(
        ID, at(1795357624179), "PJSIP/101", at(1795357624000)
    )


def test_end_is_complete_in_itself() -> None:
    entry = parse(END)
    assert isinstance(entry, End)
    assert entry.began == at(1795357621661)
    assert entry.connected == at(1795357624179)
    assert (entry.source, entry.line, entry.phone, entry.hung_up_by, entry.cause) == (
        "radio",
        "office",
        "PJSIP/101",
        "caller",
        16,
    )
    assert entry.trail == (
        StageRun(1, "ring", at(1795357623667), (("PJSIP/101", 0), ("PJSIP/102", 10)), "NOANSWER"),
        StageRun(2, "play", at(1795357624000)),
    )
    assert entry.screening == "suspected-pass"
    assert entry.rtcp["lp"] == 3.0
    assert entry.rtcp["rxmes"] == 88.1
    assert "txjitter" not in entry.rtcp
    assert "ssrc" not in entry.rtcp


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "not whole"),
        (END[:-2], "not whole"),
        (END[:100], "not whole"),
        ("2" + END[1:], "version '2'"),
        (END.replace("|end|", "|ende|"), "unknown kind 'ende'"),
        (END.replace("|caller|", "|caller|x|"), "end with 31 fields instead of 30"),
        (END.replace(ID, "../../etc"), "is not a call id"),
        (END.replace("1795357624.671", "soon"), "is not a time"),
        (END.replace("1=ring=", "ring="), "is not a stage"),
        ("1|begin|" + "x" * MAX_LINE + "|.", f"{MAX_LINE} at most"),
        ("1|.", "unknown kind ''"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: str, message: str) -> None:
    with pytest.raises(JournalError, match=message):
        parse(line)


@given(st.text(max_size=300) | st.text(alphabet="1|.begin\nend=~&;0", max_size=300))
def test_nothing_but_its_own_error(text: str) -> None:
    with suppress(JournalError):
        parse(text)


@given(st.integers(0, len(END) - 1), st.text(max_size=3))
def test_a_damaged_line_is_read_or_refused(place: int, text: str) -> None:
    with suppress(JournalError):
        parse(END[:place] + text + END[place + 1 :])
