"""AMI: what Asterisk tells of its calls while they happen. A hint to the books, never their source."""

from bridge.ami.client import AmiClient, AmiRefused, AmiState, AmiTimeout, ConnectHandler, Connection, EventHandler
from bridge.ami.config import AmiConfig, AmiCounters
from bridge.ami.link import AmiActionError, AmiDisconnected
from bridge.ami.message import AmiError, AmiEvent, AmiResponse, AmiWireError, Headers

__all__ = [
    "AmiActionError",
    "AmiClient",
    "AmiConfig",
    "AmiCounters",
    "AmiDisconnected",
    "AmiError",
    "AmiEvent",
    "AmiRefused",
    "AmiResponse",
    "AmiState",
    "AmiTimeout",
    "AmiWireError",
    "ConnectHandler",
    "Connection",
    "EventHandler",
    "Headers",
]
