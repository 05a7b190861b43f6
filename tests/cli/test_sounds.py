from __future__ import annotations

import json
import os
import shlex
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lab.tones import purity, tone
from lab.tools import ToolMissingError, find_tools, own_programs

from bridge.cli.sounds import sounds
from bridge.core.riff import parse_wave
from bridge.sounds.espeak import VARIABLE, SpeechError, find_espeak, speak, voice_of
from bridge.sounds.make import DEFAULT_TEXTS, SoundError, convert, make_defaults, make_sound
from bridge.sounds.shape import CEILING, LEAD_IN, LOUDNESS, level, loudness, resample, telephone
from bridge.sounds.wav import inspect_wav, write_wav

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real espeak-ng: of the environment, the machine, or the lab."""
    if VARIABLE in os.environ or "espeak-ng" in own_programs():
        return
    try:
        program = find_tools(PROJECT / ".lab" / "root").espeak
    except ToolMissingError:
        program = None
    if program is None:
        pytest.skip("no espeak-ng: scripts/demo fetches one into the lab")
    monkeypatch.setenv(VARIABLE, shlex.join(program.argv))
    for name, value in program.env.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("language", DEFAULT_TEXTS)
@pytest.mark.parametrize("name", ["notice", "closed"])
def test_the_notices_that_come_along_are_fit_for_the_telephone(language: str, name: str) -> None:
    path = PROJECT / "dialplan" / "sounds" / language / f"{name}.wav"
    assert inspect_wav(path).ok
    samples, rate = soundfile.read(path)
    assert rate == 8000
    assert 1.5 < len(samples) / rate < 10
    assert -20 < loudness(samples, rate) < -16
    assert np.abs(samples).max() < 0.95
    assert not np.any(samples[: round(LEAD_IN * rate)])
    assert path.with_suffix(".txt").read_text("utf-8") == f"{language}\n{DEFAULT_TEXTS[language][name]}\n"


@pytest.mark.parametrize(
    ("rate", "target"), [(22050, 8000), (44100, 8000), (48000, 16000), (11025, 8000), (8000, 16000)]
)
def test_resampling_keeps_speech_and_makes_no_aliases(rate: int, target: int) -> None:
    for hertz in (300.0, 1000.0, 3400.0):
        heard = resample(tone(hertz, 1.0, rate, 0.5), rate, target)
        assert len(heard) == target
        middle = heard[target // 4 : target * 3 // 4]
        assert purity(middle, target, hertz) > 0.9999
        assert abs(np.sqrt(2 * np.mean(middle**2)) - 0.5) < 0.005
    if rate > target:
        above = resample(tone(target * 0.52, 1.0, rate, 0.5), rate, target)
        middle = above[target // 4 : target * 3 // 4]
        assert 20 * np.log10(np.abs(middle).max() / 0.5 + 1e-12) < -80


@settings(deadline=None, max_examples=60)
@given(
    samples=st.lists(st.floats(-1, 1, allow_nan=False), min_size=0, max_size=600),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100]),
)
def test_any_audio_becomes_a_telephone_sound_without_clipping(samples: list[float], rate: int) -> None:
    made = np.frombuffer(telephone(np.array(samples, dtype=float), rate, 8000), "<i2") / 32767
    assert np.abs(made).max(initial=0) <= 10 ** (CEILING / 20) + 1e-3


def test_levelling_reaches_the_loudness_and_bends_peaks() -> None:
    even = tone(500, 1.0, 8000, 0.02)
    assert abs(loudness(level(even, 8000), 8000) - LOUDNESS) < 0.1
    spiky = even.copy()
    spiky[4000:4020] = 0.9
    made = level(spiky, 8000)
    assert np.abs(made).max() <= 10 ** (CEILING / 20) + 1e-9
    assert np.array_equal(level(np.zeros(100), 8000), np.zeros(100))


@pytest.mark.parametrize("samples", [[1e-200] * 400, [0.0] * 160 + [1.0] * 3, [], [1.0]])
def test_odd_audio_does_not_upset_the_levelling(samples: list[float]) -> None:
    made = level(np.array(samples), 8000)
    assert np.all(np.isfinite(made))
    assert np.abs(made).max(initial=0) <= 10 ** (CEILING / 20) + 1e-9


def test_pauses_do_not_count_as_loudness() -> None:
    voice = tone(500, 1.0, 8000, 0.1)
    with_pause = np.concatenate([voice, np.zeros(16000)])
    assert abs(loudness(voice, 8000) - loudness(with_pause, 8000)) < 0.1


def a_wav(path: Path, rate: int = 8000, channels: int = 1, width: int = 2, frames: int = 80) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(b"\1" * (frames * channels * width))
    return path


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("a.wav", {}, None),
        ("a.wav16", {"rate": 16000}, None),
        ("a.wav", {"rate": 16000}, "has 16000 samples per second; 8000 are needed in a .wav file"),
        ("a.wav16", {}, "has 8000 samples per second; 16000 are needed in a .wav16 file"),
        ("a.wav", {"channels": 2}, "has 2 channels; 1 is needed"),
        ("a.wav", {"width": 1}, "has 8 bits per sample; 16 are needed"),
        ("a.gsm", {}, "is neither named .wav (8000 samples per second) nor .wav16 (16000)"),
        ("a.wav", {"frames": 0}, "has no audio"),
    ],
)
def test_inspection(tmp_path: Path, name: str, changes: dict[str, int], problem: str | None) -> None:
    info = inspect_wav(a_wav(tmp_path / name, **changes))
    assert (info.ok, info.problem) == (problem is None, problem)
    assert info.frames == changes.get("frames", 80)


def test_inspection_of_what_is_no_telephone_sound(tmp_path: Path) -> None:
    assert inspect_wav(tmp_path / "away.wav").problem == "cannot be read: No such file or directory"
    assert inspect_wav(tmp_path).problem == "cannot be read: Is a directory"
    text = tmp_path / "text.wav"
    text.write_text("hello, this is not audio at all")
    assert inspect_wav(text).problem == "not a WAV file"
    cut = a_wav(tmp_path / "cut.wav")
    cut.write_bytes(cut.read_bytes()[:-10])
    assert inspect_wav(cut).problem == "is cut off: there is less audio in it than its header says"
    law = tmp_path / "law.wav"
    soundfile.write(law, tone(440, 0.1), 8000, subtype="ALAW")
    assert inspect_wav(law).problem == "is compressed; 16-bit PCM is needed"


def test_an_extensible_header_and_other_chunks_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(440, 0.1), 8000, subtype="PCM_16", format="WAVEX")
    assert inspect_wav(path).ok
    whole = a_wav(path).read_bytes()
    path.write_bytes(whole[:36] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + whole[36:])
    info = inspect_wav(path)
    assert (info.ok, info.frames, info.seconds) == (True, 80, 0.01)


@given(st.binary(max_size=300), st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0"]))
def test_no_header_makes_the_parser_do_more_than_refuse(data: bytes, start: bytes) -> None:
    head = start + data
    try:
        header = parse_wave(head, len(head))
    except ValueError:
        return
    assert 0 <= header.offset <= len(head)
    assert header.available == len(head) - header.offset


def test_writing_follows_no_link_and_replaces_at_one_stroke(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    path = tmp_path / "a.wav"
    path.symlink_to(precious)
    (tmp_path / ".a.wav.part").symlink_to(precious)
    write_wav(path, 8000, b"\0\1" * 10)
    assert precious.read_text() == "keep me"
    assert inspect_wav(path).ok
    assert not path.is_symlink()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.wav", "precious"]


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg"])
def test_convert_takes_what_an_owner_has(tmp_path: Path, format: str) -> None:
    stereo = np.stack([tone(700, 2.0, 44100, 0.9)] * 2, axis=1)
    soundfile.write(tmp_path / f"in.{format}", stereo, 44100)
    done = CliRunner().invoke(sounds, ["convert", str(tmp_path / f"in.{format}"), str(tmp_path / "out.wav")])
    assert done.exit_code == 0, done.output
    assert "8000 samples per second" in done.output
    samples, rate = soundfile.read(tmp_path / "out.wav")
    assert inspect_wav(tmp_path / "out.wav").ok
    assert purity(samples[4000:12000], rate, 700) > 0.99
    assert abs(loudness(samples, rate) - LOUDNESS) < 0.5


def test_convert_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("no sound")
    soundfile.write(tmp_path / "still.wav", np.zeros(800), 8000)
    for source, target, words in (
        ("away.mp3", "out.wav", "cannot be read as sound"),
        ("text.mp3", "out.wav", "cannot be read as sound"),
        ("still.wav", "out.wav", "nothing but silence"),
        ("still.wav", "out.mp3", "must be named .wav"),
    ):
        done = CliRunner().invoke(sounds, ["convert", str(tmp_path / source), str(tmp_path / target)])
        assert done.exit_code == 1
        assert done.stderr.startswith("error: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("espeak")
@pytest.mark.parametrize(("text", "language"), [("Звонок с Яндекс Директа", "ru"), ("-v; rm -rf / <b>&", "en_GB")])
def test_texts_are_spoken(tmp_path: Path, text: str, language: str) -> None:
    path = tmp_path / "new" / "a.wav"
    assert make_sound(text, language, path)
    info = inspect_wav(path)
    assert info.ok
    assert info.seconds > 0.5
    assert path.stat().st_mode & 0o777 == 0o644
    assert not make_sound(text, language, path)
    assert make_sound(text, language, path, force=True)
    assert make_sound(text + "!", language, path)
    path.write_bytes(b"")
    assert make_sound(text + "!", language, path)


@pytest.mark.usefixtures("espeak")
def test_wide_sounds_and_defaults(tmp_path: Path) -> None:
    make_sound("Hello", "en", tmp_path / "a.wav16")
    assert inspect_wav(tmp_path / "a.wav16").rate == 16000
    assert len(make_defaults(tmp_path)) == 4
    assert all(inspect_wav(path).ok for path in make_defaults(tmp_path))


@pytest.mark.usefixtures("espeak")
def test_an_unknown_language_is_said_clearly() -> None:
    with pytest.raises(SpeechError, match="espeak-ng"):
        speak("hello", "xx")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/nowhere/espeak", "did not work"),
        ("sh -c 'echo no voices >&2; exit 3' x", r"has failed \(exit 3\): no voices"),
        ("true", "made no sound"),
    ],
)
def test_a_failing_espeak_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, command: str, words: str) -> None:
    monkeypatch.setenv(VARIABLE, command)
    with pytest.raises(SpeechError, match=words):
        speak("hello", "en")


def test_without_espeak_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SpeechError, match="apt install espeak-ng"):
        find_espeak()


@pytest.mark.parametrize("text", ["", "  \n\x07 ", "x" * 2001])
def test_unsayable_texts(text: str) -> None:
    with pytest.raises(SpeechError):
        speak(text, "en")


def test_voices() -> None:
    assert [voice_of(x) for x in ("ru", "ru_RU", "en", "en_GB", "en-AU", "pt_BR", "de")] == [
        "ru", "ru", "en-us", "en-gb", "en", "pt-br", "de",
    ]  # fmt: skip


def test_a_name_without_a_telephone_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="must be named"):
        convert(tmp_path / "a.wav", tmp_path / "a.sln")
    with pytest.raises(SoundError, match="must be named"):
        make_sound("x", "en", tmp_path / "a.gsm")


@pytest.mark.usefixtures("espeak")
def test_every_text_of_the_configuration_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "ami").write_text("secret")
    (tmp_path / "ami").chmod(0o600)
    example = (PROJECT / "bridge.yaml.example").read_text("utf-8")
    config = tmp_path / "bridge.yaml"
    config.write_text(
        example.replace("/var/lib/asterisk/sounds", str(tmp_path / "sounds")).replace(
            "/etc/callbridge/ami.secret", "ami"
        )
    )
    first = CliRunner().invoke(sounds, ["make", "-c", str(config), "--json"])
    assert first.exit_code == 0, first.output
    made = json.loads(first.stdout)
    assert {item["result"] for item in made} == {"made"}
    assert any(item["text"] == "Звонок с Яндекс Директа" for item in made)
    assert all(inspect_wav(Path(item["file"])).ok for item in made)
    second = CliRunner().invoke(sounds, ["make", "-c", str(config)])
    assert second.exit_code == 0
    assert [line.split()[0] for line in second.stdout.splitlines()] == ["there"] * len(made)


def test_a_wrong_configuration_and_a_missing_espeak_fail_with_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "bridge.yaml"
    config.write_text("nonsense: 1\n")
    done = CliRunner().invoke(sounds, ["make", "-c", str(config)])
    assert done.exit_code == 1
    assert "bridge.yaml" in done.stderr
    monkeypatch.setenv(VARIABLE, "false")
    example = (PROJECT / "bridge.yaml.example").read_text("utf-8")
    config.write_text(example.replace("/var/lib/asterisk/sounds", str(tmp_path / "sounds")))
    done = CliRunner().invoke(sounds, ["make", "-c", str(config)])
    assert done.exit_code == 1
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert "espeak-ng has failed" in done.stderr
