"""Needles: components on equal values, which samplers can draw from, and those on lines, which they cannot."""

import numpy as np
import pytest
from scipy import integrate, stats

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior
from bayesgmm.bayes.target import Target
from bayesgmm.methods.laplace_approximation import laplace
from bayesgmm.methods.needles import about_needle, with_needles
from bayesgmm.rows.rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def zeros(seed):
    return np.r_[np.zeros(60), np.random.default_rng(seed).normal(4, 1, 140)][:, None]


def on_a_line(n, seed=0):
    """n of 100 rows are on a line, as those whose second value was filled in by a regression."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(100, 2))
    X[:n, 1] = 0.5 * X[:n, 0] + 1
    return X


def target_of(X, covariance_type="full"):
    prior = Prior.from_data(X, covariance_type=covariance_type)
    return Target.standardising(Rows.unchecked(X), 2, prior, covariance_type)


def em_of(X, covariance_type="full"):
    return EMGaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X).params_


def test_nuts_and_tempering_agree_on_a_needle_and_with_its_integral():
    """The 60 zeros are a component for certain: given that, what they say is an integral over its mean and
    standard deviation."""
    X = zeros(3)
    settings = {"prior": Prior.from_data(X), "random_state": 1, "progressbar": False}
    fits = [BayesGaussianMixture(2, method=m, **settings).fit(X) for m in ("nuts", "smc")]
    assert all(fit.verdict_.ok for fit in fits)
    log_stds = [
        np.log(np.sort(fit.fit_.draws.values["stds"].ravel())[: fit.fit_.draws.n_draws]) for fit in fits
    ]
    medians = [np.median(np.log(fit.fit_.draws.values["stds"].reshape(-1, 2).min(axis=1))) for fit in fits]
    assert len(log_stds) == 2
    prior = fits[0].prior_.resolve(2, 1)
    a, other = float(prior.resolution[0] ** 2 / 6), float(np.log(X[60:].std()))
    grid = np.linspace(np.log(1e-8), np.log(1e-3), 4001)
    scale = float(prior.std_numbers[0].ravel()[0])
    assert np.isfinite(scale)
    shape = prior.std_prior
    law = stats.multivariate_t(
        [shape[1]] * 2, shape[3] ** 2 * np.eye(2) + shape[2] ** 2 * np.ones((2, 2)), df=shape[4]
    )
    log_prior = law.logpdf(np.column_stack([grid, np.full(len(grid), other)]))
    # Integrated over the mean, 60 equal rows have the density s^(1 - 60).
    log_density = log_prior - 59 * grid - (a / np.exp(2 * grid)) ** 4
    density = np.exp(log_density - log_density.max())
    cumulated = integrate.cumulative_trapezoid(density, grid, initial=0)
    median = grid[np.searchsorted(cumulated, cumulated[-1] / 2)]
    assert medians == pytest.approx([median, median], abs=0.01)


def test_the_mode_at_a_needle_is_a_mode():
    target = target_of(zeros(3))
    start = target.unconstrained(with_needles(target, em_of(zeros(3) + 1e-3 * on_a_line(0)[:1, :1]))[0])
    mode = laplace(target, start)
    # Where the density is that of a needle, a thousandth of its width is far.
    for i, curvature in enumerate(np.diag(np.linalg.inv(mode.whitening @ mode.whitening.T))):
        step = np.zeros(len(start))
        step[i] = 0.05 / np.sqrt(curvature)
        fall = [mode.log_posterior - target(mode.mode + side * step)[0] for side in (-1, 1)]
        assert fall == pytest.approx([0.5 * 0.05**2] * 2, rel=0.1)


@pytest.mark.parametrize(("n", "is_told"), [(0, False), (3, False), (20, True)])
def test_rows_on_a_line_are_told_where_they_count(n, is_told):
    X = on_a_line(n)
    reason = about_needle(target_of(X), em_of(X))
    assert (reason is not None) == is_told
    if is_told:
        assert (reason.values["n"], reason.values["are_equal"]) == (20, False)


def test_equal_rows_are_told_where_there_are_correlations():
    X = np.r_[on_a_line(0), np.tile([[0.3, 0.2]], (12, 1))]
    assert about_needle(target_of(X), em_of(X)).values["are_equal"]
    assert about_needle(target_of(X, "diag"), em_of(X, "diag")) is None
    assert len(with_needles(target_of(X, "diag"), em_of(X, "diag"))) > 0


def test_rounded_columns_have_none():
    X = on_a_line(20).round(1)
    target = target_of(X)
    assert about_needle(target, em_of(X)) is None
    assert with_needles(target, em_of(X)) == []


def test_a_fit_that_cannot_draw_from_a_needle_is_refused_without_trying_in_vain():
    X = on_a_line(20)
    fit = BayesGaussianMixture(2, draws=100, tune=100, random_state=0, progressbar=False).fit(X)
    assert not fit.verdict_.label_free_ok
    assert fit.verdict_.reasons[0].code == "rows_on_a_needle"
    assert fit.method_ == "nuts"
