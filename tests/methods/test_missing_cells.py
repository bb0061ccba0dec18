"""Posteriors of rows with missing cells: sums over all allocations, and simulation from the conditional."""

from itertools import product

import numpy as np
import pytest
from brute_force import assert_exact
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import gammaln, logsumexp

from bayesgmm import BayesGaussianMixture, Prior, compare, datasets, load, partition, save
from bayesgmm.errors import DataError

MU, SD, MEAN_SCALE, CONCENTRATION = -0.2, 0.5, 2.0, 1.5
ROWS = np.array(
    [
        [-1.2, -0.9],
        [-0.7, np.nan],
        [-0.9, -1.5],
        [np.nan, -0.6],
        [1.3, 1.0],
        [np.nan, 1.8],
        [1.7, np.nan],
        [1.1, 1.4],
    ]
)
QUIET = {"random_state": 0, "progressbar": False, "missing": "model"}


def log_of_column(x):
    """Log evidence of the values of one component in one column: the mean in closed form, the standard
    deviation over a grid."""
    u = np.linspace(-4.0, 3.0, 701)
    of_std = stats.norm(MU, SD).logpdf(u) + np.log(u[1] - u[0])
    if not len(x):
        return logsumexp(of_std)
    values = []
    for variance in np.exp(2 * u):
        covariance = variance * np.eye(len(x)) + MEAN_SCALE**2
        values.append(stats.multivariate_normal(np.zeros(len(x)), covariance).logpdf(x))
    return logsumexp(of_std + np.array(values))


def by_brute_force(X, k):
    """Log evidence and similarities of a mixture without correlations: given who belongs to which component,
    columns are independent, and a missing cell is not there."""
    known = {}
    terms, alike = [], []
    for labels in product(range(k), repeat=len(X)):
        labels = np.array(labels)
        sizes = np.bincount(labels, minlength=k)
        term = gammaln(k * CONCENTRATION) - gammaln(k * CONCENTRATION + len(X))
        term += (gammaln(CONCENTRATION + sizes) - gammaln(CONCENTRATION)).sum()
        for c in range(k):
            for j, column in enumerate(X.T):
                own = (labels == c) & ~np.isnan(column)
                key = j, own.tobytes()
                if key not in known:
                    known[key] = log_of_column(column[own])
                term += known[key]
        terms.append(term)
        alike.append(labels[:, None] == labels)
    evidence = logsumexp(terms)
    return evidence, np.tensordot(np.exp(np.array(terms) - evidence), np.array(alike), axes=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::bayesgmm.errors.PriorWarning")
def test_the_posterior_is_that_of_sums_over_all_allocations():
    evidence, together = by_brute_force(ROWS, 2)
    prior = Prior(
        concentration=CONCENTRATION, mean_loc=0.0, mean_scale=MEAN_SCALE, std_prior=("lognormal", MU, SD)
    )
    settings = {"prior": prior, "covariance_type": "diag", "method": "smc", "draws": 2000, "missing": "model"}
    fits = [
        BayesGaussianMixture(2, **settings, random_state=seed, progressbar=False).fit(ROWS)
        for seed in (1, 2, 3)
    ]
    assert_exact(fits, evidence, together)


@pytest.fixture(scope="module")
def fit():
    X = np.array(datasets.faithful().X)
    rng = np.random.default_rng(3)
    X[rng.random(X.shape) < 0.15] = np.nan
    X = X[~np.isnan(X).all(axis=1)]
    return BayesGaussianMixture(2, draws=500, **QUIET).fit(X)


def test_intervals_hold_what_the_complete_rows_say(fit):
    complete = BayesGaussianMixture(2, draws=500, random_state=0, progressbar=False).fit(
        datasets.faithful().X
    )
    assert fit.verdict_.ok
    mean, sd = (fit.fit_.draws.means.reshape(-1, 2, 2), fit.fit_.draws.means.std(axis=(0, 1)))
    wanted = complete.fit_.draws.means.mean(axis=(0, 1))
    assert (np.abs(mean.mean(axis=0) - wanted) < 3 * sd).all()
    # Less is known.
    assert (sd > complete.fit_.draws.means.std(axis=(0, 1))).all()


def test_imputed_cells_are_those_of_slow_conditioning(fit):
    found = fit.impute(n_draws=100)
    log_weights, means, cholesky = (a[np.linspace(0, 1999, 100).astype(int)] for a in fit.fit_.draws.stacked)
    X = fit.rows_.values
    row = int(np.flatnonzero(np.isnan(X[:, 1]))[0])
    expected, second = [], []
    for w, m, factor in zip(np.exp(log_weights), means, cholesky, strict=True):
        c = factor @ factor.transpose(0, 2, 1)
        r = w * stats.norm(m[:, 0], np.sqrt(c[:, 0, 0])).pdf(X[row, 0])
        r /= r.sum()
        slope = c[:, 0, 1] / c[:, 0, 0]
        mean, variance = m[:, 1] + slope * (X[row, 0] - m[:, 0]), c[:, 1, 1] - slope * c[:, 0, 1]
        expected.append(r @ mean)
        second.append(r @ (variance + mean**2))
    assert_allclose(found.values[row, 1], np.mean(expected), rtol=1e-9)
    assert_allclose(found.sd[row, 1], np.sqrt(np.mean(second) - np.mean(expected) ** 2), rtol=1e-7)
    assert_allclose(found.em.values, fit.em_.impute(X).values)
    assert np.array_equal(found.values[~np.isnan(X)], X[~np.isnan(X)])
    many = fit.impute(n_draws=2000)
    assert_allclose(
        many.draws.mean(axis=0), many.table["mean"], atol=5 * many.table["sd"].max() / np.sqrt(2000)
    )
    assert_allclose(many.draws.std(axis=0), many.table["sd"], rtol=0.12)


def test_posterior_is_wider_than_the_plug_in(fit):
    found = fit.impute()
    assert (found.table["sd"] > 0.95 * found.table["em_sd"]).all()
    assert found.table["sd"].mean() > found.table["em_sd"].mean()


def test_leave_one_out_has_the_units_of_the_cells_that_are_there(fit):
    """EM's and the posterior's expected densities differ by little: a volume of missing cells would show."""
    result = compare(fit, progressbar=False)
    assert abs(result.scores.difference) < 10


def test_summaries_and_files_take_missing_cells(fit, tmp_path):
    assert partition(fit).n_clusters == 2
    assert "missing" in str(fit)
    save(fit, tmp_path / "fit.nc")
    again = load(tmp_path / "fit.nc")
    X = fit.rows_.values
    assert np.array_equal(again.predict_proba(X), fit.predict_proba(X))
    assert np.array_equal(again.rows_.values, X, equal_nan=True)
    assert np.array_equal(again.em_.predict(X), fit.em_.predict(X))


def test_missing_cells_are_refused_unless_they_are_asked_for():
    with pytest.raises(DataError, match="missing='model'"):
        BayesGaussianMixture(2, progressbar=False).fit(ROWS)
