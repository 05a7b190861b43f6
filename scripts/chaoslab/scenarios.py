"""The lab's scenarios for many calls in one SIPp: what differs from call to call comes from ``-inf``, audio is SIPp's own."""

from __future__ import annotations

from lab import scenarios

LONGEST = 24.0  #: seconds; no caller and no phone goes on longer, whatever dies


def callers(*, hang_up_after: float | None, give_up_after: float | None, audio: str) -> str:
    """Callers who hang up so many seconds after their 200, or so long after the last provisional answer. None: they wait for the end."""
    text = scenarios.caller(named=False, wait=give_up_after or LONGEST, talk=hang_up_after or LONGEST)
    text = text.replace("[dialled]", "[field0]").replace("[from_user]", "[field1]@")
    # an INVITE is sent once: one that comes again after Asterisk's restart would be another call of the same caller
    text = text.replace('<send retrans="500"><![CDATA[\nINVITE', "<send><![CDATA[\nINVITE")
    # and until the PBX has answered at all there is nothing to cancel
    first = f'<recv response="100" timeout="{round(LONGEST * 1000)}" ontimeout="end"/>\n'
    text = text.replace('<recv response="100" optional', first + '<recv response="100" optional')
    return _with_audio(text, f'<recv request="{scenarios.HANG_UP}" optional="true" timeout=', audio)


def phone(*, answer_after: float | None, refuse: int | None, hang_up_after: float | None, audio: str) -> str:
    """A phone that takes any number of calls at once; for the arguments see lab.sipp.Phone."""
    text = scenarios.phone(answer_after=answer_after, refuse=refuse, ring=True, talk=hang_up_after or LONGEST)
    if answer_after is None and refuse is None:  # rings for ever, but not beyond the end of the world
        text = text.replace(
            '<recv request="CANCEL" next="cancelled"/>',
            f'<recv request="CANCEL" next="cancelled" timeout="{round(LONGEST * 1000)}" ontimeout="end"/>',
        )
    return _with_audio(text, '<recv request="BYE" timeout=', audio)


def _with_audio(text: str, talk: str, audio: str) -> str:
    """Plays from where the `talk` begins to either end of it."""
    play, pause = (f'<nop><action><exec rtp_stream="{what}"/></action></nop>\n' for what in (f"{audio},-1,8", "pause"))
    text = text.replace("[audio_port]", "[rtpstream_audio_port]").replace(talk, play + talk)
    for label in ("hangup", "ended"):
        text = text.replace(f'<label id="{label}"/>\n', f'<label id="{label}"/>\n{pause}')
    return text
