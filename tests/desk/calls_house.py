"""A desk over two months of made-up calls, with comments that can be searched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from desk_house import House
from lab.history import History, Plan, write_history
from lab.history_shape import ADS

from bridge.core.desk.settings import CLASSES, CallClass, DeskSettings
from bridge.core.directory import Directory, Line, Source
from bridge.core.plan import Leg
from bridge.store.words import index_all_comments

SETTINGS = DeskSettings(
    classes={one.name: one for one in (*CLASSES, CallClass("dealer", "Дилер", "d"))},
    checklist={"introduced": "Представился", "objection": "Отработал возражение", "offer": "Сделал предложение"},
    tags=("vip", "measuring"),
)


def a_directory() -> Directory:
    """The lines and sources of the made-up calls."""
    lines = {
        "sales": Line("sales", "Отдел продаж", (Leg("PJSIP/101"), Leg("PJSIP/102")), 40),
        "service": Line("service", "Сервис", (Leg("PJSIP/201"),), 40),
    }
    titles = {
        "yandex-direct": "Яндекс Директ",
        "google-ads": "Google Ads",
        "avito": "Авито",
        "billboard-m4": "Щит на М4",
    }
    sources = {ad.source: Source(ad.source, titles.get(ad.source, ad.source)) for ad in ADS}
    return Directory("sales", lines, sources, zone=ZoneInfo("Europe/Moscow"))


@contextmanager
def calls_house(folder: Path, days: int = 20, calls_per_day: float = 30) -> Iterator[tuple[House, History]]:
    """The house, and what was made up."""
    made = write_history(folder / "bridge.db", Plan(datetime.now(UTC), days=days, calls_per_day=calls_per_day))
    with House(folder, a_directory(), SETTINGS) as house:
        house.do(index_all_comments(house.database))
        yield house, made
