"""What is allowed and yet seldom meant."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.config.common import is_loopback
from bridge.config.desk import desk_warnings
from bridge.config.models import Config
from bridge.config.problems import Path
from bridge.config.sites import site_warnings
from bridge.core.directory import NO_NOTICE, Directory
from bridge.core.model import BindingKind


def warnings_of(config: Config, directory: Directory) -> Iterator[tuple[Path, str]]:
    """Paths and messages."""
    bound = [number.binding for number in directory.numbers.values()]
    with_default = {b.source for b in bound if b.kind is BindingKind.DEFAULT}
    used = {b.source for b in bound}
    for name, pool in directory.pools.items():
        if pool.source not in with_default:
            yield ("pools", name), f"source `{pool.source}` has no default number for visits that get none of the pool"
        if not pool.numbers:
            yield ("pools", name), "this pool has no numbers"
    for name in config.sources:
        if name not in used:
            yield ("sources", name), "no number belongs to this source"
    if config.recordings.enabled and config.recordings.without_notice == "skip" and not _any_notice(config):
        yield ("recordings",), "no notice is used anywhere, so nothing will be recorded"
    if config.site is not None:
        yield from site_warnings(config.site, with_default, {pool.source for pool in directory.pools.values()})
    if config.desk is not None:
        yield from desk_warnings(config.desk)
    if not is_loopback(config.asterisk.ami.host):
        yield (
            ("asterisk", "ami", "host"),
            "the manager interface is not encrypted: keep it on this machine or in a tunnel",
        )


def _any_notice(config: Config) -> bool:
    names = {config.defaults.notice}
    names |= {line.notice for line in config.lines.values()}
    names |= {source.notice for source in config.sources.values()}
    names |= {number.notice for number in config.numbers.values()}
    return bool(names - {None, NO_NOTICE})
