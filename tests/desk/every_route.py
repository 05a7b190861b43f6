"""Every route of the desk with an address that can be asked for. A route with a new name in its path needs a line in `EXAMPLES`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.web.desk.routes import ROUTES
from bridge.web.desk.routing import Route

#: What stands in the place of ``{name}``: nothing that there is, but for a call's id, which the test says.
EXAMPLES = {
    "token": "x" * 43,
    "name": "nobody-here",
    "act": "lock",
    "short": "0" * 12,
    "batch": "0" * 16,
    "week": "2026-11-16",
    "path": "x",
    "file": "bridge.yaml",
    "number": "0",
    "item": "x",
    "user": "nobody-here",
    "line": "sales",
    "source": "yandex-direct",
    "pool": "x",
    "id": "20200101-000000-1-000000",
}


def address(route: Route, **known: str) -> str:
    """The route's path with its names filled in. KeyError for one without an example."""
    values: Mapping[str, str] = {**EXAMPLES, **known}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values[found[1]], route.path)


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


SAFE = [route for route in ROUTES if route.method == "GET"]
CHANGING = [route for route in ROUTES if route.method not in ("GET", "HEAD")]
