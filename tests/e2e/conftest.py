"""Real calls through a real Asterisk to the real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import house
from lab.fixtures import make_lab, tools
from lab.tools import Tools
from lab.world import Lab

__all__ = ["make_lab", "tools"]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def standing_house(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The house (house.py), for whoever breaks nothing in it. Who stops the daemon or Asterisk makes a lab of his own."""
    with house(tmp_path_factory.mktemp("house"), tools) as lab:
        yield lab


@pytest.fixture
def lab(standing_house: Lab) -> Iterator[Lab]:
    """The house, its phones gone and its channels none after each test."""
    yield standing_house
    standing_house.stop_calls()
    standing_house.wait_idle()
