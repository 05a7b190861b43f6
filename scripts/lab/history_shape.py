"""What a made-up year looks like: its sources and their numbers, hours, callers, words of comments."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from bridge.core.model import BindingKind, Outcome


@dataclass(frozen=True, slots=True)
class Ad:
    """One source. `share` of all calls; `pool` is how many numbers it has for visits (0: one number for good)."""

    source: str
    share: float
    number: str
    pool: int = 0
    paid: bool = False
    medium: str | None = None
    answered: float = 0.8  #: share of its calls
    target: float = 0.45  #: share of the classified calls
    campaigns: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    referrer: str = ""

    def numbers(self) -> list[str]:
        """The numbers of its pool."""
        return [f"{self.number[:8]}{int(self.number[8:]) + place:04}" for place in range(1, self.pool + 1)]


ADS = (
    Ad(
        "yandex-direct", 0.27, "+74951000100", 24, True, "cpc", 0.82, 0.52,
        ("windows-search", "windows-network", "balconies-search", "brand", "retargeting"),
        ("пластиковые окна", "окна цена", "остекление балкона", "окна под ключ", "замена стеклопакета", "окна в рассрочку"),
        "https://yandex.ru/",
    ),
    Ad(
        "google-ads", 0.12, "+74951000200", 16, True, "cpc", 0.8, 0.48,
        ("search-moscow", "search-region", "performance-max"), ("plastic windows", "окна москва", "балкон под ключ"), "https://www.google.com/",
    ),
    Ad("vk-ads", 0.08, "+74951000300", 10, True, "cpc", 0.74, 0.28, ("lookalike-2", "parents"), (), "https://vk.com/"),
    Ad("yandex", 0.14, "+74951000400", 16, False, "organic", 0.83, 0.5, (), (), "https://yandex.ru/"),
    Ad("direct", 0.09, "+74951000500", 8, False, None, 0.85, 0.4),
    Ad("avito", 0.16, "+74952000600", answered=0.72, target=0.33),
    Ad("2gis", 0.09, "+74952000700", answered=0.81, target=0.44),
    Ad("billboard-m4", 0.05, "+74952000800", answered=0.78, target=0.36),
)  # fmt: skip

LANDINGS = ("/", "/windows/", "/balconies/", "/prices/", "/promo/autumn/", "/doors/", "/contacts/")
PAGES = (*LANDINGS, "/about/", "/works/", "/credit/", "/reviews/", "/delivery/")
SITE = "https://okna.example"
PHONES = ("PJSIP/101", "PJSIP/102", "PJSIP/103", "PJSIP/104", "PJSIP/105")
TRUNKS = ("PJSIP/mango", "PJSIP/mango", "PJSIP/beeline")  #: by their share
EVENING = 17  #: from this hour on the last of them is overloaded
LINES = ("sales", "sales", "sales", "service")  #: by their share
OWN_CLASSES = ("dealer", "job-seeker")
TAGS = ("repeat-order", "discount", "measuring", "complaint", "vip", "call-later")
CHECKLIST = ("introduced", "objection", "offer")
COMMENTS = (
    "Просит перезвонить после шести, интересует балкон",
    "Замер в субботу, адрес записан",
    "Сравнивает с конкурентами, прислать смету",
    "Wants a quote for three windows",
    "Ошиблись номером",
    "Постоянный клиент, дверь заедает, гарантия",
    "Спрашивал про рассрочку; перезвонить во вторник",
    "Asked for the installation date",
)
MISSED = (
    (Outcome.UNANSWERED, 0.4),
    (Outcome.ABANDONED, 0.28),
    (Outcome.BUSY, 0.1),
    (Outcome.CLOSED, 0.12),
    (Outcome.VOICEMAIL, 0.07),
    (Outcome.UNREACHABLE, 0.03),
)

_WEEKDAYS = (1.12, 1.1, 1.08, 1.05, 1.0, 0.6, 0.42)
_HOURS = (1, 0.6, 0.4, 0.3, 0.4, 1, 2, 5, 11, 20, 24, 24, 21, 20, 22, 22, 20, 17, 14, 11, 8, 5, 3, 2)
_HOUR_SUMS = tuple(accumulate(_HOURS))


def day_weight(weekday: int, day_of_year: int) -> float:
    """How busy a day is; 1 on average. Spring and autumn are the season."""
    season = 1.0 + 0.18 * (1 if 80 < day_of_year < 160 or 230 < day_of_year < 320 else -0.6)
    return _WEEKDAYS[weekday] / 0.91 * season


def moment(rng: random.Random) -> float:
    """Seconds since midnight."""
    hour = bisect(_HOUR_SUMS, rng.random() * _HOUR_SUMS[-1])
    return hour * 3600 + rng.random() * 3600


def weighted(rng: random.Random, choices: Sequence[tuple[Outcome, float]]) -> Outcome:
    """One of the choices, each with its share."""
    left = rng.random()
    for value, share in choices:
        left -= share
        if left < 0:
            return value
    return choices[-1][0]


def binding_of(ad: Ad, number: str) -> BindingKind:
    """What a number of this source is bound to."""
    if not ad.pool:
        return BindingKind.STATIC
    return BindingKind.DEFAULT if number == ad.number else BindingKind.POOL


class Callers:
    """Whom calls come from: new people, and some who call again, mostly soon."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._known: list[str] = []
        self._next = 1_000_000

    def draw(self, repeats: float = 0.34) -> str | None:
        """A caller in E.164; None: withheld."""
        draw = self._rng.random()
        if draw < 0.02:
            return None
        if draw < 0.02 + repeats and self._known:
            back = min(len(self._known) - 1, int(self._rng.expovariate(1 / 400)))
            return self._known[-1 - back]
        self._next += self._rng.randrange(1, 7)
        code = self._rng.choice(("903", "915", "916", "925", "926", "985"))
        caller = f"+7{code}{self._next % 10_000_000:07}"
        self._known.append(caller)
        return caller
