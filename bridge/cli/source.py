"""``callbridge source URL``: which source a visit would be booked on, and why."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files

import click

from bridge.cli.common import fail


@click.command()
@click.argument("url")
@click.option("--referrer", metavar="URL", help="The page the visitor came from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def source(url: str, referrer: str | None, as_json: bool) -> None:
    """Show which source, campaign and keyword a visit that lands on URL is booked on, and which rule says so.

    \b
    Example:
      callbridge source 'https://example.org/?utm_source=yandex&utm_medium=cpc&utm_term=locksmith'
    """
    from bridge.cli.output import plain, to_json
    from bridge.core.sources.presets import parse
    from bridge.core.sources.rules import classify

    try:
        rules = parse(files("bridge.core.sources").joinpath("presets.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"the presets cannot be read: {error}")
    touch = classify(url, referrer, rules)
    if as_json:
        click.echo(to_json(asdict(touch)))
        return
    for name, value in asdict(touch).items():
        if value is not None:
            shown = ("yes" if value else "no") if isinstance(value, bool) else plain(value)
            click.echo(f"{name.replace('_', ' '):14} {shown}")
