"""The snippet as a file: under its own name, which changes now and then, and under one that holds its hash and never changes."""

from __future__ import annotations

import gzip
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

log = logging.getLogger(__name__)

FILE = Path(__file__).parent.parent / "static" / "s" / "v1.js"
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


def read_script(path: Path = FILE) -> Script | None:
    """None, and a line in the log, where it has not been built."""
    try:
        plain = path.read_bytes()
    except OSError as error:
        log.error("the snippet %s cannot be served: %s; scripts/build-snippet makes it", path, error.strerror)  # noqa: TRY400
        return None
    return Script(plain, gzip.compress(plain, 9, mtime=0), hashlib.sha384(plain).hexdigest()[:8])


def missing() -> Response:
    return PlainTextResponse("no such script\n", 404, {"Cache-Control": "no-store"})
