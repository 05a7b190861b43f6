"""What the page Set-up needs of the running daemon."""

from __future__ import annotations

from typing import Protocol

from bridge.core.desk.setup import Checked, ConfigView, Facts, Figure
from bridge.core.desk.situation import PartState


class SetUp(Protocol):
    """The daemon as it was set up. `parts` are in their order."""

    def config(self) -> ConfigView | None: ...
    def parts(self) -> list[PartState]: ...
    def figures(self) -> list[Figure]: ...

    async def check(self) -> Checked:
        """What lies on disk now."""
        ...

    async def facts(self) -> Facts | None: ...


class NoSetUp:
    """A desk without a daemon around it."""

    def config(self) -> ConfigView | None:
        return None

    def parts(self) -> list[PartState]:
        return []

    def figures(self) -> list[Figure]:
        return []

    async def check(self) -> Checked:
        return Checked(False)

    async def facts(self) -> Facts | None:
        return None
