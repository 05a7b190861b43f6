"""The whole lab on Asterisk 16.28, the oldest it knows."""

from __future__ import annotations

import pytest
from lab.daemon import SOURCES
from lab.fixtures import MakeLab
from lab.tones import read_wav, windows
from lab.tools import Tools
from lab.world import AGENT_HZ, CALLER_HZ

pytestmark = pytest.mark.e2e


def test_a_call_is_tracked_announced_recorded_and_booked(make_lab: MakeLab, old_tools: Tools):
    lab = make_lab(tools=old_tools)
    phone = lab.phone("sales-1", answer_after=0.5)
    call = lab.call(SOURCES["radio"], name="Иван", hang_up_after=None)
    phone.wait_answered()
    call.until(lambda: phone.legs[0].stream and len(phone.legs[0].stream.heard) > 100, 20, "two seconds of talk")
    call.hang_up()
    call.wait()
    booked = lab.wait_booked()[0]
    assert (booked["outcome"], booked["attribution"]["source"], booked["caller_name"]) == ("answered", "radio", "Иван")
    rate, (left, right) = read_wav(lab.recordings / booked["recording"]["path"])
    middle = slice(rate // 2, -rate // 2)
    assert windows(left[middle], rate, CALLER_HZ).mean() > 0.9
    assert windows(right[middle], rate, AGENT_HZ).mean() > 0.9
