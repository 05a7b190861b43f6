"""dialplan/agi-bin/fallback.py, run as Asterisk runs it: a process with the environment on its standard input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bridge
from bridge.testing import agi_environment, split_agi_arguments

SCRIPT = Path(bridge.__file__).parents[1] / "dialplan" / "agi-bin" / "fallback.py"
LINES = {
    "numbers": {"+74951234567": "PJSIP/sales&PJSIP/anna", "8 (800) 100-20-30": "Local/100@office"},
    "default": "PJSIP/company",
}
OK = b"200 result=1\n"


def run(path, *arguments, environment=None, replies=OK):
    """Exit status, the commands sent, and what was said on stderr."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(path), *arguments],
        input=(environment or agi_environment("fallback.py")) + replies,
        capture_output=True,
        timeout=30,
        check=False,
    )
    commands = [split_agi_arguments(line) for line in done.stdout.decode().splitlines()]
    return done.returncode, commands, done.stderr.decode()


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "fallback.json"
    path.write_text(json.dumps(LINES), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("number", "dial_string"),
    [
        ("74951234567", "PJSIP/sales&PJSIP/anna"),
        ("+74951234567", "PJSIP/sales&PJSIP/anna"),
        ("88001002030", "Local/100@office"),
        ("70000000000", "PJSIP/company"),
        ("500&PJSIP/itsp/1416", "PJSIP/company"),
        ("", "PJSIP/company"),
    ],
)
def test_the_line_of_a_number(lines, number, dial_string):
    assert run(lines, number) == (0, [["SET", "VARIABLE", "BRIDGE_FALLBACK", dial_string]], "")


def test_without_an_argument_the_extension_counts(lines):
    status, commands, _ = run(lines, environment=agi_environment("fallback.py", extension="74951234567"))
    assert (status, commands[0][-1]) == (0, "PJSIP/sales&PJSIP/anna")


def test_an_ini_file(tmp_path):
    path = tmp_path / "fallback.ini"
    path.write_text(
        "[numbers]\n+74951234567 = PJSIP/sales&PJSIP/anna  # two phones\ndefault = PJSIP/company\n", encoding="utf-8"
    )
    assert run(path, "74951234567")[1] == [["SET", "VARIABLE", "BRIDGE_FALLBACK", "PJSIP/sales&PJSIP/anna"]]
    assert run(path, "7")[1] == [["SET", "VARIABLE", "BRIDGE_FALLBACK", "PJSIP/company"]]


def test_an_unknown_number_without_a_default_leaves_the_variable_alone(tmp_path):
    path = tmp_path / "fallback.json"
    path.write_text('{"numbers": {"1": "PJSIP/a"}}', encoding="utf-8")
    assert run(path, "2") == (1, [], "")


@pytest.mark.parametrize(
    "bad",
    [
        'PJSIP/a"\nEXEC System id',
        "PJSIP/a,30,tT",
        "PJSIP/${SHELL(id)}",
        "PJSIP/a|b",
        "PJSIP/a&",
        "&PJSIP/a",
        "AGI/x",
        "PJSIP/",
        "",
        "&".join(["PJSIP/a"] * 11),
        None,
        5,
    ],
)
def test_a_file_with_anything_else_is_refused_as_a_whole(tmp_path, bad):
    path = tmp_path / "fallback.json"
    path.write_text(json.dumps({"numbers": {"1": "PJSIP/a", "2": bad}}), encoding="utf-8")
    status, commands, said = run(path, "1")
    assert (status, commands) == (1, [])
    assert "not a dial string" in said


@pytest.mark.parametrize(
    ("name", "text"), [("x.json", "{"), ("x.json", "[]"), ("x.ini", "numbers"), ("x.ini", "[other]\n"), ("x.ini", "")]
)
def test_a_file_that_cannot_be_read(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    status, commands, said = run(tmp_path / name, "1")
    assert (status, commands) == (1, [])
    assert said.startswith("fallback.py: ")


def test_no_file(tmp_path):
    status, commands, said = run(tmp_path / "none.json", "1")
    assert (status, commands) == (1, [])
    assert "No such file" in said


@pytest.mark.parametrize("name", ["M\udcfcller", '"', "a\u2028b", "hangup"])
def test_odd_names_do_no_harm_and_are_not_printed(lines, name):
    environment = agi_environment("fallback.py", calleridname=name, callerid="79031234567")
    assert run(lines, "74951234567", environment=environment) == (
        0,
        [["SET", "VARIABLE", "BRIDGE_FALLBACK", "PJSIP/sales&PJSIP/anna"]],
        "",
    )


@pytest.mark.parametrize("replies", [b"", b"510 Invalid or unknown command\n", b"HANGUP\n", b"nonsense\n"])
def test_a_refusal_or_no_reply_is_a_failure_with_a_reason(lines, replies):
    status, _, said = run(lines, "1", replies=replies)
    assert status == 1
    assert said.startswith("fallback.py: ")


def test_it_never_keeps_the_caller_waiting(lines):
    """pyst2 would wait for ever for the end of this reply."""
    status, _, _ = run(lines, "1", replies=b"520-Usage\n")
    assert status != 0
