"""``callbridge doctor``: is the installation as it must be?"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli.common import config_option, find_config
from bridge.cli.output import plain, to_json

if TYPE_CHECKING:
    from bridge.doctor.findings import Finding

MARKS = {"ok": ("ok", "green"), "note": ("note", "cyan"), "warning": ("warning", "yellow"), "error": ("ERROR", "red")}


@click.command("doctor")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out what is well.")
def doctor(config: Path | None, as_json: bool, quiet: bool) -> None:
    """Test the installation from end to end, and say what to do about each finding.

    Changes nothing and places no call. Run it as the daemon's user: what files allow is tried as whoever runs it.
    Exit status 0: no errors; 1: at least one.

    \b
    Example:
      sudo -u callbridge callbridge doctor
    """
    from bridge.doctor.examine import examine
    from bridge.doctor.findings import Level, count

    findings = asyncio.run(examine(find_config(config)))
    errors = count(findings, Level.ERROR)
    shown = [x for x in findings if not quiet or x.level is not Level.OK]
    if as_json:
        click.echo(to_json({"ok": not errors, "findings": [x.as_dict() for x in shown]}))
    else:
        print_findings(shown)
        click.echo(f"{errors} errors, {count(findings, Level.WARNING)} warnings, {count(findings, Level.NOTE)} notes")
    sys.exit(1 if errors else 0)


def print_findings(findings: list[Finding]) -> None:
    """One finding per line, what to do about it below."""
    for finding in findings:
        mark, colour = MARKS[finding.level]
        click.echo(f"{click.style(f'{mark:<8}', fg=colour)}{finding.part:<11} {plain(finding.text)}")
        if finding.todo:
            click.echo(f"{'':<20}-> {plain(finding.todo)}")
