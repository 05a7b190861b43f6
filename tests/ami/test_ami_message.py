"""AMI's wire format: hostile bytes in, messages or AmiWireError out."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ami.message import AmiWireError, Framer, Headers, check_action, parse_message, to_event, unescape
from bridge.testing import ami_bytes

ARRIVED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
EVENT = ami_bytes(
    ["Event: Newchannel", "Privilege: call,all", "CallerIDName: Иван Петров 😀", "Uniqueid: 1790000000.1"]
)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def frames(pieces: list[bytes], max_bytes: int = 1 << 20):
    framer = Framer(max_bytes)
    try:
        return [raw for piece in pieces for raw in framer.feed(piece)]
    except AmiWireError:
        return "refused"


# --- framing


def test_an_event_cut_at_every_byte_comes_through_whole():
    for cut in range(len(EVENT) + 1):
        (raw,) = frames([EVENT[:cut], EVENT[cut:]])
        assert parse_message(raw)["CallerIDName"] == "Иван Петров 😀"


def test_an_event_in_single_bytes():
    assert frames([bytes([x]) for x in EVENT]) == [EVENT[:-4]]


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"Event: A\r\n\r\nEvent: B\r\n\r\n", 2),
        (b"Event: A\r\n\nEvent: B\r\n\r\n", 2),
        (b"Event: A\r\n\r\n\r\nEvent: B\r\n\r\n", 2),
        (b"Event: A\r\n\r\n\r\n\r\nEvent: B\r\n\r\n", 2),
        (b"Event: A\n\nEvent: B\r\n\r\n", 1),
        (b"Event: A\r\rEvent: B\r\n\r\n", 1),
        (b"Event: A\r\n", 0),
    ],
)
def test_where_a_message_ends(data, count):
    assert len(frames([data])) == count


@pytest.mark.parametrize("odd", ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\t"])
def test_only_cr_lf_ends_a_line(odd):
    (raw,) = frames([ami_bytes(["Event: X", f"CallerIDNum: a{odd}Uniqueid: 1", "Uniqueid: 2"])])
    message = parse_message(raw)
    assert (message["CallerIDNum"], message["Uniqueid"]) == (f"a{odd}Uniqueid: 1", "2")


def test_a_giant_message_is_refused_before_it_fills_the_memory():
    framer = Framer(1000)
    with pytest.raises(AmiWireError, match="more than 1000 bytes"):
        framer.feed(b"Event: X\r\n" + b"a" * 1000)
    with pytest.raises(AmiWireError, match="more than 1000 bytes"):
        Framer(1000).feed(b"Event: X\r\nY: " + b"a" * 1000 + b"\r\n\r\n")


hostile = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [
                b"\r\n",
                b"\r\n\r\n",
                b"\n",
                b"\r",
                b"Event: ",
                b"Response: ",
                b"ActionID: 1",
                b": ",
                b"\\n",
                b"\xd0",
                b"x" * 90,
            ]
        ),
    ),
    max_size=30,
).map(b"".join)
cuts = st.lists(st.integers(0, 3000), max_size=12)


@given(hostile, cuts)
def test_any_bytes_in_any_pieces_give_the_same_messages(data, cuts):
    assert frames(in_pieces(data, cuts), 150) == frames([data], 150)


@given(hostile)
def test_any_message_is_parsed_or_refused(data):
    for raw in frames([data]):
        try:
            headers = parse_message(raw)
        except AmiWireError:
            continue
        assert "event" in headers or "response" in headers


# --- parsing


def test_names_of_headers_are_taken_in_any_case():
    headers = parse_message(
        b"Event: Hangup\r\nUniqueid: 1.1\r\nCause-txt: Normal Clearing\r\nAccountCode: \r\nLanguage:"
    )
    assert headers["UNIQUEID"] == headers["uniqueid"] == "1.1"
    assert headers["cause-TXT"] == "Normal Clearing"
    assert (headers["AccountCode"], headers["Language"]) == ("", "")
    assert headers.get("Nothing") is None
    assert "Nothing" not in headers


def test_what_is_no_utf8_survives():
    assert parse_message(b"Event: X\r\nCallerIDName: M\xfcller")["calleridname"] == r"M\xfcller"


@pytest.mark.parametrize(
    "key",
    ["Event", "Response", "ActionID", "Uniqueid", "Linkedid", "Channel", "DestUniqueid", "CallerIDNum", "UNIQUEID"],
)
def test_a_header_that_came_twice_gives_the_message_away(key):
    raw = f"Event: X\r\nEvent: Y\r\n{key}: 1\r\n{key.lower()}: 2".encode()
    with pytest.raises(AmiWireError, match="came twice"):
        parse_message(raw)


def test_what_asterisk_itself_repeats_is_kept():
    raw = (
        b"Event: Status\r\nChanVariable: A=1\r\nChanVariable: B=x=y\r\n"
        b"DestChanVariable: A=2\r\nDestChanVariable: B=\r\nVariable: C=1\r\nVariable: D=(null)"
    )
    headers = parse_message(raw)
    assert headers.variables() == {"A": "1", "B": "x=y"}
    assert headers.variables("DestChanVariable") == {"A": "2", "B": ""}
    assert headers.variables("Variable") == {"C": "1"}
    assert headers.every("ChanVariable") == ("A=1", "B=x=y")
    assert parse_message(b"Event: X\r\nChanVariable: A=1").variables() == {"A": "1"}


@pytest.mark.parametrize("raw", [b"Foo: 1\r\nEvent: X", b": x", b"nonsense", b"200 OK", b"Events: X"])
def test_a_message_begins_with_its_kind(raw):
    with pytest.raises(AmiWireError, match="begins with"):
        parse_message(raw)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (rb"CallerIDName: \"Bob\" \\ \'x\'\r\n\t\?", "\"Bob\" \\ 'x'\r\n\t?"),
        (rb"DestConnectedLineName: a\\nb", r"a\nb"),
        (rb"ChanVariable: X=a\nb", "X=a\nb"),
        (rb"CallerIDNum: a\nb", r"a\nb"),
        (rb"Value: a\nb", r"a\nb"),
        (rb"CallerIDName: a\qb\ ", "a\\qb\\ "),
    ],
)
def test_only_what_asterisk_escapes_is_unescaped(line, value):
    headers = parse_message(b"Event: X\r\n" + line)
    assert headers[line.partition(b":")[0].decode()] == value


def test_the_value_of_a_variable_is_unescaped():
    assert parse_message(b"Event: VarSet\r\nVariable: X\r\nValue: a\\\\b\\nc")["Value"] == "a\\b\nc"


@given(st.binary(max_size=60))
def test_unescaping_undoes_asterisks_escaping(data):
    escaped = b"".join(
        {10: b"\\n", 13: b"\\r", 92: b"\\\\", 34: b'\\"', 39: b"\\'", 7: b"\\a"}.get(x, bytes([x])) for x in data
    )
    assert unescape(escaped) == data


@pytest.mark.parametrize(
    ("timestamp", "received"),
    [
        ("1790000000.5", datetime(2026, 9, 21, 14, 13, 20, 500_000, tzinfo=UTC)),
        ("", ARRIVED),
        ("nan", ARRIVED),
        ("-1.0", ARRIVED),
        ("99999999999999.0", ARRIVED),
        ("١٧٩٠٠٠٠٠٠٠.5", ARRIVED),
    ],
)
def test_asterisks_own_time_is_taken_where_there_is_one(timestamp, received):
    event = to_event(Headers([("Event", "X"), ("Timestamp", timestamp)]), ARRIVED)
    assert event.received == received


# --- sending


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Value": "a\r\nAction: Originate"}, "line break"),
        ({"Value": "a\nb"}, "line break"),
        ({"Value": "a\rb"}, "line break"),
        ({"Value": "a\0b"}, "NUL"),
        ({"Variable": ["a=1", "b=\r\n"]}, "line break"),
        ({"Va\r\nlue": "a"}, "not a header name"),
        ({"Va: lue": "a"}, "not a header name"),
        ({"Value": "x" * 1000}, "longer than"),
        ({"Value": "ж" * 500}, "longer than"),
        ({"Variable": ["a=1"] * 121}, "more than 120 headers"),
        ({"Value": "\ud800"}, "surrogates"),
    ],
)
def test_unsafe_actions_are_refused(headers, message):
    with pytest.raises(ValueError, match=message):
        check_action(headers)
