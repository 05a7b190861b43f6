"""The README speaks of what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"\bconfig/[a-z.-]+|\bscripts/[a-z-]+|\bdocs/[a-z.-]+", README)))
)
def test_files_named_are_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_commands_named_exist_and_every_command_is_named() -> None:
    named = set(re.findall(r"callbridge ([a-z]+)\b", README))
    assert named - {"daemon"} <= set(COMMANDS) | {"callbridge"}
    assert set(COMMANDS) - named == set()
