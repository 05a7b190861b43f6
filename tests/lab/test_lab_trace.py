from datetime import UTC, datetime
from pathlib import Path

import pytest
from lab.trace import TraceReader

INVITE = (
    'INVITE sip:1@127.0.0.1 SIP/2.0\r\nVia: x\r\nFrom: "Иван" <sip:7@127.0.0.1>;tag=1\r\nCall-ID: 1-2@127.0.0.1\r\nCSeq: 1  INVITE\r\n\r\n'
    "v=0\r\nc=IN IP4 127.0.0.9\r\nm=audio 4000 RTP/AVP 8\r\n"
).encode()
OK = b"SIP/2.0 200 OK\r\ncall-id:1-2@127.0.0.1\r\nCSeq: 1 INVITE\r\n\r\n"
LINE = b"-----------------------------------------------"


def _new(way: bytes, data: bytes) -> bytes:
    return LINE + b" 2026-11-22T14:15:08.500000Z\nUDP message " + way + b" [%d] bytes:\n\n" % len(data) + data + b"\n"


def _old(way: bytes, data: bytes) -> bytes:
    return (
        LINE
        + b" 2026-11-22\t14:15:08.500000\t1795356908.500000\nUDP message "
        + way
        + b" (%d bytes):\n\n" % len(data)
        + data
        + b"\n"
    )


@pytest.mark.parametrize("form", [_new, _old], ids=["3.8", "3.6"])
def test_messages_are_read_as_they_were_on_the_wire(tmp_path: Path, form):
    (tmp_path / "log").write_bytes(form(b"sent", INVITE) + form(b"received", OK))
    sent, received = TraceReader(tmp_path / "log").new_messages()
    assert (sent.sent, sent.method, sent.code, sent.data) == (True, "INVITE", None, INVITE)
    assert (received.sent, received.method, received.code) == (False, None, 200)
    assert sent.call_id == received.call_id == b"1-2@127.0.0.1"
    assert sent.cseq == received.cseq == "1 INVITE"
    assert (sent.audio_address(), received.audio_address()) == (("127.0.0.9", 4000), None)


def test_the_time_is_utc_where_sipp_says_so(tmp_path: Path):
    (tmp_path / "log").write_bytes(_new(b"sent", OK))
    (message,) = TraceReader(tmp_path / "log").new_messages()
    assert message.at == datetime(2026, 11, 22, 14, 15, 8, 500000, UTC).timestamp()


def test_a_file_that_grows_byte_by_byte_gives_each_message_once(tmp_path: Path):
    whole = _new(b"sent", INVITE) + _new(b"received", OK)
    reader = TraceReader(tmp_path / "log")
    assert reader.new_messages() == []
    found = []
    for end in range(1, len(whole) + 1):
        (tmp_path / "log").write_bytes(whole[:end])
        found += reader.new_messages()
    assert [x.data for x in found] == [INVITE, OK]
