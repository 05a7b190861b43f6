"""`callbridge reload` on a running daemon: all or nothing, and it says which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lab.fixtures import tools
from lab.tools import Tools
from lab.world import Lab

from bridge.cli import main

__all__ = ["tools"]


def reload(path: Path) -> Result:
    return CliRunner().invoke(main, ["reload", "-c", str(path)])


@pytest.fixture(scope="module")
def lab(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("reload"), tools) as lab:
        yield lab


@pytest.mark.e2e
def test_a_right_file_is_put_in_service(lab: Lab) -> None:
    lab.daemon.config["sources"]["fair"] = {"title": "Fair"}
    lab.daemon.config["numbers"]["+74951110077"] = {"source": "fair"}
    lab.daemon.write()
    done = reload(lab.daemon.config_file)
    assert (done.exit_code, done.stdout) == (0, "the new configuration is in service\n"), done.output


@pytest.mark.e2e
def test_a_mistake_is_refused_with_its_place(lab: Lab) -> None:
    lab.daemon.write()
    right = lab.daemon.config_file.read_text()
    lab.daemon.config_file.write_text(right + "colour: red\n")
    done = reload(lab.daemon.config_file)
    assert done.exit_code == 1
    line = right.count("\n") + 1
    assert f"error: {lab.daemon.config_file}:{line}:1: colour: " in done.stderr
    assert "goes on with the configuration it had" in done.stderr
    lab.daemon.config_file.write_text(right)


@pytest.mark.e2e
def test_what_only_the_daemon_sees_is_refused_by_it(lab: Lab) -> None:
    lab.daemon.write()
    right = lab.daemon.config_file.read_text()
    secret = Path(lab.daemon.config["asterisk"]["ami"]["secret"]["file"])
    secret.chmod(0o644)
    done = reload(lab.daemon.config_file)
    secret.chmod(0o600)
    assert done.exit_code == 1
    assert f"everybody on this machine may read {secret}" in done.stderr
    assert right == lab.daemon.config_file.read_text()
    assert reload(lab.daemon.config_file).exit_code == 0


def test_no_daemon_runs(tmp_path: Path) -> None:
    path = tmp_path / "bridge.yaml"
    path.write_text(
        "store: {url: bridge.db}\nasterisk: {ami: {user: callbridge, secret: {env: X}}}\n"
        "lines: {main: {ring: [{phone: PJSIP/1}]}}\nfallback: {line: main}\n"
    )
    done = reload(path)
    assert done.exit_code == 1
    assert "no daemon runs with this configuration" in done.stderr
