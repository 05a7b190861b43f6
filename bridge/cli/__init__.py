"""``callbridge``: one command per module, imported when it is asked for, so that starting is fast."""

from __future__ import annotations

import importlib
from typing import Any, Final

import click

from bridge import __version__

COMMANDS: Final = {
    "backup": "bridge.cli.backup:backup",
    "calls": "bridge.cli.calls:calls",
    "check": "bridge.cli.check:check",
    "doctor": "bridge.cli.doctor:doctor",
    "hold": "bridge.cli.hold:hold",
    "init": "bridge.cli.init:init",
    "link": "bridge.cli.link:link",
    "migrate": "bridge.cli.migrate:migrate",
    "numbers": "bridge.cli.numbers:numbers",
    "pools": "bridge.cli.pools:pools",
    "recordings": "bridge.cli.recordings:recordings",
    "reload": "bridge.cli.reload:reload",
    "report": "bridge.cli.report:report",
    "rollups": "bridge.cli.rollups:rollups",
    "run": "bridge.cli.run:run",
    "scan": "bridge.cli.scan:scan",
    "simulate": "bridge.cli.simulate:simulate",
    "sounds": "bridge.cli.sounds:sounds",
    "source": "bridge.cli.source:source",
    "user": "bridge.cli.user:user",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="callbridge")
def main() -> None:
    """Call tracking on your own Asterisk: which advertisement makes the phone ring.

    Exit status: 0 done, 1 a problem was found, 2 the command was not understood.

    \b
    Example:
      callbridge calls --day today
    """
