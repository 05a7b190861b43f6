"""The list of calls as a file: exactly what the page shows to this person, in its order. CSV as it is read; XLSX made first, then sent."""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final
from urllib.parse import urlencode

import xlsxwriter
from starlette.responses import Response, StreamingResponse

from bridge.core.desk.access import Right
from bridge.core.desk.calls import Listed
from bridge.core.desk.query import CallQuery
from bridge.core.spreadsheet import guarded, plain
from bridge.web.desk.asking import as_seen, query_of
from bridge.web.desk.call_filters import value_title
from bridge.web.desk.calls_ports import Lists
from bridge.web.desk.context import Asked
from bridge.web.desk.formats import Formats
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.saying import class_text

MOST_ROWS: Final = 1_000_000  #: of a sheet
_AT_ONCE: Final = 1000
_CHUNK: Final = 256 * 1024
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    value: Callable[[Asked, Formats, Listed], Any]


def _said(name: str, field: str) -> Callable[[Asked, Formats, Listed], Any]:
    """A field in the words of the page."""

    def value(asked: Asked, _: Formats, call: Listed) -> str:
        found = getattr(call, field)
        return value_title(asked, name, found) if found is not None else ""

    return value


_COLUMNS: Final = (
    _Column(_("Time"), 18, lambda asked, formats, call: call.started_at.astimezone(asked.desk.zone)),
    _Column(_("Caller"), 18, lambda asked, formats, call: formats.caller(call.caller)),
    _Column(_("Caller's name"), 18, lambda asked, formats, call: call.caller_name),
    _Column(_("First call"), 8, lambda asked, formats, call: call.first_time),
    _Column(_("Number"), 18, lambda asked, formats, call: formats.number(call.number)),
    _Column(_("Source"), 20, _said("source", "source")),
    _Column(_("Campaign"), 20, lambda asked, formats, call: call.campaign),
    _Column(_("Keyword"), 24, lambda asked, formats, call: call.keyword),
    _Column(_("Landing page"), 30, lambda asked, formats, call: call.landing),
    _Column(_("Known by"), 16, _said("kind", "kind")),
    _Column(_("Sure"), 8, lambda asked, formats, call: call.confidence),
    _Column(_("Line"), 14, _said("line", "line")),
    _Column(_("Outcome"), 14, lambda asked, formats, call: value_title(asked, "outcome", call.outcome or "open")),
    _Column(_("Waited, s"), 10, lambda asked, formats, call: call.wait),
    _Column(_("Talked, s"), 10, lambda asked, formats, call: call.talk),
    _Column(_("Answered by"), 14, lambda asked, formats, call: call.answered_by),
    _Column(
        _("Class"),
        14,
        lambda asked, formats, call: class_text(asked, call.said.call_class) if call.said.call_class else "",
    ),
    _Column(_("Tags"), 20, lambda asked, formats, call: ", ".join(call.said.tags)),
    _Column(_("Comment"), 40, lambda asked, formats, call: call.said.comment.replace("\n", " ")),
    _Column(_("Value"), 12, lambda asked, formats, call: None if call.said.value is None else call.said.value / 100),
    _Column(_("Score"), 8, lambda asked, formats, call: call.score),
    _Column(_("Spam"), 8, lambda asked, formats, call: call.spam),
    _Column(_("Call"), 28, lambda asked, formats, call: call.id),
)


async def as_csv(asked: Asked) -> Response:
    """UTF-8 with a byte order mark, so that spreadsheets know it; sent as it is read."""
    query = query_of(asked)
    await _note(asked, "csv", query, await _count(asked, query))
    headers = {"Content-Disposition": f'attachment; filename="{_name(asked)}.csv"'}
    return StreamingResponse(_csv(asked, query), headers=headers, media_type="text/csv; charset=utf-8")


async def as_xlsx(asked: Asked) -> Response:
    """A workbook with cells of their kinds and a head that stays."""
    query = query_of(asked)
    count = await _count(asked, query)
    if count > MOST_ROWS:
        raise Problem(400, "A sheet holds %(most)d rows at the most: narrow the filter, or take CSV.", most=MOST_ROWS)
    await _note(asked, "xlsx", query, count)
    file: IO[bytes] = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        await _fill(asked, query, file)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Disposition": f'attachment; filename="{_name(asked)}.xlsx"'}
    return StreamingResponse(_chunks(file), headers=headers, media_type=_XLSX)


async def _csv(asked: Asked, query: CallQuery) -> AsyncIterator[bytes]:
    formats = _formats(asked)
    yield b"\xef\xbb\xbf" + _line([asked.desk.renderer.text(asked, column.title) for column in _COLUMNS])
    async for some in _pages(asked, query):
        yield b"".join(
            _line([_text(asked, column.value(asked, formats, call)) for column in _COLUMNS]) for call in some
        )


def _line(cells: Sequence[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue().encode()


def _text(asked: Asked, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return asked.desk.renderer.text(asked, "yes" if value else "no")
        case int() | float():
            return f"{value:.10g}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
    return guarded(plain(value))


async def _fill(asked: Asked, query: CallQuery, file: IO[bytes]) -> None:
    """Rows go from memory to the disk as they come; the sheet is closed in the end."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(file, options)
    try:
        sheet = book.add_worksheet(asked.desk.renderer.text(asked, "Calls"))
        head, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(_COLUMNS):
            sheet.set_column(place, place, column.width)
            sheet.write_string(0, place, asked.desk.renderer.text(asked, column.title), head)
        begin = 1
        async for some in _pages(asked, query):
            await asyncio.to_thread(_write_rows, asked, sheet, moment, begin, some)
            begin += len(some)
    finally:
        await asyncio.to_thread(book.close)
    file.seek(0)


def _write_rows(asked: Asked, sheet: Any, moment: Any, begin: int, some: Sequence[Listed]) -> None:
    formats = _formats(asked)
    for row, call in enumerate(some, begin):
        for place, column in enumerate(_COLUMNS):
            match column.value(asked, formats, call):
                case None | "":
                    continue
                case bool() as value:
                    sheet.write_boolean(row, place, value)
                case int() | float() as value:
                    sheet.write_number(row, place, value)
                case datetime() as value:
                    sheet.write_datetime(row, place, value.replace(tzinfo=None, microsecond=0), moment)
                case value:
                    sheet.write_string(row, place, plain(value))


async def _pages(asked: Asked, query: CallQuery) -> AsyncIterator[Sequence[Listed]]:
    lists: Lists = asked.store(Lists)
    cursor: str | None = None
    while True:
        page = await lists.page(query, asked.desk.zone, _AT_ONCE, cursor)
        if page.calls:
            yield as_seen(asked, page.calls)
        if (cursor := page.cursor) is None:
            return


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


async def _count(asked: Asked, query: CallQuery) -> int:
    lists: Lists = asked.store(Lists)
    return await lists.count(query, asked.desk.zone)


async def _note(asked: Asked, kind: str, query: CallQuery, count: int) -> None:
    """Before the first row leaves the house."""
    await asked.note("export", f"{kind}, {count} calls: {urlencode(query.pairs()) or 'all'}")


def _name(asked: Asked) -> str:
    return f"calls-{asked.desk.now():%Y-%m-%d-%H%M}"


def _formats(asked: Asked) -> Formats:
    return Formats(asked.language, asked.desk.zone, asked.desk.settings.currency, asked.who)


ROUTES = [
    Route("GET", "/calls.csv", Right.EXPORT, as_csv),
    Route("GET", "/calls.xlsx", Right.EXPORT, as_xlsx),
]
