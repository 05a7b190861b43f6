"""``callbridge user`` and ``callbridge link``, over real books."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.core.desk.access import Role
from bridge.core.model import Call
from bridge.flows.desk_ports import Audited, Link, Session, User
from bridge.flows.people import hash_of
from bridge.store.accounts import AccountStore
from bridge.store.engine import Database
from bridge.web.desk import passwords

Run = Callable[..., Any]
GOOD = "correct horse battery"


@pytest.fixture
def books(fill: Callable[..., list[Call]], config: Path) -> Callable[[Callable[[AccountStore], Any]], Any]:
    """Runs something over the accounts of the books."""
    fill()
    config.write_text(config.read_text() + "desk: {url: https://desk.example.org}\n")

    def run(work: Callable[[AccountStore], Any]) -> Any:
        async def inside() -> Any:
            database = Database(f"sqlite:///{config.parent}/books/bridge.db")
            try:
                return await work(AccountStore(database))
            finally:
                await database.close()

        return asyncio.run(inside())

    return run


def typed(*arguments: str, text: str) -> Any:
    return CliRunner().invoke(main, arguments, input=text, prog_name="callbridge")


def user(books: Any, name: str) -> User:
    found = books(lambda accounts: accounts.user(name))
    assert isinstance(found, User)
    return found


def test_the_password_is_asked_for_twice_and_shown_never(books: Any, callbridge: Run) -> None:
    done = typed("user", "add", "Anna", "--role", "admin", text=f"{GOOD}\n{GOOD}\n")
    assert done.exit_code == 0, done.output
    assert "anna can sign in as admin" in done.output
    assert GOOD not in done.output
    assert passwords.fits(GOOD, user(books, "anna").password)
    assert "do not match" in typed("user", "password", "anna", text=f"{GOOD}\nother\n").output


def test_a_password_from_standard_input_or_made_up(books: Any, callbridge: Run) -> None:
    done = typed("user", "add", "anna", "--role", "admin", "--password-stdin", text=f"{GOOD}\n")
    assert done.exit_code == 0, done.output
    made = callbridge("user", "password", "anna", "--generate").output.rpartition("password: ")[2].strip()
    assert len(made) == 23
    assert passwords.fits(made, user(books, "anna").password)
    callbridge("user", "password", "anna", "--generate", "--password-stdin", exit_code=2)


@pytest.mark.parametrize(
    ("arguments", "password", "message"),
    [
        (("anna", "--role", "admin"), "short", "at least 10 characters"),
        (("anna", "--role", "admin"), "aaaaaaaaaaaaaa", "too easy to guess"),
        (("an na", "--role", "admin"), GOOD, "A name has letters, digits"),
        (("link:anna", "--role", "admin"), GOOD, "A name has letters, digits"),
        (("anna", "--role", "operator"), GOOD, "An operator needs a line"),
        (("anna", "--role", "operator", "--line", "mainn"), GOOD, "there is no line 'mainn', did you mean `main`?"),
        (("anna", "--role", "operator", "--line", "xyz"), GOOD, "there is no line 'xyz': bridge.yaml has main"),
        (("anna", "--role", "admin", "--email", "nobody"), GOOD, "is not a mail address"),
    ],
)
def test_what_will_not_do_is_said(books: Any, arguments: tuple[str, ...], password: str, message: str) -> None:
    done = typed("user", "add", *arguments, "--password-stdin", text=f"{password}\n")
    assert done.exit_code == 1
    assert message in done.output
    assert books(lambda accounts: accounts.users()) == []


@pytest.mark.parametrize(
    ("role", "message"), [("markter", "did you mean `marketer`?"), ("guest", "a user is `admin`, `marketer`,")]
)
def test_a_role_that_is_not_there(books: Any, callbridge: Run, role: str, message: str) -> None:
    assert message in callbridge("user", "add", "anna", "--role", role, exit_code=2).output


def test_the_list_and_the_roles(books: Any, callbridge: Run) -> None:
    assert "there are no users yet" in callbridge("user", "list").output
    callbridge("user", "add", "anna", "--role", "admin", "--generate", "--email", "anna@example.org")
    callbridge("user", "add", "ivan", "--role", "operator", "--line", "main", "--generate")
    assert (
        "There is a user ivan already"
        in callbridge("user", "add", "IVAN", "--role", "admin", "--generate", exit_code=1).output
    )
    rows = json.loads(callbridge("user", "list", "--json").output)
    assert [(r["name"], r["role"], r["line"], r["email"], r["state"]) for r in rows] == [
        ("anna", "admin", None, "anna@example.org", "active"),
        ("ivan", "operator", "main", None, "active"),
    ]
    assert rows[0]["created_at"].endswith("+03:00")
    assert "name,role,line,email,state,created_at" in callbridge("user", "list", "--csv").output
    assert "ivan is marketer now" in callbridge("user", "role", "ivan", "marketer").output
    assert user(books, "ivan").line is None
    assert "ivan" in callbridge("user", "list").output
    callbridge("user", "remove", "ivan")
    assert "There is no user ivan" in callbridge("user", "remove", "ivan", exit_code=1).output


def test_the_last_administrator_stays(books: Any, callbridge: Run) -> None:
    callbridge("user", "add", "anna", "--role", "admin", "--generate")
    for command in (("remove", "anna"), ("lock", "anna"), ("role", "anna", "marketer")):
        assert "the last administrator" in callbridge("user", *command, exit_code=1).output
    assert user(books, "anna").disabled_at is None
    callbridge("user", "add", "boris", "--role", "admin", "--generate")
    callbridge("user", "lock", "anna")
    assert user(books, "anna").disabled_at is not None
    assert "the last administrator" in callbridge("user", "remove", "boris", exit_code=1).output
    callbridge("user", "lock", "anna", "--release")
    assert user(books, "anna").disabled_at is None


def test_sessions_are_shown_and_ended(books: Any, callbridge: Run) -> None:
    callbridge("user", "add", "anna", "--role", "admin", "--generate")
    assert "anna is signed in nowhere" in callbridge("user", "sessions", "anna").output
    now = datetime.now(UTC)
    agent = "Firefox\x1b[31m"
    session = Session("anna", now, now, now + timedelta(hours=1), "203.0.113.7", agent)
    books(lambda accounts: accounts.begin_session(hash_of("t"), session))
    assert "Firefox·[31m" in callbridge("user", "sessions", "anna").output
    assert json.loads(callbridge("user", "sessions", "anna", "--json").output)[0]["address"] == "203.0.113.7"
    assert "1 sessions are over" in callbridge("user", "sessions", "anna", "--end").output
    assert books(lambda accounts: accounts.sessions_of("anna", now)) == []


def test_everything_is_written_down(books: Any, callbridge: Run) -> None:
    callbridge("user", "add", "anna", "--role", "admin", "--generate")
    callbridge("user", "add", "ivan", "--role", "listener", "--generate")
    callbridge("user", "role", "ivan", "marketer")
    callbridge("user", "remove", "ivan")
    found: list[tuple[int, Audited]] = books(lambda accounts: accounts.audited())
    assert [(entry.action, entry.detail) for _, entry in reversed(found)] == [
        ("user-add", "anna: admin"),
        ("user-add", "ivan: listener"),
        ("user-change", "ivan: listener -> marketer"),
        ("user-remove", "ivan"),
    ]
    assert all(entry.by.startswith("cli:") for _, entry in found)


def test_links(books: Any, callbridge: Run) -> None:
    assert "there are no links" in callbridge("link", "list").output
    made = callbridge("link", "add", "Agency", "--filter", "source=radio", "--days", "7").output.strip()
    assert made.startswith("https://desk.example.org/l/")
    kept = books(lambda accounts: accounts.link(hash_of(made.rpartition("/")[2])))
    assert isinstance(kept, Link)
    assert (kept.title, kept.scope) == ("Agency", "source=radio")
    assert timedelta(days=6) < kept.expires_at - datetime.now(UTC) <= timedelta(days=7)
    listed = json.loads(callbridge("link", "list", "--json").output)
    assert [(x["id"], x["title"], x["filter"]) for x in listed] == [(kept.short, "Agency", "source=radio")]
    assert "Agency" in callbridge("link", "list").output
    callbridge("link", "revoke", kept.short)
    assert "There is no such link" in callbridge("link", "revoke", kept.short, exit_code=1).output
    for arguments, message in (
        (("Agency", "--days", "0"), "1 to 365 days"),
        (("Agency", "--days", "366"), "1 to 365 days"),
        (("", "--days", "1"), "needs a title"),
        (("Agency", "--filter", "sorce=x"), "there is no filter"),
    ):
        assert message in callbridge("link", "add", *arguments, exit_code=1).output


def test_roles_of_users_are_those_of_the_core() -> None:
    from bridge.flows.people import ROLES

    assert set(ROLES) == set(Role) - {Role.GUEST}
