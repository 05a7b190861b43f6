"""The questions of ``callbridge init``: each can be answered by an option too, and a wrong answer says what a right one looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

import click

#: Reads an answer. Raises click.BadParameter.
Checked: TypeAlias = Callable[[str], str]


def ask(question: str, given: object, default: str, yes: bool, check: Checked) -> str:
    """The answer: the option that was given, the default where nothing is to be asked, else the person's. Wrong ones are asked again."""
    if given is None and not yes:
        return click.prompt(question, default=default, value_proc=check)
    try:
        return check(str(given or default))
    except click.UsageError as error:
        raise click.UsageError(error.message) from None


def _checked(name: str, read: Callable[[str], str]) -> Checked:
    """An answer's reader, from a function that raises ValueError for a wrong one."""

    def check(text: str) -> str:
        try:
            return read(text.strip())
        except ValueError as error:
            raise click.BadParameter(str(error) or f"{text!r} is not a {name}") from None

    return check


def _is_phone(text: str) -> str:
    from bridge.core.plan import is_device

    if not is_device(text):
        raise ValueError(f"{text!r} is not a phone Asterisk can dial: write it like PJSIP/101")
    return text


def _is_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ValueError, LookupError, OSError):
        raise ValueError(f"{text!r} is not a time zone: write it like Europe/Moscow") from None


def _is_language(text: str) -> str:
    from bridge.install import LANGUAGES

    if text not in LANGUAGES:
        raise ValueError(
            f"notices are shipped in {' and '.join(LANGUAGES)}; another language goes into bridge.yaml later"
        )
    return text


def _is_region(text: str) -> str:
    from bridge.core.phone import is_region

    if not is_region(text.upper()):
        raise ValueError(f"{text!r} is not a country: write its two letters, like RU")
    return text.upper()


def _is_number(text: str) -> str:
    from bridge.core.plan import is_name

    number, equals, source = (x.strip() for x in text.partition("="))
    if not equals or not any(c.isdigit() for c in number) or not is_name(source):
        raise ValueError(
            f"{text!r}: write a number and its source like +74951110001=radio (small latin letters, digits, - and _)"
        )
    return f"{number}={source}"


PHONE = _checked("phone", _is_phone)
ZONE = _checked("time zone", _is_zone)
LANGUAGE = _checked("language", _is_language)
REGION = _checked("country", _is_region)
FOLDER = _checked("folder", lambda text: str(Path(text).expanduser().absolute()))
NUMBER = _checked("number", _is_number)


def ask_numbers(given: tuple[str, ...], yes: bool) -> tuple[tuple[str, str], ...]:
    pairs = [ask("", text, "", True, NUMBER) for text in given]
    while not given and not yes:
        text = click.prompt(
            "A tracked number and where it is shown, like +74951110001=radio (empty: no more)",
            default="",
            show_default=False,
        )
        if not text.strip():
            break
        try:
            pairs.append(NUMBER(text))
        except click.BadParameter as error:
            click.echo(f"Error: {error.message}")
    return tuple((number, source) for number, _, source in (pair.partition("=") for pair in pairs))


def local_zone() -> str:
    """The machine's time zone, where it says so."""
    try:
        name = (
            str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2] or Path("/etc/timezone").read_text().strip()
        )
        return _is_zone(name)
    except (ValueError, OSError):
        return "UTC"
