from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bridge.core.directory import Directory, Line, Number, Source
from bridge.core.model import Binding, BindingKind, Call, RecordingStatus
from bridge.core.plan import Leg
from bridge.flows.inbound import Inbound

ID = "20261122-142701-76210-452748"
NOW = datetime(2026, 11, 22, 14, 27, 1, tzinfo=UTC)


def directory(phone: str = "PJSIP/101") -> Directory:
    return Directory(
        fallback="office",
        lines={"office": Line("office", "Office", (Leg(phone),), 30)},
        sources={"radio": Source("radio", "Radio")},
        numbers={"+74951110001": Number(Binding("+74951110001", BindingKind.STATIC, "radio"))},
    )


@dataclass
class Request:
    arguments: tuple[str, ...] = (ID, "74951110001")
    caller: str | None = "89161234567"
    caller_name: str | None = "Иван"
    uniqueid: str = "1.1"
    presentation: str = "0"

    def get(self, name: str) -> str:
        return self.presentation if name == "callingpres" else ""


@dataclass
class Session:
    """What Asterisk was told, in order."""

    request: Request = field(default_factory=Request)
    told: list[tuple[str, ...]] = field(default_factory=list)

    async def set_variable(self, name: str, value: str) -> None:
        self.told.append((name, value))

    async def database_put(self, family: str, key: str, value: str) -> None:
        self.told.append((family, key, value))


class World:
    def __init__(self) -> None:
        self.calls: list[tuple[Call, str]] = []
        self.inbound = Inbound(directory(), lambda: NOW, lambda call, token: self.calls.append((call, token)))

    async def ask(self, **request: object) -> list[tuple[str, ...]]:
        session = Session(Request(**request))  # type: ignore[arg-type]
        await self.inbound(session)
        return session.told


@pytest.fixture
def world() -> World:
    return World()


async def test_the_answer_comes_first_and_whole_then_the_last_known_good_ones(world: World) -> None:
    answer, default, cache = await world.ask()
    call, token = world.calls[0]
    assert answer[0] == "BRIDGE_ANSWER"
    assert answer[1].startswith("1,radio,office,")
    assert answer[1].endswith(",1")
    assert token in answer[1].split(",")
    assert default[:2] == ("bridge", "default")
    assert cache[:2] == ("bridge", "74951110001")
    assert token not in default[2] + cache[2], "what AstDB keeps is no secret"
    assert (call.id, call.caller, call.caller_name, call.number) == (ID, "+79161234567", "Иван", "+74951110001")


async def test_astdb_is_told_once_and_again_when_it_may_have_forgotten(world: World) -> None:
    assert len(await world.ask()) == 3
    assert len(await world.ask()) == 1
    world.inbound.forget_cache()
    assert len(await world.ask()) == 3


async def test_a_reload_is_told_to_astdb_too(world: World) -> None:
    await world.ask()
    world.inbound.directory = directory("PJSIP/102")
    told = await world.ask()
    assert len(told) == 3
    assert all("PJSIP/102" in text for *_, text in told)


async def test_numbers_nobody_bound_do_not_fill_astdb(world: World) -> None:
    told = await world.ask(arguments=(ID, "74950000000"))
    assert [x[0:2] for x in told[1:]] == [("bridge", "default")]


@pytest.mark.parametrize("arguments", [(), (ID,), ("../../etc", "1"), (ID, "1", "2"), ("", "")])
async def test_what_is_no_call_gets_no_answer(world: World, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"not a call of bridge\.conf"):
        await world.ask(arguments=arguments)
    assert world.calls == []


@pytest.mark.parametrize(("caller", "presentation"), [(None, "0"), ("89161234567", "32"), ("anonymous", "0")])
async def test_a_withheld_caller_is_nobody(world: World, caller: str | None, presentation: str) -> None:
    await world.ask(caller=caller, presentation=presentation)
    assert world.calls[0][0].caller is None


async def test_on_a_full_disk_nothing_is_recorded_and_nobody_is_told_that_it_is(world: World) -> None:
    world.inbound.not_recorded = "the disk is nearly full"
    (_, answer), *_ = await world.ask()
    assert answer.split(",")[8] == "no"
    assert world.calls[0][0].recording.status is RecordingStatus.OFF_DISK
