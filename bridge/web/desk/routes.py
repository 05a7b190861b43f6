"""Every page of the desk. A new one: a module with handlers and ROUTES, its templates, its texts in ``locale/ru/<module>.po``, a line here."""

from __future__ import annotations

from typing import Final

from bridge.web.desk import attribution, bulk, call, calls, export, home, peaks, saying, signing_in, sound, views
from bridge.web.desk import events, now
from bridge.web.desk.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *home.ROUTES,
    *signing_in.ROUTES,
    *now.ROUTES,
    *events.ROUTES,
    *calls.ROUTES,
    *saying.ROUTES,
    *views.ROUTES,
    *bulk.ROUTES,
    *export.ROUTES,
    *call.ROUTES,
    *sound.ROUTES,
    *peaks.ROUTES,
    *attribution.ROUTES,
)
