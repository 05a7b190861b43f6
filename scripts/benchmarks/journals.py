"""Journals as Asterisk writes them, for booking without Asterisk."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.agi_wire import call_id


def lines_of(sequence: int, number: str, at: float) -> Iterator[str]:
    """The four lines of one answered call without recording to `number` (E.164), which came `at` (epoch seconds)."""
    name, caller, digits = call_id(sequence, at), f"+7916{sequence % 10**7:07}", number.lstrip("+")
    uniqueid, channel = f"{at:.0f}.{sequence}", f"PJSIP/trunk-{sequence:08x}"
    head = f"{uniqueid}|{channel}|{digits}|{caller}|allowed_not_screened|Caller {sequence}"
    phone = "PJSIP/101"
    dialled, picked, ended = (f"{at + later:.3f}" for later in (0.1, 3.0, 63.0))
    rtcp = "ssrc=1;themssrc=2;lp=0;rxjitter=0.0012;rxcount=3000;txjitter=0.0009;txcount=3000;rlp=0;rtt=0.004;rxmes=92.1;txmes=92.0"
    yield f"1|begin|{name}|{at:.3f}|{head}|."
    yield f"1|answer|{name}|{picked}|{phone}|{picked}|."
    yield f"1|rung|{name}|{dialled}|{phone}|{ended}|{picked}|16|."
    trail = f"1=ring={dialled}={phone}~0=ANSWER;"
    tail = f"{at:.3f}|daemon|s1|sales|en|||||off||{picked}|{phone}|{trail}|ANSWER|16|caller||{rtcp}"
    yield f"1|end|{name}|{ended}|{head}|{tail}|."
