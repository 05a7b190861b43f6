"""What tests of the service share: a company whose service answers."""

from __future__ import annotations

import httpx2
from visiting import Company

from bridge.web.site import SiteService

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
ORIGIN = "https://example.org"


class Served(Company):
    """A company whose service answers; `page` is what its pages' scripts send with."""

    service: SiteService
    page: httpx2.AsyncClient
