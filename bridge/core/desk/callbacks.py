"""Who waits to be called back: callers nobody talked to, until somebody of the company does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.core.model import Outcome

#: After so long nobody waits any more: older calls are left as they are.
HORIZON: Final = timedelta(days=90)
#: Ends of calls that nobody has to call back for.
_DONE_WITH: Final = (Outcome.ANSWERED, Outcome.BLOCKED, Outcome.SCREENED)
CALLER: Final = "caller"  #: he called again and was answered
COMPANY: Final = "company"  #: the company reached his number


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of a caller, as far as it matters here."""

    call_id: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    spam: bool
    wants_callback: bool = False
    called_back_at: datetime | None = None
    called_back_by: str | None = None  #: CALLER, COMPANY, or a person's name who marked it done

    @property
    def missed(self) -> bool:
        """Whether it ended without anybody having talked to the caller, and not for his own sake."""
        return (
            self.ended_at is not None and self.answered_at is None and not self.spam and self.outcome not in _DONE_WITH
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What the books are to say of a call."""

    call_id: str
    wants_callback: bool
    called_back_at: datetime | None
    called_back_by: str | None


def settle(calls: Sequence[Seen], reached: Iterable[datetime] = ()) -> list[Standing]:
    """What changes for the calls of one caller. `reached`: when the company got him on the phone. In any order.

    A missed call is done with by the first talk after it, or by a person's word, which stands.
    """
    talks = sorted(
        [(call.answered_at, CALLER) for call in calls if call.answered_at is not None]
        + [(moment, COMPANY) for moment in reached]
    )
    changes = []
    for call in calls:
        by_hand = call.called_back_by not in (None, CALLER, COMPANY)
        if by_hand:
            continue
        at, by = next(((at, by) for at, by in talks if at > call.started_at), (None, None))
        wanted = (
            Standing(call.call_id, at is None, at, by) if call.missed else Standing(call.call_id, False, None, None)
        )
        if wanted != Standing(call.call_id, call.wants_callback, call.called_back_at, call.called_back_by):
            changes.append(wanted)
    return changes
