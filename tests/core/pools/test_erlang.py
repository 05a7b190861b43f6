import pytest

from bridge.core.pools.erlang import coverage, loss, needed


def test_known_figures():
    assert loss(10, 10.0) == pytest.approx(0.2146, abs=1e-4)  # 200 visits an hour for 3 min on 10 numbers
    assert loss(0, 5.0) == 1.0
    assert loss(3, 0.0) == 0.0


@pytest.mark.parametrize(
    ("per_hour", "minutes", "expected"),
    [
        (5, 15, (3, 3, 4, 5)),
        (20, 20, (8, 10, 11, 14)),
        (50, 15, (13, 16, 18, 21)),
        (100, 30, (44, 51, 56, 64)),
        (200, 15, (44, 51, 56, 64)),
        (200, 30, (84, 97, 105, 117)),
    ],
)
def test_numbers_needed(per_hour: int, minutes: int, expected: tuple[int, ...]):
    loads = [(float(per_hour), per_hour * minutes / 60)]
    assert tuple(needed(target, loads) for target in (0.8, 0.9, 0.95, 0.99)) == expected


def test_the_fewest_numbers_are_found():
    loads = [(10.0, 2.0), (60.0, 14.0), (5.0, 0.4)]
    found = needed(0.93, loads)
    assert coverage(found, loads) >= 0.93 > coverage(found - 1, loads)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="negative"):
        loss(-1, 2.0)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        needed(1.0, [(1.0, 1.0)])
    with pytest.raises(ValueError, match="more than 10 numbers"):
        needed(0.99, [(1.0, 500.0)], limit=10)
    assert coverage(0, []) == 1.0
