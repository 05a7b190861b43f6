"""A configuration and real books for the commands."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

sys.path.append(str(Path(__file__).parent.parent / "store"))  # the samples

from bridge.cli import main
from bridge.core.model import Binding, Call
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.migrate import migrate

CONFIG = """
timezone: Europe/Moscow
store: {url: books/bridge.db}
asterisk:
  ami: {user: callbridge, secret: {env: NOT_NEEDED_HERE}}
recordings: {folder: sounds}
lines:
  main: {ring: [{phone: PJSIP/101}]}
sources:
  billboard: {}
  radio: {}
  direct: {}
numbers:
  "+74951234567": {source: billboard}
  "+74951234568": {retiring: radio, since: "2026-01-01"}
  "+74951234569": {default_of: direct}
pools:
  shop: {source: direct, numbers: ["+74951234570"]}
fallback: {line: main}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """bridge.yaml, in the folder that the test runs in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CALLBRIDGE_CONFIG", raising=False)
    path = tmp_path / "bridge.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def fill(config: Path) -> Callable[..., list[Call]]:
    """Makes the configured books with some calls in them; gives the calls as booked."""

    def fill(calls: Sequence[Call] = (), bindings: Sequence[Binding] = ()) -> list[Call]:
        async def work() -> list[Call]:
            database = Database(f"sqlite:///{config.parent}/books/bridge.db")
            try:
                await migrate(database)
                store = CallStore(database)
                for call in calls:
                    await store.save(call)
                if bindings:
                    await store.record_bindings(calls[0].started_at, bindings)
                return [found for call in calls if (found := await store.get(call.id))]
            finally:
                await database.close()

        return asyncio.run(work())

    return fill


@pytest.fixture
def callbridge() -> Callable[..., Result]:
    """Runs a command within this process; no traceback may ever come out of one."""

    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, prog_name="callbridge")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == exit_code, result.output
        return result

    return run
