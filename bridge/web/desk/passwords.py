"""Passwords, by argon2 with the library's own (RFC 9106) parameters. Both take some ten milliseconds of work: call them in a thread."""

from __future__ import annotations

import secrets
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST: Final = 10
LONGEST: Final = 200
_CLEAR: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_HASHER: Final = PasswordHasher()


def problem_of(password: str, name: str = "") -> str | None:
    """Why `password` will not do, in English; None if it will."""
    if len(password) < SHORTEST:
        return f"a password needs at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST} characters"
    if len(set(password)) < 5 or (name and password.lower() == name.lower()):
        return "this password is too easy to guess"
    return None


def generated() -> str:
    """One to be read out or typed over: 95 bits of chance, without letters that look alike."""
    return "-".join("".join(secrets.choice(_CLEAR) for _ in range(5)) for _ in range(4))


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether `password` is the one kept. Without one it takes as long as with a wrong one: names cannot be guessed by time."""
    try:
        return _HASHER.verify(kept or _nobodys(), password[: LONGEST + 1]) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's password")
