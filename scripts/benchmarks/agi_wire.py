"""What Asterisk says over FastAGI, as the load generator says it."""

from __future__ import annotations

import time
from collections.abc import Iterator

_ENVIRONMENT = """agi_network: yes
agi_network_script: inbound
agi_request: agi://127.0.0.1:4573/inbound
agi_channel: PJSIP/trunk-{sequence:08x}
agi_language: en
agi_type: PJSIP
agi_uniqueid: {now}.{sequence}
agi_version: 22.10.1
agi_callerid: +7916{caller:07}
agi_calleridname: Caller {caller}
agi_callingpres: 0
agi_callingani2: 0
agi_callington: 0
agi_callingtns: 0
agi_dnid: {number}
agi_rdnis: unknown
agi_context: bridge-call
agi_extension: s
agi_priority: 32
agi_enhanced: 0.0
agi_accountcode:{space}
agi_threadid: 139872345
agi_arg_1: {call_id}
agi_arg_2: {number}

"""


def numbers_of(count: int) -> Iterator[str]:
    """The tracked numbers of the benches, E.164."""
    return (f"+7495{place:07}" for place in range(count))


def call_id(sequence: int, at: float) -> str:
    """As the dialplan makes it, for the `sequence`-th call of a run, which came `at` (epoch seconds)."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(at))}-{sequence % 10**6:06}-{100000 + sequence % 900000}"


def environment(sequence: int, number: str, at: float) -> bytes:
    """What Asterisk 22 sends for a call to `number` (E.164); each sequence is a call of its own."""
    text = _ENVIRONMENT.format(
        sequence=sequence, now=int(at), caller=sequence % 10**7, number=number.lstrip("+"),
        call_id=call_id(sequence, at), space=" ",
    )  # fmt: skip
    return text.encode()
