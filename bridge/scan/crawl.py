"""A polite walk through one host: its robots.txt obeyed, one page at a time with a rest between them, so many pages and no more."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from bridge.scan.page import Page, read_page

AGENT = "callbridge-scan (looks over its owner's site)"
MAX_BYTES = 5_000_000
_MAX_QUEUE = 20_000
_NOT_PAGES = tuple(
    ".jpg .jpeg .png .gif .webp .svg .ico .pdf .zip .rar .doc .docx .xls .xlsx .mp3 .mp4 .webm .css .js .xml .json .txt .woff2".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Pages at most, seconds between two requests, seconds for one, depth of links from the start."""

    pages: int = 200
    delay: float = 0.5
    timeout: float = 10.0
    depth: int = 10


@dataclass(slots=True)
class Walk:
    """What the walk brought: the pages, what could not be read and why, and what robots.txt kept out."""

    pages: list[Page] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    kept_out: list[str] = field(default_factory=list)
    left: int = 0  #: pages known and not looked at


class NotASiteError(ValueError):
    """There is nothing to look at. The text says why."""


def walk(
    start: str,
    region: str,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda _done, _known: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Walk:
    """Looks at `start` and what it leads to on the same host. Raises NotASiteError if not even `start` can be read.

    Blocks: meant for a command. `progress` gets pages looked at and pages known.
    """
    limits = limits or Limits()
    parts = urlsplit(start if "://" in start else f"https://{start}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotASiteError(f"{start} is not the address of a site: write it like https://example.org/")
    opener = _opener(parts.netloc)
    robots, delay = _robots(opener, f"{parts.scheme}://{parts.netloc}/", limits)
    first = urlunsplit(parts._replace(path=parts.path or "/", fragment=""))
    found = Walk()
    waiting = deque([(first, 0)])
    known = {first}
    while waiting and len(found.pages) + len(found.unreadable) < limits.pages:
        url, depth = waiting.popleft()
        progress(len(found.pages), len(known))
        if not robots.can_fetch(AGENT, url):
            found.kept_out.append(url)
            continue
        if found.pages or found.unreadable:
            sleep(delay)
        try:
            where, html = _read(opener, url, limits.timeout)
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            found.unreadable.append((url, _in_words(error)))
            continue
        known.add(where)
        if html is None or any(page.url == where for page in found.pages):
            continue
        page = read_page(where, html, region)
        found.pages.append(page)
        for link in _worth(page, parts.netloc) if depth < limits.depth else ():
            if link not in known and len(known) < _MAX_QUEUE:
                known.add(link)
                waiting.append((link, depth + 1))
    found.left = len(waiting)
    if not found.pages:
        why = (
            found.unreadable[0][1]
            if found.unreadable
            else "robots.txt forbids it"
            if found.kept_out
            else "it is no web page"
        )
        raise NotASiteError(f"{first} cannot be looked at: {why}")
    return found


def _worth(page: Page, netloc: str) -> Iterator[str]:
    for link in page.links:
        parts = urlsplit(link)
        if parts.netloc.lower() == netloc.lower() and not parts.path.lower().endswith(_NOT_PAGES):
            yield urlunsplit(parts._replace(path=parts.path or "/"))


class _SameHost(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def __init__(self, netloc: str) -> None:
        self._host = netloc.lower().removeprefix("www.").split(":")[0]

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        host = (urlsplit(urljoin(req.full_url, newurl)).hostname or "").removeprefix("www.")
        if host != self._host:
            raise ValueError(f"leads to another site, {host}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(netloc: str) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _SameHost(netloc),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", AGENT), ("Accept", "text/html"), ("Accept-Encoding", "gzip")]
    return opener


def _robots(opener: urllib.request.OpenerDirector, root: str, limits: Limits) -> tuple[RobotFileParser, float]:
    """What may be looked at, and how long to rest. Without the file everything may be; where it cannot be read, nothing."""
    robots = RobotFileParser()
    robots.modified()
    try:
        _, text = _read(opener, urljoin(root, "/robots.txt"), limits.timeout, kinds=("text/",))
        robots.parse((text or "").splitlines())
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            robots.parse(["User-agent: *", "Disallow: /"])
        else:
            robots.parse([])
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotASiteError(f"{root} cannot be reached: {_in_words(error)}") from None
    asked = robots.crawl_delay(AGENT)
    return robots, max(limits.delay, min(float(asked), 10.0) if asked else 0.0)


def _read(
    opener: urllib.request.OpenerDirector,
    url: str,
    timeout: float,
    kinds: tuple[str, ...] = ("text/html", "application/xhtml"),
) -> tuple[str, str | None]:
    """Where a page was found in the end, and its text; None for what is no page."""
    with opener.open(url, timeout=timeout) as answer:
        where, kind = answer.geturl(), answer.headers.get_content_type()
        if not kind.startswith(kinds):
            return where, None
        body = answer.read(MAX_BYTES)
        if answer.headers.get("Content-Encoding", "").lower() == "gzip":
            body = zlib.decompressobj(31).decompress(body, MAX_BYTES)
        charset = answer.headers.get_content_charset() or _charset_in(body) or "utf-8"
    try:
        return where, body.decode(charset, "replace")
    except LookupError:
        return where, body.decode("utf-8", "replace")


def _charset_in(body: bytes) -> str | None:
    _, mark, rest = body[:2000].lower().partition(b"charset=")
    name = rest.lstrip(b"\"'")[:20].split(b'"')[0].split(b"'")[0].split(b">")[0].split(b";")[0].strip()
    return name.decode("ascii", "ignore") or None if mark else None


def _in_words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)[:200]
