"""The snippet as a file: under its own name, which changes now and then, and under one that holds its hash and never changes.

Earlier builds stay beside it (scripts/build-snippet keeps them): a page that has pinned one must not lose its numbers by an upgrade.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent.parent / "static" / "s"
#: A page asks anew after so long whether the script has changed.
FRESH_SECONDS = 3600
_YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class Script:
    """`hash8` is the beginning of its SHA-384, as in the name that may be kept for ever."""

    plain: bytes
    packed: bytes
    hash8: str

    def answer(self, request: Request, *, for_ever: bool) -> Response:
        """The script, or 304 where the browser has it."""
        etag = f'"{self.hash8}"'
        age = f"public, max-age={_YEAR}, immutable" if for_ever else f"public, max-age={FRESH_SECONDS}"
        headers = {
            "Cache-Control": age,
            "ETag": etag,
            "Vary": "Accept-Encoding",
            "Access-Control-Allow-Origin": "*",  # for `integrity` with `crossorigin`
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        asked = request.headers.get("if-none-match", "")
        if asked and etag in (tag.strip().removeprefix("W/") for tag in asked.split(",")):
            return Response(status_code=304, headers=headers)
        body = self.plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = self.packed, "gzip"
        return Response(body, headers=headers, media_type="text/javascript; charset=utf-8")


def read_scripts(folder: Path = FOLDER) -> list[Script]:
    """The one of today first, then the earlier ones; none, and a line in the log, where it has not been built."""
    try:
        return [_script(path.read_bytes()) for path in (folder / "v1.js", *sorted(folder.glob("v1.*.js")))]
    except OSError as error:
        log.error("the snippet cannot be served: %s; scripts/build-snippet makes it", error)  # noqa: TRY400
        return []


def _script(plain: bytes) -> Script:
    return Script(plain, gzip.compress(plain, 9, mtime=0), hashlib.sha384(plain).hexdigest()[:8])


def missing() -> Response:
    return PlainTextResponse("no such script\n", 404, {"Cache-Control": "no-store"})
