"""From the configuration to the sites as the service sees them."""

from __future__ import annotations

from importlib.resources import files

from bridge.config import sites
from bridge.config.models import Config
from bridge.core.phone import normalise
from bridge.core.site import Site, Sites
from bridge.core.sources.policy import Policy
from bridge.core.sources.presets import parse
from bridge.core.sources.rules import Rule


def build_sites(config: Config) -> Sites | None:
    """None where the service is off. For a configuration that `load` has checked."""
    service = config.site
    if service is None:
        return None
    return Sites(
        sites={name: _site(config, name, site) for name, site in service.sites.items()},
        region=config.region,
        address=service.address,
        keep=service.keep,
        heartbeat=service.heartbeat,
        idle=service.idle,
        threshold=config.attribution.threshold,
        revise=config.attribution.revise,
    )


def site_rules(site: sites.Site) -> tuple[Rule, ...]:
    """The owner's rules and then the presets."""
    presets = files("bridge.core.sources").joinpath("presets.toml").read_text(encoding="utf-8")
    return (*(rule.rule() for rule in site.rules), *(parse(presets, site.presets) if site.presets else ()))


def _site(config: Config, name: str, site: sites.Site) -> Site:
    return Site(
        name=name,
        domains=tuple(_as_sent(domain) for domain in site.domains),
        replace=tuple(filter(None, (normalise(written, config.region) for written in site.replace))),
        rules=site_rules(site),
        otherwise=site.otherwise,
        policy=Policy(site.policy),
        consent=site.consent,
        do_not_track=site.do_not_track,
    )


def _as_sent(domain: str) -> str:
    """As browsers write it in `Origin`."""
    return domain if domain.isascii() else domain.encode("idna").decode()
