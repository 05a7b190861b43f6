"""``callbridge check``: is this bridge.yaml right?"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli.common import config_option, find_config
from bridge.config import ConfigError, Loaded, Problem, load
from bridge.config.schema import schema_text

if TYPE_CHECKING:
    from bridge.doctor.findings import Finding


@click.command("check")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option(
    "--live", is_flag=True, help="Also ask the running Asterisk: do the phones, mailboxes, contexts and sounds exist?"
)
@click.option(
    "--print-schema", is_flag=True, help="Print the JSON Schema of bridge.yaml for editors, and do nothing else."
)
def check(config: Path | None, as_json: bool, live: bool, print_schema: bool) -> None:
    """Check bridge.yaml and everything it names: included files, secrets, sounds.

    Every mistake is reported at once, as file:line:column: path: what is wrong. Exit status 0: it can be used; 1: it cannot.

    \b
    Example:
      callbridge check -c bridge.yaml
    """
    if print_schema:
        click.echo(schema_text(), nl=False)
        return
    path = find_config(config)
    loaded: Loaded | None = None
    errors: Sequence[Problem]
    warnings: Sequence[Problem] = ()
    try:
        loaded = load(path)
        errors, warnings = loaded.sound_problems, loaded.warnings
    except ConfigError as error:
        errors = error.problems
    found = _ask_asterisk(loaded) if live and loaded is not None else []
    failed = bool(errors) or any(finding.level == "error" for finding in found)
    if as_json:
        report = _report(loaded, errors, warnings) | {"ok": not failed}
        report |= {"live": [finding.as_dict() for finding in found]} if live else {}
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for problem in errors:
            click.echo(f"error: {problem}", err=True)
        for problem in warnings:
            click.echo(f"warning: {problem}", err=True)
        for finding in found:
            click.echo(f"{finding.level}: {finding.text}", err=finding.level != "ok")
        if loaded is not None and not failed:
            click.echo(f"{path}: {summary(loaded)}")
    sys.exit(1 if failed else 0)


def _ask_asterisk(loaded: Loaded) -> list[Finding]:
    from bridge.doctor.live import check_live

    return asyncio.run(check_live(loaded.config))


def summary(loaded: Loaded) -> str:
    """``4 numbers, 2 sources, 1 line``"""
    return ", ".join(f"{n} {what if n != 1 else what[:-1]}" for what, n in _counts(loaded).items())


def _counts(loaded: Loaded) -> dict[str, int]:
    directory = loaded.directory
    return {"numbers": len(directory.numbers), "sources": len(directory.sources), "lines": len(directory.lines)}


def _report(loaded: Loaded | None, errors: Sequence[Problem], warnings: Sequence[Problem]) -> dict[str, object]:
    return {
        "ok": not errors,
        "errors": [problem.as_dict() for problem in errors],
        "warnings": [problem.as_dict() for problem in warnings],
        "counts": _counts(loaded) if loaded is not None else None,
    }
