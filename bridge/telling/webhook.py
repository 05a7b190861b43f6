"""Webhooks as Standard Webhooks (https://www.standardwebhooks.com/) has them: an id, a time and a signature over both and the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Final

import httpx2

from bridge.core.desk.alerts import Alert
from bridge.core.desk.settings import Webhook
from bridge.flows.alerting import UndeliveredError

_SECONDS: Final = 15.0
_GONE: Final = 410


class WebhookTeller:
    """`url`: where the desk is, or None. `clock` gives seconds since the epoch."""

    def __init__(self, webhook: Webhook, url: str | None, clock: Callable[[], float] = time.time) -> None:
        self._webhook = webhook
        self._key = key_of(webhook.secret) if webhook.secret else None
        self._url = url
        self._clock = clock

    async def tell(self, alert: Alert) -> None:
        """Post it. Raises UndeliveredError; with `final` where the answer is 410, Gone."""
        body = self.body(alert)
        message, at = f"{alert.call_id}.missed", str(int(self._clock()))
        headers = {"content-type": "application/json", "webhook-id": message, "webhook-timestamp": at}
        if self._key is not None:
            headers["webhook-signature"] = f"v1,{signature(self._key, message, at, body)}"
        try:
            async with httpx2.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
                answer = await client.post(self._webhook.url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise UndeliveredError(f"{self._webhook.url}: {error or type(error).__name__}") from None
        if not answer.is_success:
            raise UndeliveredError(
                f"{self._webhook.url}: answered {answer.status_code}", final=answer.status_code == _GONE
            )

    def body(self, alert: Alert) -> bytes:
        """What is posted."""
        at = alert.started_at.isoformat()
        data = {
            "id": alert.call_id,
            "caller": alert.caller,
            "caller_name": alert.caller_name,
            "number": alert.number,
            "source": alert.source,
            "campaign": alert.campaign,
            "keyword": alert.keyword,
            "line": alert.line,
            "outcome": alert.outcome,
            "started_at": at,
            "url": f"{self._url}/calls/{alert.call_id}" if self._url else None,
        }
        return json.dumps({"type": "call.missed", "timestamp": at, "data": data}, ensure_ascii=False).encode()


def key_of(secret: str) -> bytes:
    """The key of a secret: ``whsec_`` and base64 as the standard has it, or any text as it stands."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:  # no base64 at all
            pass
    return secret.encode()


def signature(key: bytes, message: str, at: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    return base64.b64encode(hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
