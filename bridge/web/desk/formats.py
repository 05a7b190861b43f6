"""Figures, times and telephone numbers as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal

import phonenumbers
from babel.dates import format_date, format_datetime, format_time, format_timedelta, get_day_names
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

from bridge.core.desk.access import Who
from bridge.core.desk.masking import masked

NARROW = "\N{NARROW NO-BREAK SPACE}"
_LOCALES = {"en": "en_GB", "ru": "ru_RU"}


@dataclass(frozen=True, slots=True)
class Formats:
    """For one person: in his language, in the zone of the company, callers masked where he need not see them."""

    language: str
    zone: tzinfo
    currency: str
    who: Who | None

    @property
    def locale(self) -> str:
        return _LOCALES[self.language]

    def number(self, e164: str | None) -> str:
        """A number of the company, in its international writing."""
        if e164 is None:
            return ""
        try:
            parsed = phonenumbers.parse(e164, None)
        except phonenumbers.NumberParseException:
            return e164
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)

    def caller(self, number: str | None) -> str:
        """A caller's number; masked where the person need not see it; "" for a withheld one."""
        if number is None:
            return ""
        return self.number(number) if self.who is not None and self.who.sees_callers else masked(number)

    def when(self, at: datetime | None, form: str = "medium") -> str:
        """``22 Nov 2026, 14:03:07``; `form` is Babel's: short, medium, long, or a pattern."""
        return "" if at is None else format_datetime(at.astimezone(self.zone), form, locale=self.locale)

    def time(self, at: datetime | None) -> str:
        """``14:03``"""
        return "" if at is None else format_time(at.astimezone(self.zone), "short", locale=self.locale)

    def day(self, day: date | datetime, form: str = "medium") -> str:
        """``22 Nov 2026``"""
        if isinstance(day, datetime):
            day = day.astimezone(self.zone).date()
        return format_date(day, form, locale=self.locale)

    def weekday(self, number: int, width: Literal["abbreviated", "wide"] = "abbreviated") -> str:
        """``Mon`` of 0."""
        return str(get_day_names(width, "stand-alone", self.locale)[number])

    def ago(self, at: datetime, now: datetime) -> str:
        """``3 hours ago``"""
        return format_timedelta(at - now, granularity="minute", add_direction=True, locale=self.locale)

    def span(self, seconds: float | None) -> str:
        """A length of time on a clock: ``0:07``, ``12:30``, ``1:02:03``; "" for None."""
        if seconds is None:
            return ""
        whole = round(seconds)
        hours, minutes = divmod(whole // 60, 60)
        return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"

    def long(self, seconds: float) -> str:
        """A length of time in words: ``3 hours``."""
        return format_timedelta(timedelta(seconds=seconds), locale=self.locale)

    def count(self, number: float, digits: int = 0) -> str:
        """``1,234`` or ``1 234``; with `digits` after the point where they are not all zero."""
        return _decimal(round(number, digits), digits, self.locale)

    def short(self, number: float) -> str:
        """``12K``"""
        return format_compact_decimal(number, locale=self.locale, fraction_digits=1)

    def percent(self, share: float | None, digits: int = 0) -> str:
        """``34%`` of 0.34; ``–`` for None."""
        if share is None:
            return "–"
        return _percent(round(share, digits + 2), digits, self.locale)

    def money(self, hundredths: int | None) -> str:
        """An amount in the desk's currency, given in hundredths, which are shown where there are any; "" for None."""
        if hundredths is None:
            return ""
        pattern, digits = ("#,##0\xa0¤", False) if hundredths % 100 == 0 else (None, True)
        return format_currency(hundredths / 100, self.currency, pattern, self.locale, currency_digits=digits)

    def file_size(self, size: int) -> str:
        """``1.3 MB``"""
        if size >= 1e9:
            return f"{self.count(size / 1e9, 1)} GB"
        return f"{self.count(size / 1e6, 1)} MB" if size >= 1e5 else f"{self.count(size / 1e3, 1)} kB"


@lru_cache(20_000)  # a page has hundreds of figures, most of them small, and Babel takes its time
def _decimal(number: float, digits: int, locale: str) -> str:
    return format_decimal(number, "#,##0" + ("." + "#" * digits if digits else ""), locale=locale)


@lru_cache(20_000)
def _percent(share: float, digits: int, locale: str) -> str:
    return format_percent(share, "#,##0" + ("." + "0" * digits if digits else "") + "%", locale=locale)
