"""The section `site`: every kind of mistake in it, and what is made of right ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from config_texts import MINIMAL

from bridge.config import Loaded

SITE = (
    MINIMAL
    + """\
sources: {web: {}, flyer: {}}
numbers: {+74951110002: {default_of: web}}
site:
  sites:
    main:
      domains: [Example.org]
      replace: [8 495 111-22-33]
"""
)


def test_a_short_section_is_enough(loads: Callable[..., Loaded]) -> None:
    service = loads(SITE).config.site
    assert service is not None
    assert (str(service.listen), service.heartbeat, service.idle, service.keep) == ("127.0.0.1:9480", 15, 300, 90)
    assert service.sites["main"].domains == ("example.org",)
    assert loads(MINIMAL).config.site is None


def test_a_rule_is_read_as_the_presets_are(loads: Callable[..., Loaded]) -> None:
    text = SITE + "      rules: [{source: flyer, landing: '/f[0-9]', utm: {source: '*'}, paid: false}]\n"
    service = loads(text).config.site
    assert service is not None
    rule = service.sites["main"].rules[0].rule()
    assert (rule.source, rule.paid) == ("flyer", False)
    assert rule.landing is not None
    assert rule.landing.search("https://example.org/f7")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("      rules: [{source: flyer}]\n", "expected a condition"),
        ("      rules: [{source: flyr, landing: /x}]\n", "there is no source `flyr`, did you mean `flyer`?"),
        ("      rules: [{source: flyer, landing: '(x'}]\n", "'(x' is not a regular expression"),
        ("      otherwise: wb\n", "there is no source `wb`, did you mean `web`?"),
        ("      presets: [adds]\n", "expected `ads`, `maps`, "),
        ("    other: {domains: [example.org], replace: [8 495 111-22-33]}\n", "belongs to site `main` already"),
        ("    other: {domains: ['https://a.example'], replace: [8 495 111-22-33]}\n", "without https://"),
        ("    other: {domains: [a.example], replace: ['12']}\n", "`12` is not a telephone number of RU"),
        ("    other: {domains: [a.example], replace: []}\n", "replace"),
        ("  heartbeat: 1s\n", "`heartbeat` must be between 5s and 2m"),
        ("  idle: 20s\n", "`idle` must be at least two heartbeats"),
        ("  trusted_proxies: [10.0.0.1/8]\n", "is not an IP address, nor a network"),
        ("  region_header: 'X Region'\n", "is not the name of an HTTP header"),
    ],
)
def test_mistakes_are_named(complains: Callable[..., list[str]], more: str, message: str) -> None:
    found = complains(SITE + more)
    assert any(message in line for line in found), found


def test_a_service_open_to_the_world_is_warned_of(loads: Callable[..., Loaded]) -> None:
    assert not [w for w in loads(SITE).warnings if w.path.startswith("site")]
    warnings = loads(SITE + "  listen: 0.0.0.0:9480\n").warnings
    assert any("without TLS" in warning.message for warning in warnings)
