"""Metrics: read at the scrape, typed and named right, one broken part not taking the others with it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.fastagi import AgiCounters
from bridge.telemetry.metrics import Metrics


@dataclass(slots=True)
class Books:
    booked: int = 0
    waiting: int = 0


HELP = {"booked": "Calls booked.", "waiting": "Calls waiting to be booked."}


def families(metrics: Metrics) -> dict[str, tuple[str, dict[tuple[tuple[str, str], ...], float]]]:
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        found[family.name] = (
            family.type,
            {tuple(sorted(s.labels.items())): s.value for s in family.samples if not s.name.endswith("_created")},
        )
    return found


def test_counters_are_read_at_the_scrape() -> None:
    metrics, books = Metrics(), Books()
    metrics.group("books", lambda: books, HELP, gauges=("waiting",))
    books.booked, books.waiting = 5, 2
    found = families(metrics)
    assert found["callbridge_books_booked"] == ("counter", {(): 5.0})
    assert found["callbridge_books_waiting"] == ("gauge", {(): 2.0})
    text = metrics.text().decode()
    assert "callbridge_books_booked_total 5.0" in text
    assert "# HELP callbridge_books_waiting Calls waiting to be booked." in text


def test_a_real_part_s_counters_fit() -> None:
    metrics = Metrics()
    help = {name: f"AGI {name}." for name in AgiCounters.__dataclass_fields__}
    metrics.group("agi", AgiCounters, help)
    assert families(metrics)["callbridge_agi_answered"] == ("counter", {(): 0.0})


@pytest.mark.parametrize("help", [{"booked": "x"}, {**HELP, "lost": "x"}])
def test_help_and_fields_must_agree(help: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="metrics books"):
        Metrics().group("books", Books, help)


def test_gauges_with_and_without_labels() -> None:
    metrics = Metrics("1.2.3")
    values: dict[str, float | None] = {"free": 10.5}
    metrics.gauge("disk_free_bytes", "Free.", lambda: values["free"])
    metrics.gauge("part_ok", "Well or not.", lambda: {"ami": 1, "store": 0}, label="part")
    metrics.counter("calls", "Calls.", lambda: {"answered": 3}, label="outcome")
    found = families(metrics)
    assert found["callbridge_disk_free_bytes"] == ("gauge", {(): 10.5})
    assert found["callbridge_part_ok"][1] == {(("part", "ami"),): 1.0, (("part", "store"),): 0.0}
    assert found["callbridge_calls"] == ("counter", {(("outcome", "answered"),): 3.0})
    (about,) = found["callbridge_build_info"][1]
    assert ("version", "1.2.3") in about
    values["free"] = None
    assert "callbridge_disk_free_bytes" not in families(metrics)


def test_a_part_that_fails_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()

    def broken() -> float:
        raise OSError("no disk")

    metrics.gauge("disk", "Disk.", broken)
    metrics.gauge("fine", "Fine.", lambda: 1)
    found = families(metrics)
    assert "callbridge_disk" not in found
    assert found["callbridge_fine"][1] == {(): 1.0}
    assert found["callbridge_metrics_errors"][1] == {(): 1.0}
    families(metrics)
    assert len(caplog.records) == 1


def test_two_daemons_in_one_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.gauge("x", "X.", lambda: 1)
    assert "callbridge_x" not in families(other)
