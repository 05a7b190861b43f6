"""``callbridge run``: the daemon, in the foreground."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from bridge.cli.common import config_option, fail, find_config


@click.command("run")
@config_option
def run(config: Path | None) -> None:
    """Answer calls and keep the books, until SIGTERM.

    Runs in the foreground; systemd starts it as config/callbridge.service says. SIGHUP, or `callbridge reload`, applies a changed
    bridge.yaml, all or nothing.

    \b
    Example:
      callbridge run -c /etc/callbridge/bridge.yaml
    """
    from bridge.app import Daemon, secrets_of
    from bridge.config import ConfigError, load
    from bridge.doctor.examine import look_around
    from bridge.telemetry.logging import setup_logging
    from bridge.telemetry.pidfile import AlreadyRunningError

    path = find_config(config)
    try:
        loaded = load(path)
    except ConfigError as error:
        fail(error)
    setup_logging(loaded.config.log.format, loaded.config.log.level, secrets=secrets_of(loaded.config))
    for problem in loaded.sound_problems:
        logging.getLogger("bridge").error("%s: calls that need it go on unrecorded", problem)
    for warning in loaded.warnings:
        logging.getLogger("bridge").warning("%s", warning)

    async def serve() -> None:
        await Daemon(path, loaded, look_around).run()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve())
    except AlreadyRunningError as error:
        fail(error)
    except OSError as error:
        fail(f"cannot start: {error}")
    except KeyboardInterrupt:
        pass


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop where the extra `fast` is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
