"""``callbridge reload``: a changed bridge.yaml into service, all or nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bridge.cli.common import config_option, fail, find_config

if TYPE_CHECKING:
    from bridge.config import Config

_PAUSE = 0.05


@click.command("reload")
@config_option
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for the daemon's answer.")
def reload(config: Path | None, timeout: float) -> None:
    """Let the running daemon read bridge.yaml anew. Calls under way are not touched.

    A file with a mistake changes nothing: the mistakes are printed, and the daemon goes on as before.
    Exit status 0: the new file is in service; 1: it is not.

    \b
    Example:
      callbridge reload && echo in service
    """
    from bridge.app import pid_path
    from bridge.telemetry.pidfile import running_pid

    settings = _config(config)
    place = pid_path(settings)
    try:
        pid = running_pid(place)
    except OSError as error:
        fail(f"{place}: {(error.strerror or 'error').lower()}")
    if pid is None:
        fail(f"no daemon runs with this configuration ({place}); start it with: systemctl start callbridge")
    before = _config_part(settings)
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError:
        fail(f"process {pid} is another user's: run this as root or as the daemon's user")
    except ProcessLookupError:
        fail(f"process {pid} has just ended")
    after = _wait(settings, before, timeout)
    if after.get("state") == "ok":
        click.echo("the new configuration is in service")
        return
    _refused(after.get("problems", ()))


def _config(path: Path | None) -> Config:
    """The new file, as far as the daemon can be found by it. What is plainly wrong need not be tried on the daemon."""
    from bridge.config import ConfigError, load

    try:
        return load(find_config(path), check_files=False).config
    except ConfigError as error:
        _refused(error.problems)


def _refused(problems: Iterable[object]) -> NoReturn:
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    click.echo("callbridge: refused; the daemon goes on with the configuration it had", err=True)
    sys.exit(1)


def _wait(config: Config, before: dict[str, Any], timeout: float) -> dict[str, Any]:
    """The `config` part of /healthz once it tells of another load than `before`."""
    end = time.monotonic() + timeout
    while (part := _config_part(config)).get("loaded_at") == before.get("loaded_at"):
        if time.monotonic() > end:
            fail(f"the daemon has not answered in {timeout:g} s: look into its log (journalctl -u callbridge)")
        time.sleep(_PAUSE)
    return part


def _config_part(config: Config) -> dict[str, Any]:
    from bridge.doctor.daemon import read_health

    health = read_health(config)
    if isinstance(health, str):
        fail(f"/healthz on {config.monitor.listen}: {health}")
    part = health.get("config")
    return part if isinstance(part, dict) else {}
