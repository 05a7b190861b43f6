"""Every page of the desk. A new one: a module with handlers and ROUTES, its templates, its texts in ``locale/ru/<module>.po``, a line here."""

from __future__ import annotations

from typing import Final

from bridge.web.desk import (
    account,
    api,
    attribution,
    audit_page,
    bulk,
    call,
    calls,
    events,
    export,
    home,
    links,
    missed,
    now,
    oidc,
    openapi,
    peaks,
    people,
    pools,
    quality,
    saying,
    set_up,
    signing_in,
    sound,
    sources,
    views,
)
from bridge.web.desk.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *home.ROUTES,
    *signing_in.ROUTES,
    *oidc.ROUTES,
    *account.ROUTES,
    *people.ROUTES,
    *links.ROUTES,
    *audit_page.ROUTES,
    *calls.ROUTES,
    *saying.ROUTES,
    *views.ROUTES,
    *bulk.ROUTES,
    *export.ROUTES,
    *call.ROUTES,
    *sound.ROUTES,
    *peaks.ROUTES,
    *attribution.ROUTES,
    *now.ROUTES,
    *pools.ROUTES,
    *quality.ROUTES,
    *set_up.ROUTES,
    *missed.ROUTES,
    *sources.ROUTES,
    *events.ROUTES,
    *api.ROUTES,
    *openapi.ROUTES,
)
