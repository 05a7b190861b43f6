import pytest

from bridge.core.simulation.scores import calibration_error, score


def test_scores():
    answers = [(True, 0.95), (False, 0.91), (True, 0.5), None]
    found = score(answers, visits=10, covered=8)
    assert (found.coverage, found.right, found.bound) == (0.8, 0.5, 0.75)
    assert found.accuracy == pytest.approx(2 / 3)
    assert (found.sure, found.sure_wrong) == (0.5, 0.5)
    assert found.calibration_error == pytest.approx((abs(1 - 0.95 - 0.91) + 0.5) / 3)


def test_of_nothing():
    found = score([], 0, 0)
    assert (found.coverage, found.right, found.sure_wrong, found.calibration_error) == (1.0, 0.0, 0.0, 0.0)


def test_calibration_is_by_bin():
    assert calibration_error([(True, 0.75)] * 3 + [(False, 0.75)]) == pytest.approx(0.0)
    assert calibration_error([(True, 1.0), (False, 0.0)]) == 0.0
    assert calibration_error([(False, 1.0)]) == 1.0
