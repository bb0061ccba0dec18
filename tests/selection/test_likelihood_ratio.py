"""The bootstrap likelihood-ratio test: where it should and should not find another component."""

import numpy as np
import pytest

from bayesgmm import EMGaussianMixture, MixtureParams, datasets
from bayesgmm.mixture import density
from bayesgmm.selection import likelihood_ratio
from bayesgmm.selection.likelihood_ratio import likelihood_ratio_test


def judged(X, k, n=19, seed=0, family="full", **more):
    fits = [EMGaussianMixture(j, covariance_type=family, random_state=0).fit(X).params_ for j in (k - 1, k)]
    return likelihood_ratio_test(
        X, *fits, family, n_replications=n, seed=np.random.SeedSequence(seed), **more
    )


def test_two_groups_are_more_than_one():
    X = datasets.faithful().X
    found = judged(X, 2)
    ones = [EMGaussianMixture(k, random_state=0).fit(X).log_likelihood_ for k in (1, 2)]
    assert found.statistic == pytest.approx(2 * (ones[1] - ones[0]))
    assert found.p_value == 1 / 20
    assert found.n_replications == 19


@pytest.mark.slow
def test_under_the_hypothesis_p_values_are_uniform():
    """One normal, many times: the statistic's rank among its own kind."""
    rng = np.random.default_rng(0)
    p = [judged(rng.normal(size=(60, 1)), 2, n=19, seed=i, family="tied").p_value for i in range(40)]
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) <= 0.05) < 0.2


def test_it_stops_when_enough_are_as_large():
    rng = np.random.default_rng(1)
    found = judged(rng.normal(size=(50, 1)), 2, n=400)
    assert found.n_replications < 100
    assert found.p_value == pytest.approx(likelihood_ratio.ENOUGH_ABOVE / found.n_replications)


def test_the_replications_statistic_is_that_of_fits_to_it(monkeypatch):
    """With one replication the p-value tells on which side it fell; the same data set is fitted here by EM's
    own estimator."""
    X = datasets.faithful().X
    smaller = EMGaussianMixture(1, random_state=0).fit(X).params_
    seeds = np.random.SeedSequence(4)
    rows, _ = density.simulate(smaller, len(X), np.random.default_rng(seeds.spawn(1)[0]))
    fits = [EMGaussianMixture(k, random_state=0).fit(rows).log_likelihood_ for k in (1, 2)]
    at_replication = 2 * (fits[1] - fits[0])
    base = density.log_likelihood_per_obs(X, smaller).sum()
    for factor, wanted in ((0.98, 1.0), (1.02, 0.5)):
        monkeypatch.setattr(
            likelihood_ratio.density,
            "log_likelihood_per_obs",
            patched(density.log_likelihood_per_obs, X, base, factor * at_replication),
        )
        larger = MixtureParams([1.0], smaller.means, 2 * smaller.covariances)
        found = likelihood_ratio_test(
            X,
            smaller,
            MixtureParams(
                [0.5, 0.5], np.repeat(larger.means, 2, axis=0), np.repeat(larger.covariances, 2, axis=0)
            ),
            "full",
            n_replications=1,
            seed=np.random.SeedSequence(4),
        )
        monkeypatch.undo()
        assert found.p_value == wanted


def patched(real, X, base, statistic):
    """The log-likelihood of the larger mixture on the data is what gives the wanted statistic."""

    def log_likelihood(rows, params):
        if rows is X and params.n_components == 2:
            return np.array([base + statistic / 2])
        return real(rows, params)

    return log_likelihood


def test_a_replications_statistic_is_that_of_whole_fits(monkeypatch):
    """Three components against two: the same data sets fitted by EM's own estimator."""
    X = datasets.faithful().X
    smaller = EMGaussianMixture(2, random_state=0).fit(X).params_
    seen = []
    real = density.simulate

    def recorded(params, n, rng):
        rows, labels = real(params, n, rng)
        seen.append(rows)
        return rows, labels

    monkeypatch.setattr(likelihood_ratio.density, "simulate", recorded)
    larger = EMGaussianMixture(3, random_state=0).fit(X).params_
    found = likelihood_ratio_test(
        X, smaller, larger, "full", n_replications=9, seed=np.random.SeedSequence(2)
    )
    monkeypatch.undo()
    at_data = found.statistic
    statistics = []
    for rows in seen:
        fits = [EMGaussianMixture(k, random_state=0).fit(rows).log_likelihood_ for k in (2, 3)]
        statistics.append(2 * (fits[1] - fits[0]))
    assert found.p_value == pytest.approx((1 + np.sum(np.array(statistics) >= at_data)) / 10, abs=0.101)


def test_threads_do_not_change_it():
    X = datasets.iris().X
    found = [judged(X, 3, n=12, n_threads=n) for n in (1, 2)]
    assert found[0] == found[1]
