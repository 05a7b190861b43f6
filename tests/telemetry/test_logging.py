"""The log: one line per record, whatever is in it; the call id on every line; no secrets."""

from __future__ import annotations

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from datetime import datetime

import pytest
from structlog.contextvars import bound_contextvars

from bridge.telemetry.logging import printable, setup_logging

HOSTILE = 'x\r\n2026-11-22 ERROR forged\x1b[31m\x00\x7f\x85\u2028\u202e"\udcff\\ Иван №5'


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in ("aiosqlite", "alembic", "asyncio", "panoramisk", "sqlalchemy", "uvicorn"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def lines(out: io.StringIO) -> list[str]:
    return out.getvalue().splitlines()  # splits at every kind of line end that Unicode knows


def test_console_line_says_when_how_bad_who_and_what(out: io.StringIO) -> None:
    setup_logging("console", "info", stream=out)
    logging.getLogger("bridge.ami").warning("lost the connection to %s", "127.0.0.1")
    (line,) = lines(out)
    timestamp, rest = line.split(" ", 1)
    assert timestamp.startswith("20")
    assert rest == "WARNING bridge.ami: lost the connection to 127.0.0.1"


def test_the_call_id_is_on_every_line_of_any_library(out: io.StringIO) -> None:
    setup_logging("json", "info", stream=out)
    with bound_contextvars(call_id="20261122-101500-7-123456"):
        logging.getLogger("bridge.flows").info("routed")
        logging.getLogger("some.library").error("trouble")
    logging.getLogger("bridge.flows").info("idle")
    first, second, third = (json.loads(line) for line in lines(out))
    assert first["call_id"] == second["call_id"] == "20261122-101500-7-123456"
    assert "call_id" not in third
    assert (second["logger"], second["level"], second["event"]) == ("some.library", "error", "trouble")


@pytest.mark.parametrize("style", ["console", "json"])
def test_hostile_text_stays_on_one_printable_line(out: io.StringIO, style: str) -> None:
    setup_logging(style, "info", stream=out)  # type: ignore[arg-type]
    with bound_contextvars(call_id=HOSTILE):
        logging.getLogger("bridge.x").info("name %s", HOSTILE)
    (line,) = lines(out)
    assert line.isprintable()
    assert "Иван №5" in line
    line.encode()  # lone surrogates would fail here
    if style == "json":
        assert json.loads(line)["event"] == f"name {HOSTILE}"


@pytest.mark.parametrize("style", ["console", "json"])
def test_an_exception_is_one_line_with_its_place(out: io.StringIO, style: str) -> None:
    setup_logging(style, "info", stream=out)  # type: ignore[arg-type]
    try:
        raise ValueError("bad\nthing")
    except ValueError:
        logging.getLogger("bridge.x").exception("it failed")
    (line,) = lines(out)
    assert "ValueError: bad\\nthing" in line
    assert "test_logging.py:" in line
    assert "test_an_exception_is_one_line_with_its_place" in line


@pytest.mark.parametrize("style", ["console", "json"])
def test_secrets_are_never_printed_wherever_they_stand(out: io.StringIO, style: str) -> None:
    setup_logging(style, "debug", secrets=['s3cr"et\\x', "", "abc"], stream=out)  # type: ignore[arg-type]
    with bound_contextvars(dsn='postgres://u:s3cr"et\\x@h'):
        try:
            raise RuntimeError('login with s3cr"et\\x failed')
        except RuntimeError:
            logging.getLogger("bridge.x").exception("secret is %s", 's3cr"et\\x')
        logging.getLogger("bridge.x").info("%r", {"Secret": 's3cr"et\\x'})
    first, _ = lines(out)
    assert "s3cr" not in first
    assert first.count("***") == 3
    assert "abc" not in out.getvalue()


def test_a_wrong_placeholder_is_a_line_and_not_a_traceback(
    out: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger().handlers[:] = []  # pytest's own, which fail where ours does not
    setup_logging("json", "info", stream=out)
    logging.getLogger("bridge.x").info("%d calls", "many")
    assert "'%d calls' cannot be formatted with ('many',)" in json.loads(lines(out)[0])["event"]
    assert capsys.readouterr().err == ""


def test_level_and_the_chatter_of_libraries(out: io.StringIO) -> None:
    setup_logging("json", "debug", stream=out)
    logging.getLogger("bridge.x").debug("seen")
    logging.getLogger("aiosqlite").debug("executing something")
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    assert [json.loads(line)["event"] for line in lines(out)] == ["seen"]
    setup_logging("json", "error", stream=out)
    logging.getLogger("sqlalchemy.engine").warning("pool is full")
    assert len(lines(out)) == 1


def test_set_up_twice_logs_once(out: io.StringIO) -> None:
    setup_logging("console", "info", stream=io.StringIO())
    setup_logging("json", "info", stream=out)
    logging.getLogger("bridge.x").info("once")
    assert len(lines(out)) == 1


def test_warnings_go_to_the_log_too(out: io.StringIO) -> None:
    setup_logging("json", "info", stream=out)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)  # catch_warnings put the plain way back
        warnings.warn("old\nways", stacklevel=1)
    (line,) = lines(out)
    assert json.loads(line)["logger"] == "py.warnings"


def test_under_systemd_the_journal_has_time_and_level(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("journal") / "stream"
    with path.open("w") as stream:
        about = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{about.st_dev}:{about.st_ino}")
        setup_logging("console", "info", stream=stream)
        logging.getLogger("bridge.x").error("broken")
    assert path.read_text() == "<3>ERROR   bridge.x: broken\n"


def test_printable_keeps_what_people_read() -> None:
    assert printable("Иван Петров 日本 ñ №5 ±") == "Иван Петров 日本 ñ №5 ±"
    assert printable("a\tb\n\x1b[0m\u2028") == "a\\tb\\n\\x1b[0m\\u2028"
    assert printable("100\xa0руб") == "100 руб"


def test_a_line_that_speaks_of_one_call_carries_its_id(out: io.StringIO) -> None:
    setup_logging("json", "info", stream=out)
    log = logging.getLogger("bridge.flows.books")
    log.info("call %s: answered", "20261122-101500-7-123456")
    log.info("neither %s nor %s", "20261122-101500-7-123456", "20261122-101500-8-123456")
    with bound_contextvars(call_id="20261122-101500-9-123456"):
        log.info("a caller who calls himself 20261122-101500-7-123456")
    assert [json.loads(line).get("call_id") for line in lines(out)] == [
        "20261122-101500-7-123456",
        None,
        "20261122-101500-9-123456",
    ]


def test_times_have_their_offset(out: io.StringIO) -> None:
    setup_logging("json", "info", stream=out)
    logging.getLogger("bridge").info("x")
    assert datetime.fromisoformat(json.loads(out.getvalue())["timestamp"]).utcoffset() is not None
