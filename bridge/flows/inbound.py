"""A call asks where to go. The answer comes from memory: no disk, no database, nothing to wait for."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bridge.core.booking import caller_of, opened
from bridge.core.call_id import is_call_id
from bridge.core.directory import Directory
from bridge.core.model import Call, Recording, RecordingStatus
from bridge.core.plan import Answer
from bridge.core.routing import Decision, decide, fallback_answer
from bridge.core.screening import RecentCalls, screen
from bridge.flows.ports import Asking, Clock, Question

log = logging.getLogger(__name__)

ASTDB_FAMILY = "bridge"


class Inbound:
    """Answers ``agi://.../inbound,<call id>,<digits dialled>``.

    `on_call` is told of every call that got its answer, with the token by which the call's own events are known.
    """

    def __init__(self, directory: Directory, clock: Clock, on_call: Callable[[Call, str], None]) -> None:
        self._clock = clock
        self._on_call = on_call
        self._cached: dict[str, str] = {}  #: what AstDB was last told, by key
        self._recent = RecentCalls()
        self.not_recorded = ""  #: why no new call is recorded; "" while they are
        self.directory = directory

    @property
    def directory(self) -> Directory:
        return self._directory

    @directory.setter
    def directory(self, new: Directory) -> None:
        """A reload: calls from now on go by `new`; those under way are not touched."""
        self._directory = new
        self._default = fallback_answer(new).encode()

    def forget_cache(self) -> None:
        """What AstDB was told may be gone: each number's next call tells it again."""
        self._cached.clear()

    async def __call__(self, session: Asking) -> None:
        """Raises ValueError for a request that is not a call of our dialplan: it gets no answer and goes by the fallback."""
        question: Question = session.request
        if len(question.arguments) != 2 or not is_call_id(question.arguments[0]):
            raise ValueError(f"not a call of bridge.conf: arguments {question.arguments!r:.200}")
        call_id, dialled = question.arguments
        now = self._clock()
        token = secrets.token_urlsafe(12)
        directory = self._directory
        presentation = "prohibited" if question.get("callingpres").strip() in _PROHIBITED else ""
        caller = caller_of(question.caller or "", presentation, directory.region)
        decision, answer = self._decide(call_id, caller, dialled, now, token)
        await session.set_variable("BRIDGE_ANSWER", answer)
        name = question.caller_name or ""
        log.info(
            "%s calls %s: %s, line %s%s%s",
            caller or "a withheld number",
            decision.number,
            decision.attribution.source or "no source",
            decision.line.name,
            " (closed)" if decision.closed else "",
            f"; {decision.screening.verdict}: {decision.screening.reason}" if decision.screening else "",
        )
        call = opened(call_id, decision, caller=caller, caller_name=name, uniqueid=question.uniqueid, at=now)
        if self.not_recorded and decision.answer.record != "no":
            call = replace(call, recording=Recording(RecordingStatus.OFF_DISK, reason=self.not_recorded))
        self._on_call(call, token)
        # the answer stands; what follows is for the day the daemon cannot be asked
        await self._remember(session, "default", self._default)
        if decision.binding is not None:
            await self._remember(session, dialled, decision.cache.encode())

    def _decide(
        self, call_id: str, caller: str | None, dialled: str, now: datetime, token: str
    ) -> tuple[Decision, str]:
        """The decision and its wire form. Whatever goes wrong with the screening, the call is not screened."""
        directory = self._directory
        try:
            screening = screen(caller, self._recent.note(caller, call_id, now), directory.screening, now)
            if screening is not None:
                decision = decide(directory, dialled, now, token, screening)
                return decision, self._answer(decision).encode()
        except Exception:
            log.exception("call %s could not be screened and is let through", call_id)
        decision = decide(directory, dialled, now, token)
        return decision, self._answer(decision).encode()

    def _answer(self, decision: Decision) -> Answer:
        """The answer, without recording (and without the notice that announces it) while the disk is nearly full."""
        if not self.not_recorded:
            return decision.answer
        return replace(decision.answer, record="no", notice=None, beep=False)

    async def _remember(self, session: Asking, key: str, answer: str) -> None:
        if self._cached.get(key) == answer:
            return
        await session.database_put(ASTDB_FAMILY, key, answer)
        self._cached[key] = answer


#: AST_PRES_RESTRICTION bits "restricted", with the four screening values (callerid.h)
_PROHIBITED = frozenset({"32", "33", "34", "35"})
