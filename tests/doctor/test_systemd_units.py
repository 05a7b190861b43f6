"""systemd itself finds nothing wrong with the unit files, and the sandbox is as tight as it is said to be."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = Path(__file__).resolve().parents[2] / "config"
#: Newer than Debian 12's systemd, which says so and goes on.
NEWER = ("RestartSteps", "RestartMaxDelaySec")


@pytest.fixture(scope="module")
def analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("systemd-analyze is not on this machine")
    return path


def test_units_are_understood(analyze: str, tmp_path: Path) -> None:
    text = (CONFIG / "callbridge.service").read_text().replace("/opt/callbridge/bin/callbridge", sys.executable)
    (tmp_path / "callbridge.service").write_text(text)
    shutil.copy(CONFIG / "callbridge-agi.socket", tmp_path)
    units = [str(tmp_path / name) for name in ("callbridge.service", "callbridge-agi.socket")]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, timeout=60, check=False)
    said = [x for x in (done.stdout + done.stderr).splitlines() if "callbridge" in x and not any(n in x for n in NEWER)]
    assert said == []


def test_the_sandbox_is_tight(analyze: str) -> None:
    done = subprocess.run(
        [analyze, "security", "--offline=true", str(CONFIG / "callbridge.service")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze cannot look at a file: {done.stderr[:100]}")
    assert float(found[1]) < 2.5


def test_the_port_stays_held_while_the_daemon_restarts() -> None:
    text = (CONFIG / "callbridge-agi.socket").read_text()
    assert "FileDescriptorName=agi\n" in text
    assert "ListenStream=127.0.0.1:4573\n" in text
    assert not re.search(r"^(PartOf|BindsTo)=", text, re.MULTILINE)
