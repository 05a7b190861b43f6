"""Files of the pages: styles, scripts, pictures. Their names hold their hash, so browsers keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_FOLDER: Final = Path(__file__).parent / "static"
_KINDS: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_COMPRESSED: Final = (".js", ".css", ".svg")


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    zipped: bytes | None
    kind: str


class StaticFiles:
    """All files below ``static/``, read once. ``vendor/htmx.js`` is served as ``/static/vendor/htmx.1a2b3c4d.js``."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._names: dict[str, str] = {}
        for path in sorted(_FOLDER.rglob("*")):
            kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0]
            if not path.is_file() or kind is None or path.suffix == ".md":
                continue
            body = path.read_bytes()
            name = path.relative_to(_FOLDER).as_posix()
            hashed = f"{name.removesuffix(path.suffix)}.{hashlib.sha256(body).hexdigest()[:8]}{path.suffix}"
            zipped = gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSED else None
            self._files[hashed] = _File(body, zipped, kind)
            self._names[name] = f"/static/{hashed}"

    def url(self, name: str) -> str:
        """Where a file is. Raises KeyError for one that is not there."""
        return self._names[name]

    async def answer(self, request: Request) -> Response:
        """The file of ``/static/{path}``."""
        file = self._files.get(request.path_params["path"])
        if file is None:
            return PlainTextResponse("not found\n", 404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Type": file.kind}
        if file.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.zipped, headers=headers | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
        return Response(file.body, headers=headers)
