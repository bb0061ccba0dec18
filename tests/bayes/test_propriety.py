"""Which priors leave a posterior improper on which data: by the power with which the integral diverges."""

import numpy as np
import pytest
from scipy import integrate, stats

from bayesgmm import BayesGaussianMixture, Prior
from bayesgmm.bayes.propriety import improper_by
from bayesgmm.errors import PriorWarning
from bayesgmm.rows.rows import Rows

RNG = np.random.default_rng(1)
COLUMN = RNG.normal(size=40)


def prior(*std_prior, **changes):
    return Prior(**{"mean_loc": 0.0, "mean_scale": 3.0, "std_prior": std_prior, **changes})


def found(X, given, k=2, covariance_type="full"):
    X = np.asarray(X)
    return improper_by(Rows.of(X), given.resolve(k, X.shape[1], covariance_type), covariance_type)


def with_ties(n):
    return np.r_[np.full(n, 0.5), COLUMN][:, None]


PRIORS = [
    ("halfnormal", 1.0),
    ("exponential", 1.0),
    ("gamma", 2.5, 1.0),
    ("lognormal", 0.0, 0.7),
    ("inversegamma", 2.0, 1.0),
    ("halfcauchy", 1.0),
]


def tail(std_prior, n, low):
    """The part of the integral over log s from `low` to -3, of n equal rows and a mean beside them."""
    families = {
        "halfnormal": lambda a: stats.halfnorm(scale=a),
        "exponential": lambda a: stats.expon(scale=1 / a),
        "gamma": lambda a, b: stats.gamma(a, scale=1 / b),
        "lognormal": lambda m, s: stats.lognorm(s, scale=np.exp(m)),
        "inversegamma": lambda a, b: stats.invgamma(a, scale=b),
        "halfcauchy": lambda b: stats.halfcauchy(scale=b),
    }
    law = families[std_prior[0]](*std_prior[1:])

    def integrand(log_s):
        # The likelihood s^-n, of which integrating over the mean leaves s^(1-n).
        return np.exp(law.logpdf(np.exp(log_s)) + log_s + (1 - n) * log_s)

    return integrate.quad(integrand, low, -3, limit=400)[0]


@pytest.mark.parametrize("std_prior", PRIORS, ids=lambda p: p[0])
@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_equal_values_are_told_where_the_integral_has_no_end(std_prior, n):
    """Doubling the range adds little to an integral with an end, and as much again, or more, without."""
    inner, outer = tail(std_prior, n, -30), tail(std_prior, n, -60)
    diverges = outer > 1.5 * inner
    assert (found(with_ties(n), prior(*std_prior)) is not None) == diverges


def test_a_resolution_makes_it_proper_and_the_default_has_one():
    assert found(with_ties(5), prior("halfnormal", 1.0, resolution=0.1)) is None
    assert found(with_ties(5), Prior.from_data(with_ties(5))) is None


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_values_that_occur_once_are_no_ties(covariance_type):
    X = RNG.normal(size=(30, 2))
    given = prior("hierarchical", 0.0, 1.5, 0.6, 4.0)
    assert found(X, given, covariance_type=covariance_type) is None
    assert found(X, prior("lognormal", 0.0, 1.0, resolution=(0.1, 0.0))) is None


def test_weights_count_as_repeated_rows_do():
    given = prior("gamma", 3.0, 1.0).resolve(2, 1)
    few, repeated = np.r_[0.5, 0.5, COLUMN][:, None], np.r_[np.full(6, 0.5), COLUMN][:, None]
    weights = np.r_[3.0, 3.0, np.ones(40)]
    assert improper_by(Rows.of(few), given, "full") is None
    for rows in (Rows.of(few, weights), Rows.of(repeated)):
        assert improper_by(rows, given, "full").code == "improper_by_ties"
    assert improper_by(Rows.of(few, weights / 10), given, "full") is None


def test_one_component_or_shared_deviations_cannot_sit_on_equal_values():
    assert found(with_ties(5), prior("halfnormal", 1.0), k=1) is None
    assert found(with_ties(5), prior("halfnormal", 1.0), covariance_type="tied") is None


def on_a_line(n):
    x = np.arange(n) / 4
    return np.r_[np.c_[x, 2 * x - 1], RNG.integers(-400, 400, (60, 2)) / 80]


@pytest.mark.parametrize(
    ("n", "eta", "told"), [(6, 2.0, True), (5, 2.0, False), (6, 2.1, False), (4, 1.0, True)]
)
def test_rows_on_a_line_are_told_by_their_number(n, eta, told):
    """Of two columns 2 eta + 2 of them, of which correlations near one are given too much."""
    reason = found(on_a_line(n), prior("lognormal", 0.0, 0.7, lkj_eta=eta))
    assert (reason is not None) == told
    if told:
        assert reason.code == "improper_by_line"
        assert reason.values["n"] == n


@pytest.mark.parametrize(("n", "told"), [(5, True), (4, False)])
def test_equal_rows_are_told_by_their_number(n, told):
    X = np.r_[np.tile([0.3, -0.2], (n, 1)), RNG.normal(size=(50, 2))]
    reason = found(X, prior("lognormal", 0.0, 0.7))
    assert (reason is not None) == told


def test_the_fit_warns_of_a_given_prior(golden):
    X = with_ties(4)
    settings = {
        "method": "nuts",
        "draws": 20,
        "tune": 20,
        "chains": 1,
        "progressbar": False,
        "random_state": 0,
    }
    with pytest.warns(PriorWarning) as caught:
        BayesGaussianMixture(2, prior=prior("halfnormal", 1.0), **settings).fit(X)
    golden(next(str(w.message) for w in caught if w.category is PriorWarning))
