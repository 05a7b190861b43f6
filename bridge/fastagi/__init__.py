"""FastAGI: Asterisk asks what to do with a call, the daemon answers within its deadline or not at all."""

from bridge.fastagi.activation import inherited_sockets
from bridge.fastagi.codec import (
    AgiCommandError,
    AgiError,
    AgiHangup,
    AgiLimits,
    AgiProtocolError,
    AgiReply,
    AgiRequest,
)
from bridge.fastagi.server import AgiCounters, AgiServer, Handler
from bridge.fastagi.session import AgiSession

__all__ = [
    "AgiCommandError",
    "AgiCounters",
    "AgiError",
    "AgiHangup",
    "AgiLimits",
    "AgiProtocolError",
    "AgiReply",
    "AgiRequest",
    "AgiServer",
    "AgiSession",
    "Handler",
    "inherited_sockets",
]
