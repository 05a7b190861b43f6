"""Real calls through a real Asterisk to the real daemon. One lab per module, idle between tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.fixtures import make_lab, tools
from lab.tools import Tools
from lab.world import Lab

__all__ = ["make_lab", "tools"]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def module_lab(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab"), tools) as lab:
        yield lab


@pytest.fixture
def lab(module_lab: Lab) -> Iterator[Lab]:
    """A running lab with the standard configuration (lab.daemon.bridge_config), its phones gone and its channels none after each test."""
    yield module_lab
    module_lab.stop_calls()
    module_lab.wait_idle()
