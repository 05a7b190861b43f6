"""A FastAGI server in a process of its own: ``python -m benchmarks.agi_serve KIND COUNT``.

Prints its port and serves until it is ended. ``bridge``: the daemon's server, routing and answer, with COUNT numbers bound. ``bare``:
asyncio's streams and nothing else, which reads the environment and says the same bytes.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from benchmarks.agi_wire import numbers_of
from bridge.cli.run import _loop_factory
from bridge.core.directory import Directory, Line, Number, Source
from bridge.core.model import Binding, BindingKind
from bridge.core.plan import Leg
from bridge.core.routing import decide
from bridge.fastagi import AgiServer
from bridge.flows.inbound import Inbound


def directory(count: int) -> Directory:
    """`count` static numbers of a hundred sources, on a line with two phones."""
    sources = {f"s{place}": Source(f"s{place}", f"Source {place}", prefix=f"S{place}: ") for place in range(100)}
    numbers = {
        number: Number(Binding(number, BindingKind.STATIC, f"s{place % 100}"))
        for place, number in enumerate(numbers_of(count))
    }
    line = Line("sales", "Sales", (Leg("PJSIP/101"), Leg("PJSIP/102", 10)), 40)
    return Directory(fallback="sales", lines={"sales": line}, sources=sources, numbers=numbers)


async def serve_bridge(count: int) -> None:
    inbound = Inbound(directory(count), lambda: datetime.now(UTC), lambda call, token: None)
    server = AgiServer({"inbound": inbound})
    await server.start("127.0.0.1", 0)
    print(server.address[1], flush=True)
    await asyncio.Event().wait()


async def serve_bare(count: int) -> None:
    answer = decide(directory(1), next(numbers_of(1)), datetime.now(UTC), "x" * 16).answer.encode()
    line = f'SET VARIABLE "BRIDGE_ANSWER" "{answer}"\n'.encode()

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        writer.write(line)
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run({"bridge": serve_bridge, "bare": serve_bare}[sys.argv[1]](int(sys.argv[2])))
