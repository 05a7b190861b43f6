"""Settings and counters of the AMI client."""

from __future__ import annotations

from dataclasses import dataclass, field
from ssl import SSLContext


@dataclass(frozen=True, slots=True)
class AmiConfig:
    """Where Asterisk's manager is and how to treat it. Times in seconds, sizes in bytes.

    A dead link is noticed after `ping_interval + ping_timeout` at the latest: keep the sum below 10.
    """

    username: str
    secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 5038
    ssl: SSLContext | None = None
    connect_timeout: float = 5.0  #: for connect, greeting and login together
    action_timeout: float = 5.0
    ping_interval: float = 4.0
    ping_timeout: float = 4.0
    retry_first: float = 0.5
    retry_most: float = 10.0
    retry_auth: float = 60.0  #: after a refused login
    stable_after: float = 10.0  #: a link that held this long resets the back-off
    max_message: int = 1 << 20
    max_events: int = 200_000  #: waiting for the consumer; beyond it events are shed
    max_event_bytes: int = 128 << 20


@dataclass(slots=True)
class AmiCounters:
    """Since the start."""

    connects: int = 0  #: logins that worked
    losses: int = 0  #: links lost after a login
    auth_failures: int = 0
    events: int = 0  #: handed to the consumer
    shed: int = 0  #: thrown away because the consumer was too far behind
    forged: int = 0  #: dropped: no message of Asterisk's making
    unmatched: int = 0  #: answers to nothing, or too late
    consumer_errors: int = 0
