"""Mails about missed calls."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from datetime import tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from bridge.core.desk.alerts import Alert
from bridge.core.desk.settings import Mail
from bridge.flows.alerting import UndeliveredError

_SECONDS: Final = 20.0
_TEXTS: Final = {
    "en": {
        "subject": "Missed: {caller}",
        "missed": "{caller}{name} called at {at} and talked to nobody.",
        "source": "Came from: {source}",
        "line": "Line: {line}",
        "number": "Number called: {number}",
        "open": "The call: {url}",
    },
    "ru": {
        "subject": "Пропущенный звонок: {caller}",
        "missed": "{caller}{name} звонил(а) {at}, и с ним никто не поговорил.",
        "source": "Откуда: {source}",
        "line": "Линия: {line}",
        "number": "Звонили на номер: {number}",
        "open": "Звонок: {url}",
    },
}


class MailTeller:
    """`url`: where the desk is, or None. `titles` gives a source's and a line's title."""

    def __init__(
        self, mail: Mail, language: str, zone: tzinfo, url: str | None, titles: Callable[[Alert], tuple[str, str]]
    ) -> None:
        self._mail = mail
        self._texts = _TEXTS.get(language, _TEXTS["en"])
        self._zone = zone
        self._url = url
        self._titles = titles

    async def tell(self, alert: Alert) -> None:
        """Send it, in a thread. Raises UndeliveredError."""
        message = self.message(alert)
        try:
            await asyncio.to_thread(self._send, message)
        except (OSError, smtplib.SMTPException) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise UndeliveredError(f"{self._mail.host}:{self._mail.port}: {said}"[:300]) from None

    def message(self, alert: Alert) -> EmailMessage:
        """The mail. What came from the wire stands in it as text only; a header takes no line break."""
        source, line = self._titles(alert)
        words = " › ".join(filter(None, (source, alert.campaign, alert.keyword)))
        told = {
            "caller": alert.caller,
            "name": f" ({_plain(alert.caller_name)})" if alert.caller_name else "",
            "at": f"{alert.started_at.astimezone(self._zone):%d.%m.%Y %H:%M}",
            "source": _plain(words),
            "line": _plain(line),
            "number": alert.number,
            "url": f"{self._url}/calls/{alert.call_id}",
        }
        lines = ["missed", *(["source"] if words else []), *(["line"] if line else []), "number"]
        message = EmailMessage()
        message["Subject"] = _plain(self._texts["subject"].format(**told))
        message["From"] = self._mail.sender
        message["To"] = ", ".join(self._mail.to)
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = make_msgid(
            "callbridge", Address(addr_spec=self._mail.sender.rpartition(" ")[2].strip("<>")).domain
        )
        message["Auto-Submitted"] = "auto-generated"
        if self._url:
            lines.append("open")
        message.set_content("\n".join(self._texts[name].format(**told) for name in lines) + "\n")
        return message

    def _send(self, message: EmailMessage) -> None:
        mail, context = self._mail, ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(mail.host, mail.port, timeout=_SECONDS, context=context)
            if mail.tls == "tls"
            else smtplib.SMTP(mail.host, mail.port, timeout=_SECONDS)
        ) as server:
            if mail.tls == "starttls":
                server.starttls(context=context)
            if mail.user is not None:
                server.login(mail.user, mail.password or "")
            server.send_message(message)


def _plain(text: str | None) -> str:
    """On one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text or "")
