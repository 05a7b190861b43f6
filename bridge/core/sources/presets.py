"""The presets that come with the bridge, as rules. Their text (TOML) is read elsewhere and passed in."""

from __future__ import annotations

import tomllib
from typing import Any

from bridge.core.sources.rules import Rule, pattern

_LISTS = ("hosts", "referrers", "click_ids")
_PATTERNS = ("landing", "referring")
_TABLES = ("utm", "query")


def parse(text: str, names: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """The preset rules in their order, only those of the groups `names` if any are given. Raises ValueError for a broken file."""
    groups: dict[str, list[dict[str, Any]]] = tomllib.loads(text)
    unknown = [name for name in names if name not in groups]
    if unknown:
        raise ValueError(f"no preset {unknown[0]!r}; there are {', '.join(groups)}")
    return tuple(rule(row) for group, rows in groups.items() if not names or group in names for row in rows)


def rule(row: dict[str, Any]) -> Rule:
    """One rule out of plain data. Raises ValueError for an unknown field or a broken pattern."""
    given = dict(row)
    fields: dict[str, Any] = {
        "source": given.pop("source"),
        "name": given.pop("name", ""),
        "paid": given.pop("paid", None),
    }
    fields |= {name: tuple(given.pop(name)) for name in _LISTS if name in given}
    fields |= {name: pattern(given.pop(name)) for name in _PATTERNS if name in given}
    for name in _TABLES:
        if name in given:
            fields[name] = {key: pattern(value) for key, value in given.pop(name).items()}
    if given:
        raise ValueError(f"unknown field {next(iter(given))!r} in the rule of {fields['source']}")
    return Rule(**fields)
