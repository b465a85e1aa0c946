"""Slopes and intervals against laws that are known."""

import numpy as np
import pytest

from agent.theory.statistics import RESAMPLES, band, centre, growth, log_log_slope, resampled
from slinvit.types import FloatArray


def power_law(exponent: float, noise: float = 0.0) -> tuple[FloatArray, FloatArray]:
    x = np.array([1.0, 2.0, 4.0, 8.0])
    factors = np.exp(noise * np.random.default_rng(0).normal(size=(4, 5, 10)))
    return x, 100 * x[:, None, None] ** exponent * factors


@pytest.mark.parametrize("exponent", [-2.0, 0.5, 1.0])
def test_the_slope_of_a_power_law_is_its_exponent(exponent: float) -> None:
    found = log_log_slope(*power_law(exponent))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((exponent,) * 3)


def test_the_interval_of_a_noisy_power_law_holds_the_exponent() -> None:
    found = log_log_slope(*power_law(1.0, noise=0.2))
    assert found is not None
    assert found.low < 1.0 < found.high
    assert found.high - found.low < 0.5


def test_the_centre_is_a_median_of_medians_that_knows_infinity() -> None:
    assert centre(np.array([[1.0, 2.0, 30.0], [4.0, 5.0, 6.0], [7.0, 80.0, 900.0]])) == 5.0
    assert centre(np.array([[1.0, np.inf, np.inf]])) == np.inf
    assert centre(np.array([[1.0, 3.0]])) == 1.0


def test_points_that_did_not_happen_are_left_out_of_a_slope() -> None:
    x, samples = power_law(1.0)
    samples[3] = np.inf
    found = log_log_slope(x, samples)
    assert found is not None
    assert found.value == pytest.approx(1.0)
    samples[1:] = np.inf
    assert log_log_slope(x, samples) is None


def test_a_band_holds_the_centre_and_resampling_is_reproducible() -> None:
    _, samples = power_law(1.0, noise=0.5)
    middle, low, high = band(samples)
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert resampled(samples).shape == (RESAMPLES, 4)
    np.testing.assert_array_equal(resampled(samples), resampled(samples))


def test_growth_tells_a_logarithm_from_a_root() -> None:
    episodes = np.geomspace(1, 1e5, 60)
    log = growth(episodes, 3 * np.log(episodes) + 1)
    root = growth(episodes, 2 * np.sqrt(episodes))
    assert log["r2_log"] == pytest.approx(1.0)
    assert log["r2_log"] > log["r2_sqrt"]
    assert root["r2_sqrt"] == pytest.approx(1.0)
    assert root["local_slope"] == pytest.approx(0.5)
    assert growth(episodes, np.ones(60))["local_slope"] == pytest.approx(0.0)
