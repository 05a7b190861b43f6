"""`callbridge init`: what it writes is what a real Asterisk then runs with."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lab.conf import manager_conf
from lab.fixtures import tools
from lab.tones import purity
from lab.tools import Tools
from lab.world import Lab

from bridge.cli import main
from bridge.config import load
from bridge.install import shipped, shipped_dialplan

__all__ = ["tools"]

EXTENSIONS = """; the company's own dialplan
[general]
static=yes
[globals]
OWN=1
[from-trunk]
exten => 5,1,Hangup()
[from-phones]
exten => 101,1,Dial(PJSIP/sales-1)
"""


def run(*arguments: str | Path, input: str = "") -> Result:
    return CliRunner().invoke(main, ["init", *map(str, arguments)], input=input)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "asterisk"
    folder.mkdir()
    (folder / "asterisk.conf").write_text(f"[directories]\nastdatadir => {tmp_path}/data\n")
    (folder / "manager.conf").write_text("[general]\nenabled=yes\nbindaddr=127.0.0.1\nport=5039\n")
    (folder / "extensions.conf").write_text(EXTENSIONS)
    return folder


@pytest.fixture
def options(tmp_path: Path, etc: Path) -> list[str | Path]:
    return [
        "-c", tmp_path / "conf" / "bridge.yaml", "--asterisk", etc, "--phone", "PJSIP/sales-1", "--timezone", "Europe/Moscow",
        "--language", "en", "--region", "RU", "--number", "+74951110001=radio", "--recordings", tmp_path / "recordings",
        "--store", tmp_path / "state" / "bridge.db", "--spool", tmp_path / "spool", "--user", getpass.getuser(),
    ]  # fmt: skip


def test_first_run_writes_a_configuration_that_can_be_used(
    tmp_path: Path, etc: Path, options: list[str | Path]
) -> None:
    before = {path: path.read_bytes() for path in etc.iterdir()}
    done = run(*options, "--yes")
    assert done.exit_code == 0, done.output
    loaded = load(tmp_path / "conf" / "bridge.yaml")
    assert loaded.sound_problems == ()
    config = loaded.config
    assert (config.asterisk.ami.port, config.timezone, config.asterisk.sounds) == (
        5039,
        "Europe/Moscow",
        tmp_path / "data" / "sounds",
    )
    assert loaded.directory.numbers["+74951110001"].binding.source == "radio"
    secret = tmp_path / "conf" / "ami.secret"
    assert secret.stat().st_mode & 0o137 == 0
    assert len(secret.read_text().strip()) >= 32
    assert secret.read_text().strip() not in done.output
    assert (tmp_path / "data/sounds/callbridge/notice-standard.wav").read_bytes() == shipped("notice-en.wav")
    assert (tmp_path / "spool" / "rec").stat().st_mode & 0o7777 == 0o2770
    assert {
        path: path.read_bytes() for path in etc.iterdir()
    } == before  # without --write, Asterisk's files are the owner's
    for line in (
        f'#include "{tmp_path}/conf/asterisk/manager_callbridge.conf"',
        f'#include "{tmp_path}/conf/asterisk/bridge.conf"',
        "BRIDGE_FALLBACK=PJSIP/sales-1",
        "exten => _[+0-9]!,1,Goto(bridge-inbound,${FILTER(+0-9,${EXTEN})},1)",
    ):
        assert line in done.output


def test_write_shows_asks_keeps_a_copy_and_is_done_once(tmp_path: Path, etc: Path, options: list[str | Path]) -> None:
    run(*options, "--yes")
    trunk = ["--trunk-context", "from-trunk", "--write"]
    refused = run(*options, *trunk, input="n\n")
    assert refused.exit_code == 1
    assert (etc / "extensions.conf").read_text() == EXTENSIONS
    done = run(*options, *trunk, input="y\n")
    assert done.exit_code == 0, done.output
    assert f"--- {etc}/extensions.conf" in done.output
    assert "+exten => _[+0-9]!,1,Goto(bridge-inbound,${FILTER(+0-9,${EXTEN})},1)" in done.output
    assert "secret = ***" in done.output
    secret = (tmp_path / "conf" / "ami.secret").read_text().strip()
    assert secret not in done.output
    assert f"secret = {secret}\n" in (etc / "manager_callbridge.conf").read_text()
    assert (etc / "manager_callbridge.conf").stat().st_mode & 0o007 == 0
    (copy,) = etc.glob("extensions.conf.bak-*")
    assert copy.read_text() == EXTENSIONS
    after = {path: path.read_bytes() for path in etc.iterdir()}
    again = run(*options, *trunk)
    assert again.exit_code == 0
    assert "nothing to do" in again.output
    assert {path: path.read_bytes() for path in etc.iterdir()} == after


def test_undo_takes_everything_back(tmp_path: Path, etc: Path, options: list[str | Path]) -> None:
    before = {path.name: path.read_bytes() for path in etc.iterdir()}
    run(*options, "--yes", "--write", "--trunk-context", "from-trunk")
    done = run("-c", tmp_path / "conf" / "bridge.yaml", "--undo")
    assert done.exit_code == 0, done.output
    assert {p.name: p.read_bytes() for p in etc.iterdir() if ".bak-" not in p.name} == before
    assert not (tmp_path / "conf" / "bridge.yaml").exists()
    assert run("-c", tmp_path / "conf" / "bridge.yaml", "--undo").exit_code == 1


def test_questions_are_asked_again_until_the_answer_is_one(tmp_path: Path, etc: Path) -> None:
    path = tmp_path / "conf" / "bridge.yaml"
    answers = ["101", "PJSIP/101", "Moscow", "Europe/Moscow", "fr", "ru", "XX", "ru", str(tmp_path / "rec")]
    numbers = ["radio", "8 495 111-00-01 = radio", "+74951110002=Щит", "+74951110002=billboard", ""]
    done = run(
        "-c", path, "--asterisk", etc, "--spool", tmp_path / "spool", "--store", tmp_path / "bridge.db", "--user", getpass.getuser(),
        input="\n".join([*answers, *numbers, ""]),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    for complaint in (
        "write it like PJSIP/101",
        "write it like Europe/Moscow",
        "en and ru",
        "two letters",
        "=radio (small",
    ):
        assert complaint in done.output
    loaded = load(path)
    assert sorted(loaded.directory.numbers) == ["+74951110001", "+74951110002"]
    assert (loaded.config.language, loaded.config.region) == ("ru", "RU")
    assert loaded.sound_problems == ()


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        (["--phone", "101 & rm"], "write it like PJSIP/101"),
        (["--timezone", "../../etc/passwd"], "is not a time zone"),
        (["--number", "radio"], "write a number and its source"),
    ],
)
def test_a_wrong_option_is_a_usage_error(tmp_path: Path, etc: Path, extra: list[str], complaint: str) -> None:
    done = run("-c", tmp_path / "bridge.yaml", "--asterisk", etc, "--yes", *extra)
    assert done.exit_code == 2
    assert complaint in done.output
    assert not (tmp_path / "bridge.yaml").exists()


def test_a_disabled_manager_is_enabled_on_loopback_alone(etc: Path, options: list[str | Path]) -> None:
    (etc / "manager.conf").write_text("[general]\nenabled = no\nbindaddr = 0.0.0.0\n")
    assert run(*options, "--yes", "--write").exit_code == 0
    text = (etc / "manager.conf").read_text()
    assert "enabled = yes" in text
    assert "bindaddr = 127.0.0.1" in text


def test_an_open_manager_that_others_use_is_told_of_and_left(etc: Path, options: list[str | Path]) -> None:
    (etc / "manager.conf").write_text("[general]\nenabled = yes\nbindaddr = 0.0.0.0\n[other]\nsecret = x\n")
    done = run(*options, "--yes", "--write")
    assert "listens on every address" in done.output
    assert "bindaddr = 0.0.0.0" in (etc / "manager.conf").read_text()


def test_debian_s_folder_of_managers_is_used(etc: Path, options: list[str | Path]) -> None:
    (etc / "manager.d").mkdir()
    text = '[general]\nenabled = yes\nbindaddr = 127.0.0.1\n#include "manager.d/*.conf"\n'
    (etc / "manager.conf").write_text(text)
    assert run(*options, "--yes", "--write").exit_code == 0
    assert (etc / "manager.conf").read_text() == text
    assert "[callbridge]" in (etc / "manager.d" / "callbridge.conf").read_text()
    assert "nothing to do" in run(*options, "--yes", "--write").output


def test_a_user_of_the_owner_s_own_stays(etc: Path, options: list[str | Path]) -> None:
    with (etc / "manager.conf").open("a") as manager:
        manager.write("[callbridge]\nsecret = mine\n")
    done = run(*options, "--yes", "--write")
    assert "manager.conf:5 already" in done.output
    assert not (etc / "manager_callbridge.conf").exists()


def test_no_asterisk_where_it_is_said_to_be(tmp_path: Path, options: list[str | Path]) -> None:
    done = run(*options, "--yes", "--write", "--asterisk", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert "--asterisk" in done.output


# --- on a real Asterisk ------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(tools: Tools, tmp_path: Path) -> Iterator[Lab]:
    """An Asterisk as a company has it: no manager user of ours, no dialplan of ours. Not started."""
    lab = Lab(tmp_path / "lab", tools, daemon=False, dialplan_file=None)
    lab.asterisk.write()
    etc = lab.asterisk.layout.etc
    text = manager_conf(lab.ports, lab.asterisk.secret)
    general, _, rest = text.partition("[callbridge]")
    (etc / "manager.conf").write_text(general + "[lab]" + rest.partition("[lab]")[2])
    (etc / "extensions.conf").write_text(EXTENSIONS)
    lab.asterisk.write = lambda: None  # type: ignore[method-assign] # what init wrote is to stay
    yield lab
    lab.stop()


def healthz(port: int) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            found: dict[str, object] = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            found = json.load(error)
    except OSError:
        return {}
    return found


@pytest.mark.e2e
def test_a_call_goes_through_an_asterisk_that_init_has_set_up(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "conf" / "bridge.yaml"
    done = run(
        "-c", path, "--asterisk", lab.asterisk.layout.etc, "--phone", "PJSIP/sales-1", "--timezone", "Europe/Moscow",
        "--number", "+74951110001=radio", "--recordings", tmp_path / "recordings", "--store", tmp_path / "bridge.db",
        "--spool", tmp_path / "spool", "--agi", f"127.0.0.1:{lab.ports.agi}", "--monitor", f"127.0.0.1:{lab.ports.health}",
        "--trunk-context", "from-trunk", "--user", getpass.getuser(), "--yes", "--write",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    lab.asterisk.start()
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "CALLBRIDGE_CONFIG": str(path)}
    environ["CALLBRIDGE_ASTERISK"] = lab.tools.asterisk.shell()
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen([sys.executable, "-m", "bridge", "run"], env=environ, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while healthz(lab.ports.health).get("state") != "ok":
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        phone = lab.phone("sales-1", answer_after=0.2, tone=1000)
        caller = lab.call("+74951110001", tone=440, hang_up_after=7).wait()  # the notice takes 3.2 s of it
        assert caller.answered_at is not None
        assert purity(phone.wait_ended().audio(), 8000, 440) > 0.5
        recordings: list[Path] = []
        while not recordings:
            assert time.monotonic() < deadline + 30, (tmp_path / "log").read_text()
            recordings = list((tmp_path / "recordings").rglob("*.wav"))
            time.sleep(0.1)
        doctor = subprocess.run(
            [sys.executable, "-m", "bridge", "doctor", "--json"],
            env=environ,
            capture_output=True,
            check=False,
            timeout=90,
        )
        findings = json.loads(doctor.stdout)["findings"]
        assert [x for x in findings if x["level"] in ("warning", "error")] == []
        texts = " ".join(x["text"] for x in findings)
        for said in (
            "this version's bridge.conf",
            "may look and no more",
            "only the bridge's own events",
            "not silent",
            "(pyst2) logs in",
        ):
            assert said in texts
        assert doctor.returncode == 0
    finally:
        daemon.terminate()
        daemon.wait(20)
    assert shipped_dialplan() == (lab.asterisk.layout.etc / "bridge.conf").read_text()
