"""A recording over HTTP: ranges, formats, who may, what is not there, and the trace that listening leaves."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import soundfile
from call_samples import a_call, call_id, record, save, sound
from desk_house import House, a_directory, until

from bridge.core.desk.access import Role
from bridge.core.desk.settings import DeskSettings
from bridge.core.model import Recording, RecordingStatus
from bridge.flows.ports import StoreDownError
from bridge.web.desk import sound as sounds
from bridge.web.desk import sound_files
from bridge.web.desk.sound import read_range
from bridge.web.desk.sound_files import open_below

KEPT, OTHER_LINE, FLAC, MP3, OGG, GONE, BROKEN, SHORT, STRANGE = range(1, 10)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("sound"), a_directory(), DeskSettings()) as running:
        folder = running.recordings
        save(
            running,
            record(folder, a_call(KEPT)),
            record(folder, a_call(OTHER_LINE, line="support")),
            record(folder, a_call(FLAC), "flac", 16000),
            record(folder, a_call(MP3), "mp3", 16000),
            record(folder, a_call(OGG), "ogg"),
            record(folder, a_call(GONE)),
            record(folder, a_call(BROKEN)),
            record(folder, a_call(SHORT)),
            record(folder, a_call(STRANGE)),
        )
        file(running, GONE).unlink()
        file(running, BROKEN).write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk that is no audio at all")
        with file(running, SHORT).open("r+b") as opened:
            opened.truncate(44 + 4 * 8000)  # one second of four
        # a rate that would ask for more memory than there is
        path = file(running, STRANGE)
        head = bytearray(path.read_bytes())
        head[24:28] = (1_500_000_000).to_bytes(4, "little")
        path.write_bytes(head)
        yield running


def file(house: House, number: int, form: str = "wav") -> Path:
    return house.recordings / "2026/11/20" / f"{call_id(number)}.{form}"


def url(number: int, what: str = "sound") -> str:
    return f"/calls/{call_id(number)}/{what}"


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-", 206, 0, -1),
        ("bytes=0-0", 206, 0, 0),
        ("bytes=100-199", 206, 100, 199),
        ("bytes=1000-", 206, 1000, -1),
        ("bytes=-500", 206, -500, -1),
        ("bytes=-99999999", 206, 0, -1),
        ("bytes=0-99999999", 206, 0, -1),
        ("bytes= 5 - 9", 206, 5, 9),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=9-5", 200, 0, -1),
        ("bytes=-", 200, 0, -1),
        ("bytes=a-b", 200, 0, -1),
        ("bytes=0-1,5-6", 200, 0, -1),
        ("items=0-5", 200, 0, -1),
        ("bytes=" + "9" * 30 + "-", 200, 0, -1),
        ("", 200, 0, -1),
    ],
)
def test_a_range_is_answered_with_exactly_it(house: House, asked: str, status: int, first: int, last: int) -> None:
    whole = file(house, KEPT).read_bytes()
    size = len(whole)
    first, last = first % size if first < 0 else first, last % size if last < 0 else last
    with house.client() as client:
        answer = client.get(url(KEPT), headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    assert answer.headers["accept-ranges"] == "bytes"
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{size}"
        assert answer.content == b""
        return
    assert answer.content == whole[first : last + 1]
    assert int(answer.headers["content-length"]) == last + 1 - first
    assert answer.headers.get("content-range") == (f"bytes {first}-{last}/{size}" if status == 206 else None)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["cache-control"] == "no-store"


def test_a_range_of_another_version_is_answered_with_the_whole(house: House) -> None:
    with house.client() as client:
        whole = client.get(url(KEPT))
        etag, modified = whole.headers["etag"], whole.headers["last-modified"]
        for condition, status in ((etag, 206), (modified, 206), ('"another"', 200), (f"W/{etag}", 200), ("never", 200)):
            answer = client.get(url(KEPT), headers={"Range": "bytes=0-9", "If-Range": condition})
            assert answer.status_code == status, condition
        os.utime(file(house, KEPT), (1, 1))
        changed = client.get(url(KEPT), headers={"Range": "bytes=0-9", "If-Range": etag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != etag


def test_head_says_what_get_would_and_is_no_listening(house: House) -> None:
    house.add_user("head", Role.MARKETER)
    with house.client("head") as client:
        answer = client.head(url(KEPT), headers={"Range": "bytes=0-9"})
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == file(house, KEPT).stat().st_size
        assert answer.content == b""
    assert house.do(house.accounts.audited(by="head", action="listen")) == []


@pytest.mark.parametrize(
    ("number", "form", "kind"),
    [(KEPT, "wav", "audio/wav"), (FLAC, "flac", "audio/flac"), (MP3, "mp3", "audio/mpeg"), (OGG, "ogg", "audio/ogg")],
)
def test_every_format_comes_as_it_is_kept(house: House, number: int, form: str, kind: str) -> None:
    with house.client() as client:
        answer = client.get(url(number))
        assert answer.content == file(house, number, form).read_bytes()
        assert answer.headers["content-type"] == kind
        shape = client.get(url(number, "peaks")).json()
    assert shape["duration"] == pytest.approx(4.0, abs=0.15)
    loud = [max(points) for points in shape["channels"]]
    assert loud == pytest.approx([300, 300], abs=40)


def test_a_download_bears_the_calls_id_and_no_number_of_the_caller(house: House) -> None:
    with house.client() as client:
        answer = client.get(url(FLAC, "sound/download"))
        assert answer.headers["content-disposition"] == f'attachment; filename="{call_id(FLAC)}.flac"'
        assert answer.content == file(house, FLAC, "flac").read_bytes()
    entries = [e for _, e in house.do(house.accounts.audited(call_id=call_id(FLAC), action="download"))]
    assert [(e.by, e.address) for e in entries] == [("admin", "127.0.0.1")]


def test_one_listening_is_noted_once_and_a_later_one_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def noted() -> list[str]:
        return [e.by for _, e in house.do(house.accounts.audited(call_id=call_id(OGG), action="listen"))]

    before = len(noted())
    with house.client("listener") as client:
        for first in range(5):
            assert client.get(url(OGG), headers={"Range": f"bytes={first}-"}).status_code == 206
    assert noted().count("listener") == 1
    with house.client("marketer") as client:
        client.get(url(OGG))
    assert len(noted()) == before + 2
    monkeypatch.setattr(sounds, "ONE_LISTENING", timedelta(0))
    with house.client("listener") as client:
        client.get(url(OGG))
    assert noted().count("listener") == 2


def test_without_a_trace_nobody_listens(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(entry: object) -> None:
        raise StoreDownError("the disk is full")

    house.add_user("curious", Role.MARKETER)
    with house.client("curious") as client:
        with monkeypatch.context() as patched:
            patched.setattr(house.side.desk.accounts, "note", down)
            assert client.get(url(KEPT)).status_code == 503
        assert client.get(url(KEPT)).status_code == 200
    assert len(house.do(house.accounts.audited(by="curious", action="listen"))) == 1


def test_who_may_hear_and_keep_what(house: House) -> None:
    allowed = {
        "admin": (200, 200, 200, 200),
        "marketer": (200, 200, 403, 200),
        "listener": (200, 200, 403, 200),
        "operator": (200, 404, 403, 200),
        "guest": (403, 403, 403, 403),
    }
    for name, expected in allowed.items():
        with house.client(name) as client:
            found = tuple(
                client.get(asked).status_code
                for asked in (url(KEPT), url(OTHER_LINE), url(KEPT, "sound/download"), url(KEPT, "peaks"))
            )
            assert found == expected, name
    with house.client(None) as client:
        assert client.get(url(KEPT), follow_redirects=False).status_code == 303


def test_what_is_not_there_is_said_in_words(house: House) -> None:
    with house.client() as client:
        for asked in ("sound", "sound/download", "peaks"):
            answer = client.get(url(GONE, asked))
            assert answer.status_code == 404
            assert "its file is not there" in answer.text
        for status in RecordingStatus:
            if status is not RecordingStatus.KEPT:
                save(house, a_call(50, recording=Recording(status, path="2026/11/20/x.wav", format="wav")))
                answer = client.get(url(50))
                assert answer.status_code == 404
                assert sounds.NO_SOUND[status] in answer.text
        assert client.get("/calls/20261120-140307-1-999999/sound").status_code == 404
        assert client.get("/calls/..%2f..%2fetc%2fpasswd/sound").status_code == 404


@pytest.mark.parametrize("number", [BROKEN, STRANGE])
def test_a_damaged_file_has_no_waveform_and_that_is_said(house: House, number: int) -> None:
    with house.client() as client:
        answer = client.get(url(number, "peaks"))
        assert answer.status_code == 409
        assert "damaged" in answer.text


def test_a_file_cut_short_is_drawn_as_far_as_it_goes(house: House) -> None:
    with house.client() as client:
        shape = client.get(url(SHORT, "peaks")).json()
    assert shape["duration"] == pytest.approx(1.0)
    assert len(shape["channels"][0]) == 20


@pytest.mark.parametrize(
    "path",
    [
        "../outside.wav",
        "2026/../../outside.wav",
        "/etc/passwd",
        "link.wav",
        "linked/outside.wav",
        "2026",
        "pipe.wav",
        "",
        ".",
        "2026//11",
        "a\0b.wav",
    ],
)
def test_no_path_leads_out_of_the_folder(house: House, path: str) -> None:
    folder, outside = house.recordings, house.folder / "outside.wav"
    soundfile.write(outside, sound(), 8000)
    (folder / "2026").mkdir(parents=True, exist_ok=True)
    for name, target in (("link.wav", outside), ("linked", house.folder)):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    if not (folder / "pipe.wav").exists():
        os.mkfifo(folder / "pipe.wav")
    with pytest.raises(OSError):  # noqa: PT011 - of several kinds
        open_below(folder, path)
    kept = a_call(60)
    recording = Recording(RecordingStatus.KEPT, path=path.replace("\0", "") + "", format="wav", size=1)
    save(house, replace(kept, recording=recording))
    with house.client() as client:
        for what in ("sound", "sound/download", "peaks"):
            assert client.get(url(60, what)).status_code == 404


def test_a_listener_who_goes_away_leaves_no_file_open(house: House) -> None:
    path = file(house, 70)
    save(house, record(house.recordings, a_call(70), samples=sound(120.0)))

    def open_files() -> int:
        return sum(os.path.realpath(f"/proc/self/fd/{fd}") == str(path) for fd in os.listdir("/proc/self/fd"))

    with house.client() as client:
        for _ in range(3):
            with client.stream("GET", url(70)) as answer:
                next(answer.iter_raw(1000))
        assert client.get(url(70), headers={"Range": "bytes=0-9"}).status_code == 206
        assert client.get(url(70), headers={"Range": "bytes=99999999-"}).status_code == 416
        assert client.head(url(70)).status_code == 200
        client.get(url(70, "peaks"))
    until(lambda: open_files() == 0)


@pytest.mark.parametrize("size", [0, 1, 10])
def test_ranges_stay_within_the_file(size: int) -> None:
    for text in ("bytes=0-", "bytes=-1", "bytes=5-7", "bytes=0-0", "bytes=9-"):
        found = read_range(text, size)
        assert found is not None
        first, last = found
        assert first > last or 0 <= first <= last < size


def test_a_disk_that_hangs_holds_up_nobody_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one recording is being opened, other pages are answered: the loop, which answers Asterisk too, does not wait."""
    opening, go_on = threading.Event(), threading.Event()

    def slow(folder: Path, path: str) -> int:
        opening.set()
        assert go_on.wait(30)
        return open_below(folder, path)

    monkeypatch.setattr(sound_files, "open_below", slow)
    found: list[int] = []
    with house.client() as one, house.client() as other:
        waiting = threading.Thread(target=lambda: found.append(one.get(url(KEPT)).status_code))
        waiting.start()
        try:
            assert opening.wait(30)
            assert other.get(f"/calls/{call_id(KEPT)}").status_code == 200
            assert found == []
        finally:
            go_on.set()
            waiting.join(30)
    assert found == [200]
