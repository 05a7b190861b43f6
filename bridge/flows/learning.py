"""What was learned of delays, as text for the store, and back."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, fields
from math import isfinite
from typing import Any, Final

from bridge.core.attribution.delays import Learned
from bridge.core.attribution.rates import Counts

log = logging.getLogger(__name__)

LEARNED: Final = "visits.learned"  #: the mark's key


def learned_text(learned: Learned) -> str:
    """JSON."""
    return json.dumps(asdict(learned), separators=(",", ":"))


def learned_from(text: str | None) -> Learned:
    """What `learned_text` wrote; nothing learned where there is none, or where another version wrote it otherwise."""
    if not text:
        return Learned()
    try:
        found = json.loads(text)
        return Learned(**{f.name: _counts(found[f.name]) for f in fields(Learned)})
    except (ValueError, TypeError, KeyError):
        log.warning("what was learned of delays cannot be read; it is learned anew")
        return Learned()


def _counts(found: dict[str, Any]) -> Counts:
    counts = Counts(**{f.name: found[f.name] for f in fields(Counts)})
    for name, fresh in asdict(Counts()).items():
        if not _alike(getattr(counts, name), fresh):
            raise ValueError(f"{name} has another form")
    return counts


def _alike(value: object, fresh: object) -> bool:
    """Whether the value is made as `fresh` is: a finite number, or a list as long of such."""
    if isinstance(fresh, list):
        return isinstance(value, list) and len(value) == len(fresh) and all(map(_alike, value, fresh))
    return isinstance(value, int | float) and isfinite(value)
