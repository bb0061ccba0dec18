"""Components on equal values, which samplers can draw from, and those on lines, which they cannot."""

import numpy as np
import pytest

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior
from bayesgmm.bayes.target import Target
from bayesgmm.methods.laplace_approximation import laplace
from bayesgmm.methods.needles import about_needle, with_needles
from bayesgmm.methods.starts import find_starts
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::bayesgmm.errors.ColumnWarning"
)


def zeros(seed):
    return np.r_[np.zeros(60), np.random.default_rng(seed).normal(4, 1, 140)][:, None]


def on_a_line(n, seed=0):
    """n of 100 rows are on a line, as those whose second value was filled in by a regression."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(100, 2))
    X[:n, 1] = 0.5 * X[:n, 0] + 1
    return X


def target_of(X, covariance_type="full", near=None):
    prior = Prior.from_data(X, covariance_type=covariance_type)
    return Target.standardising(Rows.unchecked(X), 2, prior, covariance_type, near)


def em_of(X, covariance_type="full"):
    return EMGaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X).params_


@pytest.mark.parametrize("method", ["nuts", "smc"])
def test_the_width_of_a_needle_is_that_of_its_integral(method):
    """The 60 zeros are a component for certain; integrated over its mean, they have the density s^-59, and
    the prior of log s hardly changes where they leave it anything."""
    X = zeros(3)
    fit = BayesGaussianMixture(2, method=method, random_state=1, progressbar=False).fit(X)
    assert fit.verdict_.ok
    log_stds = np.log(fit.fit_.draws.values["stds"].min(axis=(-1, -2))).ravel()
    resolution = 1e-6 * X.std()
    grid = np.linspace(np.log(0.1 * resolution), np.log(10 * resolution), 4001)
    log_density = -59 * grid - (resolution**2 / 6 / np.exp(2 * grid)) ** 4
    density = np.exp(log_density - log_density.max())
    wanted = np.average(grid, weights=density)
    spread = np.sqrt(np.average((grid - wanted) ** 2, weights=density))
    assert log_stds.mean() == pytest.approx(wanted, abs=0.2 * spread)
    assert log_stds.std() == pytest.approx(spread, rel=0.15)


def test_the_curvature_at_a_needle_is_that_of_the_density():
    X = zeros(3)
    target = target_of(X)
    apart = MixtureParams([0.3, 0.7], [[0.0], [4.0]], [[[1e-8]], [[1.0]]])
    mode = laplace(target, target.unconstrained(with_needles(target, apart)[0]))
    assert target.constrained(mode.mode)["stds"].min() < 2e-6 * X.std()
    for direction in mode.whitening.T:
        fall = [mode.log_posterior - target(mode.mode + side * 0.05 * direction)[0] for side in (-1, 1)]
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


def test_columns_that_tell_each_other_in_one_component_are_told_as_such():
    """In all components they are no matter: coordinates are turned."""
    rng = np.random.default_rng(1)
    x, others = rng.normal(size=60), rng.normal(size=(60, 2)) + [15.0, 0.0]
    for noise, is_told in ((1e-2, False), (1e-5, True)):
        together = np.c_[x, 2 * x + noise * rng.normal(size=60)]
        assert about_needle(target_of(together, near=em_of(together)), em_of(together)) is None
        X = np.r_[together, others]
        reason = about_needle(target_of(X, near=em_of(X)), em_of(X))
        assert (reason is not None) == is_told
    assert reason.values["left"] == pytest.approx(1e-5 / (2 * x.std()), rel=0.5)


def test_a_line_at_the_end_of_many_rows_is_found_whole():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3000, 2))
    X[-600:, 1] = 0.5 * X[-600:, 0] + 1
    assert about_needle(target_of(X), em_of(X[:2000])).values["n"] == 600


def test_time_that_passes_while_looking_elsewhere_leaves_the_chains_their_own():
    X = np.random.default_rng(3).normal(size=(2000, 4)) + 4 * (np.arange(2000)[:, None] % 3)
    fit = BayesGaussianMixture(
        3, method="nuts", max_time=8.0, draws=20_000, tune=200, random_state=0, progressbar=False
    ).fit(X)
    assert 4 < fit.fit_.draws.n_draws < 20_000


@pytest.mark.parametrize(("smallest_rest", "is_kept"), [(2e-4, True), (1e-2, False)])
def test_chains_can_be_kept_from_where_a_component_is_next_to_a_line(smallest_rest, is_kept):
    """The clusters are another mode, which has the line in one of them."""
    X = on_a_line(20)
    X[:20, 1] += 1e-3 * np.random.default_rng(1).normal(size=20)
    X[60:] += 6.0
    parts = [(X[:20], X[20:]), (X[:60], X[60:])]
    mixtures = [
        MixtureParams(
            [len(a) / 100, len(b) / 100], [a.mean(axis=0), b.mean(axis=0)], [np.cov(a.T), np.cov(b.T)]
        )
        for a, b in parts
    ]
    target = target_of(X)
    rests = []
    for start in find_starts(target, mixtures, smallest_rest=smallest_rest):
        factors = target.constrained(start.approximation.mode)["corr_chol"]
        rests.append(np.abs(factors[:, 1, 1]).min())
    assert (min(rests) < 1e-2) == is_kept
