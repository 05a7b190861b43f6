"""dialplan/bridge.conf read as a linter would: where data may stand, and where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "dialplan"
CODE = [
    line.strip()
    for line in (FOLDER / "bridge.conf").read_text("utf-8").splitlines()
    if line.strip() and not line.lstrip().startswith(";")
]
README = (FOLDER / "README.md").read_text("utf-8")
#: What came from outside: from callers, phones, or keys pressed.
WIRE = (
    "CALLERID(",
    "REDIRECTING(",
    "INVALID_EXTEN",
    "BRIDGE_CALLER_NAME",
    "BRIDGE_SENT",
    "bridge_contacts",
    "PJSIP_DIAL_CONTACTS",
)
CARRIED_OUT = (
    "ExecIf",
    "GotoIf",
    "Goto",
    "Gosub",
    "Dial",
    "MixMonitor",
    "Playback",
    "ControlPlayback",
    "Read",
    "VoiceMail",
    "AGI",
)


def steps(name: str) -> list[str]:
    return [line for line in CODE if re.search(rf"\b{name}\(", line)]


def test_every_variable_that_is_read_is_set_here_or_is_a_documented_global() -> None:
    text = "\n".join(CODE)
    read = set(re.findall(r"\$\{_*(BRIDGE_[A-Z_]+)", text)) | set(re.findall(r"CUT\((BRIDGE_[A-Z_]+)", text))
    written = set(re.findall(r"Set\(_*(BRIDGE_[A-Z_]+)=", text)) | set(re.findall(r"Read\((BRIDGE_[A-Z_]+)", text))
    for array in re.findall(r"ARRAY\(([^)]*)\)", text):
        written |= {name.lstrip("_") for name in array.split(",")}
    table = README.partition("## Globals")[2].partition("\n## ")[0]
    assert read - written - set(re.findall(r"`(BRIDGE_[A-Z_]+)`", table)) == set()


@pytest.mark.parametrize("wire", WIRE)
def test_what_came_from_outside_is_no_part_of_an_expression_or_an_argument(wire: str) -> None:
    for line in CODE:
        code = line.replace("${FIELDQTY(bridge_contacts,&)}", "a number")
        for name in CARRIED_OUT:
            for arguments in re.findall(rf"\b{name}\((.*)", code):
                assert wire not in arguments, line
        assert not re.search(rf"\$\[[^]]*{re.escape(wire)}", code), line


def test_the_key_pressed_is_filtered_before_it_is_compared() -> None:
    (reading,) = steps("Read")
    after = CODE[CODE.index(reading) + 1 :]
    assert after[0] == "same => n,Set(BRIDGE_PRESSED=${FILTER(0-9*,${BRIDGE_PRESSED})})"


def test_contacts_of_phones_are_filtered_before_they_reach_dial() -> None:
    """A contact's header is the phone's own: of its characters only those of an address go on, and no & but Asterisk's between two."""
    (set_,) = [line for line in CODE if "PJSIP_DIAL_CONTACTS" in line]
    assert set_.startswith("same => n,Set(bridge_contacts=")
    given = [line for line in CODE if "${bridge_contacts}" in line]
    assert given == ["same => n,Return(${FILTER(0-9A-Za-z@:\\;=._+&/%~\\-,${bridge_contacts})})"]


def test_files_are_named_by_the_call_id_alone() -> None:
    assert len(steps("MixMonitor")) == 1
    for line in [*steps("MixMonitor"), *steps("FILE")]:
        for path in re.findall(r"(?:[rt]|FILE)\((\$\{BRIDGE_SPOOL\}[^)]*|\$\{BRIDGE_JOURNAL\})", line):
            assert set(re.findall(r"\$\{([A-Z_]+)\}", path)) <= {
                "BRIDGE_SPOOL",
                "BRIDGE_CALL_ID",
                "BRIDGE_EXT",
                "BRIDGE_JOURNAL",
            }
    (made,) = [line for line in CODE if "Set(__BRIDGE_CALL_ID=" in line]
    assert set(re.findall(r"\$\{([A-Z]+)", made)) == {"STRFTIME", "EPOCH", "FILTER", "UNIQUEID", "RAND"}


def test_nothing_runs_programs_and_nothing_is_included() -> None:
    text = "\n".join(CODE)
    assert not re.search(
        r"\b(System|TrySystem|SHELL|EVAL|Exec|TryExec|ExternalIVR|EAGI|DISA|Macro|CURL|ODBC\w*|Originate)\(", text
    )
    assert not re.search(r"^#?(include|switch|exec)\b", text, re.MULTILINE)
