"""Browsers as people know them, from what they say of themselves."""

from __future__ import annotations

import re
from typing import Final

# those that pretend to be another stand before it
_BROWSERS: Final = (
    ("YaBrowser", "Yandex"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("HeadlessChrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Version", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """``Firefox 140, Linux``; the beginning of what it says where it is none of the known ones."""
    for word, name in _BROWSERS:
        if found := re.search(rf"\b{word}\w*/([0-9]{{1,4}})", agent):
            system = next((title for part, title in _SYSTEMS if part in agent), "")
            return ", ".join(filter(None, (f"{name} {found[1]}", system)))
    return agent[:40]
