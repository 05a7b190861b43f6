"""Nobody gets in: hostile calls through the real Asterisk against the real daemon.

All the while an honest call is under way, and the attacker knows everything of it but its token: Uniqueid, channel, call id. Whatever he sends
must reach a phone (or be refused as no number), be booked once, and leave everybody else's record, every file and the log as they were.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from house import all_calls, booked, booked_when, finished, log_lines, next_caller, ring, until
from lab.sipp import CallerCall
from lab.tones import tone, write_wav
from lab.tools import Tools
from lab.world import Lab
from wire import RawCaller, RawPhone, status_of

from bridge.core.call_id import is_call_id
from bridge.core.journal import Begin, Entry, parse
from bridge.core.model import Call, Outcome

WITHIN = 5.0  #: seconds until some phone rings, whatever the caller sent
OURS, WHISPERED, ELSEWHERE, QUIET = "+74952230001", "+74952230002", "+74952230003", "+74952230004"
TAKES = {"answer_after": 0.1, "hang_up_after": 0.5}


def _furnish(config: dict[str, Any], lab: Lab) -> None:
    write_wav(lab.folder / "notice.wav", tone(1400, 0.4))
    write_wav(lab.folder / "whisper.wav", tone(700, 3.0))
    config["lines"] = {
        "main": ring("main-1"),
        "elsewhere": ring("far-1", timeout="2s"),
        "quiet": ring("quiet-1"),
    }
    config["sources"] = {"radio": {}, "tv": {"whisper": {"file": "whisper.wav"}}}
    config["numbers"] = {
        OURS: {"source": "radio", "line": "main"},
        WHISPERED: {"source": "tv", "line": "main"},
        ELSEWHERE: {"source": "radio", "line": "elsewhere"},
        QUIET: {"source": "radio", "line": "quiet"},
    }
    config["defaults"] = {"line": "main", "notice": "standard"}
    config["fallback"] = {"line": "main"}


@pytest.fixture(scope="module")
def fort(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    phones = ("main-1", "far-1", "quiet-1")
    # the office's phones may dial: this is where a forwarded call would go
    out = "[from-phones]\nexten => _[+0-9]!,1,Dial(PJSIP/main-1)\n"
    with Lab(tmp_path_factory.mktemp("fort"), tools, phones=phones, change=_furnish, dialplan=out) as lab:
        yield lab


def metric(lab: Lab, name: str) -> float:
    with urllib.request.urlopen(f"http://{lab.config['monitor']['listen']}/metrics", timeout=5) as answer:
        found = re.search(rf"(?m)^callbridge_{name} ([0-9.e+]+)$", answer.read().decode())
    assert found, name
    return float(found[1])


def journal(lab: Lab) -> list[Entry]:
    """Every line of it; one that cannot be read fails the test."""
    return [
        parse(line)
        for line in lab.asterisk.journal.read_bytes().decode("utf-8", "backslashreplace").split("\n")
        if line
    ]


class Honest:
    """A call of somebody who means well, under way on a phone of its own."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.phone = lab.phone("quiet-1", answer_after=0.1)
        self.call = lab.call(QUIET, caller=next_caller(), hang_up_after=None)
        self.phone.wait_answered()
        caller = self.call.leg.from_user.decode()
        (self.begin,) = [x for x in journal(lab) if isinstance(x, Begin) and x.caller == caller]
        until(lambda: self.record().answered_at, 5, "booking of the honest call's answer")
        self.before = self.record()

    def record(self) -> Call:
        found = [x for x in all_calls(self.lab) if x.id == self.begin.call_id]
        assert len(found) == 1
        return found[0]

    def forged_end(self, token: str) -> str:
        """The event by which Asterisk tells the end of this call, as an outsider would write it: as if a thief had talked for a year."""
        line = f"1|end|{self.begin.call_id}|1700000000.000|{self.begin.uniqueid}|{self.begin.channel}|666|+79990000666|allowed|thief|"
        line += "1600000000.000|daemon|tv|main|en||||" + "|started|wav|1600000001.000|PJSIP/thief||ANSWER|16|caller|||."
        return (
            f"Event: UserEvent\r\nUserEvent: BridgeEnd\r\nId: {self.begin.call_id}\r\nToken: {token}\r\nJournal: {line}"
        )

    def is_untouched(self) -> None:
        assert self.record() == self.before
        assert self.phone.legs[0].ended_at is None


@pytest.fixture
def honest(fort: Lab) -> Iterator[Honest]:
    one = Honest(fort)
    one.is_untouched()
    yield one
    one.is_untouched()
    one.call.hang_up()
    record = booked(fort, one.call)
    assert (record.outcome, record.hung_up_by, record.answered_by) == (Outcome.ANSWERED, "caller", "PJSIP/quiet-1")
    assert record.caller_name is None
    assert record.ended_at is not None
    assert abs(record.ended_at.timestamp() - (one.call.leg.ended_at or 0)) < 1
    fort.stop_calls()
    fort.wait_idle()


@pytest.fixture(autouse=True)
def nothing_else_happened(fort: Lab) -> Iterator[None]:
    """After each test: the daemon is the same process and well, the books' ids are the journal's, the log is lines of JSON, no file is strange."""
    pid = fort.daemon.pid
    yield
    assert fort.daemon.pid == pid
    assert fort.daemon.healthy()
    entries = journal(fort)
    began = {entry.call_id for entry in entries if isinstance(entry, Begin)}
    assert all(is_call_id(call_id) for call_id in began)
    deadline = time.monotonic() + 15
    while (odd := {call.id for call in all_calls(fort)} ^ began) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not odd, (
        f"in the journal or in the books alone: {[x for x in entries if x.call_id in odd]}, {log_lines(fort)[-30:]}"
    )
    for line in fort.daemon.log.read_bytes().split(b"\n"):
        if line:
            assert set(json.loads(line)) >= {"event", "level", "timestamp"}
    assert not [line for line in log_lines(fort) if "Traceback" in str(line)]
    assert not list(fort.folder.rglob("OWNED*"))
    files = [x for folder in (fort.recordings, fort.asterisk.spool) for x in folder.rglob("*") if x.is_file()]
    strange = [x for x in files if not is_call_id(re.sub(r"(-caller|-company)?\.[a-z0-9]+$", "", x.name))]
    assert [x.name for x in strange if x != fort.asterisk.journal] == []


def attack(lab: Lab, attempts: dict[str, dict[str, Any]], *, at_once: int = 8) -> dict[str, Call]:
    """Place calls, each to an unbound number of its own by which its record is known; every one must ring within 5 s and be booked once."""
    phone = lab.phone("main-1", **TAKES)
    found: dict[str, Call] = {}
    names = list(attempts)
    for first in range(0, len(names), at_once):
        calls: dict[str, tuple[str, CallerCall]] = {}
        for index, name in enumerate(names[first : first + at_once], first):
            dialled = f"+7495{secrets.randbelow(10**5):05}{index % 100:02}"
            calls[name] = (dialled, lab.call(dialled, hang_up_after=None, **attempts[name]))
        for call in (call for _, call in calls.values()):
            call.wait()
        for name, (dialled, call) in calls.items():
            (record,) = booked_when(
                lab,
                lambda x, n=dialled: x.number == n,
                lambda new: any(map(finished, new)),
                what=name,  # type: ignore[misc]
            )
            assert record.outcome is Outcome.ANSWERED, name
            assert record.rings[0].began_at.timestamp() - call.leg.invited_at <= WITHIN, name
            found[name] = record
    assert len(phone.legs) == len(attempts)
    return found


# --- blocks 1 to 5: line breaks and NUL in the number ------------------------------------------------------------------------


def test_a_forged_event_neither_closes_nor_alters_nor_invents_a_call(fort: Lab, honest: Honest):
    crlf = "\r\n"
    uniqueid, channel, call_id = honest.begin.uniqueid, honest.begin.channel, honest.begin.call_id
    other = "20260101-000000-1-100000"
    hangup = f"Event: Hangup{crlf}Privilege: call,all{crlf}Channel: {channel}{crlf}Uniqueid: {uniqueid}{crlf}Cause: 16"
    messages = {
        "headers": f"1{crlf}Event: Hangup{crlf}Uniqueid: {uniqueid}",
        "hangup": f"1{crlf}{crlf}{hangup}",
        "hangup and on": f"1{crlf}{crlf}{hangup}{crlf}{crlf}Event: Newexten{crlf}X: ",
        "end, no token": f"1{crlf}{crlf}{honest.forged_end('')}{crlf}{crlf}",
        "end, guessed token": f"1{crlf}{crlf}{honest.forged_end('AAAAAAAAAAAAAAAA')}{crlf}{crlf}",
        "end, our words": f"1{crlf}{crlf}{honest.forged_end('${BRIDGE_TOKEN}')}{crlf}{crlf}",
        "end of nobody": f"1{crlf}{crlf}{honest.forged_end('x').replace(call_id, other)}{crlf}{crlf}",
        "answers": f"1{crlf}{crlf}Response: Goodbye{crlf}ActionID: 1{crlf}{crlf}Response: Error{crlf}Message: x",
        "shutdown": f"1{crlf}{crlf}Event: Shutdown{crlf}Shutdown: Cleanly{crlf}Restart: False",
        "booted": f"1{crlf}{crlf}Event: FullyBooted{crlf}Uptime: 1{crlf}Status: Fully Booted",
        "list end": f"1{crlf}{crlf}Event: StatusComplete{crlf}EventList: Complete{crlf}ListItems: 0{crlf}ActionID: 1",
        "bare LF": "1\n\nEvent: Hangup\nUniqueid: " + uniqueid,
        "giant": "1" + crlf + "X: " + "y" * 1500,
    }
    forged = metric(fort, "ami_forged_total")
    begun = metric(fort, "books_begun_total")
    found = attack(fort, {name: {"caller": quote(text, safe="")} for name, text in messages.items()})
    time.sleep(3.5)  # a told end is booked if the journal has been silent for 3 s
    honest.is_untouched()
    assert all(set(record.caller or "") <= set("+*#0123456789") for record in found.values())
    assert metric(fort, "ami_forged_total") > forged
    assert metric(fort, "books_begun_total") == begun + len(messages)
    assert metric(fort, "books_from_events_total") == 0
    assert metric(fort, "ami_connected") == 1
    assert not [call for call in all_calls(fort) if call.id == other or "thief" in str(call)]


def test_a_whole_event_without_the_token_closes_nothing(fort: Lab, honest: Honest):
    """Asterisk cuts a caller's number at 79 bytes, too short for this one: here another program of the PBX sends it, as a true event."""
    tokens = ("", "AAAAAAAAAAAAAAAA", "${BRIDGE_TOKEN}")
    actions = [honest.forged_end(token).replace("Event: UserEvent\r\n", "Action: UserEvent\r\n") for token in tokens]
    login = f"Action: Login\r\nUsername: lab\r\nSecret: {fort.asterisk.secret}\r\nEvents: off"
    with socket.create_connection(("127.0.0.1", fort.ports.ami), timeout=5) as ami:
        ami.sendall("".join(f"{action}\r\n\r\n" for action in (login, *actions, "Action: Logoff")).encode())
        said = b""
        while piece := ami.recv(4096):
            said += piece
    assert said.count(b"Event Sent") == len(tokens)
    time.sleep(3.5)  # a told end is booked if the journal has been silent for 3 s
    honest.is_untouched()
    assert metric(fort, "books_from_events_total") == 0


def test_a_line_break_does_not_reach_agi(fort: Lab, honest: Honest):
    texts = {
        "script": "1\nagi_network_script: admin",
        "end of the environment": "1\n\n200 result=1 (x)\n",
        "answer": "1\n\nSET VARIABLE BRIDGE_ANSWER x",
        "arguments": f"1\nagi_arg_1: {honest.begin.call_id}\nagi_arg_2: 1",
        "carriage return": "1\rEvent: Hangup\rUniqueid: " + honest.begin.uniqueid,
        "nul": "12\x00345",
        "nul first": "\x001",
    }
    malformed = metric(fort, "agi_malformed_total")
    answered = metric(fort, "agi_answered_total")
    found = attack(fort, {name: {"caller": quote(text, safe="")} for name, text in texts.items()})
    assert {record.decided_by for record in found.values()} == {"daemon"}
    assert metric(fort, "agi_malformed_total") == malformed
    assert metric(fort, "agi_answered_total") == answered + len(texts)


# --- block 6: lengths ------------------------------------------------------------------------------------------------------


def test_long_numbers_of_callers_are_cut(fort: Lab):
    users = {str(n): {"caller": "9" * n} for n in (39, 40, 41, 79, 80, 81, 255, 256, 1023, 1024, 3000)}
    for name, record in attack(fort, users).items():
        assert record.caller == "9" * min(40, int(name))


@pytest.mark.parametrize("size", [5000, 20000])
def test_a_giant_message_is_a_call_or_is_dropped(fort: Lab, size: int):
    fort.phone("main-1", **TAKES)
    before = {x.id for x in all_calls(fort)}
    caller = RawCaller(fort.ports.sip, "+74950009999", "9" * size)
    try:
        caller.invite()
        try:
            code = caller.final(timeout=3)
        except TimeoutError:
            code = 0
        if code == 200:
            caller.receive(lambda x: x.startswith(b"BYE"))
    finally:
        caller.close()
    new = booked_when(fort, lambda x: x.id not in before, lambda found: all(map(finished, found)), what="giant")
    assert len(new) == (code == 200)


# --- block 7: what is dialled ------------------------------------------------------------------------------------------------


def test_what_is_no_number_is_refused_or_rings_and_runs_nothing(fort: Lab, honest: Honest):
    owned = quote(str(fort.folder / "OWNED"), safe="")
    phone = fort.phone("main-1", **TAKES)
    dialled = [
        "500&PJSIP/far-1/1416", f"${{SHELL(touch%20{owned})}}", f"^{{SHELL(touch%20{owned})}}", "../../etc/passwd", "a,b|c", "+7495,x;y",
        f"{OURS}%20", "+", "s", "h", "i", "t", "T", "e", f"{OURS},2", f"{OURS},s,1", f"{OURS}%7C1%7Cend", "1%0D%0AEvent%3A%20Hangup",
        f"{OURS}&PJSIP%2Ffar-1", "%00", f"{OURS}%00", "bridge-stage", "+%24%7BBRIDGE_TOKEN%7D", f"+1%60touch%20{owned}%60",
    ]  # fmt: skip
    far = fort.phone("far-1", answer_after=None)
    codes: dict[str, int] = {}
    callers = {text: RawCaller(fort.ports.sip, text, user=next_caller()) for text in dialled}
    for caller in callers.values():
        caller.invite()
    for text, caller in callers.items():
        try:
            caller.receive(lambda x: True, 1.0)
            codes[text] = status_of(caller.messages[0]) or 0
            if codes[text] < 200:
                codes[text] = caller.final()
        except TimeoutError:
            codes[text] = 0  # not even a SIP message to Asterisk
    for text, caller in callers.items():
        count = int(codes[text] == 200)
        if count:
            caller.receive(lambda x: x.startswith(b"BYE"))
            record = record_of(fort, caller)
            assert record.rings[0].began_at.timestamp() - caller.invited_at <= WITHIN, text
            assert set(record.number) <= set("+0123456789"), text
        caller.close()
        assert len([x for x in all_calls(fort) if x.caller == of(caller)]) == count, text
    assert len(phone.legs) == list(codes.values()).count(200)
    assert codes[f"{OURS}%20"] == 200
    assert {codes[x] for x in ("s", "h", "t", "T", "e", "a,b|c", "../../etc/passwd", "bridge-stage")} <= {0, 404}
    assert far.legs == []


# --- block 8: names that the tests of callers do not have ---------------------------------------------------------------------


def test_names_made_to_confuse_are_names(fort: Lab):
    names = {
        "right to left": "\u202egnp.exe", "zero width": "a\u200bb\u200db", "combining": "a" + "\u0301" * 60, "separator": "a\u2028b\u2029c",
        "next line": "a\u0085{\"event\": \"forged\"}", "hangup": "HANGUP", "reply": "200 result=-1", "unknown": "<unknown>",
        "79": "n" * 79, "80": "n" * 80,
        "emoji": "\U0001f600\U0001f9d1\u200d\U0001f680", "tab": "a\tb", "null word": "(null)", "log": '","level":"error","event":"x',
    }  # fmt: skip
    sent: dict[str, dict[str, Any]] = {
        k: {"name": v.replace('"', '\\"'), "caller": next_caller()} for k, v in names.items()
    }
    sent["overlong"] = {"name": b"\xc0\xaf..\xc0\xaf", "caller": next_caller()}
    for name, record in attack(fort, sent).items():
        assert not re.search(r"[\x00-\x1f\x7f\"$\\{|}]", record.caller_name or ""), name


# --- blocks 9 and 10: who he says he is, and who sent him ------------------------------------------------------------------------


def test_headers_that_claim_another_caller_are_not_believed(fort: Lab, honest: Honest):
    evil = quote(f"1\r\n\r\n{honest.forged_end('x')}", safe="")
    hops = "\n".join(f"Diversion: <sip:+7495000{n:04}@x>;reason=unconditional" for n in range(50))
    found = attack(
        fort,
        {
            "no user": {"caller": None},
            "anonymous": {"caller": "anonymous"},
            "privacy": {"caller": "+79165550001", "headers": "Privacy: id"},
            "asserted": {"caller": "+79165550002", "headers": "P-Asserted-Identity: <sip:+79990000000@x>"},
            "remote party": {
                "caller": "+79165550003",
                "headers": "Remote-Party-ID: <sip:+79990000000@x>;party=calling",
            },
            "tel": {"caller": "+79165550004", "headers": "P-Asserted-Identity: <tel:+79990000000>"},
            "diverted": {"caller": "+79165550005", "headers": f"Diversion: <sip:{evil}@x>;reason={evil}"},
            "history": {"caller": "+79165550006", "headers": f"History-Info: <sip:{evil}@x>;index=1"},
            "hops": {"caller": "+79165550007", "headers": hops},
            "replaces": {
                "caller": "+79165550008",
                "headers": f"X-Call: {evil}\nSubject: {evil}\nUser-Agent: ${{SHELL(id)}}",
            },
        },
    )
    assert found["no user"].caller is None
    assert found["anonymous"].caller is None
    for n, name in enumerate(("asserted", "remote party", "tel", "diverted", "history", "hops", "replaces"), 2):
        assert found[name].caller == f"+7916555000{n}", name


# --- block 11: SIP itself ----------------------------------------------------------------------------------------------------


@pytest.fixture
def callers(fort: Lab) -> Iterator[list[RawCaller]]:
    """Callers by hand; closed with the test, their calls hung up."""
    made: list[RawCaller] = []
    yield made
    for caller in made:
        caller.close()
    fort.stop_calls()
    fort.wait_idle()


def dial(fort: Lab, callers: list[RawCaller], to: str = OURS, **how: str) -> RawCaller:
    callers.append(RawCaller(fort.ports.sip, to, next_caller(), **how))
    return callers[-1]


def of(caller: RawCaller) -> str:
    found = re.search(r"sip:([^@]+)@", caller.from_)
    assert found
    return found[1]


def record_of(fort: Lab, caller: RawCaller, *, count: int = 1) -> Call:
    user = of(caller)
    found = booked_when(
        fort, lambda x: x.caller == user, lambda n: len([x for x in n if finished(x)]) == count, what=user
    )
    assert len(found) == count
    return found[0]


def test_one_invite_sent_three_times_is_one_call(fort: Lab, callers: list[RawCaller]):
    phone = fort.phone("main-1", answer_after=1.0, hang_up_after=0.5)
    caller = dial(fort, callers)
    sent = caller.invite()
    for _ in range(2):
        time.sleep(0.2)
        caller.sock.sendto(sent, caller.server)
    assert caller.final() == 200
    caller.receive(lambda x: x.startswith(b"BYE"))
    assert record_of(fort, caller).outcome is Outcome.ANSWERED
    assert len(phone.legs) == 1


def test_the_call_id_of_another_call_closes_nothing(fort: Lab, callers: list[RawCaller], honest: Honest):
    fort.phone("main-1", **TAKES)
    stolen = honest.call.leg.call_id.decode()
    caller = dial(fort, callers, call_id=stolen)
    caller.invite()
    assert caller.final() in {200, 481, 482, 500}
    caller.bye()
    stranger = dial(fort, callers, call_id=stolen)
    stranger.send("BYE")
    assert stranger.final("BYE") == 481
    honest.is_untouched()


@pytest.mark.parametrize("after", [0.0, 1.0, 2.9, 3.1])
def test_a_call_taken_back_while_the_daemon_hangs(fort: Lab, callers: list[RawCaller], after: float):
    phone = fort.phone("main-1", answer_after=None)
    caller = dial(fort, callers)
    fort.daemon.freeze()
    try:
        caller.invite()
        caller.receive(lambda x: status_of(x) == 100)
        time.sleep(after)
        caller.cancel()
        # what comes past the 3 s is the notice, which answers the call: then it is too late to cancel, and a BYE ends it
        if caller.final() == 200:
            caller.bye()
    finally:
        fort.daemon.thaw()
    fort.wait_idle()
    began = [x for x in journal(fort) if isinstance(x, Begin) and x.caller == of(caller)]
    if began or after > 0:  # one taken back in its first milliseconds may be gone before the dialplan has taken a step
        assert record_of(fort, caller).outcome is Outcome.ABANDONED
    assert all(leg.ended_at for leg in phone.legs)


def test_hanging_up_during_notice_and_whisper(fort: Lab, callers: list[RawCaller]):
    phone = fort.phone("main-1", answer_after=0.1)
    early = dial(fort, callers)
    early.invite()
    assert early.final() == 200
    early.bye()
    assert record_of(fort, early).outcome is Outcome.ABANDONED
    assert phone.legs == []
    whispered = dial(fort, callers, WHISPERED)
    whispered.invite()
    assert whispered.final() == 200
    phone.wait_answered()
    time.sleep(0.5)
    whispered.bye()
    record = record_of(fort, whispered)
    assert (record.outcome, record.answered_at) == (Outcome.ABANDONED, None)
    phone.wait_ended(10)


def test_hold_other_codecs_fax_and_floods_of_keys_leave_the_call_as_it_is(fort: Lab, callers: list[RawCaller]):
    phone = fort.phone("main-1", answer_after=0.1)
    caller = dial(fort, callers)
    caller.invite()
    assert caller.final() == 200
    phone.wait_answered()
    caller.rtp(50)
    for body in (
        caller.sdp(way="sendonly", version=2),
        caller.sdp(version=3),
        caller.sdp(payload=0, codec="PCMU", version=4),
        caller.fax(),
        caller.sdp(payload=18, codec="G729", version=6),
        "v=0\nnonsense\n",
    ):
        caller.send("INVITE", body=body)
        assert caller.final() in {200, 400, 415, 488}
    caller.rtp(50, ssrc=2)
    caller.rtp(50, ssrc=3, address="127.0.0.77")
    for key in range(16):
        caller.rtp(30, payload=101, ssrc=4, body=bytes([key, 0x8A, 3, 32]))
    assert phone.legs[0].ended_at is None
    caller.bye()
    record = record_of(fort, caller)
    assert (record.outcome, record.answered_by, record.hung_up_by) == (Outcome.ANSWERED, "PJSIP/main-1", "caller")
    assert len(record.rings) == 1


# --- toll fraud --------------------------------------------------------------------------------------------------------------


def test_the_trunk_may_not_transfer(fort: Lab, callers: list[RawCaller], honest: Honest):
    phone = fort.phone("main-1", answer_after=0.1)
    with RawPhone("127.0.0.99", 0, "486 Busy Here") as outside:
        caller = dial(fort, callers)
        caller.invite()
        assert caller.final() == 200
        phone.wait_answered()
        replaces = f"{honest.call.leg.call_id.decode()}%3Bto-tag%3Dx%3Bfrom-tag%3Dy"
        for target in (
            "sip:+79990000001@127.0.0.1",
            f"sip:x@{outside.place}",
            f"sip:{QUIET}@127.0.0.1?Replaces={replaces}",
        ):
            caller.send("REFER", headers={"Refer-To": f"<{target}>", "Referred-By": "<sip:boss@127.0.0.1>"})
            assert caller.final("REFER") in {403, 405, 501, 603}
        # a call that wants to take the place of another, which only endpoints allowed to may do
        taker = dial(fort, callers)
        leg = honest.call.leg
        tags = dict(re.findall(r"(From|To): .*tag=([^;\r\n]+)", leg.invite.data.decode()))
        taker.invite(Replaces=f"{leg.call_id.decode()};to-tag={tags.get('To', 'x')};from-tag={tags['From']}")
        assert taker.final() >= 400
        time.sleep(0.5)
        assert outside.invites == []
        assert phone.legs[0].ended_at is None
        caller.bye()
    record = record_of(fort, caller)
    assert (record.outcome, record.answered_by) == (Outcome.ANSWERED, "PJSIP/main-1")


@pytest.mark.parametrize(
    "code", ["301 Moved Permanently", "302 Moved Temporarily", "305 Use Proxy", "380 Alternative Service"]
)
def test_a_phone_cannot_send_the_call_elsewhere(fort: Lab, callers: list[RawCaller], code: str):
    far, main = fort.endpoints["far-1"], fort.phone("main-1", answer_after=None)
    with RawPhone("127.0.0.99", 0, "486 Busy Here") as outside:
        contacts = (
            f"Contact: <sip:+79990000001@{outside.place}>, <sip:{OURS}@127.0.0.1:{fort.ports.sip}>, <tel:+79990000001>"
        )
        with RawPhone(far.address, far.port, code, headers=contacts) as phone:
            caller = dial(fort, callers, ELSEWHERE)
            caller.invite()
            if caller.final() == 200:
                caller.receive(lambda x: x.startswith(b"BYE"))
            record = record_of(fort, caller)
            assert len(phone.invites) == 1
        assert outside.invites == []
    assert main.legs == []
    assert record.outcome in {Outcome.UNREACHABLE, Outcome.UNANSWERED, Outcome.ABANDONED, Outcome.BUSY}
    assert {x.phone for x in record.rings} == {"PJSIP/far-1"}


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        (("486 Busy Here",), Outcome.BUSY),
        (("480 Temporarily Unavailable",), Outcome.UNANSWERED),
        (("503 Service Unavailable",), Outcome.UNREACHABLE),
        (("603 Decline",), Outcome.UNREACHABLE),
        (("183 Session Progress",), Outcome.UNANSWERED),
        (("199 Early Dialog Terminated",), Outcome.UNANSWERED),
    ],
)
def test_what_a_phone_says_is_what_is_booked(
    fort: Lab, callers: list[RawCaller], replies: tuple[str, ...], outcome: Outcome
):
    far = fort.endpoints["far-1"]
    with RawPhone(far.address, far.port, *replies) as phone:
        caller = dial(fort, callers, ELSEWHERE)
        caller.invite()
        if caller.final() == 200:
            caller.receive(lambda x: x.startswith(b"BYE"))
        record = record_of(fort, caller)
        assert len(phone.invites) == 1
    assert record.outcome is outcome


def test_a_200_without_audio_is_an_answer(fort: Lab):
    phone = fort.phone("main-1", answer_after=0.1, hang_up_after=1.0, tone=None)
    call = fort.call(OURS, caller=next_caller(), tone=None, hang_up_after=None)
    call.wait()
    record = booked(fort, call)
    assert record.outcome is Outcome.ANSWERED
    assert record.talk_seconds == pytest.approx(phone.legs[0].talk_seconds, abs=0.5)


def test_options_registrations_and_noise_are_no_calls(fort: Lab, callers: list[RawCaller]):
    begun = metric(fort, "books_begun_total")
    caller = dial(fort, callers)
    for method in (
        "OPTIONS",
        "REGISTER",
        "SUBSCRIBE",
        "MESSAGE",
        "PUBLISH",
        "INFO",
        "NOTIFY",
        "UPDATE",
        "PRACK",
        "FOO",
    ):
        caller.send(method, headers={"Event": "presence", "Expires": "60"})
        caller.final(method)
    for noise in (
        b"",
        b"\0" * 100,
        b"\r\n\r\n",
        b"INVITE\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\n" + b"V: x\r\n" * 3000,
        b"\xff" * 60000,
    ):
        caller.sock.sendto(noise, caller.server)
    caller.send("OPTIONS")
    assert caller.final("OPTIONS") in {200, 404}
    assert metric(fort, "books_begun_total") == begun


def test_files_of_the_tree_are_only_for_their_users(fort: Lab):
    for path in (fort.daemon.config_file.parent / "ami.secret",):
        assert Path(path).stat().st_mode & 0o077 == 0
    for path in [*fort.recordings.rglob("*.wav"), *fort.recordings.rglob("*.json")]:
        assert path.stat().st_mode & 0o007 == 0
