"""What can go wrong with a database, in words its owner can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from bridge.flows.ports import StoreDownError

RESTORE = (
    "stop the daemon, put the newest copy made by `callbridge backup` in its place (`callbridge backup --help` has the steps)"
    " and start again: calls made since the copy are booked again from Asterisk's journal"
)


class StoreError(StoreDownError):
    """The books cannot be read or written; the text says why and what to do."""


class StoreBusy(StoreError):  # noqa: N818 - says what is, reads well in a log
    """Another program holds the database; trying again later helps."""


class StoreUnavailable(StoreError):  # noqa: N818 - the same
    """The database cannot be used until somebody mends it: read-only, full, damaged, missing, or not reachable."""


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raises StoreBusy or StoreUnavailable, speaking of the database `name`, in place of the drivers' errors.

    Errors that are mistakes in the bridge (a wrong statement, a broken constraint) pass unchanged.
    """
    try:
        yield
    except exc.TimeoutError as error:
        raise StoreBusy(f"database {name}: every connection is busy") from error
    except exc.DBAPIError as error:
        _raise_for(name, error)
        raise
    except sqlite3.Error as error:
        _raise_for_sqlite(name, error)
        raise
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"database {name} cannot be reached: {error or type(error).__name__}") from error


def _raise_for(name: str, error: exc.DBAPIError) -> None:
    if isinstance(error.orig, sqlite3.Error):
        _raise_for_sqlite(name, error.orig)
        return
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state in ("55P03", "40001", "40P01"):
        raise StoreBusy(f"database {name} is locked by another program") from error
    if state == "42P01":
        raise _without_tables(name) from error
    if error.connection_invalidated or state[:2] in _POSTGRES_CLASSES or state in ("25006", "42501"):
        raise StoreUnavailable(f"database {name} cannot be used: {_first_line(error.orig)}") from error


def _raise_for_sqlite(name: str, error: sqlite3.Error) -> None:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise StoreBusy(f"database {name} is locked by another program") from error
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        raise damaged(name, str(error)) from error
    if code in _SQLITE_TEXTS:
        raise StoreUnavailable(f"database {name} {_SQLITE_TEXTS[code]} ({error})") from error
    if code == sqlite3.SQLITE_ERROR and "no such table" in str(error):
        raise _without_tables(name) from error


def damaged(name: str, detail: str) -> StoreUnavailable:
    """The error for a database whose content cannot be trusted."""
    return StoreUnavailable(f"database {name} is damaged ({detail}): {RESTORE}")


def _without_tables(name: str) -> StoreUnavailable:
    return StoreUnavailable(f"database {name} has no tables yet: run `callbridge migrate`")


# Connection, authentication, no such database, resources, intervention of an administrator, system, internal.
_POSTGRES_CLASSES = ("08", "28", "3D", "53", "57", "58", "XX")

_SQLITE_TEXTS = {
    sqlite3.SQLITE_READONLY: "cannot be written: look at the owner and mode of the file and its folder, and at the mount",
    sqlite3.SQLITE_PERM: "may not be opened: look at the owner and mode of the file and its folder",
    sqlite3.SQLITE_AUTH: "may not be opened: look at the owner and mode of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: look at the path, and at the owner and mode of the file and its folder",
    sqlite3.SQLITE_FULL: "has no room left: free disk space",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
}


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
