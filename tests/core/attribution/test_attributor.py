"""The rules of attribution, one by one, on leases made by hand."""

from __future__ import annotations

import pytest

from bridge.core.attribution.attributor import Attributor
from bridge.core.attribution.delays import Delays
from bridge.core.attribution.finding import Finding, InboundCall, at_threshold
from bridge.core.attribution.memory import CallerMemory
from bridge.core.model import AttributionKind, Binding, BindingKind
from bridge.core.pools.book import KEPT, LeaseBook
from bridge.core.pools.lease import Lease

NUMBER = "+78000000101"
POOL = Binding(NUMBER, BindingKind.POOL, "direct", "direct")
ANNA, BORIS = "+79160000001", "+79160000002"
NOON = 1_767_265_200.0


def lease(visit: str, began: float, left: float | None = None, ended: float | None = None, **more: object) -> Lease:
    return Lease(NUMBER, "direct", visit, more.pop("visitor", None), NOON + began, NOON + (left or began),  # type: ignore[arg-type]
                 left=None if left is None else NOON + left, ended=None if ended is None else NOON + ended, **more)  # type: ignore[arg-type]  # fmt: skip


def attributor(*leases: Lease) -> Attributor:
    book = LeaseBook()
    for each in leases:
        book.add(each)
    return Attributor(book, Delays(), CallerMemory())


def ask(by: Attributor, at: float, caller: str | None = ANNA, region: str | None = None) -> Finding:
    return by.attribute(InboundCall(NUMBER, caller, NOON + at, region), POOL)


def test_the_last_holder_just_after_his_visit():
    found = ask(attributor(lease("v1", -4000, -3900, 0), lease("v2", 0, 60)), 90).attribution
    assert (found.kind, found.visit, found.source) == (AttributionKind.VISIT, "v2", "direct")
    assert found.confidence > 0.9
    assert "direct at 11:00" in found.reason
    assert "closed the page 30 s before the call" in found.reason


def test_certainty_fades_with_time_and_other_hands():
    by = attributor(*(lease(f"v{n}", 600.0 * n, 600.0 * n + 60, 600.0 * (n + 1)) for n in range(10)))
    fresh, late = ask(by, 5460), ask(by, 7200)
    assert fresh.attribution.confidence > late.attribution.confidence
    assert "other visits" in late.attribution.reason
    assert sum(c.probability for c in late.candidates) + late.elsewhere == pytest.approx(1.0, abs=0.01)


def test_a_tap_just_before_the_call_decides():
    by = attributor(lease("v1", 0, None, None, mobile=True, taps=(NOON + 896.0,)))
    found = ask(by, 900).attribution
    assert found.confidence > 0.99
    assert "tapped it 4 s before the call" in found.reason


def test_a_tap_beats_the_present_holder():
    by = attributor(lease("v1", 0, 300, 900, taps=(NOON + 1000.0,)), lease("v2", 900, 960))
    assert ask(by, 1004).attribution.visit == "v1"


def test_a_late_report_of_a_tap_revises_the_answer():
    early, now = lease("v1", 0, 300, 900), lease("v2", 900, 960)
    by = attributor(early, now)
    first = ask(by, 1004)
    by.remember(first)
    early.taps = (NOON + 1000.0,)
    second = ask(by, 1004)
    assert (first.attribution.visit, second.attribution.visit) == ("v2", "v1")
    by.revise(second)
    again = ask(by, 90_000)
    assert (again.attribution.kind, again.attribution.visit) == (AttributionKind.CALLER_MEMORY, "v1")


def test_a_caller_known_on_this_number_belongs_to_the_earlier_visit():
    by = attributor(lease("v1", 0, 60, 5000), lease("v2", 5000, None))
    by.remember(ask(by, 70))
    found = ask(by, 5100).attribution
    assert (found.kind, found.visit) == (AttributionKind.CALLER_MEMORY, "v1")
    assert "called this very number" in found.reason
    other = ask(by, 5100, BORIS).attribution
    assert (other.kind, other.visit) == (AttributionKind.VISIT, "v2")


def test_unless_the_present_holder_is_the_same_person():
    by = attributor(lease("v1", 0, 60, 5000, visitor="anna"), lease("v2", 5000, None, visitor="anna"))
    by.remember(ask(by, 70))
    found = ask(by, 5100).attribution
    assert (found.kind, found.visit) == (AttributionKind.VISIT, "v2")
    assert found.confidence > 0.9


def test_a_repeated_call_is_no_surer_than_the_first():
    by = attributor(*(lease(f"v{n}", 600.0 * n, 600.0 * n + 60, 600.0 * (n + 1)) for n in range(10)))
    first = ask(by, 7000)
    by.remember(first)
    again = ask(by, 20_000)
    assert again.attribution.visit == first.attribution.visit
    assert again.attribution.confidence <= first.attribution.confidence + 0.01


def test_a_withheld_caller_is_never_remembered_as_one():
    by = attributor(lease("v1", 0, 60, 5000), lease("v2", 5000, None))
    by.remember(ask(by, 70, None))
    found = ask(by, 5100, None).attribution
    assert (found.kind, found.visit) == (AttributionKind.VISIT, "v2")


def test_whoever_has_called_under_another_number_is_less_likely():
    leases = [lease("v1", 0, 60, 600), lease("v2", 600, 660)]
    before = ask(attributor(*leases), 900, BORIS).candidates
    by = attributor(*leases)
    by.remember(ask(by, 690, ANNA))
    after = ask(by, 900, BORIS).candidates
    assert share(after, "v2") < share(before, "v2")


def test_a_person_known_from_another_number_is_found_again():
    by = attributor(lease("v1", 0, 60, 600, visitor="anna"), lease("v2", 600, 660, visitor="boris"))
    by.memory.remember(ANNA, "+78000000109", NOON - 90_000, {"v0": ("anna", 0.99)})
    assert ask(by, 900, ANNA).attribution.visit == "v1"
    assert ask(by, 900, BORIS).attribution.visit == "v2"


def test_a_page_gone_back_to_the_default_number_hardly_counts():
    kept = ask(attributor(lease("v1", 0, None, 500), lease("v2", 500, 505)), 1000)
    gone = ask(attributor(lease("v1", 0, None, 500, swapped=True), lease("v2", 500, 505)), 1000)
    assert share(gone.candidates, "v1") < share(kept.candidates, "v1") / 10


def test_the_region_speaks_for_a_visit():
    leases = [lease("v1", 0, 60, 1500, region="msk"), lease("v2", 1500, 1560, region="spb")]
    by = attributor(*leases)
    assert share(ask(by, 2000, region="msk").candidates, "v1") > share(ask(by, 2000).candidates, "v1")
    assert share(ask(by, 2000, region="spb").candidates, "v1") < share(ask(by, 2000).candidates, "v1")


def test_regions_are_learned():
    by = attributor(lease("v1", 0, None, region="msk"))
    before = by.regions.ratio(equal=True)
    for n in range(50):
        by.remember(ask(by, 20.0 + n, f"+7916{n:07d}", region="spb"))
    assert by.regions.ratio(equal=True) < before


def test_visits_after_the_call_do_not_count():
    assert ask(attributor(lease("v1", 0, 60, 600), lease("v2", 600, None)), 500).attribution.visit == "v1"


@pytest.mark.parametrize(
    ("binding", "kind", "source"),
    [
        (Binding(NUMBER, BindingKind.DEFAULT, "direct"), AttributionKind.SOURCE_DEFAULT, "direct"),
        (Binding(NUMBER, BindingKind.STATIC, "radio"), AttributionKind.STATIC, "radio"),
        (None, AttributionKind.UNKNOWN, None),
    ],
)
def test_only_a_number_of_a_pool_names_a_visit(binding: Binding | None, kind: AttributionKind, source: str | None):
    by = attributor(lease("v1", 0, None))
    found = by.attribute(InboundCall(NUMBER, ANNA, NOON + 10), binding).attribution
    assert (found.kind, found.source, found.visit) == (kind, source, None)


def test_a_retired_number_still_knows_its_visits():
    retired = Binding(NUMBER, BindingKind.RETIRING, "direct")
    by = attributor(lease("v1", 0, 60, 600))
    assert by.attribute(InboundCall(NUMBER, ANNA, NOON + 900), retired).attribution.visit == "v1"
    bare = attributor().attribute(InboundCall(NUMBER, ANNA, NOON + 900), retired).attribution
    assert (bare.kind, bare.source) == (AttributionKind.STATIC, "direct")


def test_a_number_nobody_was_shown():
    found = ask(attributor(), 10).attribution
    assert (found.kind, found.source, found.visit) == (AttributionKind.UNKNOWN, "direct", None)


def test_the_threshold_is_the_owners():
    by = attributor(*(lease(f"v{n}", 600.0 * n, 600.0 * n + 60, 600.0 * (n + 1)) for n in range(10)))
    found = ask(by, 9000).attribution
    shown = at_threshold(found, 0.99)
    assert (shown.visit, shown.source, shown.kind) == (None, "direct", AttributionKind.SOURCE_DEFAULT)
    assert at_threshold(found, found.confidence) is found


def test_older_holders_count_together():
    every = [lease(f"v{n}", 60.0 * n, 60.0 * n + 30, 60.0 * (n + 1)) for n in range(3000)]
    found = ask(attributor(*every), 60.0 * 3000 + 20)
    assert found.attribution.visit == "v2999"
    assert 0.0 < found.elsewhere < 0.5
    assert len(found.candidates) <= KEPT


def share(candidates: tuple[object, ...], visit: str) -> float:
    return next((c.probability for c in candidates if c.visit == visit), 0.0)  # type: ignore[attr-defined]
