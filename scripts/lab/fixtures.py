"""pytest fixtures on the lab, for every conftest that wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from lab.asterisk import CHECKOUT
from lab.tools import ToolMissingError, Tools, find_tools, with_asterisk_of
from lab.world import Lab

MakeLab: TypeAlias = Callable[..., Lab]


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Asterisk and SIPp; the test is skipped where they have not been fetched."""
    try:
        return find_tools(CHECKOUT / ".lab" / "root")
    except ToolMissingError as missing:
        pytest.skip(f"{missing} (scripts/test fetches them)")


@pytest.fixture(scope="session")
def old_tools(tools: Tools) -> Tools:
    """The same with Asterisk 16.28; the test is skipped where it has not been fetched."""
    try:
        return with_asterisk_of(tools, CHECKOUT / ".lab" / "root16")
    except ToolMissingError as missing:
        pytest.skip(f"{missing} (scripts/test fetches it on Debian)")


@pytest.fixture
def make_lab(tools: Tools, tmp_path: Path) -> Iterator[MakeLab]:
    """Makes and starts labs of the test's own, as many as it likes; keyword arguments are those of Lab (`tools` too)."""
    labs: list[Lab] = []

    def make(**how: Any) -> Lab:
        lab = Lab(tmp_path / f"lab{len(labs) + 1}", how.pop("tools", tools), **how)
        labs.append(lab)
        return lab.start()

    yield make
    for lab in labs:
        lab.stop()
