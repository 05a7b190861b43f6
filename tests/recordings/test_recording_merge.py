from __future__ import annotations

import grp
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_samples import CALL_ID, CALLER_HZ, COMPANY_HZ, header, purity, tone, write_mono

from bridge.core.model import Recording, RecordingStatus
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.merge import FORMATS, discard, merge, pair_of

KEPT, NONE, MISSING, BROKEN = (
    RecordingStatus.KEPT,
    RecordingStatus.NONE,
    RecordingStatus.MISSING,
    RecordingStatus.BROKEN,
)


def side(spool: Path, name: str, suffix: str = "wav") -> Path:
    return spool / f"{CALL_ID}-{name}.{suffix}"


def both(spool: Path, seconds: float = 2.0, rate: int = 8000) -> None:
    suffix = "wav" if rate == 8000 else "wav16"
    write_mono(side(spool, "caller", suffix), tone(CALLER_HZ, seconds, rate), rate)
    write_mono(side(spool, "company", suffix), tone(COMPANY_HZ, seconds, rate), rate)


def run(spool: Path, recordings: Path, format: str = "wav", stop: threading.Event | None = None) -> Recording:
    return merge(pair_of(spool, CALL_ID), recordings, CALL_ID, format, stop)


def throw_away(spool: Path, recordings: Path) -> bool:
    return discard(pair_of(spool, CALL_ID), recordings, CALL_ID)


def grow_old(path: Path) -> None:
    past = time.time() - 60
    os.utime(path, (past, past))


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("format", FORMATS)
def test_left_is_the_caller_alone_and_right_the_company_alone(
    spool: Path, recordings: Path, format: str, rate: int
) -> None:
    both(spool, 5.3, rate)
    found = run(spool, recordings, format)
    assert (found.status, found.reason) == (KEPT, None)
    assert found.path == f"2026/11/22/{CALL_ID}.{format}"
    path = recordings / found.path
    samples, told = soundfile.read(path)
    assert told == found.sample_rate == rate
    assert abs(len(samples) / rate - 5.3) < 0.1
    assert found.duration == 5.3
    middle = samples[rate // 2 : rate // 2 + 4 * rate]
    assert purity(middle[:, 0], CALLER_HZ, rate) > 0.99
    assert purity(middle[:, 1], COMPANY_HZ, rate) > 0.99
    assert found.size == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_silence_on_one_side_stays_silence(spool: Path, recordings: Path, format: str, rate: int) -> None:
    # Noise, not a tone: joint-stereo coding and 16-bit input to the MP3 encoder are where sides leak into each other.
    noise = (np.random.default_rng(1).normal(0, 3000, rate * 4)).astype("<i2")
    suffix = "wav" if rate == 8000 else "wav16"
    write_mono(side(spool, "caller", suffix), noise, rate)
    write_mono(side(spool, "company", suffix), np.zeros(rate * 4), rate)
    samples, _ = soundfile.read(recordings / str(run(spool, recordings, format).path))
    assert samples[:, 0].std() > 0.05
    assert samples[:, 1].std() < 0.001


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_lossless_formats_keep_every_sample(spool: Path, recordings: Path, format: str) -> None:
    rng = np.random.default_rng(2)
    voices = [rng.integers(-32768, 32767, 40001, dtype=np.int16) for _ in range(2)]
    for name, voice in zip(("caller", "company"), voices, strict=True):
        write_mono(side(spool, name), voice)
    samples, _ = soundfile.read(recordings / str(run(spool, recordings, format).path), dtype="int16")
    assert np.array_equal(samples, np.stack(voices, axis=1))


def test_modes_are_as_documented_whatever_the_umask(spool: Path, recordings: Path) -> None:
    both(spool)
    old = os.umask(0o077)
    try:
        path = recordings / str(run(spool, recordings).path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    for folder in list(path.parents)[:3]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def test_mono_files_go_only_when_asked(spool: Path, recordings: Path) -> None:
    both(spool)
    assert run(spool, recordings).status is KEPT
    assert len(files_below(spool)) == 2
    assert throw_away(spool, recordings)
    assert files_below(spool) == []
    assert throw_away(spool, recordings)


def test_audio_that_is_nowhere_else_is_never_discarded(spool: Path, recordings: Path) -> None:
    both(spool)
    assert not throw_away(spool, recordings)
    assert len(files_below(spool)) == 2


def test_a_second_merge_takes_the_file_as_it_is_even_in_another_format(spool: Path, recordings: Path) -> None:
    both(spool)
    first = run(spool, recordings, "ogg")
    assert run(spool, recordings, "flac") == first
    throw_away(spool, recordings)
    assert run(spool, recordings, "wav") == first
    assert files_below(recordings) == [first.path]


def test_a_call_that_went_on_after_its_merge_is_merged_anew(spool: Path, recordings: Path) -> None:
    both(spool, 2)
    assert run(spool, recordings, "mp3").duration == 2.0
    both(spool, 6)
    assert not throw_away(spool, recordings)
    assert run(spool, recordings, "wav").duration == 6.0
    assert throw_away(spool, recordings)
    assert files_below(recordings) == [f"2026/11/22/{CALL_ID}.mp3"]


def test_a_shorter_side_is_followed_by_silence(spool: Path, recordings: Path) -> None:
    write_mono(side(spool, "caller"), tone(CALLER_HZ, 5))
    write_mono(side(spool, "company"), tone(COMPANY_HZ, 2))
    found = run(spool, recordings)
    assert (found.status, found.duration) == (KEPT, 5.0)
    assert found.reason == "the company's side ends 3.0 s early: silence added"
    samples, _ = soundfile.read(recordings / str(found.path))
    assert np.all(samples[2 * 8000 :, 1] == 0)
    assert purity(samples[2 * 8000 :, 0], CALLER_HZ, 8000) > 0.99


@pytest.mark.parametrize("name", ["caller", "company"])
@pytest.mark.parametrize(("left", "words"), [(None, "is missing"), (header(0), "has no audio")])
def test_one_side_alone_is_kept(spool: Path, recordings: Path, name: str, left: bytes | None, words: str) -> None:
    both(spool)
    side(spool, name).unlink()
    if left is not None:
        side(spool, name).write_bytes(left)
    found = run(spool, recordings)
    assert found.status is KEPT
    assert found.reason == f"the {name}'s side {words}: silence in its place"


def test_nothing_there_is_missing(spool: Path, recordings: Path) -> None:
    assert run(spool, recordings) == Recording(MISSING, reason="Asterisk left no recording file")


@pytest.mark.parametrize("content", [header(0), b"", header(0)[:20]])
def test_files_without_audio_are_no_recording_and_go(spool: Path, recordings: Path, content: bytes) -> None:
    side(spool, "caller").write_bytes(content)
    side(spool, "company").write_bytes(header(0))
    assert run(spool, recordings) == Recording(NONE)
    assert throw_away(spool, recordings)
    assert files_below(spool) == []
    assert files_below(recordings) == []


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF, 1000])
def test_an_unclosed_file_is_read_to_its_end(spool: Path, recordings: Path, declared: int) -> None:
    both(spool)
    write_mono(side(spool, "caller"), tone(CALLER_HZ, 2), declared=declared)
    with pytest.raises(RecordingRetry, match="not closed yet"):
        run(spool, recordings)
    grow_old(side(spool, "caller"))
    found = run(spool, recordings)
    assert (found.status, found.duration) == (KEPT, 2.0)
    assert found.reason == "the caller's side was not closed by Asterisk: length taken from the file"


def test_an_odd_last_byte_is_dropped(spool: Path, recordings: Path) -> None:
    both(spool)
    path = side(spool, "caller")
    path.write_bytes(path.read_bytes() + b"\x7f")
    grow_old(path)
    found = run(spool, recordings)
    assert (found.status, found.duration) == (KEPT, 2.0)


WHOLE = header(400) + np.arange(200, dtype="<i2").tobytes()
CRASHED = header(400, declared=0) + np.arange(200, dtype="<i2").tobytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(whole=st.sampled_from([WHOLE, CRASHED]), cut=st.integers(0, len(WHOLE)))
def test_a_file_cut_at_any_byte_gives_all_the_audio_before_the_cut(whole: bytes, cut: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        spool, recordings = Path(place, "rec"), Path(place, "kept")
        spool.mkdir()
        recordings.mkdir()
        side(spool, "caller").write_bytes(whole[:cut])
        grow_old(side(spool, "caller"))
        found = run(spool, recordings)
        frames = max(0, cut - 44) // 2
        if cut <= 44:
            assert found.status is NONE
        elif frames == 0:
            assert found.status is NONE  # half a sample
        else:
            samples, _ = soundfile.read(recordings / str(found.path), dtype="int16")
            assert samples[:, 0].tolist() == list(range(frames))
        assert throw_away(spool, recordings)


@settings(deadline=None, max_examples=150)
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", WHOLE[:36], WHOLE[:44]]))
def test_no_content_makes_merge_raise(data: bytes, start: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        spool, recordings = Path(place, "rec"), Path(place, "kept")
        spool.mkdir()
        recordings.mkdir()
        side(spool, "caller").write_bytes(start + data)
        grow_old(side(spool, "caller"))
        found = run(spool, recordings)
        assert found.status in (KEPT, NONE, BROKEN)
        assert (found.status is BROKEN) == (found.reason is not None and found.path is None)
        assert not list(recordings.rglob("*.part"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0" * 100, "not a WAV file"),
        (header(100, channels=2) + b"\0" * 100, "is not 16-bit mono PCM"),
        (header(100, bits=8) + b"\0" * 100, "is not 16-bit mono PCM"),
        (header(100, rate=44100) + b"\0" * 100, "has 44100 samples per second, not 8000 or 16000"),
        (b"RIFF\0\0\0\0WAVEdata" + b"\0" * 100, "does not say its format"),
        (b"RIFF\0\0\0\0WAVELIST\xff\xff\0\0" + b"\0" * 100, "without audio"),
    ],
)
def test_unusable_audio_is_broken_and_stays(spool: Path, recordings: Path, content: bytes, reason: str) -> None:
    both(spool)
    side(spool, "company").write_bytes(content)
    found = run(spool, recordings)
    assert found.status is BROKEN
    assert reason in str(found.reason)
    assert not throw_away(spool, recordings)
    assert len(files_below(spool)) == 2
    assert files_below(recordings) == []


def test_two_rates_are_broken(spool: Path, recordings: Path) -> None:
    write_mono(side(spool, "caller"), tone(CALLER_HZ, 1))
    write_mono(side(spool, "company", "wav16"), tone(COMPANY_HZ, 1, 16000), 16000)
    found = run(spool, recordings)
    assert found.status is BROKEN
    assert found.reason == "the two sides were recorded at different rates, 8000 and 16000 per second"


def test_links_and_pipes_are_refused(spool: Path, recordings: Path, tmp_path: Path) -> None:
    secret = write_mono(tmp_path / "secret.wav", tone(500, 1))
    both(spool)
    side(spool, "caller").unlink()
    side(spool, "caller").symlink_to(secret)
    found = run(spool, recordings)
    assert found.status is BROKEN
    assert "symbolic link" in str(found.reason)
    side(spool, "caller").unlink()
    os.mkfifo(side(spool, "caller"))
    found = run(spool, recordings)
    assert found.reason == f"{CALL_ID}-caller.wav is not a plain file"
    assert secret.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.parametrize(("mode", "advice"), [(0o640, ""), (0o600, " and let Asterisk write with umask 0027")])
def test_an_unreadable_file_names_the_group_to_join(mode: int, advice: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        spool, recordings = Path(place, "rec"), Path(place, "kept")
        both(spool)
        path = side(spool, "company")
        group = next(entry for entry in grp.getgrall() if entry.gr_gid not in (os.getegid(), *os.getgroups()))
        os.chown(path, 0, group.gr_gid)
        path.chmod(mode)
        recordings.mkdir()
        Path(place).chmod(0o755)
        os.seteuid(65534)
        try:
            found = run(spool, recordings)
        finally:
            os.seteuid(0)
        assert found.status is BROKEN
        assert found.reason == f"{path} may not be read: add the bridge's user to the group {group.gr_name}{advice}"


def test_a_file_that_grows_meanwhile_is_left_for_later(
    spool: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both(spool, 3)
    path = side(spool, "company")
    real = os.pread

    def read_while_asterisk_writes(fd: int, count: int, offset: int) -> bytes:
        if offset >= 44:
            with path.open("ab") as file:
                file.write(b"\1\0" * 10)
        return real(fd, count, offset)

    monkeypatch.setattr(os, "pread", read_while_asterisk_writes)
    with pytest.raises(RecordingRetry, match="still being written"):
        run(spool, recordings)
    assert files_below(recordings) == []
    assert len(files_below(spool)) == 2


def test_no_recordings_folder_means_later_not_elsewhere(spool: Path, tmp_path: Path) -> None:
    both(spool)
    with pytest.raises(RecordingRetry, match="is not there"):
        run(spool, tmp_path / "not-mounted")
    assert not (tmp_path / "not-mounted").exists()


def test_stopping_leaves_everything_for_the_next_time(spool: Path, recordings: Path) -> None:
    both(spool)
    stop = threading.Event()
    stop.set()
    with pytest.raises(RecordingRetry, match="stopping"):
        run(spool, recordings, stop=stop)
    assert files_below(recordings) == []
    assert run(spool, recordings).status is KEPT


def test_a_name_that_is_no_call_id_reaches_no_path(spool: Path, recordings: Path) -> None:
    for name in ("../../etc/passwd", "", "20261122-093000-17-123456/../x"):
        with pytest.raises(ValueError, match="not a call id"):
            pair_of(spool, name)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.merge import merge, pair_of
spool, recordings, call_id, format, limit = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    print(merge(pair_of(spool, call_id), recordings, call_id, format).status)
except RecordingRetry as error:
    print("retry", error)
"""


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("limit", [10, 3000])
def test_no_room_leaves_the_mono_files_and_no_half_file(spool: Path, recordings: Path, format: str, limit: int) -> None:
    # A limit on the file's size is the one full disk that needs no privileges: write(2) fails in the middle of the file.
    both(spool, 4)
    arguments = [str(spool), str(recordings), CALL_ID, format, str(limit)]
    done = subprocess.run([sys.executable, "-c", FULL_DISK, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("retry cannot write"), done.stdout + done.stderr
    assert done.stderr == ""
    assert files_below(recordings) == []
    assert len(files_below(spool)) == 2


DYING = """
import os, shutil, sys
from pathlib import Path
from bridge.recordings.merge import discard, merge, pair_of
root, call_id, format = Path(sys.argv[1]), *sys.argv[2:]
STEPS = ("open", "mkdir", "chmod", "fchmod", "ftruncate", "write", "fsync", "replace", "unlink", "lseek")
def die_after(steps):
    def mortal(real):
        def call(*args, **kwargs):
            nonlocal steps
            steps -= 1
            if steps < 0:
                os._exit(9)
            return real(*args, **kwargs)
        return call
    for name in STEPS:
        setattr(os, name, mortal(getattr(os, name)))
steps = 0
while True:
    here = root / str(steps)
    shutil.copytree(root / "spool", here / "rec")
    (here / "kept").mkdir()
    child = os.fork()
    if child == 0:
        die_after(steps)
        merge(pair_of(here / "rec", call_id), here / "kept", call_id, format)
        discard(pair_of(here / "rec", call_id), here / "kept", call_id)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
    if code == 0:
        break
    steps += 1
print(steps)
"""


@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_killed_before_any_step_the_next_try_makes_it_good(tmp_path: Path, format: str) -> None:
    both(tmp_path / "spool", 0.5)
    arguments = [sys.executable, "-c", DYING, str(tmp_path), CALL_ID, format]
    steps = int(subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120).stdout)
    assert steps > 15
    for step in range(steps + 1):
        spool, recordings = tmp_path / str(step) / "rec", tmp_path / str(step) / "kept"
        final = recordings / f"2026/11/22/{CALL_ID}.{format}"
        assert final.exists() or len(files_below(spool)) == 2
        again = run(spool, recordings, format)
        assert (again.status, again.duration) == (KEPT, 0.5)
        assert throw_away(spool, recordings)
        assert files_below(spool) == []
        assert files_below(recordings) == [again.path]


MEMORY = """
import resource, sys, threading
from pathlib import Path
from bridge.recordings.merge import merge, pair_of
spool, recordings, call_id, format = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = merge(pair_of(spool, call_id), recordings, call_id, format)
print(found.duration, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_an_hour_takes_no_more_memory_than_a_minute(spool: Path, recordings: Path, format: str) -> None:
    minute = np.concatenate([tone(CALLER_HZ, 30), np.zeros(30 * 8000, dtype="<i2")])
    for name in ("caller", "company"):
        write_mono(side(spool, name), np.tile(minute, 60))
    arguments = [str(spool), str(recordings), CALL_ID, format]
    done = subprocess.run([sys.executable, "-c", MEMORY, *arguments], capture_output=True, text=True, check=True)
    duration, kilobytes = done.stdout.split()
    assert duration == "3600.0"
    assert int(kilobytes) < 16_000  # both mono files together are 115 MB
    if format == "wav":
        with wave.open(str(recordings / f"2026/11/22/{CALL_ID}.wav")) as file:
            assert (file.getnchannels(), file.getnframes()) == (2, 3600 * 8000)
