"""NUTS against quadrature, and its promises about seeds and cores."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayesgmm import BayesGaussianMixture, Prior, datasets
from bayesgmm.bayes import sampling
from bayesgmm.bayes.laplace import laplace, negative_hessian
from bayesgmm.bayes.target import Target
from bayesgmm.errors import ParameterError, SamplingError


def one_gaussian(n=12):
    X = np.random.default_rng(0).normal(loc=3.0, scale=2.0, size=(n, 1))
    return X, Prior(mean_loc=1.0, mean_scale=2.0, std_prior=("gamma", 2.0, 1.0))


def quadrature(X, prior):
    """Posterior moments of (mean, std) of a single Gaussian on a grid."""
    mean, std = np.linspace(-4, 9, 600), np.linspace(0.3, 9, 600)
    log_p = (
        stats.norm(prior.mean_loc, prior.mean_scale).logpdf(mean)[:, None]
        + stats.gamma(2.0, scale=1.0).logpdf(std)
        + stats.norm.logpdf(X[:, 0, None, None], mean[:, None], std).sum(axis=0)
    )
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    m, s = p.sum(axis=1) @ mean, p.sum(axis=0) @ std
    return m, s, np.sqrt(p.sum(axis=1) @ mean**2 - m**2), np.sqrt(p.sum(axis=0) @ std**2 - s**2)


def test_moments_equal_quadrature():
    X, prior = one_gaussian()
    bayes = BayesGaussianMixture(1, prior=prior, draws=2000, random_state=1, progressbar=False).fit(X)
    posterior = bayes.posterior_["posterior"]
    m, s, sd_m, sd_s = quadrature(X, prior)
    ess = bayes.verdict_.components.ess
    assert ess > 2000
    for name, wanted, sd in (("means", m, sd_m), ("stds", s, sd_s)):
        draws = posterior[name].to_numpy().ravel()
        assert abs(draws.mean() - wanted) < 4 * sd / np.sqrt(ess)
        assert_allclose(draws.std(), sd, rtol=0.1)


def target_of(name, k):
    X = datasets.load(name).X
    return Target(X, k, Prior.from_data(X), X.mean(axis=0), X.std(axis=0))


def draw(target, cores, seed=5):
    start = np.zeros(target.n_parameters)
    # Two separate starts for the two means: the zero vector is a saddle point.
    start[1] = 1.0
    sizes = {"draws": 60, "tune": 100, "chains": 4}
    return sampling.sample_nuts(
        target, laplace(target, start), **sizes, cores=cores, seed=np.random.SeedSequence(seed)
    )


def test_draws_depend_on_the_seed_and_not_on_cores():
    target = target_of("faithful", 2)
    one, two, other = draw(target, 1), draw(target, 2), draw(target, 2, seed=6)
    assert np.array_equal(one.q, two.q)
    assert not np.array_equal(one.q, other.q)


def test_chains_differ():
    q = draw(target_of("faithful", 2), 2).q
    assert len({tuple(chain[0]) for chain in q}) == 4


def test_the_mode_is_one_and_the_whitening_fits():
    target = target_of("faithful", 2)
    start = np.zeros(target.n_parameters)
    start[1] = 1.0
    found = laplace(target, start)
    assert np.abs(target(found.mode)[1]).max() < 1e-2
    hessian = negative_hessian(target, found.mode)
    assert_allclose(found.whitening.T @ hessian @ found.whitening, np.eye(len(start)), atol=1e-5)


def test_adaptation_recovers_a_covariance():
    target = target_of("faithful", 2)
    start = np.zeros(target.n_parameters)
    start[1] = 1.0
    before = laplace(target, start)
    n = len(start)
    rng = np.random.default_rng(0)
    stretch = np.linspace(0.5, 3, n)
    after = sampling.adapt(before, 1.5 + stretch * rng.normal(size=(4, 5000, n)))
    relative = np.linalg.solve(before.whitening, after.whitening)
    assert_allclose(relative @ relative.T, np.diag(stretch**2), atol=0.25)
    assert_allclose(np.linalg.solve(before.whitening, after.mode - before.mode), 1.5, atol=0.15)


def test_an_interrupted_chain_names_itself():
    z = np.zeros((3, 10, 2))
    z[1, 7:] = np.nan
    sentence = "Chain 1 of 3 stopped after 7 of 10 draws; try another random_state or a higher target_accept."
    with pytest.raises(SamplingError, match=f"^{re.escape(sentence)}$"):
        sampling._check_complete(z, 10, 3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"draws": 0}, "draws must be an integer of at least 4; got 0."),
        ({"chains": 1.5}, "chains must be an integer of at least 1; got 1.5 (float)."),
        ({"tune": 3}, "tune must be an integer of at least 20; got 3."),
        ({"target_accept": 1.0}, "target_accept must be a number between 0 and 1; got 1.0."),
        ({"prior": "flat"}, "prior must be a bayesgmm.Prior or None; got str."),
        ({"n_components": 0}, "n_components must be an integer of at least 1; got 0."),
        ({"random_state": -2}, "random_state must not be negative; got -2."),
    ],
)
def test_unusable_settings(settings, sentence):
    X, _ = one_gaussian()
    with pytest.raises(ParameterError, match=f"^{re.escape(sentence)}$"):
        BayesGaussianMixture(**{"n_components": 1, "progressbar": False} | settings).fit(X)
