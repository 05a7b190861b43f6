"""`callbridge doctor` and `check --live` on a real Asterisk whose installation is wrong in one way after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lab.fixtures import tools
from lab.tools import Tools
from lab.world import Lab

from bridge.cli import main

__all__ = ["tools"]

pytestmark = pytest.mark.e2e

Findings = list[dict[str, str]]


@pytest.fixture(scope="module")
def lab(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("doctor"), tools, daemon=False) as lab:
        lab.recordings.mkdir(exist_ok=True)
        (lab.asterisk.spool / "rec").mkdir(exist_ok=True)
        yield lab


@pytest.fixture
def doctor(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Findings]]:
    """Runs the doctor on the lab's configuration as it is now; Asterisk's files are put back afterwards."""
    monkeypatch.setenv("CALLBRIDGE_ASTERISK", lab.tools.asterisk.shell())

    def examine() -> Findings:
        lab.daemon.write()
        done = CliRunner().invoke(main, ["doctor", "-c", str(lab.daemon.config_file), "--json", "--quiet"])
        assert done.exit_code in (0, 1), done.output
        found: Findings = json.loads(done.stdout)["findings"]
        assert (done.exit_code == 1) == any(x["level"] == "error" for x in found)
        assert lab.asterisk.secret not in done.output
        return found

    yield examine
    lab.asterisk.write()
    lab.asterisk.rx("core reload")


def edit(lab: Lab, name: str, old: str, new: str, reload: str) -> None:
    path = lab.asterisk.layout.etc / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    lab.asterisk.rx(reload)


def of(findings: Findings, part: str) -> list[str]:
    return [f"{x['level']}: {x['text']}" for x in findings if x["part"] == part]


def test_a_right_installation_without_a_daemon(doctor: Callable[[], Findings]) -> None:
    findings = doctor()
    (missing,) = of(findings, "daemon")
    assert missing.startswith("error: the daemon does not run")
    assert [x for x in findings if x["level"] in ("error", "warning") and x["part"] != "daemon"] == []


def test_another_dialplan_than_this_version_s(lab: Lab, doctor: Callable[[], Findings], tmp_path: Path) -> None:
    from lab.asterisk import BRIDGE_CONF

    other = tmp_path / "bridge.conf"
    other.write_text(BRIDGE_CONF.read_text().replace("TIMEOUT(absolute)=3", "TIMEOUT(absolute)=9"))
    edit(lab, "extensions.conf", str(BRIDGE_CONF), str(other), "dialplan reload")
    (finding,) = of(doctor(), "dialplan")
    assert finding.startswith(
        "warning: Asterisk runs another bridge.conf than this version's: 1 steps differ, the first at bridge-call,s,"
    )


def test_no_dialplan_at_all(lab: Lab, doctor: Callable[[], Findings]) -> None:
    from lab.asterisk import BRIDGE_CONF

    edit(lab, "extensions.conf", f'#include "{BRIDGE_CONF}"', "", "dialplan reload")
    assert "error: Asterisk knows no context bridge-inbound: calls cannot reach the bridge" in of(doctor(), "dialplan")


def test_nobody_sends_calls(lab: Lab, doctor: Callable[[], Findings]) -> None:
    edit(lab, "extensions.conf", "Goto(bridge-inbound,", "Goto(somewhere,", "dialplan reload")
    assert of(doctor(), "dialplan") == ["warning: no context sends calls to bridge-inbound"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BRIDGE_AGI", "agi://127.0.0.1:1/inbound", "error: BRIDGE_AGI is agi://127.0.0.1:1/inbound in Asterisk; bridge.yaml means agi://"),
        ("BRIDGE_SPOOL", "/tmp/elsewhere", "error: BRIDGE_SPOOL is /tmp/elsewhere"),
        ("BRIDGE_JOURNAL", "/tmp/j", "error: BRIDGE_JOURNAL is /tmp/j"),
        ("BRIDGE_FALLBACK", "", "error: BRIDGE_FALLBACK is not set"),
        ("BRIDGE_FALLBACK", "PJSIP/other", "note: BRIDGE_FALLBACK is PJSIP/other"),
    ],
)  # fmt: skip
def test_globals_that_do_not_agree(lab: Lab, doctor: Callable[[], Findings], name: str, value: str, said: str) -> None:
    if value:
        lab.asterisk.rx(f"dialplan set global {name} {value}")
    else:
        edit(lab, "extensions.conf", f"{name}=PJSIP/sales-1", f"{name}=", "dialplan reload")
    (finding,) = [x for x in of(doctor(), "globals") if name in x]
    assert finding.startswith(said)


def test_a_manager_user_who_may_too_much_and_is_told_everything(lab: Lab, doctor: Callable[[], Findings]) -> None:
    path = lab.asterisk.layout.etc / "manager.conf"
    text = path.read_text()
    start = text.index("[callbridge]")
    mine, rest = text[start : text.index("[lab]")], text[text.index("[lab]") :]
    kept = "".join(line + "\n" for line in mine.splitlines() if not line.startswith("eventfilter"))
    kept = kept.replace("write=reporting", "write=all").replace("read=system,user", "read=system,call")
    path.write_text(text[:start] + kept + rest)
    lab.asterisk.rx("manager reload")
    findings = doctor()
    (rights,) = of(findings, "ami rights")
    assert rights.startswith("warning: the manager user may do more than it needs")
    assert "Originate" in rights
    assert "Command" in rights
    assert any("no event filter" in x for x in of(findings, "ami filter"))


def test_a_manager_user_who_may_too_little(lab: Lab, doctor: Callable[[], Findings]) -> None:
    edit(lab, "manager.conf", "write=reporting", "write=user", "manager reload")
    assert any(x.startswith("error: the manager user may not") for x in of(doctor(), "ami rights"))


def test_a_wrong_secret(lab: Lab, doctor: Callable[[], Findings]) -> None:
    edit(
        lab,
        "manager.conf",
        f"[callbridge]\nsecret={lab.asterisk.secret}",
        "[callbridge]\nsecret=other",
        "manager reload",
    )
    findings = doctor()
    assert of(findings, "ami") == [
        f"error: Asterisk on 127.0.0.1:{lab.ports.ami} refuses the manager user 'callbridge'"
    ]


def test_nobody_answers(lab: Lab, doctor: Callable[[], Findings]) -> None:
    port = lab.daemon.config["asterisk"]["ami"]["port"]
    lab.daemon.config["asterisk"]["ami"]["port"] = 1
    try:
        (finding,) = of(doctor(), "ami")
    finally:
        lab.daemon.config["asterisk"]["ami"]["port"] = port
    assert finding.startswith("error: nothing answers on 127.0.0.1:1")


def test_a_module_that_is_not_loaded(lab: Lab, doctor: Callable[[], Findings]) -> None:
    lab.asterisk.rx("module unload app_mixmonitor.so")
    lab.asterisk.rx("module unload func_rand.so")
    try:
        found = of(doctor(), "modules")
    finally:
        lab.asterisk.rx("module load app_mixmonitor.so")
        lab.asterisk.rx("module load func_rand.so")
    assert found == ["error: dialplan functions are missing: func_rand", "error: not loaded: app_mixmonitor, func_rand"]


def test_a_missing_notice(lab: Lab, doctor: Callable[[], Findings]) -> None:
    aside = lab.notice.rename(lab.folder / "aside.wav")
    try:
        (finding,) = of(doctor(), "sounds")
    finally:
        aside.rename(lab.notice)
    assert finding.startswith("error: the sound file")
    assert finding.endswith("calls with this notice are NOT recorded")


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "bridge.yaml"
    path.write_text("lines: {}\n")
    done = CliRunner().invoke(main, ["doctor", "-c", str(path)])
    assert done.exit_code == 1
    assert f"{path}:1:" in done.stdout


def test_check_live_names_what_asterisk_does_not_have(lab: Lab) -> None:
    def line(**more: Any) -> dict[str, Any]:
        return {"ring": [{"phone": "PJSIP/sales-1"}], **more}

    before = lab.daemon.config["lines"]
    lab.daemon.config["lines"] = {
        "sales": line(when_busy={"voicemail": "100@default"}, when_unanswered={"voicemail": "999"}),
        "other": {"ring": [{"phones": ["PJSIP/nobody", "Local/101@nowhere", "PJSIP/trunk"]}]},
        "third": line(
            when_busy={"announcement": {"sound": "vm-nobodyavail"}},
            when_unanswered={"announcement": {"sound": "no-such"}},
        ),
    }
    lab.daemon.write()
    lab.daemon.config["lines"] = before
    done = CliRunner().invoke(main, ["check", "-c", str(lab.daemon.config_file), "--live", "--json"])
    report = json.loads(done.stdout)
    assert (done.exit_code, report["ok"], report["errors"]) == (1, False, [])
    found = {f"{x['level']}: {x['text']}" for x in report["live"]}
    assert found >= {
        "error: PJSIP/nobody (lines.other): Asterisk has no such phone",
        "error: Local/101@nowhere (lines.other): Asterisk has no extension 101 in context nowhere",
        "note: PJSIP/trunk (lines.other) is not registered at the moment",
        "ok: 100@default is there",
        "error: 999@default (lines.sales.when_unanswered): Asterisk has no such mailbox",
        "ok: vm-nobodyavail is there",
    }
    assert any(x.startswith("warning: lines.third.when_unanswered: Asterisk has no sound no-such") for x in found)
    lab.daemon.write()
    done = CliRunner().invoke(main, ["check", "-c", str(lab.daemon.config_file), "--live"])
    assert done.exit_code == 0, done.output
