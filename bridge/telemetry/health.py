"""How each part of the daemon is, since when; what /healthz and ``systemctl status`` tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

STARTING: Final = "starting"
OK: Final = "ok"
DEGRADED: Final = "degraded"
OFF: Final = "off"  #: switched off by the configuration: neither good nor bad

_FINE = (OK, OFF)


@dataclass(frozen=True, slots=True)
class Part:
    """One part's state. Any state but ``ok``, ``off`` and ``starting`` makes the whole degraded. `more` goes into the JSON as it is."""

    state: str
    since: datetime
    detail: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        detail = {"detail": self.detail} if self.detail else {}
        return {"state": self.state, "since": self.since.isoformat(timespec="milliseconds"), **detail, **self.more}


class Health:
    """The parts named begin as ``starting``. `changed` is called, with the Health, whenever a state changes."""

    def __init__(
        self,
        parts: Iterable[str],
        *,
        changed: Callable[[Health], None] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone(),
    ) -> None:
        self._clock = clock
        self._changed = changed
        self.started_at = clock()
        self.parts = {name: Part(STARTING, self.started_at) for name in parts}

    def set(self, name: str, state: str, detail: str = "", **more: Any) -> None:
        """Say how a part is. `since` stays where it was while the state stays the same."""
        before = self.parts.get(name)
        same = before is not None and before.state == state
        self.parts[name] = Part(state, before.since if before and same else self._clock(), detail, more)
        if not same and self._changed is not None:
            self._changed(self)

    @property
    def state(self) -> str:
        """``starting`` until every part has said something, then ``ok`` or ``degraded``."""
        states = {part.state for part in self.parts.values()}
        if STARTING in states:
            return STARTING
        return OK if states <= set(_FINE) else DEGRADED

    def troubles(self) -> str:
        """The parts that are not well, on one line: ``ami: degraded (no answer)``; empty if all are."""
        return "; ".join(
            f"{name}: {part.state}" + (f" ({part.detail})" if part.detail else "")
            for name, part in self.parts.items()
            if part.state not in _FINE
        )

    def as_dict(self) -> dict[str, Any]:
        """``{"state", "pid", "started_at", "parts": {name: {"state", "since", ...}}}``, each part also by its own name at the top."""
        parts = {name: part.as_dict() for name, part in self.parts.items()}
        return {
            "state": self.state,
            "pid": os.getpid(),
            "started_at": self.started_at.isoformat(timespec="milliseconds"),
            **parts,
        }
