"""From the configuration to the Directory, with real sound files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from config_texts import MINIMAL, write_wav

from bridge.config import Loaded
from bridge.config.sounds import SoundError, read_sound, wanted_sounds
from bridge.core.directory import GoAnnouncement, GoHangup, GoLine, GoVoicemail
from bridge.core.model import BindingKind
from bridge.core.plan import Leg

Loads = Callable[..., Loaded]


def test_bindings_of_every_kind(loads: Loads) -> None:
    directory = loads(
        MINIMAL
        + """\
timezone: Europe/Moscow
sources: {ads: {}, radio: {title: Радио}}
numbers:
  +74951110001: {source: radio, title: FM}
  +74951110002: {default_of: ads}
  8 495 111 00 03: {pool: p}
  +74951110004: {retiring: radio, since: 2026-11-01}
pools: {p: {source: ads, numbers: [4951110005], hold: 20m}}
"""
    ).directory
    got = {n[-1]: (x.binding.kind, x.binding.source, x.binding.pool) for n, x in directory.numbers.items()}
    assert got == {
        "1": (BindingKind.STATIC, "radio", None),
        "2": (BindingKind.DEFAULT, "ads", None),
        "3": (BindingKind.POOL, "ads", "p"),
        "4": (BindingKind.RETIRING, "radio", None),
        "5": (BindingKind.POOL, "ads", "p"),
    }
    assert directory.numbers["+74951110004"].binding.since == datetime(2026, 10, 31, 21, tzinfo=UTC)
    assert directory.numbers["+74951110001"].title == "FM"
    assert directory.pools["p"].numbers == ("+74951110005", "+74951110003")
    assert directory.pools["p"].hold == 1200
    assert (directory.sources["radio"].title, directory.sources["ads"].title) == ("Радио", "ads")


def test_a_line(loads: Loads, folder: Path) -> None:
    (folder / "days.txt").write_text("2027-01-08  # a bridge day\n05-09\n")
    line = loads(
        MINIMAL
        + """\
  night: {ring: [{phone: PJSIP/9}], when_unanswered: {announcement: {sound: vm-goodbye}}}
  day:
    ring:
      - {phone: PJSIP/3, after: 10s, for: 20s}
      - phones: [PJSIP/1, PJSIP/2]
    timeout: 1m
    hours:
      timezone: Asia/Omsk
      open: {mon-fri: [14:00-18:00, 09:00-13:00], fri-sun: []}
      holidays: [12-31]
      holidays_file: days.txt
      extra: {2026-12-31: 10:00-12:00}
    when_closed: {line: night}
    when_busy: {hangup: normal}
    when_unanswered: {voicemail: 100@default}
timezone: Europe/Moscow
""".replace("fri-sun: []", "sun: []")
    ).directory.lines["day"]
    assert line.ring == (Leg("PJSIP/1"), Leg("PJSIP/2"), Leg("PJSIP/3", 10, 20))
    assert line.timeout == 60
    assert (line.when_closed, line.when_busy) == (GoLine("night"), GoHangup(16))
    assert line.when_unanswered == GoVoicemail("100@default")
    assert line.hours is not None
    assert str(line.hours.zone) == "Asia/Omsk"
    assert line.hours.week[0] == ((540, 780), (840, 1080))
    assert line.hours.week[5] == ()
    assert line.hours.dates == {date(2027, 1, 8): (), date(2026, 12, 31): ((600, 720),)}
    assert line.hours.yearly == {(5, 9): (), (12, 31): ()}


def test_what_holds_if_a_line_says_nothing(loads: Loads) -> None:
    line = loads(
        MINIMAL + "  a: {ring: [{phone: PJSIP/1}], when_unanswered: {announcement: {sound: x}}}\n"
    ).directory.lines["a"]
    assert (line.title, line.timeout, line.hours, line.language) == ("a", 40, None, "en")
    assert (line.when_busy, line.when_unanswered) == (GoHangup(17), GoAnnouncement("x"))


def test_one_phone_after_another(loads: Loads) -> None:
    text = "  a: {order: sequential, each: 15s, ring: [{phone: PJSIP/1}, {phones: [PJSIP/2, PJSIP/3]}]}\n"
    line = loads(MINIMAL + text).directory.lines["a"]
    assert line.ring == (Leg("PJSIP/1", 0, 15), Leg("PJSIP/2", 15, 15), Leg("PJSIP/3", 15, 15))
    assert line.timeout == 30


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("", "after-notice"),
        ("{enabled: false}", "no"),
        ("{without_notice: record}", "always"),
        ("{enabled: true}", "after-notice"),
    ],
)
def test_what_is_recorded(loads: Loads, text: str, record: str) -> None:
    assert loads(MINIMAL + (f"recordings: {text}\n" if text else "")).directory.record == record


NOTICE = MINIMAL + "notices: {n: {file: n.wav, language: ru, play: early, decline_key: 9}}\n"


def test_a_notice(loads: Loads, folder: Path) -> None:
    file = write_wav(folder / "n.wav", frames=12_000)
    loaded = loads(NOTICE)
    notice = loaded.directory.notices["n"]
    assert loaded.sound_problems == ()
    assert notice.available
    assert notice.sound == f"{folder}/n"
    assert notice.milliseconds == 1500
    assert notice.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (notice.language, notice.mode, notice.decline_key) == ("ru", "early", "9")


def test_a_notice_without_its_file_does_not_keep_the_daemon_from_starting(loads: Loads, folder: Path) -> None:
    loaded = loads(NOTICE)
    assert not loaded.directory.notices["n"].available
    assert [str(p).replace(f"{folder}/", "") for p in loaded.sound_problems] == [
        "bridge.yaml:6:11: notices.n: the sound file n.wav cannot be read: no such file or directory"
    ]


def test_a_text_without_a_file_is_to_be_made(loads: Loads, folder: Path) -> None:
    text = MINIMAL.replace("asterisk:", "asterisk:\n  sounds: sounds").replace("sales: {", "sales: {language: ru, ") + (
        "  x: {ring: [{phone: PJSIP/1}], language: ru, when_busy: {announcement: {text: Занято}}}\n"
        "notices: {n: {text: This call is recorded}}\nsources: {ads: {whisper: {text: Реклама, language: ru}}, b: {title: B}}\n"
        "defaults: {whisper: true}\n"
    )
    loaded = loads(text)
    wanted = {(str(w.file.relative_to(folder)), w.text, w.language, w.made) for w in wanted_sounds(loaded.config)}
    assert wanted == {
        ("sounds/callbridge/notice-n.wav", "This call is recorded", "en", True),
        ("sounds/callbridge/whisper-ads.wav", "Реклама", "ru", True),
        ("sounds/callbridge/whisper-b.wav", "B", "en", True),
        ("sounds/callbridge/line-x-busy.wav", "Занято", "ru", True),
    }
    assert str(loaded.sound_problems[0]).endswith(
        "notice-n.wav cannot be read: no such file or directory; `callbridge sounds make` makes it from its text"
    )
    assert (
        loaded.directory.sources["ads"].whisper == ""
    )  # not there yet: nobody is kept from the call by a missing whisper
    (folder / "sounds/callbridge").mkdir(parents=True)
    write_wav(folder / "sounds/callbridge/whisper-ads.wav")
    assert loads(text).directory.sources["ads"].whisper == f"{folder}/sounds/callbridge/whisper-ads"


class TestSoundFiles:
    def test_wideband(self, folder: Path) -> None:
        assert read_sound(write_wav(folder / "a.wav16", rate=16_000, frames=8000)).milliseconds == 500

    @pytest.mark.parametrize(
        ("name", "shape", "said"),
        [
            ("a.wav", {"rate": 44_100}, "has 1 channel of 16 bit at 44100 Hz; Asterisk needs 1 of 16 bit at 8000 Hz"),
            ("a.wav", {"rate": 16_000}, "has 1 channel of 16 bit at 16000 Hz; Asterisk needs 1 of 16 bit at 8000 Hz"),
            ("a.wav16", {}, "has 1 channel of 16 bit at 8000 Hz; Asterisk needs 1 of 16 bit at 16000 Hz"),
            ("a.wav", {"channels": 2}, "has 2 channels of 16 bit at 8000 Hz; Asterisk needs 1 of 16 bit at 8000 Hz"),
            ("a.wav", {"width": 1}, "has 1 channel of 8 bit at 8000 Hz; Asterisk needs 1 of 16 bit at 8000 Hz"),
            ("a.wav", {"frames": 0}, "is silent: it has no samples"),
        ],
    )
    def test_unfit(self, folder: Path, name: str, shape: dict[str, int], said: str) -> None:
        file = write_wav(folder / name, **shape)
        with pytest.raises(SoundError) as caught:
            read_sound(file)
        assert str(caught.value) == f"{file} {said}"

    def test_not_a_sound(self, folder: Path) -> None:
        file = folder / "a.wav"
        for content in (b"", b"ID3 mp3", b"RIFF\x10\0\0\0WAVE", b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff"):
            file.write_bytes(content)
            with pytest.raises(SoundError, match="is not a WAV file of plain PCM"):
                read_sound(file)
        with pytest.raises(SoundError, match="cannot be read: is a directory"):
            read_sound(folder)
