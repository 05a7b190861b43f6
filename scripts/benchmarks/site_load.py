"""Pages that ask, over keep-alive connections: ``python -m benchmarks.site_load PORT KIND --many N --seconds S``. Prints JSON.

KIND: ``nothing`` (the same body to the endpoint that does nothing), ``new`` (every request a new visit), ``known`` (the next page of a visit),
``beat``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time

from benchmarks.figures import percentile
from bridge.cli.run import _loop_factory

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
PAGE = "https://example.org/?utm_source=yandex&utm_medium=cpc&utm_campaign=spring&utm_term=locks&yclid=17"


def request(path: str, body: dict[str, object]) -> bytes:
    data = json.dumps({"site": "main", "page": PAGE, **body}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: calls.example.org\r\nOrigin: https://example.org\r\nUser-Agent: {AGENT}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


clicks = itertools.count(10_000_000)

VISIT: dict[str, object] = {
    "visitor": None, "visit": None, "referrer": "https://yandex.ru/", "ids": {"yclid": "17"}, "mobile": True, "consent": "full",
    "found": ["74951112233"],
}  # fmt: skip


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return int(head[9:12]), await reader.readexactly(int(length)) if length else b""


async def page(port: int, kind: str, until: float, pause: float, took: list[float], failed: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    wire = request("/nothing" if kind == "nothing" else "/s/v1/visit", VISIT)
    if kind in ("known", "beat"):
        writer.write(wire)
        told = json.loads((await answer(reader))[1])
        ids = {"visit": told["visit"]}
        known = request("/s/v1/visit", {**VISIT, **ids, "visitor": told["visitor"]})
        wire = known if kind == "known" else request("/s/v1/beat", {**ids, "active": True})
    while (began := time.perf_counter()) < until:
        if kind == "new":  # every click has an id of its own
            wire = request("/s/v1/visit", {**VISIT, "page": f"{PAGE}{next(clicks)}"})
        writer.write(wire)
        status, _ = await answer(reader)
        took.append(time.perf_counter() - began)
        if status not in (200, 204):
            failed.append(status)
        if pause:
            await asyncio.sleep(max(0.0, began + pause - time.perf_counter()))
    writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("kind", choices=["nothing", "new", "known", "beat"])
    parser.add_argument("--many", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rate", type=float, help="So many a second, instead of as many as go.")
    args = parser.parse_args()
    took: list[float] = []
    failed: list[int] = []
    began = time.perf_counter()
    pause = args.many / args.rate if args.rate else 0.0
    pages = (page(args.port, args.kind, began + args.seconds, pause, took, failed) for _ in range(args.many))
    await asyncio.gather(*pages)
    seconds = time.perf_counter() - began
    figures = {
        "per_second": len(took) / seconds,
        "p50": percentile(took, 0.5) * 1000,
        "p99": percentile(took, 0.99) * 1000,
        "worst": max(took) * 1000,
        "failed": len(failed),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())
