"""Climbs from random mixtures: modes that EM's maxima do not lead to."""

import numpy as np
import pytest
from kinds import five_groups, triangle, two_ties_and_a_cloud
from numpy.testing import assert_array_equal
from scipy.optimize import minimize

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior
from bayesgmm.bayes.target import Target
from bayesgmm.methods.climbs import climb
from bayesgmm.methods.nuts import NutsCheck
from bayesgmm.mixture.params import MixtureParams
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


@pytest.mark.parametrize("seed", range(3))
def test_a_mode_that_few_climbs_lead_to_is_among_the_ends(seed):
    """Three clusters and two components: each of three clusters may be the one that stands alone, and most
    climbs go to the best of these."""
    X, k = triangle(np.random.default_rng([seed, 3]))
    target = Target(Rows.unchecked(X), k, Prior.from_data(X), X.mean(axis=0), X.std(axis=0))
    alone = np.repeat(np.eye(3, dtype=bool), 20, axis=1)
    wanted = []
    for row in alone:
        parts = X[row], X[~row]
        mixture = MixtureParams(
            np.array([1 / 3, 2 / 3]),
            [part.mean(axis=0) for part in parts],
            [np.cov(part.T) for part in parts],
        )
        start = target.unconstrained(mixture)
        wanted.append(-minimize(lambda x: -target(x)[0], start, jac=lambda x: -target(x)[1]).fun)
    values = np.array([value for _, value in climb(target, np.random.default_rng(seed), 1)])
    assert len(set(np.round(wanted, 2))) == 3
    for value in wanted:
        assert np.abs(values - value).min() < 0.01


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


def test_a_single_gaussian_says_what_it_leaves_out(mirrored):
    fit = BayesGaussianMixture(2, prior=PRIOR, method="laplace", random_state=0, progressbar=False)
    verdict = fit.fit(mirrored).verdict_
    assert verdict.check.start_shares == pytest.approx((0.5,), abs=0.01)
    assert not verdict.label_free_ok
    doubts = [reason for reason in verdict.reasons if reason.code == "modes_beside_gaussian"]
    assert doubts[0].values["share"] == pytest.approx(0.5, abs=0.01)


def test_a_single_gaussian_is_at_the_mode_that_holds_most():
    """EM is kept from the mode at equal values, which holds nearly all of the posterior."""
    X, k = two_ties_and_a_cloud(np.random.default_rng(3))
    em = EMGaussianMixture(k, n_init=1, random_state=0)
    fits = [
        BayesGaussianMixture(k, em=em, method=m, random_state=0, progressbar=False).fit(X)
        for m in ("laplace", "smc")
    ]
    one, other = (np.median(fit.log_likelihood_draws_) for fit in fits)
    assert all(fit.verdict_.label_free_ok for fit in fits)
    assert one == pytest.approx(other, abs=1.0)


def two_close_groups():
    """Rounded to one decimal; a single component is not far from enough."""
    rng = np.random.default_rng([8, 0])
    X = rng.normal(size=(120, 2)) @ [[0.3, 0.2], [0.0, 0.1]] + 0.8 * (rng.random((120, 1)) < 0.4)
    return X.round(1)


def test_where_a_component_has_no_rows_is_expected_as_often_as_tempering_finds_it():
    X = two_close_groups()
    found = BayesGaussianMixture(2, method="smc", random_state=0, progressbar=False).fit(X)
    empty = (found.fit_.draws.weights.min(axis=-1) * len(X) < 3).mean()
    for seed in range(2):
        fit = BayesGaussianMixture(2, method="nuts", random_state=seed, progressbar=False).fit(X)
        check = fit.verdict_.check
        assert check.empty_expected == pytest.approx(empty, abs=0.05)
        seen = (fit.fit_.draws.weights.min(axis=-1) * len(X) < 3).mean()
        assert check.empty_seen == pytest.approx(seen, abs=0.05)
        # Chains stay where they are, or all of one goes there; neither is right.
        assert not fit.verdict_.label_free_ok


@pytest.mark.parametrize(("seen", "n"), [(0.0, 1), (0.1, 0)])
def test_components_without_rows_that_no_draw_has_are_a_doubt(seen, n):
    doubts = NutsCheck(empty_expected=0.15, empty_seen=seen).doubts()
    assert [reason.code for reason in doubts] == n * ["empty_component_unseen"]


def test_chains_that_go_from_mode_to_mode_tell_the_modes_shares():
    X, k = five_groups(np.random.default_rng(42))
    fits = [
        BayesGaussianMixture(k, method=m, random_state=1, progressbar=False).fit(X) for m in ("nuts", "smc")
    ]
    assert fits[0].verdict_.label_free.r_hat < 1.01
    shares = [fit.verdict_.mode_shares[:2] for fit in fits]
    np.testing.assert_allclose(*shares, atol=0.07)
    for fit in fits:
        assert [reason.code for reason in fit.verdict_.reasons] == ["no_dominant_mode"]


def test_shares_of_chains_that_disagree_say_nothing():
    check = NutsCheck(start_shares=(0.6, 0.4))
    assert (check.knows_shares(True), check.knows_shares(False)) == (True, False)
    assert not NutsCheck(start_shares=(1.0,)).knows_shares(True)
    assert not NutsCheck(start_shares=(0.5, 0.3)).knows_shares(True)
    assert not NutsCheck(3, start_shares=(0.6, 0.4)).knows_shares(True)
