"""The AMI client against a server on real sockets: every way in which a link can go wrong."""

import asyncio
import logging
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.ami import (
    AmiActionError,
    AmiClient,
    AmiConfig,
    AmiDisconnected,
    AmiState,
    AmiTimeout,
    AmiWireError,
)
from bridge.ami.client import back_off
from bridge.testing import FakeAmi, ami_bytes, ami_list, eventually

QUICK = AmiConfig(
    "bridge",
    "s3cret",
    connect_timeout=5.0,
    action_timeout=5.0,
    ping_interval=0.05,
    ping_timeout=5.0,
    retry_first=0.01,
    retry_most=0.02,
    retry_auth=0.02,
)


@pytest.fixture
async def ami():
    async with FakeAmi() as server:
        yield server


@pytest.fixture
async def connect(ami):
    """Makes a running client; `client.seen` is what its consumer got, in order."""
    running = []

    async def start(wait=True, on_event=None, on_connect=None, clock=None, **settings):
        seen = []

        async def note_event(event):
            seen.append(event)

        async def note_connect(connection):
            seen.append(connection)

        config = replace(QUICK, port=ami.port, **settings)
        options = {"clock": clock} if clock else {}
        client = AmiClient(config, on_event or note_event, on_connect or note_connect, **options)
        client.seen = seen
        running.append((client, asyncio.create_task(client.run())))
        if wait:
            await eventually(lambda: client.connected)
        return client

    yield start
    for client, task in running:
        await client.aclose()
        await task
        assert client.state is AmiState.STOPPED


def names(client):
    """Event names in the order handed on; a connection is `+`."""
    return [getattr(x, "name", "+") for x in client.seen]


async def settle(client, count):
    await eventually(lambda: len(client.seen) >= count)


# --- the plain way


async def test_events_come_in_order_after_the_connection(ami, connect):
    client = await connect()
    for number in range(200):
        await ami.send_event("Newchannel", Uniqueid=f"1.{number}", CallerIDName="Иван")
    await settle(client, 202)
    assert names(client)[:3] == ["+", "FullyBooted", "Newchannel"]
    assert [x.headers["uniqueid"] for x in client.seen[2:]] == [f"1.{n}" for n in range(200)]
    assert client.counters.events == 201


async def test_the_secret_never_goes_over_the_wire_and_is_not_shown(ami, connect):
    await connect()
    assert "s3cret" not in str(ami.actions)
    assert "s3cret" not in repr(QUICK)


async def test_an_action_is_answered(ami, connect):
    client = await connect()
    response = await client.action("Ping")
    assert response.success
    assert response.headers["ping"] == "Pong"
    refused = await client.action("Nonsense")
    assert (refused.success, refused.message) == (False, "Invalid/unknown command")


async def test_a_repeated_header_and_many_actions_at_once(ami, connect):
    ami.replies["setvar"] = lambda action: [["Response: Success", f"Message: {action['variable']}"]]
    client = await connect()
    answers = await asyncio.gather(*(client.action("Setvar", Variable=f"X={n}") for n in range(100)))
    assert [x.message for x in answers] == [f"X={n}" for n in range(100)]
    await client.action("Status", Variable=["A=1", "B=2"])


async def test_a_list(ami, connect):
    items = [["Channel: PJSIP/a-1", "CallerIDName: Иван", "Variable: BRIDGE_CALL_ID=x"], ["Channel: PJSIP/b-2"]]
    ami.replies["status"] = lambda _: ami_list("Status", items, "StatusComplete")
    client = await connect()
    found = await client.list_action("Status", Variables="BRIDGE_CALL_ID")
    assert [(x.name, x.headers["channel"]) for x in found] == [("Status", "PJSIP/a-1"), ("Status", "PJSIP/b-2")]
    assert found[0].headers.variables("Variable") == {"BRIDGE_CALL_ID": "x"}


async def test_an_empty_list_and_a_refused_one(ami, connect):
    ami.replies["coreshowchannels"] = lambda _: ami_list("CoreShowChannel", [], "CoreShowChannelsComplete")
    client = await connect()
    assert await client.list_action("CoreShowChannels") == []
    with pytest.raises(AmiActionError, match="Status: Invalid/unknown command"):
        await client.list_action("Status")


async def test_originate_needs_no_special_header(ami, connect):  # A5
    ami.replies["originate"] = lambda _: [["Response: Success", "Message: Originate successfully queued"]]
    client = await connect()
    assert (await client.action("Originate", Channel="PJSIP/x")).success


async def test_trailing_empty_headers_and_single_variables(ami, connect):  # A11
    client = await connect()
    await ami.send_raw(b"Event: X\r\nResult: a%20b\r\nChanVariable: A=1\r\nLast: \r\n\r\n")
    await settle(client, 3)
    headers = client.seen[-1].headers
    assert (headers["last"], headers["result"], headers.variables()) == ("", "a%20b", {"A": "1"})


async def test_the_time_is_asterisks_own(ami, connect):
    now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    client = await connect(clock=lambda: now)
    await ami.send_event("A")
    await ami.send_event("B", Timestamp="1790000000.25")
    await ami.send_event("C", Timestamp=f"{(now + timedelta(hours=1)).timestamp()}")
    await settle(client, 5)
    assert [x.received for x in client.seen[2:]] == [
        now,
        datetime.fromtimestamp(1790000000.25, UTC),
        now + timedelta(hours=1),
    ]


# --- what comes over the wire (A1, A3)


@pytest.mark.parametrize("size", [1, 7])
async def test_letters_split_over_reads(ami, connect, size):
    client = await connect(ping_interval=60.0)  # no pong in the middle of it
    data = ami_bytes(["Event: X", "CallerIDName: Иван 😀"])
    for start in range(0, len(data), size):
        await ami.send_raw(data[start : start + size])
        await asyncio.sleep(0.001)
    await settle(client, 3)
    assert client.seen[-1].headers["calleridname"] == "Иван 😀"


async def test_latin1_and_an_odd_end_of_message(ami, connect):
    client = await connect()
    await ami.send_raw(b"Event: X\r\nCallerIDName: M\xfcller\r\n\nEvent: Y\r\n\r\n")
    await settle(client, 4)
    assert names(client)[2:] == ["X", "Y"]


async def test_forged_headers_cost_the_event_and_not_the_link(ami, connect, caplog):
    client = await connect()
    await ami.send_event("Newchannel", CallerIDNum="1\r\nEvent: Hangup\r\nUniqueid: 1.1", Uniqueid="1.2")
    await ami.send_event("Good")
    await settle(client, 3)
    assert names(client)[2:] == ["Good"]
    assert client.counters.forged == 1
    assert "'Event' came twice" in caplog.text
    assert ami.connections == 1


async def test_a_forged_event_cannot_answer_an_action(ami, connect):
    """The forger does not know the ids of our actions."""
    client = await connect()
    await ami.send_raw(
        b"Response: Error\r\nActionID: action/guess/1/4\r\n\r\nResponse: Error\r\nMessage: forged\r\n\r\n"
    )
    assert (await client.action("Ping")).success
    assert client.counters.unmatched == 2


async def test_a_list_that_a_caller_ended_early_is_refused(ami, connect):
    """The ActionID stands at an item's end, so what a caller forges into his number takes it along."""
    forged = "1\r\n\r\nEvent: StatusComplete\r\nEventList: Complete\r\nListItems: 0"
    items = [["Channel: PJSIP/a-1", f"CallerIDNum: {forged}", "Uniqueid: 1.1"], ["Channel: PJSIP/b-2"]]
    ami.replies["status"] = lambda _: ami_list("Status", items, "StatusComplete")
    client = await connect()
    with pytest.raises(AmiWireError, match="does not add up"):
        await client.list_action("Status")
    assert (await client.action("Ping")).success


async def test_a_list_with_an_item_missing_is_refused(ami, connect):
    items = [["Channel: a", "CallerIDNum: 1\r\n\r\nEvent: X"], ["Channel: b"]]
    end = ["Event: StatusComplete", "EventList: Complete", "ListItems: 3"]
    ami.replies["status"] = lambda _: [*ami_list("Status", items, "StatusComplete")[:-1], end]
    with pytest.raises(AmiWireError, match="does not add up"):
        await (await connect()).list_action("Status")


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"Asterisk Call Manager/" + b"x" * 300]
)
async def test_a_stranger_on_the_port_gets_no_login(ami, connect, banner):
    ami.banner = banner
    client = await connect(wait=False)
    await eventually(lambda: ami.connections >= 2)
    assert ami.actions == []
    assert not client.connected


async def test_a_giant_message_ends_the_link_which_comes_back(ami, connect):
    client = await connect(max_message=10_000)
    await ami.send_raw(b"Event: X\r\nY: " + b"x" * 20_000)
    await eventually(lambda: client.counters.connects == 2)


async def test_a_late_banner(ami, connect):
    ami.banner_delay = 0.2
    client = await connect()
    assert (await client.action("Ping")).success


async def test_no_fully_booted(ami, connect):
    ami.fully_booted = False
    client = await connect()
    assert (await client.action("Ping")).success


async def test_a_shutdown_event_is_only_an_event(ami, connect):
    """A caller may forge it; that Asterisk is gone shows by the link."""
    client = await connect()
    await ami.send_event("Shutdown", Shutdown="Cleanly", Restart="False")
    await settle(client, 3)
    assert (await client.action("Ping")).success
    assert ami.connections == 1


# --- the consumer (A2, A4)


async def test_a_consumer_that_raises_loses_that_event_only(ami, connect, caplog):
    seen = []

    async def consumer(event):
        seen.append(event.name)
        if event.name == "Bad":
            raise KeyError("oops")

    client = await connect(on_event=consumer)
    for name in ("Bad", "Good"):
        await ami.send_event(name)
    await eventually(lambda: seen[-1:] == ["Good"])
    assert client.counters.consumer_errors == 1
    assert "KeyError" in caplog.text
    assert ami.connections == 1


async def test_a_slow_consumer_gets_one_event_at_a_time_in_order(ami, connect):
    log = []

    async def consumer(event):
        log.append(f"begin {event.name}")
        await asyncio.sleep(0.01)
        log.append(f"end {event.name}")

    await connect(on_event=consumer)
    await ami.send_event("A")
    await ami.send_event("B")
    await eventually(lambda: len(log) == 6)
    assert log[2:] == ["begin A", "end A", "begin B", "end B"]


async def test_a_flood_while_the_consumer_is_stuck_is_absorbed(ami, connect):
    free = asyncio.Event()
    seen = []

    async def consumer(event):
        await free.wait()
        seen.append(event.headers.get("uniqueid"))

    client = await connect(on_event=consumer)
    flood = b"".join(b"Event: Newstate\r\nUniqueid: %d\r\nChannelState: 5\r\n\r\n" % n for n in range(100_000))
    await ami.send_raw(flood)
    assert (await client.action("Ping")).success  # behind the flood, and answered all the same
    assert client.waiting_events >= 100_000
    free.set()
    await eventually(lambda: len(seen) == 100_001, 60)
    assert seen[1:] == [str(n) for n in range(100_000)]
    assert client.counters.shed == 0
    assert ami.connections == 1


async def test_what_does_not_fit_is_shed_counted_and_reconciled(ami, connect):
    free = asyncio.Event()
    seen = []

    async def consumer(event):
        await free.wait()
        seen.append(event.name)

    async def reconcile(_):
        seen.append("reconcile")

    client = await connect(on_event=consumer, on_connect=reconcile, max_events=10)
    for number in range(50):
        await ami.send_event(f"E{number}")
    await client.action("Ping")
    assert client.counters.shed >= 38
    free.set()
    await eventually(lambda: seen.count("reconcile") == 2)
    assert seen[:3] == ["reconcile", "FullyBooted", "E0"]
    assert seen[-1] == "reconcile"


# --- reconciling


async def test_events_wait_while_the_picture_is_rebuilt(ami, connect):
    ami.replies["status"] = lambda _: ami_list("Status", [["Channel: PJSIP/a-1"]], "StatusComplete")
    steps = []
    clients = []

    async def reconcile(connection):
        await ami.send_event("Hangup", Uniqueid="1.1")
        found = await clients[0].list_action("Status")
        steps.append(f"reconciled {len(found)}")

    async def consumer(event):
        steps.append(event.name)

    clients.append(await connect(wait=False, on_event=consumer, on_connect=reconcile))
    await eventually(lambda: "Hangup" in steps)
    assert steps == ["reconciled 1", "FullyBooted", "Hangup"]


async def test_a_failed_reconciliation_is_logged_and_events_go_on(ami, connect, caplog):
    async def broken(_connection):
        raise KeyError("oops")

    client = await connect(on_connect=broken)
    await ami.send_event("X")
    await settle(client, 2)
    assert names(client) == ["FullyBooted", "X"]
    assert "KeyError" in caplog.text


async def test_a_restart_of_asterisk_is_recognised(ami, connect):
    client = await connect()
    first = client.asterisk_started_at
    ami.drop()
    await eventually(lambda: client.counters.connects == 2)
    ami.startup = ("2026-11-22", "11:30:00")
    ami.drop()
    await eventually(lambda: names(client).count("+") == 3)
    restarts = [x.asterisk_restarted for x in client.seen if not hasattr(x, "name")]
    assert restarts == [False, False, True]
    assert client.asterisk_started_at - first == timedelta(minutes=90)


async def test_without_the_right_to_core_status_it_works_all_the_same(ami, connect):
    ami.replies["corestatus"] = lambda _: [["Response: Error", "Message: Permission denied"]]
    client = await connect()
    assert client.asterisk_started_at is None


# --- losing the link (A6, A7, A8, A9, A10, A12)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_link_comes_back(ami, connect, reset):
    client = await connect()
    await ami.send_raw(b"Event: Half")
    ami.drop(reset)
    await eventually(lambda: client.counters.connects == 2)
    await ami.send_event("After")
    await eventually(lambda: names(client)[-1] == "After")
    assert "Half" not in names(client)
    assert client.counters.losses == 1


async def test_asterisk_away_for_a_while(ami, connect, caplog):
    client = await connect()
    await ami.stop()
    await eventually(lambda: client.state is AmiState.WAITING)
    with pytest.raises(AmiDisconnected):
        await client.action("Ping")
    await asyncio.sleep(0.1)
    await ami.start()
    await eventually(lambda: client.connected)
    assert sum("no AMI link" in x.message for x in caplog.records if x.levelno >= logging.WARNING) <= 2


async def test_an_action_under_way_fails_with_the_link_and_is_never_sent_again(ami, connect):
    ami.replies["redirect"] = lambda _: []
    client = await connect()
    action = asyncio.create_task(client.action("Redirect", Channel="x"))
    await eventually(lambda: len(ami.named("redirect")) == 1)
    ami.drop()
    with pytest.raises(AmiDisconnected):
        await action
    await eventually(lambda: client.counters.connects == 2)
    await client.action("Ping")
    assert len(ami.named("redirect")) == 1


async def test_an_action_without_an_answer_times_out_and_a_late_answer_is_nothing(ami, connect):
    ami.replies["redirect"] = lambda _: []
    client = await connect()
    with pytest.raises(AmiTimeout, match="no answer to Redirect"):
        await client.action("Redirect", timeout=0.05)
    (sent,) = ami.named("redirect")
    await ami.send_raw(ami_bytes(["Response: Success", f"ActionID: {sent['actionid']}"]))
    await eventually(lambda: client.counters.unmatched == 1)
    assert (await client.action("Ping")).success


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\nb", "a\0", "x" * 1100, "\ud800"])
async def test_unsafe_values_never_reach_the_wire(ami, connect, value):
    client = await connect()
    with pytest.raises(ValueError):  # noqa: PT011 - the messages differ
        await client.action("Setvar", Value=value)
    assert (await client.action("Ping")).success
    assert ami.named("setvar") == []


async def test_a_half_open_link_is_noticed(ami, connect, caplog):
    client = await connect(ping_interval=0.05, ping_timeout=0.1)
    ami.silent = True
    await eventually(lambda: client.counters.losses == 1)
    assert "not a sign of life" in caplog.text
    ami.silent = False
    await eventually(lambda: client.counters.connects == 2)


async def test_the_standard_settings_notice_a_half_open_link_within_ten_seconds():
    config = AmiConfig("bridge", "x")
    assert config.ping_interval + config.ping_timeout < 10


async def test_a_late_pong_among_other_traffic_is_no_reason_to_cut(ami, connect):
    ami.replies["ping"] = lambda _: [["Event: Busy", "ActionID: none"]]
    client = await connect(ping_interval=0.01, ping_timeout=0.05)
    await eventually(lambda: names(client).count("Busy") >= 5)
    assert ami.connections == 1


async def test_a_server_that_never_answers_the_login(ami, connect):
    ami.silent = True
    client = await connect(wait=False, connect_timeout=0.05)
    await eventually(lambda: ami.connections >= 2)
    assert not client.connected
    ami.silent = False
    await eventually(lambda: client.connected)


async def test_a_port_that_accepts_and_says_nothing(unused_tcp_port):
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        client = AmiClient(replace(QUICK, port=unused_tcp_port, connect_timeout=0.05), on_event=None)
        task = asyncio.create_task(client.run())
        await eventually(lambda: client.state is AmiState.WAITING)
        await client.aclose()
        await task


async def test_a_wrong_password_is_said_once_and_clearly(ami, connect, caplog):
    client = await connect(wait=False, secret="wrong")
    await eventually(lambda: ami.failed_logins >= 3)
    await eventually(lambda: client.state is AmiState.AUTH_FAILED)
    said = [x for x in caplog.records if x.levelno == logging.ERROR]
    assert len(said) == 1
    assert "refuses AMI user 'bridge'" in said[0].message
    assert "wrong" not in caplog.text
    ami.secret = "wrong"
    await eventually(lambda: client.connected)


async def test_after_a_refusal_the_retries_are_slow():
    config = AmiConfig("bridge", "x")
    assert config.retry_auth >= 60


@pytest.mark.parametrize("uniform", [0.0, 0.5, 0.999])
def test_back_off_doubles_up_to_a_limit_with_chance_in_it(uniform):
    config = AmiConfig("bridge", "x", retry_first=1.0, retry_most=8.0)
    delays = [back_off(n, config, uniform) for n in (0, 1, 2, 3, 4, 1000)]
    assert delays == [x * (0.5 + uniform / 2) for x in (1, 2, 4, 8, 8, 8)]


async def test_closing_while_waiting_to_reconnect_really_ends_it(ami, connect):
    client = await connect(retry_first=60.0, retry_most=60.0)
    ami.drop()
    await eventually(lambda: client.state is AmiState.WAITING)
    await client.aclose()
    assert client.state is AmiState.STOPPED
    await asyncio.sleep(0.05)
    assert ami.connections == 1


async def test_closing_finishes_the_event_in_hand(ami, connect):
    begun, finished = asyncio.Event(), asyncio.Event()

    async def consumer(_event):
        begun.set()
        await asyncio.sleep(0.05)
        finished.set()

    client = await connect(on_event=consumer)
    await begun.wait()
    await client.aclose()
    assert finished.is_set()


async def test_closing_before_running(ami):
    client = AmiClient(replace(QUICK, port=ami.port), on_event=None)
    await client.aclose()
    await client.run()
    assert ami.connections == 0


async def test_cancelling_ends_it_too(ami):
    async def ignore(_event):
        pass

    client = AmiClient(replace(QUICK, port=ami.port), ignore)
    task = asyncio.create_task(client.run())
    await eventually(lambda: client.connected)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.state is AmiState.STOPPED


async def test_asking_before_there_is_a_link():
    client = AmiClient(QUICK, on_event=None)
    with pytest.raises(AmiDisconnected):
        await client.action("Ping")


async def test_too_many_actions_under_way(ami, connect):
    ami.replies["redirect"] = lambda _: []
    client = await connect()
    actions = [asyncio.create_task(client.action("Redirect")) for _ in range(300)]
    await eventually(lambda: sum(x.done() for x in actions) == 44)
    ami.drop()
    results = await asyncio.gather(*actions, return_exceptions=True)
    assert sum(isinstance(x, AmiDisconnected) for x in results) == 256
