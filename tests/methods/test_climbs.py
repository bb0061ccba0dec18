"""Climbs from random mixtures: modes that EM's maxima do not lead to."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.optimize import minimize

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior
from bayesgmm.bayes.target import Target
from bayesgmm.methods.climbs import climb
from bayesgmm.rows.rows import Rows

PRIOR = Prior(mean_loc=0.0, mean_scale=4.0, std_prior=("lognormal", 0.0, 0.7))


@pytest.fixture(scope="module")
def mirrored():
    """Rows that are the same with the other sign; each of two modes puts the middle to another side."""
    side = np.random.default_rng(0).normal(0, 0.3, 15)
    return np.concatenate([side - 4, 4 - side, np.linspace(-0.5, 0.5, 15)])[:, None]


@pytest.fixture(scope="module")
def target(mirrored):
    return Target(Rows.unchecked(mirrored), 2, PRIOR, np.zeros(1), np.full(1, mirrored.std()))


def test_ends_are_where_another_optimiser_stays(target):
    ends = climb(target, np.random.default_rng(1), 1)
    # Both of the modes that mirror each other are among them.
    highest = [
        np.sort(target.constrained(q)["means"].ravel()) for q, value in ends if value > ends[0][1] - 0.01
    ]
    assert {bool(means.sum() > 0) for means in highest} == {False, True}
    assert [value for _, value in ends] == sorted((value for _, value in ends), reverse=True)
    for q, value in ends:
        assert value == pytest.approx(target(q)[0], abs=1e-9)
        found = minimize(lambda x: -target(x)[0], q, jac=lambda x: -target(x)[1], method="BFGS")
        assert -found.fun < value + 1e-3


def test_the_number_of_threads_does_not_matter(target):
    one, two = (climb(target, np.random.default_rng(1), cores) for cores in (1, 2))
    assert_array_equal([q for q, _ in one], [q for q, _ in two])


def test_chains_start_at_a_mode_that_em_has_not_found(mirrored):
    """EM knows one of two maxima that mirror each other; the posterior has both in equal shares."""
    em = EMGaussianMixture(2, n_init=1, means_init=[[-4.0], [2.0]])
    fit = BayesGaussianMixture(2, em=em, prior=PRIOR, method="nuts", draws=100, tune=100, random_state=0)
    fit.set_params(progressbar=False).fit(mirrored)
    assert len(fit.em_.modes_) == 1
    assert fit.verdict_.check.start_shares == pytest.approx((0.5, 0.5), abs=0.01)
    assert not fit.verdict_.label_free_ok


def test_what_a_single_chain_cannot_visit_is_a_doubt(mirrored):
    fit = BayesGaussianMixture(2, prior=PRIOR, method="nuts", chains=1, draws=50, tune=50, random_state=0)
    fit.set_params(progressbar=False).fit(mirrored)
    doubts = [reason for reason in fit.verdict_.reasons if reason.code == "modes_without_chains"]
    assert doubts[0].values["share"] == pytest.approx(0.5, abs=0.01)


def two_close_groups():
    """Rounded to one decimal; a single component is not far from enough."""
    rng = np.random.default_rng([8, 0])
    X = rng.normal(size=(120, 2)) @ [[0.3, 0.2], [0.0, 0.1]] + 0.8 * (rng.random((120, 1)) < 0.4)
    return X.round(1)


def test_where_a_component_has_no_rows_is_expected_as_often_as_tempering_finds_it():
    X = two_close_groups()
    fits = {
        method: BayesGaussianMixture(2, method=method, random_state=0, progressbar=False).fit(X)
        for method in ("nuts", "smc")
    }
    found = (fits["smc"].fit_.draws.weights.min(axis=-1) * len(X) < 3).mean()
    check = fits["nuts"].verdict_.check
    assert check.empty_expected == pytest.approx(found, abs=0.05)
    assert check.empty_seen < 0.01
    assert [reason.code for reason in fits["nuts"].verdict_.reasons] == ["empty_component_unseen"]
