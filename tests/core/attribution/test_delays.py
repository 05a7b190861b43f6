import random
from array import array

import pytest

from bridge.core.attribution.bins import COUNT, EDGES, WIDTHS, bin_of, published_shares, share_within
from bridge.core.attribution.delays import Delays
from bridge.core.attribution.dwells import APART, Dwells
from bridge.core.attribution.exposure import Moments, add_dwell, older_counts
from bridge.core.attribution.rates import CLOSED, OPEN, OPEN_MOBILE, Evidence, Origins, Taps, tap_bin

DAY = 86_400.0


def test_the_published_figures():
    assert share_within(1800.0) == pytest.approx(0.914)
    assert share_within(7 * DAY) - share_within(DAY) == pytest.approx(0.016)
    assert sum(published_shares()) == pytest.approx(1.0)
    assert min(published_shares()) >= 0.0


def test_bins_hold_what_belongs_to_them():
    rng = random.Random(1)
    for delay in [0.0, 1.999, 2.0, 3.0, *(rng.uniform(0, EDGES[-1]) for _ in range(2000))]:
        k = bin_of(delay)
        assert EDGES[k] * (1 - 1e-9) <= delay < EDGES[k + 1] * (1 + 1e-9)
    assert bin_of(1e12) == COUNT - 1


def test_a_new_site_begins_with_what_is_published():
    delays = Delays()
    for seconds in (60.0, 300.0, 1800.0, DAY):
        assert delays.share_within(seconds) == pytest.approx(share_within(seconds), abs=0.03)
    assert delays.delay_of(0.9) == pytest.approx(1600, abs=300)


@pytest.mark.parametrize(("median", "within"), [(40.0, 0.06), (900.0, 0.06), (30_000.0, 0.15)])
def test_the_sites_own_calls_take_over(median: float, within: float):
    """Calls whose visit is beyond doubt: the learned distribution follows them, whatever the published one says."""
    rng = random.Random(7)
    delays = Delays()
    truth = []
    now = 0.0
    for n in range(12_000):
        now = 300.0 * n
        delays.visit_began(now, None)
        delays.page_closed(now + 20.0, 20.0, None)
        if n % 10 == 0:
            delay = rng.lognormvariate(0, 0.8) * median
            truth.append(delay)
            k = bin_of(delay)
            delays.learn(Evidence((Origins(CLOSED, k, k, 1.0),), (), 1e-12), now)
    delays.refresh(now)
    for seconds in (median / 2, median, 2 * median):
        assert delays.share_within(seconds) == pytest.approx(sum(d <= seconds for d in truth) / len(truth), abs=within)
    assert delays.per_visit == pytest.approx(0.1, abs=0.01)


def test_taps_that_are_followed_by_calls_grow_strong_and_others_weak():
    strong, weak = Delays(), Delays()
    for n in range(300):
        for delays in (strong, weak):
            delays.visit_began(60.0 * n, True)
            delays.page_closed(60.0 * n, 1.0, True)
            delays.tapped()
        strong.learn(Evidence((Origins(CLOSED, 10, 10, 1.0),), (Taps(3, 10, 1.0),), 1e-6), 60.0 * n)
    strong.refresh(20_000.0)
    weak.refresh(20_000.0)
    assert sum(strong.best.taps) > 3 * sum(weak.best.taps)
    assert (tap_bin(0.0), tap_bin(299.0), tap_bin(300.0), tap_bin(-1.0)) == (0, 11, None, None)


def test_exposure_counts_only_what_could_be_seen_so_far():
    moments = Moments()
    for at in (0.0, 100.0, 100.0):
        moments.add(at)
    exposure = moments.exposure(101.0)
    assert sum(exposure) == pytest.approx(101.0 + 1.0 + 1.0)
    assert exposure[0] == pytest.approx(2.0 + 1.0 + 1.0)
    row = [0.0] * COUNT
    add_dwell(row, 50.0)
    assert sum(row) == pytest.approx(50.0)
    assert row[0] == WIDTHS[0]
    counts = older_counts(array("d", [1.0, 5.0, 90.0, 200.0]), 100.0)
    assert counts == [(bin_of(10.0), 1), (bin_of(95.0), 2)]  # what began later than that does not count


def test_what_was_learned_can_be_put_back():
    one = Delays()
    for n in range(200):
        one.visit_began(10.0 * n, None)
        one.learn(Evidence((Origins(CLOSED, 20, 20, 1.0),), (), 1e-9), 10.0 * n)
    other = Delays(one.learned)
    for n in range(200):
        other.visit_began(10.0 * n, None)
    for _ in range(5):  # two parts of the rates lean on each other
        one.refresh(2000.0)
        other.refresh(2000.0)
    assert flat(other.best.rates) == pytest.approx(flat(one.best.rates))


def flat(rates: list[list[list[float]]]) -> list[float]:
    return [rate for kind in rates for row in kind for rate in row]


def test_few_open_pages_from_which_many_call_are_not_hidden_by_the_many_closed_ones():
    """Nine of ten visits close their page after a minute; of those who stay for half an hour, one in twenty calls in its midst."""
    delays = Delays()
    k = bin_of(900.0)
    for n in range(2000):
        delays.visit_began(60.0 * n, None)
        dwell = 1800.0 if n % 10 == 0 else 60.0
        if n % 200 == 0:
            delays.learn(Evidence((Origins(OPEN, k, k, 1.0),), (), 1e-9), 60.0 * n + 900.0)
        delays.page_closed(60.0 * n + dwell, dwell, None)
    delays.refresh(60.0 * 2100)
    for rates in delays.best.rates[OPEN], delays.best.rates[OPEN_MOBILE]:  # of mobile visits there were none
        assert rates[k][k] > 0.4 * 10 / (200 * WIDTHS[k])


def test_whoever_read_for_long_and_closed_the_page_just_now_calls_rather_than_he_who_left_long_ago():
    delays = Delays()
    age, short, long = bin_of(900.0), bin_of(100.0), bin_of(880.0)
    for n in range(2000):
        began = 60.0 * n
        dwell = 800.0 if n % 10 == 0 else 20.0
        delays.visit_began(began, None)
        delays.page_closed(began + dwell, dwell, None)
        if n % 20 == 0:
            delays.learn(Evidence((Origins(CLOSED, age, short, 1.0),), (), 1e-9), began + 900.0)
    delays.refresh(60.0 * 2000)
    assert delays.best.rates[CLOSED][age][short] > 5 * delays.best.rates[CLOSED][age][long]


def test_time_after_closing_is_spread_by_how_long_pages_were_open():
    dwells = Dwells()
    for dwell in (0.0, 1.0, 60.0, 3600.0):
        dwells.add(dwell)
    for spread in dwells.spread():
        assert [sum(row) for row in spread] == pytest.approx([1.0] * COUNT)
    by_age, by_left = dwells.spread()
    assert by_age[bin_of(50.0)][0] > 0.9  # of this age are only those closed at once
    assert by_left[bin_of(50.0)][APART - 1] == pytest.approx(1 / 4, abs=0.01)  # one was open for an hour before
