"""Missed callers are told of: by a real SMTP conversation and real HTTP on loopback."""

from __future__ import annotations

import asyncio
import email
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.policy import default
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.core.desk.alerts import RETRIES, Alert, next_try
from bridge.core.desk.settings import Mail, Webhook
from bridge.core.model import Attribution, AttributionKind, Call, Outcome
from bridge.flows.alerting import Alerting, UndeliveredError
from bridge.store.alerts import AlertStore
from bridge.store.calls import CallStore
from bridge.store.desk_schema import alerts
from bridge.store.engine import Database
from bridge.store.migrate import migrate
from bridge.telling.mail import MailTeller
from bridge.telling.webhook import WebhookTeller, key_of

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ALERT = Alert(
    "20261122-120000-1-000001", "mail", 0, "+79161112233", "Иван\r\nBcc: evil@example.org", "+74951110002",
    "yandex-direct", "brand", "купить окно", "sales", "unanswered", NOON,
)  # fmt: skip


def missed(seq: int, at: datetime, outcome: Outcome = Outcome.UNANSWERED, caller: str = "+79161112233") -> Call:
    talked = at if outcome is Outcome.ANSWERED else None
    why = Attribution(AttributionKind.STATIC, "radio", "the number belongs to this source for good")
    return Call(
        f"{at:%Y%m%d-%H%M%S}-{seq}-{seq:06}", "+74951110002", caller, None, at, why, "sales",
        answered_at=talked, ended_at=at + timedelta(seconds=30), outcome=outcome,
    )  # fmt: skip


class Ear:
    """A teller that remembers, and refuses while `deaf`."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.deaf = self.gone = False

    async def tell(self, alert: Alert) -> None:
        if self.deaf or self.gone:
            raise UndeliveredError("nobody there", final=self.gone)
        self.heard.append(alert.call_id)


class World:
    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/bridge.db")
        self.books = CallStore(self.database)
        self.now = NOON
        self.ear = Ear()
        self.alerting = Alerting(AlertStore(self.database), lambda: self.now)
        self.alerting.tellers = {"mail": self.ear}

    async def turn(self, minutes: float) -> list[str]:
        """What is heard so many minutes after noon."""
        self.now, before = NOON + timedelta(minutes=minutes), len(self.ear.heard)
        await self.alerting.turn()
        return self.ear.heard[before:]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await migrate(made.database)
    yield made
    await made.database.close()


async def test_whoever_waits_too_long_is_told_of_once(world: World) -> None:
    call = await world.books.save(missed(1, NOON))
    assert await world.turn(14) == []
    assert await world.turn(15) == [call.id]
    assert await world.turn(16) == []


async def test_whoever_was_talked_to_meanwhile_is_not(world: World) -> None:
    await world.books.save(missed(1, NOON))
    await world.books.save(missed(2, NOON + timedelta(minutes=5), Outcome.ANSWERED))
    assert await world.turn(30) == []


async def test_what_fails_is_tried_again_until_it_is_given_up(world: World) -> None:
    call = await world.books.save(missed(1, NOON))
    world.ear.deaf = True
    await world.turn(15)
    assert await world.turn(15.5) == []
    assert world.alerting.counters.failed == 1
    world.ear.deaf = False
    assert await world.turn(16) == [call.id]
    other = await world.books.save(missed(2, NOON + timedelta(minutes=20), caller="+79160000000"))
    world.ear.gone = True
    await world.turn(40)
    world.ear.gone = False
    assert await world.turn(300) == []
    assert world.alerting.counters.given_up == 1
    async with world.database.reading() as connection:
        row = (await connection.execute(select(alerts).where(alerts.c.call_id == other.id))).mappings().one()
    assert (row["problem"], row["due_at"], row["done_at"]) == ("nobody there", None, None)


async def test_old_calls_are_not_told_of_when_alerts_are_switched_on(world: World) -> None:
    await world.books.save(missed(1, NOON - timedelta(days=2)))
    assert await world.turn(0) == []


def test_tries_end() -> None:
    assert [next_try(n, NOON) for n in range(1, len(RETRIES) + 2)] == [*(NOON + wait for wait in RETRIES), None]


# --- mail ---------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def smtp_server(refuse: bool = False) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A small SMTP server: its port and the mails it took."""
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                taken.append((await reader.readuntil(b"\r\n.\r\n"))[:-5])
                writer.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            elif verb == b"RCPT" and refuse:
                writer.write(b"550 no such mailbox\r\n")
            else:
                writer.write(b"250 fine\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], taken


def a_teller(port: int, language: str = "ru") -> MailTeller:
    mail = Mail("127.0.0.1", port, "none", "callbridge <bridge@example.org>", ("sales@example.org", "boss@example.org"))
    return MailTeller(mail, language, UTC, "https://calls.example.org", lambda _: ("Яндекс Директ", "Отдел продаж"))


async def test_a_mail_says_who_called_and_where_he_came_from() -> None:
    async with smtp_server() as (port, taken):
        await a_teller(port).tell(ALERT)
    message = email.message_from_bytes(taken[0], policy=default)
    assert message["Subject"] == "Пропущенный звонок: +79161112233"
    assert message["To"] == "sales@example.org, boss@example.org"
    assert message["Bcc"] is None  # a caller's name makes no header
    text = message.get_content()
    assert "Яндекс Директ › brand › купить окно" in text
    assert "https://calls.example.org/calls/20261122-120000-1-000001" in text


async def test_a_mail_nobody_takes_says_why() -> None:
    async with smtp_server(refuse=True) as (port, _):
        with pytest.raises(UndeliveredError, match="no such mailbox"):
            await a_teller(port).tell(ALERT)
    with pytest.raises(UndeliveredError, match=r"127\.0\.0\.1"):
        await a_teller(port).tell(ALERT)


# --- webhooks -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def http_server(status: int = 200) -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A small HTTP server: its address and the requests it took."""
    taken: list[tuple[dict[str, str], bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        taken.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", taken


@pytest.mark.parametrize("secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "some words"])
async def test_a_webhook_is_signed(secret: str) -> None:
    async with http_server() as (url, taken):
        await WebhookTeller(Webhook(url, secret), None, lambda: 1795348800.9).tell(ALERT)
    headers, body = taken[0]
    assert headers["webhook-timestamp"] == "1795348800"
    key = b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = f"{headers['webhook-id']}.1795348800.".encode() + body
    # the server above reads headers in small letters, so the signature is compared so as well
    wanted = "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == wanted.lower()
    assert json.loads(body)["data"]["keyword"] == "купить окно"


def test_the_key_of_a_secret_that_is_no_base64_is_its_text() -> None:
    assert key_of("whsec_мимо") == "whsec_мимо".encode()


@pytest.mark.parametrize(("status", "final"), [(410, True), (500, False), (302, False)])
async def test_an_answer_that_is_no_success_is_none(status: int, final: bool) -> None:
    async with http_server(status) as (url, _):
        with pytest.raises(UndeliveredError, match=f"answered {status}") as raised:
            await WebhookTeller(Webhook(url), None).tell(ALERT)
    assert raised.value.final is final
