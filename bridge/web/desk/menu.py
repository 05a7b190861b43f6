"""The pages of the menu, in its order: path, right, title. Where one begins is the first he may see, or his role's own."""

from __future__ import annotations

from typing import Final

from bridge.core.desk.access import Right, Role

MENU: Final = (
    ("/now", Right.NOW, "Now"),
    ("/calls", Right.CALLS, "Calls"),
    ("/missed", Right.MISSED, "Missed"),
    ("/sources", Right.REPORTS, "Sources"),
    ("/pools", Right.REPORTS, "Pools"),
    ("/quality", Right.QUALITY, "Quality"),
    ("/set-up", Right.SETUP, "Set-up"),
)
FIRST: Final = {Role.GUEST: "/sources", Role.MARKETER: "/sources", Role.OPERATOR: "/calls", Role.LISTENER: "/quality"}
