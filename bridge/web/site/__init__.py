"""The site's side of the bridge: the snippet, and the service that tells each visit its number."""

from bridge.web.site.service import SiteService

__all__ = ["SiteService"]
