"""The doctor's single checks, on real files, sockets and processes."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.config import Config, load
from bridge.core.model import (
    Attribution,
    AttributionKind,
    Call,
    DecidedBy,
    NoticeEvidence,
    Outcome,
    Recording,
    RecordingStatus,
)
from bridge.doctor import asterisk, books, daemon, dialplan, machine
from bridge.doctor.findings import Finding
from bridge.doctor.network import listeners
from bridge.install import shipped_dialplan
from bridge.journal.files import all_files
from bridge.journal.position import Place, Position

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def levels(findings: list[Finding] | Iterator[Finding]) -> list[str]:
    return [str(finding.level) for finding in findings]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    secret = tmp_path / "ami.secret"
    secret.touch(0o600)
    secret.write_text("0123456789")
    for name in ("spool/rec", "recordings", "etc"):
        (tmp_path / name).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    path = tmp_path / "bridge.yaml"
    path.write_text(
        f"""
store: {{url: bridge.db}}
asterisk:
  ami: {{user: callbridge, secret: {{file: ami.secret}}}}
  agi: {{listen: "127.0.0.1:{port}"}}
  spool: spool
  config: etc
  sounds: sounds
recordings: {{folder: recordings}}
lines: {{main: {{ring: [{{phone: PJSIP/101}}]}}}}
fallback: {{line: main}}
"""
    )
    return load(path).config


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("22.10.1+dfsg+~cs6.17", "ok"),
        ("22.9.0", "error"),
        ("22.10.0", "warning"),
        ("22.2.0", "warning"),
        ("20.15.2", "ok"),
        ("18.10.0~dfsg", "ok"),
        ("16.28.0", "warning"),
        ("23.1.0", "note"),
        ("GIT-master-abc", "note"),
    ],
)
def test_versions(version: str, level: str) -> None:
    assert asterisk.check_version(version).level == level


def test_the_shipped_dialplan_is_read_whole() -> None:
    text = shipped_dialplan()
    steps = dialplan.read_steps(text)
    written = [x for x in text.split("\n") if x.lstrip().startswith(("exten", "same"))]
    assert len(steps) == len(written)
    assert steps["bridge-inbound", "s", 2] == ("Goto", "bridge-call,s,1")
    assert steps["bridge-ringing", "s", 6] == ("Return", "")


def test_secrets_open_to_others(config: Config) -> None:
    assert levels(machine.check_secrets(config)) == ["ok"]
    assert config.asterisk.ami.secret.file is not None
    config.asterisk.ami.secret.file.chmod(0o644)
    (finding,) = machine.check_secrets(config)
    assert finding.level == "error"
    assert "chmod 640" in finding.todo
    config.asterisk.ami.secret.file.unlink()
    assert levels(machine.check_secrets(config)) == ["error"]


def test_folders_missing_and_closed(config: Config, tmp_path: Path) -> None:
    assert set(levels(machine.check_folders(config))) == {"ok"}
    (tmp_path / "spool" / "rec").rmdir()
    (finding,) = [x for x in machine.check_folders(config) if x.level != "ok"]
    assert (finding.level, "is not there" in finding.text) == ("error", True)
    assert finding.todo.startswith("install -d -o callbridge")
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere: a closed folder cannot be tried")
    (tmp_path / "recordings").chmod(0o500)
    assert any("not writable" in x.text for x in machine.check_folders(config))


def test_nobody_on_the_agi_port(config: Config) -> None:
    finding = daemon.check_agi_port(config, None)
    assert finding.level == "note"
    assert "callbridge-agi.socket" in finding.todo


def test_a_stranger_on_the_agi_port_is_said_loudly(config: Config) -> None:
    with socket.create_server(("127.0.0.1", config.asterisk.agi.listen.port)):
        (seen,) = listeners(config.asterisk.agi.listen.port)
        assert (seen.pid, seen.uid, seen.is_loopback) == (os.getpid(), os.geteuid(), True)
        finding = daemon.check_agi_port(config, None)
        assert finding.level == "error"
        assert "STRANGER" in finding.text
        assert str(os.getpid()) in finding.text
        assert daemon.check_agi_port(config, os.getpid()).level == "ok"


def test_an_agi_port_open_to_the_world(config: Config) -> None:
    with socket.create_server(("0.0.0.0", config.asterisk.agi.listen.port)):
        finding = daemon.check_agi_port(config, os.getpid())
    assert finding.level == "warning"
    assert "0.0.0.0" in finding.text


def test_listeners_on_ipv6() -> None:
    try:
        sock = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with sock:
        (seen,) = listeners(sock.getsockname()[1])
    assert (seen.host, seen.is_loopback) == ("::1", True)


async def test_no_daemon(config: Config) -> None:
    assert levels(await daemon.check_daemon(config)) == ["note", "error"]


def call(number: int, **more: object) -> Call:
    base = Call(
        id=f"20261122-1200{number:02d}-{number}-123456",
        number="+74951110001",
        caller="+79031234567",
        caller_name=None,
        started_at=NOW,
        attribution=Attribution(AttributionKind.STATIC, "radio", "its number"),
        line="main",
        answered_at=NOW,
        ended_at=NOW.replace(minute=1),
        outcome=Outcome.ANSWERED,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def test_calls_that_were_not_recorded(config: Config) -> None:
    assert levels(books.check_calls(config, [])) == ["note"]
    evidence = NoticeEvidence("/snd/notice-ru", None, "ru", NOW, NOW, False, False)
    lost = Recording(RecordingStatus.UNNOTICED, reason="the notice's file could not be played")
    missing = Recording(RecordingStatus.MISSING, reason="Asterisk wrote no audio")
    calls = [
        *(call(n, recording=lost, notice=evidence) for n in range(3)),
        call(4, recording=missing),
        call(5, decided_by=DecidedBy.CACHE),
    ]
    found = list(books.check_calls(config, calls))
    assert found[0].text == "3 of the last 5 calls were not recorded: the notice's file could not be played (notice-ru)"
    assert found[1].text.endswith("the newest 20261122-120004-4-123456: Asterisk wrote no audio")
    assert found[2].text == "1 of the last 5 calls were routed while the daemon did not answer"
    assert levels(found) == ["warning", "warning", "note"]


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [(0.5, 0.5, "are not silent"), (0.5, 0.0, "side of the company"), (0.0, 0.0, "caller and the company")],
)
def test_recordings_are_listened_to(config: Config, left: float, right: float, said: str) -> None:
    path = config.recordings.folder / "2026" / "11" / "22" / "x.wav"
    path.parent.mkdir(parents=True)
    tone = np.sin(np.arange(16000) / 3)
    soundfile.write(path, np.column_stack([tone * left, tone * right]), 8000)
    kept = call(1, recording=Recording(RecordingStatus.KEPT, path="2026/11/22/x.wav"))
    (finding,) = books.check_recordings(config.recordings.folder, [kept])
    assert said in finding.text
    path.write_bytes(b"RIFF")
    (finding,) = books.check_recordings(config.recordings.folder, [kept])
    assert finding.level == "error"


def test_the_journal(config: Config) -> None:
    path = config.asterisk.spool / "journal.psv"
    assert levels(books.check_journal(config, None)) == ["note"]
    path.write_text("1|begin|...|.\n")
    assert levels(books.check_journal(config, None)) == ["ok"]  # just written: it is being read
    old = time.time() - 3600
    os.utime(path, (old, old))
    (finding,) = books.check_journal(config, None)
    assert (finding.level, "14 bytes" in finding.text, "60 minutes" in finding.text) == ("error", True, True)
    (file,) = all_files(path)
    assert file.head
    done = Position(Place(file.head, file.size)).encode()
    assert levels(books.check_journal(config, done)) == ["ok"]
    with path.open("r+b") as journal:
        journal.truncate(books.JOURNAL_LARGE + 1)
    assert levels(books.check_journal(config, done))[0] == "warning"


def test_the_spool(config: Config) -> None:
    folder = config.asterisk.spool / "rec"
    assert levels(books.check_spool(config)) == ["ok"]
    orphan = folder / "20261122-120000-1-123456-caller.wav"
    orphan.write_bytes(b"x" * 100)
    os.utime(orphan, (1, 1))
    (folder / "notes.txt").touch()
    found = list(books.check_spool(config))
    assert levels(found) == ["warning", "note"]
    assert "20261122-120000-1-123456" in found[0].todo


async def test_the_store(config: Config, tmp_path: Path) -> None:
    assert levels(await books.check_store(config)) == ["note"]
    (tmp_path / "bridge.db").write_bytes(b"this is no database" * 100)
    (finding,) = await books.check_store(config)
    assert finding.level == "error"
    (tmp_path / "bridge.db").write_bytes(b"")
    (finding,) = await books.check_store(config)
    assert finding.todo == "callbridge migrate"
