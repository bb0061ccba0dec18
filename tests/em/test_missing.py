"""EM on rows with missing cells: closed forms, slow sums of marginal densities, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.utils.estimator_checks import parametrize_with_checks

from bayesgmm import EMGaussianMixture, datasets
from bayesgmm.errors import DataError, ParameterError

MODEL = {"missing": "model", "random_state": 0}


def log_likelihood(X, p):
    """By SciPy, row by row."""
    total = 0.0
    for row in X:
        there = np.flatnonzero(~np.isnan(row))
        laws = [
            multivariate_normal(m[there], c[np.ix_(there, there)])
            for m, c in zip(p.means, p.covariances, strict=True)
        ]
        total += logsumexp(
            [np.log(w) + law.logpdf(row[there]) for w, law in zip(p.weights, laws, strict=True)]
        )
    return total


def with_holes(X, share, seed):
    rng = np.random.default_rng(seed)
    X = np.array(X, dtype=float)
    X[rng.random(X.shape) < share] = np.nan
    return X[~np.isnan(X).all(axis=1)]


def two_columns(n, seed):
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal([1.0, -2.0], [[2.0, 1.5], [1.5, 3.0]], size=n)


def test_one_gaussian_of_which_one_column_has_holes_is_a_regression():
    """Anderson (1957), Maximum likelihood estimates for a multivariate normal distribution when some
    observations are missing: the likelihood is that of all first cells times that of the regression."""
    X = two_columns(120, 1)
    X[70:, 1] = np.nan
    em = EMGaussianMixture(1, tol=1e-14, **MODEL).fit(X)
    x, y = X[:70].T
    slope = np.cov(x, y, ddof=0)[0, 1] / x.var()
    rest = (y - y.mean() - slope * (x - x.mean())).var()
    mean, variance = X[:, 0].mean(), X[:, 0].var()
    assert_allclose(em.means_[0], [mean, y.mean() + slope * (mean - x.mean())], rtol=1e-6)
    covariance = [[variance, slope * variance], [slope * variance, rest + slope**2 * variance]]
    assert_allclose(em.covariances_[0], covariance, rtol=1e-5)
    assert_allclose(em.impute(X).values[90, 1], em.means_[0, 1] + slope * (X[90, 0] - mean), rtol=1e-5)
    assert_allclose(em.impute(X).sd[[0, 90], [1, 1]], [0.0, np.sqrt(rest)], rtol=1e-5)


def test_columns_without_correlations_are_estimated_from_their_own_cells():
    X = with_holes(two_columns(200, 2), 0.3, 3)
    em = EMGaussianMixture(1, covariance_type="diag", tol=1e-14, **MODEL).fit(X)
    assert_allclose(em.means_[0], np.nanmean(X, axis=0), rtol=1e-6)
    assert_allclose(em.covariances_[0], np.nanvar(X, axis=0), rtol=1e-5)
    errors = em.standard_errors(X)
    there = (~np.isnan(X)).sum(axis=0)
    assert_allclose(errors.means[0], np.sqrt(em.covariances_[0] / there), rtol=1e-5)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical", "VEI"])
def test_the_estimate_is_a_maximum_of_the_likelihood_of_the_cells_that_are_there(covariance_type):
    X = with_holes(datasets.iris().X, 0.1, 4)
    em = EMGaussianMixture(3, covariance_type=covariance_type, **MODEL).fit(X)
    assert em.converged_
    assert (np.diff(em.log_likelihood_trace_) >= -1e-6).all()
    assert_allclose(em.log_likelihood_, log_likelihood(X, em.params_), rtol=1e-9)
    assert_allclose(em.score_samples(X).sum(), em.log_likelihood_, rtol=1e-12)
    for shift in (0.02, -0.02):
        means = em.params_.means + shift * np.random.default_rng(5).normal(size=em.means_.shape)
        moved = type(em.params_)(em.params_.weights, means, em.params_.covariances)
        assert log_likelihood(X, moved) < em.log_likelihood_


def test_complete_rows_are_fitted_as_without():
    X = datasets.faithful().X
    plain, model = EMGaussianMixture(2, random_state=0).fit(X), EMGaussianMixture(2, **MODEL).fit(X)
    for name in ("weights_", "means_", "covariances_", "log_likelihood_"):
        assert np.array_equal(getattr(plain, name), getattr(model, name))


def test_the_order_of_rows_and_a_weight_of_two_do_not_matter():
    X = with_holes(datasets.faithful().X, 0.2, 6)
    em = EMGaussianMixture(2, **MODEL).fit(X)
    order = np.random.default_rng(7).permutation(len(X))
    shuffled = EMGaussianMixture(2, **MODEL).fit(X[order])
    assert_allclose(shuffled.means_, em.means_, rtol=1e-5)
    assert_allclose(shuffled.predict_proba(X), em.predict_proba(X), atol=1e-4)
    twice = EMGaussianMixture(2, **MODEL).fit(X, sample_weight=np.full(len(X), 2.0))
    assert_allclose(twice.means_, em.means_, rtol=1e-5)
    assert_allclose(twice.log_likelihood_, 2 * em.log_likelihood_, rtol=1e-8)


def test_units_and_shifts_of_columns_do_not_matter():
    X = with_holes(datasets.faithful().X, 0.2, 8)
    em = EMGaussianMixture(2, **MODEL).fit(X)
    moved = EMGaussianMixture(2, **MODEL).fit(X * [1e6, 1e-6] + [5e6, 0.0])
    assert_allclose(moved.means_, em.means_ * [1e6, 1e-6] + [5e6, 0.0], rtol=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_it_is_nearer_to_the_complete_fit_than_that_of_filled_in_means(share):
    X = np.asarray(datasets.penguins().X)
    names = ["means_", "weights_"]
    complete = EMGaussianMixture(3, random_state=0, order=0).fit(X)
    away = {"model": [], "filled": []}
    for seed in range(6):
        holes = with_holes(X, share, seed)
        filled = np.where(np.isnan(holes), np.nanmean(holes, axis=0), holes)
        fits = {
            "model": EMGaussianMixture(3, order=0, **MODEL).fit(holes),
            "filled": EMGaussianMixture(3, order=0, random_state=0).fit(filled),
        }
        for how, fit in fits.items():
            scale = {"means_": X.std(axis=0), "weights_": 1.0}
            gaps = [np.abs((getattr(fit, n) - getattr(complete, n)) / scale[n]).mean() for n in names]
            away[how].append(np.mean(gaps))
    assert np.mean(away["model"]) < 0.5 * np.mean(away["filled"])


def test_imputed_cells_are_means_over_simulated_rows():
    """Of rows simulated from the estimate, those that agree in the cells that are there."""
    em = EMGaussianMixture(2, **MODEL).fit(with_holes(datasets.faithful().X, 0.1, 9))
    drawn, _ = em.sample(400_000)
    near = drawn[np.abs(drawn[:, 0] - 3.2) < 0.02, 1]
    values, sd = em.impute([[3.2, np.nan]])
    assert_allclose(values[0, 1], near.mean(), atol=4 * near.std() / np.sqrt(len(near)) + 0.1)
    assert_allclose(sd[0, 1], near.std(), rtol=0.05)


def test_standard_errors_agree_with_the_bootstrap():
    X = with_holes(datasets.faithful().X, 0.15, 10)
    em = EMGaussianMixture(2, **MODEL).fit(X)
    information = em.standard_errors(X)
    for method in ("bootstrap", "parametric"):
        resampled = em.standard_errors(X, method=method, n_bootstrap=150, random_state=0)
        assert_allclose(resampled.means, information.means, rtol=0.3)
    complete = EMGaussianMixture(2, random_state=0).fit(datasets.faithful().X)
    assert (information.means > complete.standard_errors(datasets.faithful().X).means).all()


def test_a_component_that_collapses_onto_few_known_cells_is_spurious():
    X = with_holes(datasets.iris().X, 0.4, 3)
    em = EMGaussianMixture(3, **MODEL).fit(X)
    assert em.converged_
    assert em.modes_["smallest_eigenvalue"].iloc[0] > 1e-3


def test_missing_cells_are_refused_unless_they_are_asked_for(golden):
    X = np.array([[1.0, 2.0], [np.nan, 3.0], [2.0, 1.0]])
    with golden.raises(DataError, row=1, column=0):
        EMGaussianMixture(1).fit(X)
    em = EMGaussianMixture(1).fit(two_columns(20, 11))
    with golden.raises(DataError, row=1, column=0):
        em.predict(X)


@pytest.mark.parametrize(
    ("X", "details"),
    [
        (pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [np.nan] * 3}), {"column": 1}),
        (pd.DataFrame({"a": [1.0, np.nan], "b": [2.0, np.nan]}, index=["Ann", "Bob"]), {"row": 1}),
        ([[1.0, 2.0], [np.nan, np.nan], [np.nan, np.nan]], {"row": 1, "n_rows": 2}),
        ([[1.0, np.nan], [np.inf, 2.0]], {"row": 1, "column": 0}),
        ([[1.0, np.nan], [1.0, 2.0], [np.nan, 3.0]], {"column": 0}),
    ],
)
def test_what_tells_nothing_is_refused(X, details, golden):
    with golden.raises(DataError, **details):
        EMGaussianMixture(1, missing="model").fit(X)


def test_an_unknown_way_is_refused(golden):
    with golden.raises(ParameterError, name="missing"):
        EMGaussianMixture(1, missing="drop").fit(two_columns(10, 12))


@parametrize_with_checks([EMGaussianMixture(missing="model")])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_estimator_checks(estimator, check):
    check(estimator)
