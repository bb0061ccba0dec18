"""The resolution of data: what is found of it, and the prior's factor that comes of it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm import BayesGaussianMixture, Prior, datasets
from bayesgmm.bayes.log_prior import log_prior
from bayesgmm.bayes.prior_draws import draw_prior, log_seen
from bayesgmm.bayes.resolution import (
    column_resolutions,
    correlation_bounds,
    log_visibility_of_correlations,
    log_visibility_of_stds,
    std_bounds,
)
from bayesgmm.errors import ParameterError, SamplingError

RESOLUTION = np.array([0.5, 0.2, 0.8])


def test_the_factors_are_those_of_the_definition():
    rng = np.random.default_rng(1)
    stds, mean_scale = rng.gamma(2.0, 0.2, (4, 2, 3)), np.array([[1.5, 2.0, 0.7], [9.0, 0.4, 1.0]])
    wanted = -((RESOLUTION**2 / 12 / (0.5 * stds**2)) ** 4)
    assert_allclose(log_visibility_of_stds(stds, std_bounds(RESOLUTION)), wanted, rtol=1e-12)
    factors = draw_lkj(3, 8)
    b = RESOLUTION**2 / (6 * 3 * np.array([1.5, 0.4, 0.7]) ** 2)
    inverses = np.linalg.inv(factors @ factors.swapaxes(1, 2))
    wanted = [-((b * np.diag(inverse)) ** 4).sum() for inverse in inverses]
    found = log_visibility_of_correlations(factors, correlation_bounds(RESOLUTION, mean_scale))
    assert_allclose(found, wanted, rtol=1e-8)


def draw_lkj(d, n):
    given = prior(resolution=0.0).resolve(n, d)
    return draw_prior(given, "full", 1, np.random.default_rng(7))["corr_chol"][0]


def test_nothing_is_seen_of_what_has_no_width():
    assert log_visibility_of_stds(np.zeros(1), np.ones(1)) == -np.inf
    assert log_visibility_of_correlations(np.array([[1.0, 0.0], [1.0, 0.0]]), np.full(2, 0.01)) == -np.inf


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.parametrize(("d", "covariance_type"), [(12, "diag"), (20, "diag"), (12, "full")])
def test_many_coarse_columns_keep_their_standard_deviations(d, covariance_type):
    """Whole numbers with a standard deviation of one: what is seen of a column is its own matter."""
    X = np.random.default_rng(3).normal(size=(100, d)).round()
    given = Prior.from_data(X, covariance_type=covariance_type)
    settings = {"method": "nuts", "draws": 200, "tune": 200, "progressbar": False, "random_state": 0}
    stds = [
        BayesGaussianMixture(1, covariance_type=covariance_type, prior=p, **settings)
        .fit(X)
        .fit_.draws.mean_params.stds[0]
        for p in (given, replace(given, resolution=1e-6))
    ]
    assert abs((stds[0] / stds[1]).mean() - 1) < 0.01
    three = given.resolve(3, d, covariance_type)
    assert np.isfinite(log_seen(three, covariance_type))
    assert len(draw_prior(three, covariance_type, 50, np.random.default_rng(0))["stds"]) == 50


@pytest.mark.parametrize("scale", [1.0, 1e-3 / 7, 1234.5])
def test_a_step_is_found_in_any_unit(scale):
    rng = np.random.default_rng(2)
    X = scale * np.column_stack(
        [rng.normal(size=40).round(1), 5 + rng.integers(0, 30, 40) / 4, rng.normal(size=40)]
    )
    found = column_resolutions(X, X.std(axis=0)) / scale
    assert_allclose(found[:2], [0.1, 0.25], rtol=1e-6)
    assert found[2] < 1e-5


def test_of_a_shipped_data_set():
    iris = datasets.iris().X
    assert_allclose(column_resolutions(np.asarray(iris), np.ones(4)), 0.1, rtol=1e-9)


def test_equal_values_among_others_are_no_step():
    x = np.r_[np.zeros(60), np.random.default_rng(3).normal(4, 1, 140)][:, None]
    assert column_resolutions(x, x.std(axis=0)) == 1e-6 * x.std()


@pytest.mark.parametrize("n_filled_in", [1, 8])
def test_a_few_values_that_were_filled_in_do_not_hide_a_step(n_filled_in):
    """80 to 120 distinct values, some of them the mean of the others."""
    x = np.random.default_rng(5).normal(0, 3, 150).round(1)
    x[:n_filled_in] = x[n_filled_in:].mean()
    assert_allclose(column_resolutions(x[:, None], np.ones(1)), 0.1, rtol=1e-6)


def test_rows_that_were_drawn_twice_have_no_step():
    """Three equal pairs lie on a grid of three points, as any three values nearly do; the others do not."""
    x = np.random.default_rng(6).normal(size=60).round(6)
    x[:3] = x[3:6] = [0.0, 2.0, 3.5]
    assert column_resolutions(x[:, None], np.ones(1)) < 1e-5


@pytest.mark.parametrize("others", [[300.0, 307.0, 331.0], [3.1, 4.7, 5.2, 6.6, 7.9]])
def test_one_value_that_nearly_all_rows_have_makes_no_grid(others):
    x = np.r_[np.zeros(100 - len(others)), others][:, None]
    assert column_resolutions(x, x.std(axis=0)) <= np.diff(others).min() * (1 + 1e-9)


def test_weights_count_as_repeated_rows():
    rng = np.random.default_rng(8)
    x = np.r_[rng.normal(0, 3, 100).round(1), rng.normal(0, 3, 20)]
    weights = np.r_[np.full(100, 10.0), np.ones(20)]
    found = column_resolutions(x[:, None], np.ones(1), weights)
    assert found == column_resolutions(np.repeat(x, weights.astype(int))[:, None], np.ones(1))
    assert_allclose(found, 0.1, rtol=1e-6)


def test_random_numbers_have_no_step():
    rng = np.random.default_rng(4)
    for n in (2, 3, 5, 10, 100):
        X = rng.normal(size=(n, 200))
        assert (column_resolutions(X, np.full(200, 0.01)) < 1e-4).all()


def prior(**changes):
    given = {"mean_loc": 0.0, "mean_scale": 1.0, "std_prior": ("lognormal", -1.0, 0.7), "resolution": 0.4}
    return Prior(**given | changes)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "spherical", "VEI"])
def test_draws_of_the_prior_are_those_of_the_density(covariance_type):
    """Weighing draws without the factor by it gives the moments of draws with it."""
    given = prior().resolve(2, 2, covariance_type)
    free = prior(resolution=0.0).resolve(2, 2, covariance_type)
    rng = np.random.default_rng(5)
    kept, all_of_them = (draw_prior(p, covariance_type, 20_000, rng) for p in (given, free))
    densities = log_prior({v: x[None] for v, x in all_of_them.items()}, given, covariance_type)
    weights = np.exp(densities["resolution"][0])
    assert 0.3 < weights.mean() < 0.95
    assert_allclose(np.exp(log_seen(given, covariance_type)), weights.mean(), atol=0.02)

    def moment(values):
        return np.log(values["stds"]).reshape(20_000, -1).mean(axis=1)

    wanted = np.average(moment(all_of_them), weights=weights)
    assert abs(moment(kept).mean() - wanted) < 5 * moment(kept).std() / np.sqrt(20_000 / 2)
    assert abs(moment(all_of_them).mean() - wanted) > 10 * moment(kept).std() / np.sqrt(20_000)


def test_a_resolution_is_scaled_with_the_data():
    assert prior().standardised(3.0, (2.0, 4.0)).resolution == (0.2, 0.1)


def test_the_default_prior_has_that_of_the_columns():
    X = [[1.0, 0.3], [2.0, 0.1], [5.0, 0.25], [2.0, 0.3]]
    assert_allclose(Prior.from_data(X).resolution, [1.0, 0.05], rtol=1e-9)


def test_rows_with_weights_have_the_resolution_of_repeated_rows():
    X, counts = np.log(np.arange(1, 9))[:, None], np.arange(5, 45, 5)
    weighted = Prior.from_data(X, sample_weight=counts).resolution
    assert_allclose(weighted, Prior.from_data(np.repeat(X, counts, axis=0)).resolution, rtol=1e-9)


def test_two_values_alone_have_no_step():
    assert Prior.from_data([[1.0], [3.0]]).resolution[0] < 1e-5


@pytest.mark.parametrize("bad", [-1.0, np.inf, (0.1, -0.2)])
def test_what_cannot_be_a_resolution_is_refused(bad, golden):
    with golden.raises(ParameterError, name="resolution"):
        prior(resolution=bad)


def test_one_that_hides_the_whole_prior_is_refused(golden):
    with golden.raises(SamplingError):
        draw_prior(prior(resolution=1e6).resolve(2, 1), "full", 100, np.random.default_rng(0))
