"""The section `desk`: every kind of mistake in it, and what is made of a right one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from config_texts import ENV, MINIMAL

from bridge.app import secrets_of
from bridge.config import Loaded
from bridge.config import desk as desk_section
from bridge.config.desk_build import build_desk, desk_address
from bridge.core.desk.settings import CLASSES, OWN_KEYS, DeskSettings

DESK = MINIMAL + "desk:\n"  # what a test adds begins at line 7
FULL = """\
  url: https://desk.example.org/
  currency: EUR
  classes:
    target: {title: Клиент, key: 1}
    repeat-order: {title: Повторный, key: r, counts: target}
    job: {key: w}
  checklist: {introduced: Представился}
  tags: [VIP, 2026]
  show_callers: [admin]
  sessions: {idle: 1h, lasts: 7d}
  sample: 0
  missed:
    after: 5m
    mail: {host: 127.0.0.1, port: 25, tls: none, from: a@example.org, to: [b@example.org], user: u, password: {env: MAIL}}
    webhook: {url: "http://127.0.0.1:9/hook", secret: {env: HOOK}}
  oidc:
    issuer: https://login.example.org/realm
    client_id: callbridge
    client_secret: {env: OIDC}
    roles: {it: admin}
"""
SECRETS = {**ENV, "MAIL": "mail-s3cret", "HOOK": "hook-s3cret", "OIDC": "oidc-s3cret"}


def test_without_the_section_the_desk_is_off(loads: Callable[..., Loaded]) -> None:
    config = loads(MINIMAL).config
    assert desk_address(config) is None
    assert build_desk(config) == DeskSettings()


def test_an_empty_section_has_the_settings_of_none(loads: Callable[..., Loaded]) -> None:
    loaded = loads(MINIMAL + "desk: {}\n")
    assert desk_address(loaded.config) == ("127.0.0.1", 9481)
    assert build_desk(loaded.config) == DeskSettings()
    assert not [w for w in loaded.warnings if w.path.startswith("desk")]


def test_everything_said_arrives(loads: Callable[..., Loaded]) -> None:
    loaded = loads(DESK + FULL, env=SECRETS)
    desk = build_desk(loaded.config)
    assert not [w for w in loaded.warnings if w.path.startswith("desk")]
    assert (desk.url, desk.currency, desk.tags) == ("https://desk.example.org", "EUR", ("VIP", "2026"))
    assert list(desk.classes) == ["target", "not-target", "spam", "repeat-order", "job"]
    assert [(c.title, c.key, c.counts) for c in desk.classes.values()] == [
        ("Клиент", "1", "target"),
        ("", "n", "none"),
        ("", "s", "spam"),
        ("Повторный", "r", "target"),
        ("job", "w", "none"),
    ]
    assert desk.targets == ("target", "repeat-order")
    assert (desk.see_callers, desk.session_idle, desk.session_lasts) == (("admin",), 3600, 7 * 86400)
    assert (desk.sample, desk.missed_after) == (0, 300)
    assert desk.mail is not None
    assert (desk.mail.sender, desk.mail.password) == ("a@example.org", "mail-s3cret")
    assert desk.webhook is not None
    assert desk.webhook.secret == "hook-s3cret"
    assert desk.oidc is not None
    assert (desk.oidc.issuer, desk.oidc.claim, dict(desk.oidc.roles)) == (
        "https://login.example.org/realm",
        "groups",
        {"it": "admin"},
    )


def test_its_secrets_stand_in_no_log_and_in_no_picture_of_the_settings(loads: Callable[..., Loaded]) -> None:
    config = loads(DESK + FULL, env=SECRETS).config
    assert set(secrets_of(config)) == set(SECRETS.values())
    assert "s3cret" not in repr(build_desk(config)) + repr(config)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("  lissen: 127.0.0.1:1\n", "bridge.yaml:7:3: desk.lissen: unknown key, did you mean `listen`?"),
        ("  url: desk.example.org\n", "bridge.yaml:7:8: desk.url: `desk.example.org` is not the address of a web page"),
        ("  url: https://example.org/desk\n", "has a path: the desk has a host of its own"),
        ("  url: https://u:p@example.org\n", "is not the address of a web page"),
        ("  currency: rub\n", "desk.currency: `rub` is not a currency: write its three letters"),
        ("  classes: {job: {title: A job}}\n", "bridge.yaml:7:13: desk.classes.job: `key` is missing"),
        ("  classes: {job: {key: t}}\n", "bridge.yaml:7:24: desk.classes.job.key: `t` gives `target` already"),
        ("  classes: {a: {key: w}, b: {key: w}}\n", "desk.classes.b.key: `w` gives `a` already"),
        ("  classes: {job: {key: j}}\n", "`j` has a meaning of its own at the desk: take another key than c, e,"),
        ("  classes: {job: {key: ab}}\n", "`ab` is not one key: write a small latin letter or a digit"),
        ("  classes: {job: {key: 'ж'}}\n", "is not one key"),
        ("  classes: {job: {key: w, counts: taget}}\n", "expected `target`, `spam` or `none`, found `taget`, did you mean"),
        ("  checklist: {Intro: Said his name}\n", "`Intro` cannot be a name"),
        ("  checklist: {intro: ''}\n", "desk.checklist.intro: is empty"),
        ("  tags: ['a, b']\n", "desk.tags[0]: `a, b` cannot be a tag"),
        ("  show_callers: [admins]\n", "did you mean `admin`?"),
        ("  sessions: {idle: 1m}\n", "`idle` must be at least 5m, and not longer than `lasts`"),
        ("  sessions: {idle: 48h, lasts: 1d}\n", "`idle` must be at least 5m, and not longer than `lasts`"),
        ("  sessions: {lasts: 12h}\n", "`12h` is not a number of days: write it like `30d`"),
        ("  sample: 2000\n", "desk.sample: must be at most 1000"),
        ("  missed: {mail: {host: h, from: a, to: [b@c.de]}}\n", "desk.missed.mail.from: `a` is not a mail address"),
        ("  missed: {mail: {host: h, from: a@b.de, to: []}}\n", "desk.missed.mail.to: is empty"),
        ("  missed: {mail: {host: h, from: a@b.de, to: [b@c.de], user: u}}\n", "`user` and `password` go together"),
        ("  missed: {webhook: {url: ftp://x/}}\n", "is not the address of a web page"),
        ("  missed: {webhook: {url: https://x/, secret: abc}}\n", "a secret does not stand in this file"),
        ("  missed: {webhook: {url: https://x/, secret: {env: NOT_THERE}}}\n", "NOT_THERE is not set"),
        (
            "  oidc: {issuer: https://l, client_id: c, client_secret: {env: SECRET}, roles: {it: admin}}\n",
            "bridge.yaml:7:3: desk.oidc: needs `desk.url`",
        ),
        (
            "  oidc: {issuer: https://l, client_id: c, client_secret: {env: SECRET}, roles: {it: guest}}\n",
            "desk.oidc.roles.it: expected `admin`, `marketer`, `operator` or `listener`, found `guest`",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(complains: Callable[..., list[str]], more: str, message: str) -> None:
    found = complains(DESK + more)
    assert any(message in line for line in found), found


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("  listen: 0.0.0.0:9481\n", "can be reached from outside without TLS"),
        ("  url: http://desk.example.org\n", "without https passwords and recordings go over the wire in the open"),
        ("  missed: {mail: {host: h.example, tls: none, from: a@b.de, to: [b@c.de]}}\n", "callers' numbers go"),
        ("  missed: {webhook: {url: http://crm.example/}}\n", "is not https"),
    ],
)
def test_what_is_seldom_meant_is_warned_of(loads: Callable[..., Loaded], more: str, message: str) -> None:
    warnings = loads(DESK + more).warnings
    assert any(message in warning.message for warning in warnings), warnings


def test_signing_in_elsewhere_needs_its_packages(
    complains: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_section, "find_spec", lambda _: None)
    found = complains(DESK + FULL, env=SECRETS)
    assert found == [
        "bridge.yaml:22:3: desk.oidc: needs more packages: install them with `pip install 'callbridge[oidc]'`"
    ]


def test_the_bridges_own_classes_have_keys_that_are_free() -> None:
    keys = [known.key for known in CLASSES]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & set(OWN_KEYS)
