"""What `simulate` and `pools advise` share: reading a traffic file, ``SOURCE=N``, lengths of time, a progress bar."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.common import F, fail

if TYPE_CHECKING:
    from bridge.core.simulation.traffic import TrafficVisit

_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|min|h|d)?", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class Length(click.ParamType):  # type: ignore[type-arg]
    """A length of time in seconds: ``20m``, ``90s``, ``1h``, ``0``."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = _LENGTH.fullmatch(str(value).strip())
        if found is None or (found[2] is None and float(found[1]) != 0):
            self.fail(f"{value!r} is not a length of time: write 20m, 90s, 1h or 0", param, ctx)
        return float(found[1]) * _SECONDS[found[2] or "s"]


class Hold(Length):
    """A length of time, or ``auto`` (None)."""

    name = "hold"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if value == "auto":
            return -1.0
        return super().convert(value, param, ctx)


class SourceSize(click.ParamType):  # type: ignore[type-arg]
    """``SOURCE=N``: how many numbers a source's pool has."""

    name = "SOURCE=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        source, separator, size = str(value).rpartition("=")
        if not separator or not source or not re.fullmatch(r"\d{1,5}", size, re.ASCII) or int(size) > 9999:
            self.fail(f"{value!r} is not SOURCE=N with N up to 9999", param, ctx)
        return source, int(size)


def from_store_options(command: F) -> F:
    """``--from-store`` and ``--days``."""
    command = click.option(
        "--days", type=click.IntRange(1, 3650), default=40, show_default=True, help="Of the books, with --from-store."
    )(command)
    return click.option("--from-store", is_flag=True, help="Take the site's own visits instead of TRAFFIC.")(command)


def read_traffic(path: str) -> list[TrafficVisit]:
    """The visits of a traffic file (``-`` is standard input); ends the command at a line that is not one."""
    from bridge.core.simulation.traffic import TrafficError, read

    name = "standard input" if path == "-" else path
    try:
        with click.open_file(path, encoding="utf-8") as lines:
            visits = read(lines)
    except TrafficError as error:
        fail(f"{name}: {error}")
    except UnicodeDecodeError as error:
        fail(f"{name}: not UTF-8 at byte {error.start}")
    except OSError as error:
        fail(f"{name}: {error.strerror}")
    if not visits:
        fail(f"{name}: no visits in it")
    return visits


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A function to call with (done, all), which draws a bar on standard error; None where that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
