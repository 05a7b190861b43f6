"""People, sessions, links and the audit log, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.core.desk.access import Role
from bridge.flows.desk_ports import Audited, LastAdminError, Link, Session, User
from bridge.flows.people import hash_of
from bridge.store.accounts import AccountStore
from bridge.store.engine import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANNA = User("anna", Role.ADMIN, NOW, password="argon2", email="anna@example.org")
IVAN = User("ivan", Role.OPERATOR, NOW, line="sales", oidc_subject="https://login.example.org|17")


@pytest.fixture
async def accounts(database: Database) -> AccountStore:
    store = AccountStore(database)
    for user in (ANNA, IVAN):
        await store.put_user(user)
    return store


def a_session(name: str, seen: datetime = NOW) -> Session:
    return Session(name, NOW, seen, NOW + timedelta(hours=1), "203.0.113.7", "Firefox")


async def test_people_are_found_as_they_were_put(accounts: AccountStore) -> None:
    assert await accounts.users() == [ANNA, IVAN]
    assert await accounts.user("anna") == ANNA
    assert await accounts.user_of_subject("https://login.example.org|17") == IVAN
    assert await accounts.user("Anna") is None


@pytest.mark.parametrize("change", [{"role": Role.MARKETER}, {"disabled_at": NOW}])
async def test_the_last_administrator_stays(accounts: AccountStore, change: dict[str, object]) -> None:
    with pytest.raises(LastAdminError):
        await accounts.put_user(replace(ANNA, **change))  # type: ignore[arg-type]
    with pytest.raises(LastAdminError):
        await accounts.remove_user("anna")
    assert await accounts.users() == [ANNA, IVAN]
    await accounts.put_user(replace(IVAN, role=Role.ADMIN, line=None))
    await accounts.put_user(replace(ANNA, **change))  # type: ignore[arg-type]
    with pytest.raises(LastAdminError):
        await accounts.remove_user("ivan")


async def test_sessions_end_with_what_they_were_given_for(accounts: AccountStore) -> None:
    for change in ({"role": Role.LISTENER}, {"line": "support"}, {"password": "other"}, {"disabled_at": NOW}):
        await accounts.begin_session(hash_of("t"), a_session("ivan"))
        await accounts.put_user(replace(IVAN, email="new@example.org"))
        assert await accounts.session(hash_of("t")) is not None
        await accounts.put_user(replace(IVAN, **change))  # type: ignore[arg-type]
        assert await accounts.session(hash_of("t")) is None, change
        await accounts.put_user(IVAN)
    await accounts.begin_session(hash_of("t"), a_session("ivan"))
    assert await accounts.remove_user("ivan")
    assert await accounts.session(hash_of("t")) is None
    assert not await accounts.remove_user("ivan")


async def test_sessions_are_ended_by_one_or_but_one(accounts: AccountStore) -> None:
    for n in range(3):
        await accounts.begin_session(hash_of(f"t{n}"), a_session("ivan", NOW + timedelta(minutes=n)))
    await accounts.begin_session(hash_of("hers"), a_session("anna"))
    shorts = [session.short for session in await accounts.sessions_of("ivan", NOW)]
    assert shorts == [hash_of(f"t{n}")[:12] for n in (2, 1, 0)]
    assert await accounts.end_sessions("anna", short=shorts[0]) == 0
    assert await accounts.end_sessions("ivan", short=shorts[0]) == 1
    assert await accounts.end_sessions("ivan", but=hash_of("t0")) == 1
    assert [session.short for session in await accounts.sessions_of("ivan", NOW)] == [shorts[2]]
    assert await accounts.sessions_of("anna", NOW + timedelta(hours=2)) == []


async def test_links_work_until_their_end(accounts: AccountStore) -> None:
    link = Link("Agency", "anna", NOW, NOW + timedelta(days=1), "source=radio")
    await accounts.add_link(hash_of("l"), link)
    kept = replace(link, short=hash_of("l")[:12])
    assert await accounts.link(hash_of("l")) == kept
    assert await accounts.links(NOW) == [kept]
    assert await accounts.links(NOW + timedelta(days=2)) == []
    assert await accounts.revoke_link(kept.short, NOW)
    assert not await accounts.revoke_link(kept.short, NOW)
    assert await accounts.links(NOW) == []


async def test_the_log_is_read_backwards_and_by_its_filters(accounts: AccountStore) -> None:
    for n, action in enumerate(("sign-in", "sign-in-failed", "listen", "sign-out", "signal")):
        await accounts.note(Audited(NOW, "anna" if n % 2 else "ivan", action, f"\x00{n}", None, ""))
    every = await accounts.audited()
    assert [entry.action for _, entry in every] == ["signal", "sign-out", "listen", "sign-in-failed", "sign-in"]
    assert [entry.action for _, entry in await accounts.audited(action="sign-in")] == ["sign-in-failed", "sign-in"]
    assert [entry.action for _, entry in await accounts.audited(by="anna")] == ["sign-out", "sign-in-failed"]
    first = await accounts.audited(limit=2)
    assert await accounts.audited(limit=3, before=first[-1][0]) == every[2:]


async def test_wrong_passwords_lock_and_a_right_one_forgets_them(accounts: AccountStore) -> None:
    until = NOW + timedelta(minutes=15)
    assert [await accounts.note_failure("anna", 3, until) for _ in range(3)] == [False, False, True]
    locked = await accounts.user("anna")
    assert locked is not None
    assert (locked.failures, locked.locked_until) == (3, until)
    await accounts.note_success("anna")
    assert await accounts.user("anna") == ANNA
