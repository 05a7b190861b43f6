"""Tests of flows that need a database make one as the store's tests do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "store"))  # databases.py


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine too busy to write a lease within GIVE_UP_SECONDS shows default numbers, as it should: not what these tests are about."""
    monkeypatch.setattr("bridge.flows.writing.GIVE_UP_SECONDS", 60.0)
