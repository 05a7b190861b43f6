"""SIPp scenarios as text. What a caller or the network may choose freely comes in by ``-key`` and is not read as XML or keywords."""

from __future__ import annotations

_PAGE = '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="{name}">\n{steps}</scenario>\n'

_SDP = """v=0
o=lab 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio {port} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv"""

_WIDE = (("AVP 8 ", "AVP 118 "), ("rtpmap:8 PCMA/8000", "rtpmap:118 L16/16000"))

_INVITE = """<send retrans="500"{clock}><![CDATA[
INVITE sip:[dialled]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {name}<sip:[from_user][local_ip]:[local_port]>;tag=[pid]caller[call_number]
To: <sip:[dialled]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE
{headers}Content-Type: application/sdp
Content-Length: [len]

{sdp}
]]></send>
"""

_ACK = """<send><![CDATA[
ACK {uri} SIP/2.0
{via}
From: {name}<sip:[from_user][local_ip]:[local_port]>;tag=[pid]caller[call_number]
To: <sip:[dialled]@[remote_ip]:[remote_port]>[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"""

_CANCEL = """<send retrans="500"><![CDATA[
CANCEL sip:[dialled]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: {name}<sip:[from_user][local_ip]:[local_port]>;tag=[pid]caller[call_number]
To: <sip:[dialled]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0

]]></send>
"""

_BYE = """<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {name}<sip:[from_user][local_ip]:[local_port]>;tag=[pid]caller[call_number]
To: <sip:[dialled]@[remote_ip]:[remote_port]>[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
"""

_REPLY = """<send{attributes}><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE
{body}
]]></send>
"""

_TAG = ";tag=[pid]phone[call_number]"
_NO_BODY = "Content-Length: 0\n"
_STATUS = {
    404: "404 Not Found", 408: "408 Request Timeout", 480: "480 Temporarily Unavailable", 486: "486 Busy Here", 487: "487 Request Terminated",
    500: "500 Server Error", 503: "503 Service Unavailable", 600: "600 Busy Everywhere", 603: "603 Decline",
}  # fmt: skip
_FAILURES = (
    400,
    401,
    403,
    404,
    408,
    410,
    420,
    480,
    481,
    482,
    483,
    484,
    486,
    487,
    488,
    500,
    501,
    502,
    503,
    504,
    600,
    603,
    604,
    606,
)


HANG_UP = "HANGUP"  #: the word the lab itself sends to a caller's SIPp, as if a request, to make it CANCEL or BYE


def caller(*, named: bool, headers: str = "", wait: float, talk: float, wide: bool = False) -> str:
    """A caller who gives up `wait` seconds after the last provisional answer, and hangs up `talk` seconds after being answered.

    Answered is the 200 of the caller's leg: the PBX may send it long before a person picks up. Both times are only the longest: a
    datagram ``HANGUP`` makes him hang up at once. `wide`: he offers linear audio of 16 kHz alone.
    """
    name = '"[from_name]" ' if named else ""
    via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
    sdp = _SDP.format(port="[audio_port]")
    for narrow, broad in _WIDE if wide else ():
        sdp = sdp.replace(narrow, broad)
    lines = "".join(f"{x}\n" for x in headers.splitlines())
    steps = [_INVITE.format(clock="", name=name, headers=lines, sdp=sdp)]
    steps += [f'<recv response="100" optional="true" timeout="{round(wait * 1000)}" ontimeout="cancel"/>\n']
    steps += [f'<recv response="{code}" optional="true"/>\n' for code in (180, 181, 182, 183)]
    steps += [f'<recv response="{code}" optional="true" next="failed"/>\n' for code in _FAILURES]
    steps += [f'<recv request="{HANG_UP}" optional="true" next="cancel"/>\n']
    steps += ['<recv response="200" rrs="true"/>\n', _ACK.format(uri="[next_url]", name=name, via=via)]
    steps += [
        f'<recv request="{HANG_UP}" optional="true" timeout="{round(talk * 1000)}" ontimeout="hangup" next="hangup"/>\n'
    ]
    steps += ['<recv request="BYE" next="ended"/>\n']
    steps += ['<label id="hangup"/>\n', _BYE.format(name=name), '<recv response="200" next="end"/>\n']
    steps += ['<label id="ended"/>\n', _reply("200 OK", more=' next="end"')]
    steps += ['<label id="cancel"/>\n', _CANCEL.format(name=name), '<recv response="200"/>\n<recv response="487"/>\n']
    uri = "sip:[dialled]@[remote_ip]:[remote_port]"
    steps += [
        '<label id="failed"/>\n',
        _ACK.format(uri=uri, name=name, via="[last_Via:]"),
        '<label id="end"/>\n<nop/>\n',
    ]
    return _PAGE.format(name="caller", steps="".join(steps))


def phone(*, answer_after: float | None, refuse: int | None, ring: bool, talk: float) -> str:
    """A phone that rings and picks up after `answer_after` seconds (None: never), or refuses with a code; hangs up after `talk` seconds."""
    steps = ['<recv request="INVITE" rrs="true"/>\n', _reply("100 Trying")]
    if ring:
        steps += [_reply("180 Ringing", tag=True)]
    pick_up = f' timeout="{max(1, round(answer_after * 1000))}" ontimeout="pickup"' if answer_after is not None else ""
    if refuse is not None:
        if answer_after:
            steps += [f'<recv request="CANCEL" next="cancelled"{pick_up}/>\n<label id="pickup"/>\n']
        steps += [_reply(_STATUS[refuse], tag=True, retrans=True), '<recv request="ACK" next="end"/>\n']
    else:
        steps += [f'<recv request="CANCEL" next="cancelled"{pick_up}/>\n<label id="pickup"/>\n']
        steps += [_reply("200 OK", tag=True, retrans=True, body=_ANSWER_BODY)]
        steps += [_ACK_AND_TALK.format(talk=round(talk * 1000))]
        steps += ['<label id="hangup"/>\n', _PHONE_BYE, '<recv response="200" next="end"/>\n']
        steps += ['<label id="ended"/>\n', _reply("200 OK", more=' next="end"')]
    steps += _CANCELLED
    steps += ['<label id="end"/>\n<nop/>\n']
    return _PAGE.format(name="phone", steps="".join(steps))


def bulk_caller(*, talk: float, measure: int, audio: str | None) -> str:
    """Many calls by SIPp alone: number and caller come from ``-inf``; the time to the answer `measure` (180 or 200) is kept by ``-trace_rtt``.

    `audio` is a raw a-law file that SIPp plays again and again while it talks.
    """
    via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
    port = "[rtpstream_audio_port]" if audio else "[media_port]"
    steps = [_INVITE.format(clock=' start_rtd="1"', name="", headers="", sdp=_SDP.format(port=port))]
    steps += [
        '<recv response="100" optional="true"/>\n',
        f'<recv response="180" optional="true"{_stop_clock(measure, 180)}/>\n',
    ]
    steps += [f'<recv response="{code}" optional="true"/>\n' for code in (181, 182, 183)]
    steps += [
        f'<recv response="200" rrs="true"{_stop_clock(measure, 200)}/>\n',
        _ACK.format(uri="[next_url]", name="", via=via),
    ]
    steps += [_play(audio), f'<pause milliseconds="{round(talk * 1000)}"/>\n', _pause(audio)]
    steps += [_BYE.format(name=""), '<recv response="200"/>\n']
    text = "".join(steps).replace("[dialled]", "[field0]").replace("[from_user]", "[field1]@")
    return _PAGE.format(name="callers", steps=text)


def bulk_phone(*, answer_after: float, audio: str | None) -> str:
    """A phone by SIPp alone, which answers every call after `answer_after` seconds, plays `audio` and waits for the BYE."""
    port = "[rtpstream_audio_port]" if audio else "[media_port]"
    steps = ['<recv request="INVITE" rrs="true"/>\n', _reply("180 Ringing", tag=True)]
    steps += [
        f'<recv request="CANCEL" next="cancelled" timeout="{max(1, round(answer_after * 1000))}" ontimeout="pickup"/>\n'
    ]
    body = _ANSWER_BODY.replace("[audio_port]", port)
    steps += [
        '<label id="pickup"/>\n',
        _reply("200 OK", tag=True, retrans=True, body=body),
        '<recv request="ACK"/>\n',
        _play(audio),
    ]
    steps += [
        '<recv request="BYE"/>\n',
        _reply("200 OK", more=' next="end"'),
        *_CANCELLED,
        '<label id="end"/>\n<nop/>\n',
    ]
    return _PAGE.format(name="phone", steps="".join(steps))


def _stop_clock(measure: int, code: int) -> str:
    return ' rtd="1"' if measure == code else ""


def _play(audio: str | None) -> str:
    return f'<nop><action><exec rtp_stream="{audio},-1,8"/></action></nop>\n' if audio else ""


def _pause(audio: str | None) -> str:
    """The stream is paused before the BYE: a packet after it would be an error of ours, not of the PBX."""
    return '<nop><action><exec rtp_stream="pause"/></action></nop>\n' if audio else ""


_ANSWER_BODY = "Content-Type: application/sdp\nContent-Length: [len]\n\n" + _SDP.format(port="[audio_port]")

_ACK_AND_TALK = """<recv request="ACK">
<action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="company"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="phone"/>
</action>
</recv>
<recv request="BYE" timeout="{talk}" ontimeout="hangup" next="ended"/>
"""

_PHONE_BYE = """<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$phone]
To:[$company]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
"""


def _reply(status: str, *, tag: bool = False, body: str = _NO_BODY, retrans: bool = False, more: str = "") -> str:
    attributes = (' retrans="500"' if retrans else "") + more
    return _REPLY.format(status=status, tag=_TAG if tag else "", body=body, attributes=attributes)


# the 200 of the CANCEL, then the 487 of the INVITE, which differs from it by the method in CSeq only
_CANCELLED = [
    '<label id="cancelled"/>\n',
    _reply("200 OK"),
    _reply("487 Request Terminated", tag=True, retrans=True).replace("[last_CSeq:]", "CSeq: [last_cseq_number] INVITE"),
    '<recv request="ACK"/>\n',
]
