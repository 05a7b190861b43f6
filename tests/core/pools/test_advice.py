import pytest

from bridge.core.attribution.bins import share_within
from bridge.core.pools.advice import Visits, advise, replay, suggested_hold, within_of
from bridge.core.pools.hold import AutoHold, best_hold, in_words

HOUR = 3600.0
EVEN = Visits([(n * 60.0, n * 60.0 + 120.0) for n in range(20_000)], [300.0] * 800)  # a visit a minute


def test_replay_counts_the_visits_that_find_a_number():
    assert replay([(0.0, 10.0), (1.0, 10.0), (301.0, 310.0)], 1, 300.0) == pytest.approx(2 / 3)
    assert replay([(0.0, 10.0)], 0, 300.0) == 0.0
    assert replay([], 3, 300.0) == 1.0


def test_advice_agrees_with_itself():
    advice = advise("s", EVEN, within_of(EVEN.delays, share_within), hold=900.0, cost_per_number=10.0, ad_budget=1000.0)
    assert advice.needed[0.8] <= advice.needed[0.9] <= advice.needed[0.95] <= advice.needed[0.99]
    by_size = {size.numbers: size for size in advice.sizes}
    for target, numbers in advice.needed.items():
        assert by_size[numbers].coverage >= target
    assert by_size[15].replayed == 1.0  # even arrivals need exactly hold x rate numbers
    assert by_size[14].replayed < 1.0
    assert [size.calls_a_month for size in advice.sizes] == sorted(size.calls_a_month for size in advice.sizes)
    assert advice.cost == 10.0 * (advice.needed[0.9] + 1)
    assert advice.affordable == 14
    assert advice.pays_off is (advice.cost <= 150.0)


def test_hold_follows_the_calls():
    assert suggested_hold(lambda t: min(1.0, t / 1000)) == 900.0
    assert suggested_hold(lambda t: 1.0) == 300.0
    assert suggested_hold(lambda t: 0.0) == 1800.0


def test_the_automatic_hold_is_short_under_pressure_and_long_in_plenty():
    pressed = best_hold(5, 60 / HOUR, 120.0, share_within)
    ample = best_hold(80, 60 / HOUR, 120.0, share_within)
    assert pressed.hold < 60.0 < 900.0 <= ample.hold
    assert pressed.coverage > 0.85
    assert ample.coverage > 0.999
    patient = best_hold(80, 60 / HOUR, 120.0, lambda t: min(1.0, t / (5 * 86_400)))
    assert patient.hold >= ample.hold


def test_the_automatic_hold_learns_the_traffic():
    policy = AutoHold({"s": 10}, share_within)
    quiet = policy.extra("s", 0.0)
    for n in range(600):
        policy.saw("s", 20.0 * n)
    assert policy.extra("s", 20.0 * 600) < 120.0
    assert policy.extra("s", 20.0 * 600 + 86_400.0) >= quiet


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.6, "4 s"),
        (150, "2 min 30 s"),
        (1200, "20 min"),
        (5400, "1 h 30 min"),
        (6 * HOUR, "6 h"),
        (5 * 86_400, "5 days"),
    ],
)
def test_lengths_in_words(seconds: float, text: str):
    assert in_words(seconds) == text
