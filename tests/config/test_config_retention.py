"""How long recordings are kept, as bridge.yaml says it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from config_texts import MINIMAL

from bridge.config import Loaded
from bridge.config.retention import FOREVER

ADDED = {
    "an age without unit": (
        "retention: {default: 365}\n",
        "6:22: retention.default: `365` is not an age: write days, like `365d`, or `forever`",
    ),
    "no age at all": (
        "retention: {default: 0d}\n",
        "6:22: retention.default: `0d` is not an age: write days, like `365d`, or `forever`",
    ),
    "a source that is not there": (
        "sources: {radio: {}}\nnumbers: {+74951234567: {source: radio}}\nretention: {sources: {raido: 90d}}\n",
        "8:30: retention.sources.raido: there is no source `raido`, did you mean `radio`?",
    ),
    "an amount": (
        "retention: {disk_budget: 50}\n",
        "6:26: retention.disk_budget: `50` is no amount of disk: write it like `50 GB`, or as a share, like `80%`",
    ),
    "a bare share": (
        "recordings: {stop_below: 0.05}\n",
        "6:26: recordings.stop_below: `0.05` is not a share of the disk: write it like `5%`",
    ),
    "the alarm after the stop": (
        "recordings: {stop_below: 20%}\n",
        "6:1: recordings: `stop_below` is more than `alarm_below`: the alarm would come after the stop",
    ),
}


@pytest.mark.parametrize(("text", "message"), ADDED.values(), ids=ADDED)
def test_mistakes(complains: Callable[..., list[str]], text: str, message: str) -> None:
    assert complains(MINIMAL + text) == [f"bridge.yaml:{message}"]


def test_nothing_is_deleted_unless_somebody_said_so(loads: Callable[..., Loaded]) -> None:
    rules = loads(MINIMAL).config.retention.rules(1000)
    assert (rules.default, rules.budget, rules.shortest) == (FOREVER, None, FOREVER)


@pytest.mark.parametrize(("written", "budget"), [("50 GB", 50 * 10**9), ("1500 MB", 15 * 10**8), ("80%", 800)])
def test_a_budget_is_a_size_or_a_share(loads: Callable[..., Loaded], written: str, budget: int) -> None:
    assert loads(MINIMAL + f"retention: {{disk_budget: {written}}}\n").config.retention.rules(1000).budget == budget


def test_ages(loads: Callable[..., Loaded]) -> None:
    text = "sources: {a: {}, b: {}}\nretention: {default: 365d, sources: {a: 90d, b: forever}}\n"
    rules = loads(MINIMAL + text).config.retention.rules(1000)
    assert [rules.age_of(source) for source in ("a", "b", "c", None)] == [
        timedelta(days=90),
        FOREVER,
        timedelta(days=365),
        timedelta(days=365),
    ]
