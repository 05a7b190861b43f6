"""Reading and changing Asterisk's files as they really look."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.install import conf

MANAGER = """\
; a comment with [brackets]
[general]
enabled = no
;bindaddr = 10.0.0.1
port=5038 ; the usual
;-- a block
[hidden]
secret = x
--;
#include "manager.d/*.conf"
#tryinclude <missing.conf>
[admin](!)
secret = semi\\;colon
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "manager.d").mkdir()
    (tmp_path / "manager.conf").write_text(MANAGER)
    (tmp_path / "manager.d" / "b.conf").write_text("[b]\nread = system\n#include manager.conf\n")
    (tmp_path / "manager.d" / "a.conf").write_bytes(b"[a]\nread => user\nname = \xff\n")
    return tmp_path


def test_settings_with_includes_comments_and_blocks(etc: Path) -> None:
    found = {(x.section, x.key): x.value for x in conf.settings(etc / "manager.conf") if x.key}
    assert found["general", "enabled"] == "no"
    assert found["general", "port"] == "5038"
    assert ("general", "bindaddr") not in found
    assert not any(section == "hidden" for section, _ in found)
    assert found["a", "read"] == "user"
    assert found["b", "read"] == "system"
    assert found["admin", "secret"] == "semi;colon"


def test_a_setting_knows_its_place(etc: Path) -> None:
    (found,) = [x for x in conf.settings(etc / "manager.conf") if (x.section, x.key) == ("b", "read")]
    assert (found.file, found.line) == (etc / "manager.d" / "b.conf", 2)


def test_a_missing_file_is_an_error_and_a_missing_include_is_not(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        conf.settings(tmp_path / "manager.conf")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[general]\nenabled = no\n", "[general]\nenabled = yes\n"),
        (
            "[general]\n;enabled = no\n[x]\nenabled = no\n",
            "[general]\nenabled = yes\n;enabled = no\n[x]\nenabled = no\n",
        ),
        ("[x]\n", "[general]\nenabled = yes\n[x]\n"),
        ("", "[general]\nenabled = yes\n"),
        ("[general]\nEnabled=no ; off", "[general]\nenabled = yes"),
    ],
)
def test_one_setting_changes_and_nothing_else(text: str, expected: str) -> None:
    once = conf.with_setting(text, "general", "enabled", "yes")
    assert once == expected
    assert conf.with_setting(once, "general", "enabled", "yes") == once


@pytest.mark.parametrize("text", ["", "[globals]\nA=1\n", "[globals]\nA=1", "[globals] ; note\nA=1\n[x]\n"])
def test_blocks_go_in_and_out_without_a_trace(text: str) -> None:
    at_end = conf.with_block(text, ["#include x"])
    assert at_end is not None
    assert at_end.endswith(f"{conf.BEGIN}\n#include x\n{conf.END}\n")
    assert conf.without_block(at_end).rstrip("\n") == text.rstrip("\n")
    below = conf.with_block(text, ["B=2"], below="globals")
    if not text:
        assert below is None
    else:
        assert below is not None
        assert below.startswith(text.split("\n")[0] + f"\n{conf.BEGIN}\nB=2\n{conf.END}\n")
        assert conf.without_block(below) == text


def test_a_template_is_no_place_for_a_block() -> None:
    text = "[from-trunk](!)\n[from-trunk](+)\nexten => 1,1,Hangup()\n"
    assert conf.with_block(text, ["B"], below="from-trunk") == text.replace(
        "(+)\n", f"(+)\n{conf.BEGIN}\nB\n{conf.END}\n"
    )
