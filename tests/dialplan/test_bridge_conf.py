"""What dialplan/README.md says is what dialplan/bridge.conf does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.core.journal import FIELDS

FOLDER = Path(__file__).parents[2] / "dialplan"
CONF = (FOLDER / "bridge.conf").read_text("utf-8")
README = (FOLDER / "README.md").read_text("utf-8")
CODE = "\n".join(line for line in CONF.splitlines() if not line.lstrip().startswith(";"))


def test_every_variable_is_documented_and_every_documented_one_is_used() -> None:
    used = set(re.findall(r"\bBRIDGE_[A-Z_]+\b", CODE))
    told = set(re.findall(r"\bBRIDGE_[A-Z_]+\b", README))
    assert used - told == set()
    assert told - used - {"BRIDGE_ANSWER"} == set()


def test_every_context_is_documented() -> None:
    assert set(re.findall(r"^\[([a-z-]+)\]", CONF, re.MULTILINE)) == set(re.findall(r"`(bridge-[a-z]+)`", README))


@pytest.mark.parametrize("kind", FIELDS)
def test_journal_lines_have_as_many_fields_as_the_reader_expects(kind: str) -> None:
    written = re.search(rf"=(1\|{kind}\|.*)\)$", CODE, re.MULTILINE)
    assert written is not None
    text = written[1]
    if kind == "end":
        tail = re.search(r"Set\(BRIDGE_TAIL=(.*)\)$", CODE, re.MULTILINE)
        assert tail is not None
        text = f"{text}|name|{tail[1]}"
    plain = text
    while plain != (plain := re.sub(r"\$\{[^{}]*\}", "x", plain)):
        pass
    assert plain.endswith("|.")
    assert len(plain.split("|")) == FIELDS[kind]


def test_applications_and_functions_used_are_listed_as_modules() -> None:
    for name, module in {
        "Dial(": "app_dial",
        "MixMonitor(": "app_mixmonitor",
        "ControlPlayback(": "app_controlplayback",
        "SHARED(": "func_shared",
        "FILE(": "func_env",
        "GROUP(": "func_groupcount",
        "DEVICE_STATE(": "func_devstate",
        "RAND(": "func_rand",
    }.items():
        assert name in CODE
        assert module in README


def test_no_call_can_be_sent_elsewhere() -> None:
    """Toll fraud: no transfer by either side, no forwarding by a phone, nothing included."""
    dials = re.findall(r"Dial\(([^\n]*)\)$", CODE, re.MULTILINE)
    assert len(dials) == 2
    for arguments in dials:
        options = re.sub(r"[A-Za-z]\([^()]*\)", "", arguments.rsplit(",", 1)[1])
        assert "i" in options
        assert not set(options) & set("tTkKhHwWxXdDfFo")
    assert "include" not in CODE


WIRE = ("CALLERID(", "REDIRECTING(", "EXTEN}", "INVALID_EXTEN", "BRIDGE_CALLER_NAME", "BRIDGE_HEAD")


@pytest.mark.parametrize("line", [x for x in CODE.splitlines() if any(wire in x for wire in WIRE)])
def test_what_the_caller_sent_never_stands_where_it_could_be_more_than_data(line: str) -> None:
    if "exten => _[0-9]!" in line or "CUT(EXTEN,-," in line or "[bridge-leg]" in line:
        return  # the extension of a leg is our own
    assert "$[" not in line
    assert not re.search(r"\b(ExecIf|GotoIf|Gosub|Dial|MixMonitor|Playback|AGI|System|TrySystem|SHELL|EVAL)\(", line)
