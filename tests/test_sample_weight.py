"""Weights of rows in the Bayesian fit: whole weights are repeated rows, in the posterior and in all that is
said of it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode
from scipy.special import logsumexp

from bayesgmm import BayesGaussianMixture, Prior, compare, load, save, select_components
from bayesgmm.comparison.scores import leave_one_out
from bayesgmm.errors import DataError, ParameterError
from bayesgmm.posterior.pointwise import log_densities
from bayesgmm.rows.rows import Rows

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(0, 1, (40, 2)), RNG.normal(6, 1, (40, 2))])
WEIGHTS = RNG.integers(0, 4, len(X)).astype(float)
REPEATED = np.repeat(X, WEIGHTS.astype(int), axis=0)
# Compiling with numba takes most of a minute when nothing is cached.
PYTHON = Mode(linker="py", optimizer="fast_compile").excluding("BlasOpt")
QUICK = {"draws": 250, "chains": 2, "random_state": 0, "progressbar": False}


def both(method, **settings):
    """The fit with weights, and that of the repeated rows."""
    asked = QUICK | settings
    return [
        BayesGaussianMixture(2, method=method, **asked).fit(data, sample_weight=weights)
        for data, weights in ((pd.DataFrame(X, columns=["a", "b"]), WEIGHTS), (REPEATED, None))
    ]


@pytest.fixture(scope="module")
def fits():
    """By Laplace's method: a start that differs by rounding gives draws that do."""
    return both("laplace")


def draws_of(bayes):
    return bayes.posterior_["posterior"].dataset


def test_whole_weights_give_the_posterior_of_repeated_rows(fits):
    weighted, repeated = fits
    assert_allclose(weighted.em_.means_, repeated.em_.means_, rtol=1e-6)
    assert_allclose(weighted.em_.log_likelihood_, repeated.em_.log_likelihood_, rtol=1e-10)
    for field in ("mean_loc", "mean_scale"):
        assert_allclose(getattr(weighted.prior_, field), getattr(repeated.prior_, field), rtol=1e-12)
    for name, values in draws_of(weighted).data_vars.items():
        assert_allclose(values, draws_of(repeated)[name], rtol=1e-4, atol=1e-5)
    assert_allclose(weighted.log_likelihood_draws_, repeated.log_likelihood_draws_, rtol=1e-5)
    assert weighted.verdict_.effective_draws == pytest.approx(repeated.verdict_.effective_draws, rel=0.01)


def test_chains_of_nuts_agree_with_those_of_repeated_rows():
    weighted, repeated = both("nuts", tune=200, chains=4)
    for name in ("weights", "means", "stds"):
        one, other = (draws_of(bayes)[name].to_numpy() for bayes in (weighted, repeated))
        sd = other.std(axis=(0, 1))
        # Each mean has a Monte-Carlo error of about 0.04 standard deviations, with 600 independent draws or
        # more.
        assert np.all(np.abs((one - other).mean(axis=(0, 1))) < 0.25 * sd)
        assert_allclose(one.std(axis=(0, 1)), sd, rtol=0.25)


def test_every_row_has_memberships_also_those_of_weight_zero(fits):
    weighted, repeated = fits
    assert weighted.membership_.shape == (len(X), 2)
    kept = np.repeat(np.arange(len(X)), WEIGHTS.astype(int))
    assert_allclose(weighted.membership_[kept], repeated.membership_, atol=1e-4)


def test_one_weight_for_all_of_one_is_none():
    data = pd.DataFrame(X)
    settings = QUICK | {"method": "nuts", "draws": 20, "tune": 40}
    one, none = (
        BayesGaussianMixture(2, **settings).fit(data, sample_weight=w) for w in (np.ones(len(X)), None)
    )
    assert np.array_equal(draws_of(one)["means"], draws_of(none)["means"])
    assert len(one.rows_.weights) == 0


def test_a_likelihood_of_half_the_power_leaves_the_posterior_wider(fits):
    half = BayesGaussianMixture(2, method="laplace", **QUICK).fit(X, sample_weight=WEIGHTS / 2)
    ratio = draws_of(half)["means"].std(("chain", "draw")) / draws_of(fits[0])["means"].std(("chain", "draw"))
    assert_allclose(ratio, np.sqrt(2), rtol=0.15)


def test_weights_are_saved(fits, tmp_path):
    weighted = fits[0]
    again = load(save(weighted, tmp_path / "fit.nc"))
    assert np.array_equal(again.rows_.weights, WEIGHTS)
    assert list(again.posterior_["constant_data"]["sample_weight"].to_numpy()) == list(WEIGHTS)
    assert "sample_weight" not in fits[1].posterior_["constant_data"]
    pd.testing.assert_series_equal(compare(again).log_likelihood, compare(weighted).log_likelihood)


def test_the_model_has_the_weights(fits):
    point = {k: np.zeros(v.shape) for k, v in fits[0].model_.initial_point().items()}
    values = [bayes.model_.compile_logp(mode=PYTHON)(point) for bayes in fits]
    assert_allclose(*values, rtol=1e-10)


def test_a_comparison_is_that_of_repeated_rows(fits):
    weighted, repeated = (compare(bayes) for bayes in fits)
    assert_allclose(weighted.log_likelihood, repeated.log_likelihood, rtol=1e-5)
    assert_allclose(weighted.parameters["em_se"], repeated.parameters["em_se"], rtol=1e-4)
    for name in ("elpd", "elpd_se", "difference", "difference_se"):
        assert_allclose(getattr(weighted.scores, name), getattr(repeated.scores, name), rtol=1e-3, atol=1e-3)
    for one, other in zip(weighted.predictive, repeated.predictive, strict=True):
        assert_allclose(one.observed, other.observed, rtol=1e-12, atol=1e-12)
        assert_allclose(np.median(one.replicated), np.median(other.replicated), rtol=1e-3, atol=1e-3)
    # Rows that weigh nothing are not left out, and have a place in the data all the same.
    assert len(weighted.scores.table) == (WEIGHTS > 0).sum()
    assert len(weighted.assignments) == len(X)


def test_of_a_row_that_weighs_less_than_one_all_is_left_out():
    half = BayesGaussianMixture(2, method="laplace", **QUICK).fit(X, sample_weight=np.full(len(X), 0.5))
    elpd, _ = leave_one_out(half.fit_)
    log_p = log_densities(half.rows_.columns, *half.fit_.draws.stacked)
    # Importance sampling without smoothing; these tails are short.
    wanted = logsumexp(0.5 * log_p, axis=0) - logsumexp(-0.5 * log_p, axis=0)
    assert np.median(np.abs(elpd - wanted)) < 0.01


def test_a_score_is_a_mean_with_weights(fits):
    per_row = fits[0].score_samples(fits[0].rows_)
    assert_allclose(fits[0].score(fits[0].rows_), WEIGHTS @ per_row / WEIGHTS.sum(), rtol=1e-12)


def test_weighted_rows_are_not_selected_for(golden):
    with golden.raises(ParameterError, total_weight=WEIGHTS.sum()):
        select_components(Rows.of(X, WEIGHTS), [1, 2])


@pytest.mark.parametrize(
    ("weights", "details"),
    [
        (np.full(len(X), 1 / 64), {"total": 1.25}),
        (WEIGHTS[:-1], {"shape": (len(X) - 1,)}),
        (np.where(np.arange(len(X)) == 7, -1.0, 1.0), {"row": 7}),
    ],
    ids=["sum to one", "too few", "negative"],
)
def test_weights_that_are_none_are_refused(weights, details, golden):
    with golden.raises(DataError, **details):
        BayesGaussianMixture(2, **QUICK).fit(X, sample_weight=weights)


def test_a_given_prior_is_not_changed_by_weights():
    prior = Prior(mean_loc=3.0, mean_scale=5.0, std_prior=("halfnormal", 2.0))
    bayes = BayesGaussianMixture(2, method="laplace", prior=prior, **QUICK).fit(X, sample_weight=WEIGHTS)
    assert bayes.prior_ == prior
