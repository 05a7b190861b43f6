"""The daemon's log: one line per record on standard error, whatever the record holds.

All code logs with the standard library. Every line carries the context variables that structlog's contextvars hold, such as `call_id`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, TextIO, TypeAlias

from structlog.contextvars import merge_contextvars
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, WrappedLogger

from bridge.core.call_id import find_call_ids

Format: TypeAlias = Literal["console", "json"]
Level: TypeAlias = Literal["debug", "info", "warning", "error"]

HIDDEN: Final = "***"
_SHORTEST_SECRET = 4  # shorter ones would blank out half the log
_SYSLOG: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
#: Libraries that tell everything they do; what they say below this level is never of use here.
_CHATTY: Final = {
    "aiosqlite": "INFO",
    "alembic": "WARNING",
    "asyncio": "INFO",
    "panoramisk": "INFO",
    "sqlalchemy": "WARNING",
    "uvicorn": "WARNING",
}
_FIRST: Final = ("timestamp", "level", "logger", "event")


def setup_logging(
    format: Format = "console", level: Level = "info", *, secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send every logger's records to `stream` (standard error) in `format`. May be called again, with new settings.

    Wherever one of `secrets` would stand in a line, ``***`` stands instead.
    """
    out = sys.stderr if stream is None else stream
    journal = _is_journal(out)
    render = _Json() if format == "json" else _Console(with_time=not journal)
    shared = [merge_contextvars, _name_the_call, add_log_level, add_logger_name, _stamp]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        _OneLine(
            foreign_pre_chain=shared,
            processors=[ProcessorFormatter.remove_processors_meta, _flatten, _Hide(secrets), render],
            journal=journal,
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, _OneLine):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(max(root.level, logging.getLevelNamesMapping()[least]))
    logging.captureWarnings(True)


def _name_the_call(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A line that speaks of one call and was not written on its behalf carries its id all the same."""
    if "call_id" not in event:
        ids = set(find_call_ids(str(event.get("event", ""))))
        if len(ids) == 1:
            event["call_id"] = ids.pop()
    return event


def _stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["timestamp"] = datetime.now().astimezone().isoformat(timespec="milliseconds")
    return event


def printable(text: str) -> str:
    """`text` on one line: control characters, separators, bidirectional overrides and lone surrogates as escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(char: str) -> str:
    return repr(char)[1:-1] if char != "\xa0" else " "


class _OneLine(ProcessorFormatter):
    """The formatter; a record that cannot be formatted (a wrong placeholder) is a line too, not a traceback."""

    def __init__(self, *, journal: bool, **settings: Any) -> None:
        super().__init__(**settings)
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        try:
            record.getMessage()
        except Exception as error:  # noqa: BLE001 - whatever __str__ or % raises
            record.msg, record.args = "%r cannot be formatted with %r: %s", (record.msg, record.args, error)
        text = super().format(record)
        return f"<{_SYSLOG.get(record.levelname.lower(), 6)}>{text}" if self._journal else text


def _flatten(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Values as text, an exception as text, the usual keys first."""
    error = event.pop("exc_info", None)
    stack = event.pop("stack_info", None)
    values = {key: event[key] for key in (*_FIRST, *event) if key in event}
    flat: EventDict = {
        key: value if isinstance(value, int | float | None) else str(value) for key, value in values.items()
    }
    if isinstance(error, tuple) and error[1] is not None:
        flat["error"] = f"{type(error[1]).__name__}: {error[1]}"
        flat["traceback"] = " > ".join(_frames(error[2]))
    if stack:
        flat["stack"] = str(stack)
    return flat


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]


class _Hide:
    """Keeps the secrets out of every value."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {key: self._hide(value) if isinstance(value, str) else value for key, value in event.items()}

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class _Console:
    """``2026-11-22T14:03:01.123456+03:00 WARNING bridge.ami: lost the connection [call_id=...]``"""

    def __init__(self, *, with_time: bool) -> None:
        self._with_time = with_time

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> str:
        rest = [f"{key}={value}" for key, value in event.items() if key not in _FIRST]
        head = f"{event['level'].upper():<7} {event['logger']}: {event['event']}"
        if self._with_time:
            head = f"{event['timestamp']} {head}"
        return printable(f"{head} [{', '.join(rest)}]" if rest else head)


class _Json:
    """One object per line."""

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> str:
        text = json.dumps(event, ensure_ascii=False)
        return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _is_journal(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether systemd's journal reads `stream`: it adds the time itself and takes the level from a prefix."""
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"
