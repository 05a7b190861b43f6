"""From the configuration to the desk's settings."""

from __future__ import annotations

from types import MappingProxyType

from bridge.config import desk
from bridge.config.common import Secret
from bridge.config.models import Config
from bridge.core.desk.settings import CLASSES, CallClass, DeskSettings, Mail, Oidc, Webhook


def build_desk(config: Config) -> DeskSettings:
    """For a configuration that `load` has checked; the defaults where the desk is off."""
    wish = config.desk
    if wish is None:
        return DeskSettings()
    return DeskSettings(
        url=wish.url,
        trusted_proxies=wish.trusted_proxies,
        currency=wish.currency,
        classes=MappingProxyType(_classes(wish)),
        checklist=MappingProxyType(dict(wish.checklist)),
        tags=wish.tags,
        see_callers=wish.show_callers,
        session_idle=wish.sessions.idle,
        session_lasts=wish.sessions.lasts,
        sample=wish.sample,
        missed_after=wish.missed.after,
        mail=_mail(wish.missed.mail) if wish.missed.mail else None,
        webhook=Webhook(wish.missed.webhook.url, _value(wish.missed.webhook.secret)) if wish.missed.webhook else None,
        oidc=_oidc(wish.oidc) if wish.oidc else None,
    )


def desk_address(config: Config) -> tuple[str, int] | None:
    """Where the desk is served; None where it is off."""
    return (config.desk.listen.host, config.desk.listen.port) if config.desk else None


def _classes(wish: desk.DeskService) -> dict[str, CallClass]:
    """The bridge's own ones first, as the owner has them, then his."""
    found = {known.name: known for known in CLASSES}
    for name, given in wish.classes.items():
        known = found.get(name, CallClass(name, name, ""))
        found[name] = CallClass(name, given.title or known.title, given.key or known.key, given.counts or known.counts)
    return found


def _mail(wish: desk.Mail) -> Mail:
    return Mail(wish.host, wish.port, wish.tls, wish.sender, wish.to, wish.user, _value(wish.password))


def _oidc(wish: desk.Oidc) -> Oidc:
    secret = wish.client_secret.value
    return Oidc(wish.issuer, wish.client_id, secret, wish.claim, MappingProxyType(dict(wish.roles)), wish.title or "")


def _value(secret: Secret | None) -> str | None:
    return None if secret is None else secret.value
