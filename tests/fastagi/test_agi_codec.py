"""The FastAGI codec: hostile bytes in, values or AgiProtocolError out; pyst2 as a second opinion where it works."""

import io
import itertools
import string

import pytest
from asterisk.agi import AGI, AGIInvalidCommand, AGIUsageError
from hypothesis import given
from hypothesis import strategies as st

from bridge.fastagi.codec import (
    MAX_COMMAND_BYTES,
    AgiLimits,
    AgiProtocolError,
    AgiReply,
    EnvParser,
    ReplyParser,
    encode_command,
)
from bridge.testing import agi_environment, split_agi_arguments

SMALL = AgiLimits(env_bytes=2000, env_lines=40, line_bytes=300, usage_lines=5)


def parse_env(data: bytes, limits: AgiLimits | None = None):
    parser = EnvParser(limits)
    return parser.feed(data), parser.take_rest()


def parse_replies(data: bytes, limits: AgiLimits | None = None):
    return ReplyParser(limits).feed(data)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


# --- the environment


def test_a_plain_environment():
    request, rest = parse_env(agi_environment("inbound", "20261122-100000-42-123456", "74951234567"))
    assert (request.script, request.query, rest) == ("inbound", "", b"")
    assert request.arguments == ("20261122-100000-42-123456", "74951234567")
    assert request.call_id == "20261122-100000-42-123456"
    assert (request.caller, request.caller_name) == ("79031234567", "Иван Петров")
    assert (request.uniqueid, request.channel, request.extension) == ("1790000000.42", "PJSIP/trunk-00000001", "s")
    assert request.get("rdnis") == "unknown"
    assert request.get("accountcode") == ""
    assert request.get("no_such_header") == ""
    assert request.anomalies == ()


def test_a_query_is_split_off():
    request, _ = parse_env(agi_environment("inbound?lang=ru&x=?"))
    assert (request.script, request.query) == ("inbound", "lang=ru&x=?")


def test_a_missing_script_is_an_empty_one():
    environment = agi_environment().replace(b"agi_network_script: inbound\n", b"")
    request, _ = parse_env(environment)
    assert request.script == ""


def test_withheld_caller_and_no_call_id():
    request, _ = parse_env(agi_environment(callerid="unknown", calleridname=""))
    assert (request.caller, request.caller_name, request.call_id) == (None, None, None)


def test_what_is_no_utf8_survives():
    request, _ = parse_env(agi_environment(calleridname="M\udcfcller \udcc0\udcaf"))
    assert request.caller_name == r"M\xfcller \xc0\xaf"


@pytest.mark.parametrize(
    "odd", ["a\rb", "a\x0bb", "a\x0cb", "a\x1cb", "a\x1eb", "a\x85b", "a\u2028b", "a\u2029b", "a\tb", "a\u202eb", "😀"]
)
def test_only_lf_ends_a_line(odd):
    request, _ = parse_env(agi_environment(calleridname=odd))
    assert request.caller_name == odd
    assert request.anomalies == ()


@pytest.mark.parametrize(
    "forged",
    ["1\nagi_network_script: admin", "1\nagi_extension: 74950000000", "1\nagi_arg_1: 20261122-100000-1-111111"],
)
def test_a_forged_header_is_refused_whichever_came_first(forged):
    with pytest.raises(AgiProtocolError, match="came twice"):
        parse_env(agi_environment("inbound", "x", callerid=forged))


def test_a_line_that_is_no_header_is_reported():
    request, _ = parse_env(agi_environment(callerid="1\nEvent: Hangup\nagi_x:no-space"))
    assert request.anomalies == ("Event: Hangup", "agi_x:no-space")
    assert request.caller == "1"


def test_an_environment_ended_early_leaves_the_forged_reply_as_rest():
    request, rest = parse_env(agi_environment(callerid="1\n\n200 result=1 (x)"))
    assert request.caller == "1"
    assert rest.startswith(b"200 result=1 (x)\nagi_calleridname: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GET / HTTP/1.1\n", "not Asterisk"),
        (b"\x16\x03\x01\x02\n", "not Asterisk"),
        (b"a" * 301, "a line of more than 300 bytes"),
        (b"agi_network: yes\nagi_x: " + b"a" * 300 + b"\n", "a line of more than 300 bytes"),
        (b"agi_network: yes\n" + b"x\n" * 40, "more than 40 lines"),
        (b"agi_network: yes\n" + (b"x" * 290 + b"\n") * 7, "more than 2000 bytes"),
        (b"agi_network: yes\n" + (b"x" * 290 + b"\n") * 6 + b"x" * 280, "more than 2000 bytes"),
    ],
)
def test_bounds_of_the_environment(data, message):
    with pytest.raises(AgiProtocolError, match=message):
        parse_env(data, SMALL)


hostile_env = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"\n", b"\n\n", b": ", b"agi_", b"agi_callerid: 1\n", b"agi_network: yes\n", b"200 result=1\n", b"x" * 120]
        ),
    ),
    max_size=30,
).map(b"".join)
cuts = st.lists(st.integers(0, 5000), max_size=12)


def env_result(pieces: list[bytes]):
    parser = EnvParser(SMALL)
    try:
        for index, piece in enumerate(pieces):
            if (request := parser.feed(piece)) is not None:
                return request, parser.take_rest() + b"".join(pieces[index + 1 :])
    except AgiProtocolError:
        return "refused", None
    return "incomplete", None


@given(st.booleans(), hostile_env, cuts)
def test_any_bytes_in_any_pieces_give_the_same_environment(genuine, data, cuts):
    data = (b"agi_network: yes\n" if genuine else b"") + data
    assert env_result(in_pieces(data, cuts)) == env_result([data])


line_text = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=60)


@given(st.dictionaries(st.sampled_from(["callerid", "calleridname", "dnid"]), line_text), cuts)
def test_values_come_through_whole(headers, cuts):
    parser = EnvParser()
    requests = [r for piece in in_pieces(agi_environment(**headers), cuts) if (r := parser.feed(piece)) is not None]
    assert len(requests) == 1
    assert {name: requests[0].get(name) for name in headers} == headers


def pyst2(text: str) -> AGI:
    """pyst2's AGI without its constructor, which takes the process's SIGHUP handler."""
    agi = AGI.__new__(AGI)
    agi.stdin, agi.stdout, agi.stderr = io.StringIO(text), io.StringIO(), io.StringIO()
    agi.env, agi._got_sighup = {}, False
    return agi


words = st.text(string.ascii_letters + string.digits + "+-_./@", max_size=20)


@given(st.dictionaries(st.sampled_from(["callerid", "calleridname", "dnid", "extension", "rdnis"]), words))
def test_pyst2_reads_the_same_environment(headers):
    data = agi_environment(**headers)
    request, _ = parse_env(data)
    agi = pyst2(data.decode())
    agi._get_agi_env()
    assert agi.env == {name: value.strip() for name, value in request.headers.items()}


# --- replies


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"200 result=1", AgiReply(200, "1", text="result=1")),
        (b"200 result=-1", AgiReply(200, "-1", text="result=-1")),
        (b"200 result=", AgiReply(200, "", text="result=")),
        (b"200 result=1 (a b)", AgiReply(200, "1", "a b", text="result=1 (a b)")),
        (b"200 result=1 ()", AgiReply(200, "1", "", text="result=1 ()")),
        (b"200 result=1 (a) (b)", AgiReply(200, "1", "a) (b", text="result=1 (a) (b)")),
        (b"200 result=1 (hangup)", AgiReply(200, "1", "hangup", text="result=1 (hangup)")),
        (b"200 result=1 (M\xfcller)", AgiReply(200, "1", r"M\xfcller", text=r"result=1 (M\xfcller)")),
        (b"200 result=0 endpos=120", AgiReply(200, "0", None, {"endpos": "120"}, "result=0 endpos=120")),
        (
            b"200 result=0 (timeout) endpos=9",
            AgiReply(200, "0", "timeout", {"endpos": "9"}, "result=0 (timeout) endpos=9"),
        ),
        (b"510 Invalid or unknown command", AgiReply(510, text="Invalid or unknown command")),
        (b"511 Command Not Permitted on a dead channel", AgiReply(511, text="Command Not Permitted on a dead channel")),
        (b"520 Invalid command syntax.", AgiReply(520, text="Invalid command syntax.")),
        (b"503", AgiReply(503)),
        (b"520-Usage follows:\n a\n b\n520 End of proper usage.", AgiReply(520, text="Usage follows:\n a\n b")),
        (b"100 Trying\n200 result=0", AgiReply(200, "0", text="result=0")),
    ],
)
def test_every_form_of_reply(line, reply):
    assert parse_replies(line + b"\n") == [reply]


def test_a_value_of_8_kb():
    value = "x" * 8192
    assert parse_replies(f"200 result=1 ({value})\n".encode())[0].value == value


def test_hangup_before_after_and_inside_a_reply():
    done = AgiReply(200, "1", text="result=1")
    assert parse_replies(b"HANGUP\n200 result=1\nHANGUP\n") == ["HANGUP", done, "HANGUP"]
    assert parse_replies(b"520-Usage\nHANGUP\n520 End\n") == ["HANGUP", AgiReply(520, text="Usage")]


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"hello\n",
        b"200\n",
        b"200 OK\n",
        b"200 result=1 (cut by\n",
        b"200 result=1 junk\n",
        b"2000 result=1\n",
        b"agi_callerid: 1\n",
        b"x" * 301,
        b"520-a\n" + b"b\n" * 6,
    ],
)
def test_what_is_no_reply(data):
    with pytest.raises(AgiProtocolError):
        parse_replies(data, SMALL)


hostile_replies = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"\n",
                b"200 result=1",
                b" (",
                b")",
                b"520-",
                b"520 ",
                b"HANGUP\n",
                b"100 ",
                b"511 x\n",
                b" a=b",
                b"x" * 120,
            ]
        ),
    ),
    max_size=30,
).map(b"".join)


def reply_result(pieces: list[bytes]):
    parser, items = ReplyParser(SMALL), []
    try:
        for piece in pieces:
            items += parser.feed(piece)
    except AgiProtocolError:
        return "refused"
    return items


@given(hostile_replies, cuts)
def test_any_bytes_in_any_pieces_give_the_same_replies(data, cuts):
    assert reply_result(in_pieces(data, cuts)) == reply_result([data])


@given(st.sampled_from(["0", "1", "49", "200"]), st.none() | words.filter(lambda x: x not in ("", "hangup")))
def test_pyst2_reads_the_same_result(result, value):
    line = f"200 result={result}" + (f" ({value})" if value is not None else "") + "\n"
    reply = parse_replies(line.encode())[0]
    assert pyst2(line).get_result()["result"] == (reply.result, reply.value or "")


def test_pyst2_agrees_on_refusals():
    usage = "520-Usage:\n a\n520 End of proper usage.\n"
    with pytest.raises(AGIInvalidCommand):
        pyst2("510 Invalid or unknown command\n").get_result()
    with pytest.raises(AGIUsageError):
        pyst2(usage).get_result()
    assert parse_replies(usage.encode())[0].code == 520


# --- commands


@pytest.mark.parametrize(
    "text", ["", " ", "a b", '"', "\\", '\\"', "a\\", '"a"b"', "${X}", "a,b|c", "Привет", "\t", "\u2028"]
)
def test_an_argument_arrives_as_it_was_given(text):
    line = encode_command("SET VARIABLE", "X", text)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert split_agi_arguments(line.decode()[:-1]) == ["SET", "VARIABLE", "X", text]


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=60), max_size=4)
)
def test_any_arguments_arrive_as_they_were_given(arguments):
    line = encode_command("NOOP", *arguments)
    assert split_agi_arguments(line.decode()[:-1]) == ["NOOP", *arguments]


@pytest.mark.parametrize(
    "bad", ["a\nEXEC System id", "a\rb", "a\0b", "x" * MAX_COMMAND_BYTES, "ж" * (MAX_COMMAND_BYTES // 2), "\ud800"]
)
def test_what_would_be_read_as_something_else_is_not_sent(bad):
    with pytest.raises(ValueError):  # noqa: PT011 - the messages differ
        encode_command("SET VARIABLE", "X", bad)


@pytest.mark.parametrize("verb", ["", "set variable", "SET  VARIABLE", "NOOP\n", "EXEC System(id)"])
def test_a_verb_is_plain_words(verb):
    with pytest.raises(ValueError, match="not an AGI command"):
        encode_command(verb)
