"""``callbridge source URL``: which source a visit would be booked on, and why."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli.common import PLACES, config_option, fail, open_config

if TYPE_CHECKING:
    from bridge.core.site import Site


@click.command()
@click.argument("url")
@click.option("--referrer", metavar="URL", help="The page the visitor came from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def source(url: str, referrer: str | None, as_json: bool, config: Path | None) -> None:
    """Show which source, campaign and keyword a visit that lands on URL is booked on, and which rule says so.

    The rules are those of the configured site that URL belongs to, or of the only one; without a configuration, the presets.

    \b
    Example:
      callbridge source 'https://example.org/?utm_source=yandex&utm_medium=cpc&utm_term=locksmith'
    """
    from bridge.cli.output import plain, to_json
    from bridge.core.sources.presets import parse
    from bridge.core.sources.rules import classify

    site = _site(url, config)
    if site is not None:
        rules, hosts = site.rules, site.domains
    else:
        try:
            rules = parse(files("bridge.core.sources").joinpath("presets.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            fail(f"the presets cannot be read: {error}")
        hosts = ()
    touch = classify(url, referrer, rules, hosts)
    if as_json:
        click.echo(to_json(asdict(touch)))
        return
    for name, value in asdict(touch).items():
        if value is not None:
            shown = ("yes" if value else "no") if isinstance(value, bool) else plain(value)
            click.echo(f"{name.replace('_', ' '):14} {shown}")


def _site(url: str, config: Path | None) -> Site | None:
    """The configured site that `url` belongs to, or the only one; None without a configuration."""
    from urllib.parse import urlsplit

    from bridge.config.site_build import build_sites

    if config is None and "CALLBRIDGE_CONFIG" not in os.environ and not any(place.exists() for place in PLACES):
        return None
    found = build_sites(open_config(config).config)
    sites = list(found.sites.values()) if found else []
    try:
        host = urlsplit(url).netloc.lower()
    except ValueError:
        host = ""
    return next((site for site in sites if site.has(host)), sites[0] if len(sites) == 1 else None)
