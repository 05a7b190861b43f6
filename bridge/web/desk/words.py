"""Titles of what the books have words for: outcomes, kinds, classes, roles, periods. English; templates translate them with ``_()``."""

from __future__ import annotations

from typing import Final

from bridge.core.desk.access import Role
from bridge.core.desk.settings import CallClass


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


OUTCOMES: Final = {
    None: _("under way"),
    "answered": _("answered"),
    "voicemail": _("voicemail"),
    "unanswered": _("no answer"),
    "busy": _("busy"),
    "unreachable": _("unreachable"),
    "closed": _("closed"),
    "abandoned": _("hung up"),
    "blocked": _("blocked"),
    "screened": _("screened"),
    "interrupted": _("interrupted"),
}
KINDS: Final = {
    "static": _("number of the source"),
    "visit": _("visit"),
    "caller-memory": _("known caller"),
    "source-default": _("source only"),
    "unknown": _("unknown"),
}
CLASSES: Final = {"target": _("target"), "not-target": _("not target"), "spam": _("spam")}
ROLES: Final = {
    Role.ADMIN: _("administrator"),
    Role.MARKETER: _("marketer"),
    Role.OPERATOR: _("operator"),
    Role.LISTENER: _("listener"),
    Role.GUEST: _("guest"),
}
PERIODS: Final = {
    "today": _("Today"),
    "yesterday": _("Yesterday"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "90d": _("Last 90 days"),
    "365d": _("Last 365 days"),
    "this-week": _("This week"),
    "last-week": _("Last week"),
    "this-month": _("This month"),
    "last-month": _("Last month"),
    "this-year": _("This year"),
}
PAGES: Final = (_("Now"), _("Calls"), _("Missed"), _("Sources"), _("Pools"), _("Quality"), _("Set-up"))


def class_title(given: CallClass) -> str:
    """English for the bridge's own classes, the owner's words for his."""
    return given.title or CLASSES.get(given.name, given.name)
