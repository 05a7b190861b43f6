"""The table of sources as a file: as far as it is open on the page."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import xlsxwriter
from starlette.responses import Response

from bridge.core.desk.period import Span
from bridge.core.desk.sources import LEVELS, Branch
from bridge.core.spreadsheet import guarded, plain
from bridge.web.desk.context import Asked

#: As `callbridge report sources --csv` names them, as far as both have them.
COLUMNS: Final = (
    "begin", "end", *LEVELS, "calls", "unique", "first_time", "answered", "missed", "answer_rate", "target", "target_share",
    "target_share_low", "target_share_high", "value", "sure", "expected", "calls_before",
)  # fmt: skip
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def as_csv(asked: Asked, span: Span, rows: Sequence[Branch]) -> Response:
    """UTF-8 with a byte order mark, so that spreadsheets know it."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = _cells(span, row)
        writer.writerow(
            ["" if cell is None else guarded(plain(cell)) if isinstance(cell, str) else cell for cell in cells]
        )
    return _file(asked, b"\xef\xbb\xbf" + written.getvalue().encode(), "csv", "text/csv; charset=utf-8")


async def as_xlsx(asked: Asked, span: Span, rows: Sequence[Branch]) -> Response:
    """A workbook with a head that stays."""
    body = await asyncio.to_thread(_workbook, [_cells(span, row) for row in rows])
    return _file(asked, body, "xlsx", _XLSX)


def _cells(span: Span, row: Branch) -> list[Any]:
    path = [*(part or "" for part in row.path), *[""] * (len(LEVELS) - len(row.path))]
    tally, share = row.tally, row.target_share
    of_target = (share.value, share.low, share.high) if share else (None, None, None)
    shares = [None if one is None else round(one, 4) for one in (tally.answer_rate, *of_target)]
    return [
        span.first.isoformat(), span.last.isoformat(), *path, tally.calls, tally.unique, tally.first_time, tally.answered, tally.missed,
        shares[0], tally.target, *shares[1:], tally.value / 100, tally.sure, round(tally.expected, 2), row.before.calls,
    ]  # fmt: skip


def _workbook(rows: Sequence[Sequence[Any]]) -> bytes:
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet, head = book.add_worksheet(), book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(COLUMNS) - 1, 14)
        sheet.write_row(0, 0, COLUMNS, head)
        for place, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(place, column, plain(cell))
                elif cell is not None:
                    sheet.write_number(place, column, cell)
    return file.getvalue()


def _file(asked: Asked, body: bytes, kind: str, media_type: str) -> Response:
    name = f"sources-{asked.desk.now():%Y-%m-%d-%H%M}.{kind}"
    return Response(body, headers={"Content-Disposition": f'attachment; filename="{name}"'}, media_type=media_type)
