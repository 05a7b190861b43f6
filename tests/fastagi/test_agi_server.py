"""The FastAGI server over real sockets: what Asterisk does, and what a stranger on the port may try."""

import asyncio
import logging
import socket

import pytest
from structlog.contextvars import get_contextvars

from bridge.fastagi import AgiLimits, AgiServer
from bridge.testing import AgiCaller, agi_call, agi_environment, eventually

CALL_ID = "20261122-100000-42-123456"
PATIENT = AgiLimits(env_deadline=5.0, deadline=10.0)
HASTY = AgiLimits(env_deadline=0.1, deadline=0.2)


async def answer(session):
    await session.set_variables({"BRIDGE_ANSWER": "1,direct,main,1"})
    await session.database_put("bridge", "74951234567", "1,direct,main,1")


@pytest.fixture
async def serve():
    servers = []

    async def start(handler=answer, limits=PATIENT, **options):
        server = AgiServer({"inbound": handler}, limits, **options)
        await server.start(port=0)
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.stop()
        assert server.open_sessions == 0


async def still_answers(server):
    """The server is alive: a plain call is answered."""
    outcome = await agi_call(server.address, "inbound", CALL_ID)
    assert outcome.variables["BRIDGE_ANSWER"] == "1,direct,main,1"


async def test_a_call_is_answered(serve):
    server = await serve()
    outcome = await agi_call(server.address, "inbound?x=1", CALL_ID, "74951234567")
    assert outcome.variables == {"BRIDGE_ANSWER": "1,direct,main,1"}
    assert outcome.database == {("bridge", "74951234567"): "1,direct,main,1"}
    assert (server.counters.sessions, server.counters.answered) == (1, 1)


async def test_the_handler_sees_the_request_and_may_read(serve):
    seen = []

    async def handler(session):
        await session.set_variable("BRIDGE_X", 'a "b" \\c')
        seen.append(
            (session.request.call_id, await session.get_variable("BRIDGE_X"), await session.get_variable("BRIDGE_NONE"))
        )

    await agi_call((await serve(handler)).address, "inbound", CALL_ID)
    assert seen == [(CALL_ID, 'a "b" \\c', None)]


async def test_many_calls_at_once(serve):
    server = await serve()
    outcomes = await asyncio.gather(*(agi_call(server.address) for _ in range(100)))
    assert all(x.variables == {"BRIDGE_ANSWER": "1,direct,main,1"} for x in outcomes)
    assert server.counters.answered == 100


async def test_the_port_is_free_again_after_stop():
    server = AgiServer({"inbound": answer})
    await server.start(port=0)
    address = server.address
    await server.stop()
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_stop_lets_a_call_under_way_finish(serve):
    reached, go = asyncio.Event(), asyncio.Event()

    async def handler(session):
        reached.set()
        await go.wait()
        await answer(session)

    server = await serve(handler)
    call = asyncio.create_task(agi_call(server.address))
    await reached.wait()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    go.set()
    await stopping
    assert (await call).variables == {"BRIDGE_ANSWER": "1,direct,main,1"}


async def test_a_socket_opened_by_somebody_else():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = AgiServer({"inbound": answer})
        await server.start(sock=sock)
        assert server.address == sock.getsockname()
        await still_answers(server)
        await server.stop()


# --- what a peer may do (F1-F4 and the FastAGI block of hostile inputs)


async def test_connect_and_close_harms_nobody(serve):
    server = await serve()
    for _ in range(20):
        caller = await AgiCaller.connect(server.address)
        await caller.close()
    await eventually(lambda: server.counters.probes == 20)
    await still_answers(server)


async def test_a_reset_right_after_the_connect(serve):
    server = await serve()
    (await AgiCaller.connect(server.address)).reset()
    await eventually(lambda: server.counters.probes == 1)
    await still_answers(server)


async def test_an_environment_cut_off(serve):
    server = await serve()
    caller = await AgiCaller.connect(server.address)
    await caller.send(agi_environment()[:200])
    await caller.close()
    await eventually(lambda: server.counters.malformed == 1)
    await still_answers(server)


async def test_half_an_environment_and_silence(serve):
    server = await serve(limits=HASTY)
    caller = await AgiCaller.connect(server.address)
    await caller.send(agi_environment()[:200])
    assert await caller.read_command() is None
    assert server.counters.late == 1
    await caller.close()
    await still_answers(server)


async def trickle(caller, data):
    for byte in data:
        await caller.send(bytes([byte]))
        await asyncio.sleep(0.001)


async def test_an_endless_trickle(serve):
    server = await serve(limits=HASTY)
    caller = await AgiCaller.connect(server.address)
    with pytest.raises(ConnectionError):
        await trickle(caller, agi_environment() * 1000)
    assert server.counters.late == 1
    await still_answers(server)


async def test_an_environment_byte_by_byte(serve):
    server = await serve()
    caller = await AgiCaller.connect(server.address)
    caller.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    environment = agi_environment()
    for byte in environment[:-1]:
        await caller.send(bytes([byte]))
        await asyncio.sleep(0)
    outcome = await caller.run(environment[-1:])
    assert outcome.variables == {"BRIDGE_ANSWER": "1,direct,main,1"}


async def test_ten_megabytes_without_an_empty_line(serve):
    server = await serve()
    caller = await AgiCaller.connect(server.address)
    with pytest.raises(ConnectionError):
        await caller.send(b"agi_network: yes\n" + b"x" * 10_000_000)
    assert server.counters.malformed == 1
    await still_answers(server)


async def test_idle_connections_beyond_the_cap_are_closed_at_once(serve):
    server = await serve(limits=AgiLimits(env_deadline=60, deadline=60, connections=50))
    callers = [await AgiCaller.connect(server.address) for _ in range(200)]
    await eventually(lambda: server.counters.refused == 150)
    assert server.open_sessions == 50
    for caller in callers:
        await caller.close()
    await eventually(lambda: server.open_sessions == 0)
    await still_answers(server)


async def test_an_unknown_peer_is_refused(serve):
    server = await serve(peers=["10.0.0.0/8"])
    caller = await AgiCaller.connect(server.address)
    assert await caller.read_command() is None
    assert (server.counters.refused, server.counters.sessions) == (1, 0)
    await caller.close()


async def test_http_is_turned_away(serve):
    server = await serve()
    caller = await AgiCaller.connect(server.address)
    await caller.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await caller.read_command() is None
    assert server.counters.malformed == 1
    await caller.close()


@pytest.mark.parametrize(
    "callerid",
    ["1\nagi_network_script: admin", "1\n\n200 result=1 (x)", "1\nagi_arg_1: forged"],
)
async def test_a_forged_environment_gets_no_answer(serve, callerid):
    server = await serve()
    outcome = await agi_call(server.address, "inbound", CALL_ID, callerid=callerid)
    assert outcome.commands == []
    assert (server.counters.malformed, server.counters.answered) == (1, 0)
    await still_answers(server)


async def test_a_stray_line_is_reported_and_the_call_answered(serve, caplog):
    server = await serve()
    outcome = await agi_call(server.address, "inbound", CALL_ID, callerid="1\nEvent: Hangup")
    assert outcome.variables == {"BRIDGE_ANSWER": "1,direct,main,1"}
    assert "'Event: Hangup'" in caplog.text


async def test_a_latin1_name_costs_nobody_his_call(serve):
    server = await serve()
    outcome = await agi_call(server.address, calleridname="M\udcfcller")
    assert outcome.variables == {"BRIDGE_ANSWER": "1,direct,main,1"}


@pytest.mark.parametrize(
    "name", ["hangup", "HANGUP", "200 result=-1", '"', "\\", "${CHANNEL}", "<unknown>", "\r", "x" * 8000]
)
async def test_odd_names_are_only_names(serve, name):
    server = await serve()
    await agi_call(server.address, calleridname=name)
    assert server.counters.answered == 1


@pytest.mark.parametrize("script", ["", "admin", "inbound/x", "INBOUND"])
async def test_a_script_that_nobody_handles(serve, script):
    server = await serve()
    outcome = await agi_call(server.address, script)
    assert outcome.commands == []
    assert server.counters.failed == 1


# --- what Asterisk may reply (F5)


async def converse(server, *replies):
    """Send the environment, then each reply after a command; gives the commands that came."""
    caller = await AgiCaller.connect(server.address)
    await caller.send(agi_environment())
    for reply in replies:
        if await caller.read_command() is None:
            break
        await caller.send(reply)
    else:
        await caller.read_command()
    await caller.close()
    return caller.outcome.commands


OK = b"200 result=1\n"


@pytest.mark.parametrize(
    ("replies", "commands", "counter"),
    [
        pytest.param([OK, OK], 2, "answered", id="plain"),
        pytest.param([b"100 Trying\n" + OK, OK], 2, "answered", id="trying first"),
        pytest.param([b"HANGUP\n" + OK], 1, "hung_up", id="hangup before the reply"),
        pytest.param([OK, OK + b"HANGUP\n"], 2, "answered", id="hangup after the last reply"),
        pytest.param([OK + b"HANGUP\n"], 1, "hung_up", id="hangup after a reply"),
        pytest.param(
            [b"511 Command Not Permitted on a dead channel or intercept routine\n"], 1, "hung_up", id="dead channel"
        ),
        pytest.param([b"510 Invalid or unknown command\n"], 1, "failed", id="unknown command"),
        pytest.param([b"520-Usage:\n x\n520 End of proper usage.\n"], 1, "failed", id="usage"),
        pytest.param([b"200 result=0\n"], 1, "failed", id="not carried out"),
        pytest.param([OK, b"200 result=0\n"], 2, "failed", id="database full"),
        pytest.param([b"nonsense\n"], 1, "malformed", id="nonsense"),
        pytest.param([OK + OK], 1, "malformed", id="two replies to one command"),
        pytest.param([b"200 result=1 (" + b"x" * 20_000], 1, "malformed", id="giant reply"),
    ],
)
async def test_replies(serve, replies, commands, counter):
    server = await serve()
    assert len(await converse(server, *replies)) == commands
    await eventually(lambda: server.open_sessions == 0)
    assert getattr(server.counters, counter) == 1
    await still_answers(server)


@pytest.mark.parametrize("reset", [False, True])
async def test_the_end_instead_of_a_reply(serve, reset):
    server = await serve()
    caller = await AgiCaller.connect(server.address)
    await caller.send(agi_environment())
    await caller.read_command()
    if reset:
        caller.reset()
    else:
        await caller.close()
    await eventually(lambda: server.counters.hung_up == 1)
    await still_answers(server)


async def test_a_reply_that_never_comes(serve):
    server = await serve(limits=HASTY)
    caller = await AgiCaller.connect(server.address)
    await caller.send(agi_environment())
    assert await caller.read_command() is not None
    assert await caller.read_command() is None
    assert server.counters.late == 1
    await caller.close()


# --- what a handler may do (F6, F7)


async def test_a_handler_that_raises_gives_no_answer_and_is_logged_with_the_call(serve, caplog):
    calls = []

    def note_call(_record):
        calls.append(get_contextvars().get("call_id"))
        return True

    async def broken(_session):
        raise KeyError("oops")

    caplog.handler.addFilter(note_call)

    server = await serve(broken)
    outcome = await agi_call(server.address, "inbound", CALL_ID)
    assert outcome.commands == []
    assert server.counters.failed == 1
    assert "KeyError" in caplog.text
    assert calls == [CALL_ID]


async def test_a_handler_that_is_too_slow_is_cut_off_without_an_answer(serve):
    async def slow(session):
        await asyncio.sleep(60)
        await answer(session)

    server = await serve(slow, limits=HASTY)
    outcome = await agi_call(server.address)
    assert outcome.commands == []
    assert server.counters.late == 1


async def test_a_timeout_of_the_handlers_own_is_a_failure_not_lateness(serve):
    async def impatient(_session):
        raise TimeoutError("the store")

    server = await serve(impatient)
    await agi_call(server.address)
    assert (server.counters.failed, server.counters.late) == (1, 0)


async def test_any_callable_may_handle(serve):
    class Flow:
        async def __call__(self, session):
            await answer(session)

    server = await serve(Flow())
    await still_answers(server)


@pytest.mark.parametrize(
    "send",
    [
        lambda s: s.set_variable("BRIDGE_X", "a\nEXEC System id"),
        lambda s: s.set_variable("SHELL(id)", "x"),
        lambda s: s.set_variable("X y", "x"),
        lambda s: s.set_variable("BRIDGE_X", "x" * 1500),
        lambda s: s.database_put("bridge", "a\nb", "x"),
        lambda s: s.database_put("bridge/x", "a", "x"),
        lambda s: s.get_variable("SHELL(id)"),
        lambda s: s.command("EXEC", "System", "a\0b"),
    ],
)
async def test_unsafe_arguments_never_reach_the_wire(serve, send):
    server = await serve(send)
    outcome = await agi_call(server.address)
    assert outcome.commands == []
    assert server.counters.failed == 1


async def test_two_commands_at_once_are_a_mistake(serve, caplog):
    async def hurried(session):
        await asyncio.gather(session.set_variable("A", "1"), session.set_variable("B", "2"))

    server = await serve(hurried)
    await agi_call(server.address)
    assert "one AGI command at a time" in caplog.text


async def test_a_flood_of_refusals_does_not_flood_the_log(serve, caplog):
    caplog.set_level(logging.WARNING)
    server = await serve(peers=["10.0.0.0/8"])
    for _ in range(110):
        caller = await AgiCaller.connect(server.address)
        await caller.close()
    await eventually(lambda: server.counters.refused == 110)
    assert caplog.text.count("refused") == 6
