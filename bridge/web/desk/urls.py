"""Queries of URLs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode


def query(pairs: Iterable[tuple[str, str]] | Mapping[str, str] = (), **changed: object) -> str:
    """`pairs` as a URL's query, but for the names in `changed`, which are put at its end; None leaves one out."""
    given = pairs.items() if isinstance(pairs, Mapping) else pairs
    kept = [(name, value) for name, value in given if name not in changed]
    return urlencode(kept + [(name, str(value)) for name, value in changed.items() if value is not None])
