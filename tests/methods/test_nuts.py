"""NUTS against quadrature, and its promises about seeds and cores."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayesgmm import BayesGaussianMixture, MixtureParams, Prior, datasets
from bayesgmm.bayes.target import Target
from bayesgmm.errors import ParameterError, SamplingError
from bayesgmm.methods import laplace_approximation as laplace_module
from bayesgmm.methods import raw_draws
from bayesgmm.methods import whitened_nuts as sampling
from bayesgmm.methods.laplace_approximation import laplace, negative_hessian
from bayesgmm.rows.rows import Rows


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
    return Target(Rows.unchecked(X), k, Prior.from_data(X), X.mean(axis=0), X.std(axis=0))


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
    # Second differences of the value alone.
    n, step = len(start), 1e-3
    e = step * np.eye(n)
    at = [[target(found.mode + a + b)[0] for b in (*e, *-e)] for a in (*e, *-e)]
    v = np.array(at).reshape(2, n, 2, n)
    hessian = -(v[0, :, 0] - v[0, :, 1] - v[1, :, 0] + v[1, :, 1]) / (4 * step**2)
    assert_allclose(found.whitening.T @ hessian @ found.whitening, np.eye(n), atol=2e-3)


def test_a_saddle_point_is_left():
    """Two equal components: the gradient towards different ones is zero there."""
    target = target_of("faithful", 2)
    saddle = np.zeros(target.n_parameters)
    optimised, _ = laplace_module.optimised(target, saddle)
    assert np.linalg.eigvalsh(negative_hessian(target, optimised))[0] < -0.1
    found = laplace(target, saddle)
    start = saddle.copy()
    start[1] = 1.0
    assert found.curvatures[0] > 0
    assert_allclose(found.log_posterior, laplace(target, start).log_posterior, rtol=1e-8)


def test_what_no_chain_could_start_from_is_one_sentence():
    target = target_of("faithful", 2)
    start = np.zeros(target.n_parameters)
    start[1] = 1.0
    mode = laplace(target, start)
    # NaN would be a cell that is missing.
    target.rows[3, 0] = np.inf
    sentence = "No chain can start: of 20 points around the posterior mode none has a finite log posterior"
    with pytest.raises(SamplingError, match=f"^{sentence}"):
        sampling.sample_nuts(
            target, mode, draws=10, tune=20, chains=2, cores=1, seed=np.random.SeedSequence(0)
        )


def test_em_fits_at_the_edge_never_reach_the_sampler_as_they_are():
    """A weight of zero, a singular covariance: the optimisation starts at finite numbers and ends at a
    mode."""
    target = target_of("faithful", 2)
    means, covariances = [[2.0, 54.5], [4.3, 80.0]], np.array([np.eye(2) * 1e-18, np.diag([0.2, 36.0])])
    for weights in ([0.36, 0.64], [0.0, 1.0]):
        found = laplace(target, target.unconstrained(MixtureParams(weights, means, covariances)))
        assert np.isfinite(found.log_posterior)
        assert np.abs(target(found.mode)[1]).max() < 1e-2
        assert np.isfinite(found.whitening).all()


def test_trajectories_are_solved_exactly_where_the_posterior_is_normal():
    """The setting reaches nutpie: with leapfrog steps these trees would have seven steps and more."""
    target = target_of("faithful", 2)
    start = np.zeros(target.n_parameters)
    start[1] = 1.0
    found = sampling.sample_nuts(
        target, laplace(target, start), draws=300, tune=300, chains=2, cores=2, seed=np.random.SeedSequence(0)
    )
    assert found.stats["n_steps"].mean() < 4
    assert found.stats["step_size"].max() < 1.2 * 1.2


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


def test_an_interrupted_chain_names_itself(golden):
    z = np.zeros((3, 10, 2))
    z[1, 7:] = np.nan
    with golden.raises(SamplingError):
        raw_draws.check_complete(z, 10, 3)


@pytest.mark.parametrize(
    ("settings", "details"),
    [
        ({"draws": 0}, {}),
        ({"chains": 1.5}, {}),
        ({"tune": 3}, {}),
        ({"target_accept": 1.0}, {}),
        ({"prior": "flat"}, {}),
        ({"n_components": 0}, {}),
        ({"random_state": -2}, {}),
    ],
)
def test_unusable_settings(settings, details, golden):
    X, _ = one_gaussian()
    with golden.raises(ParameterError, **details):
        BayesGaussianMixture(**{"n_components": 1, "progressbar": False} | settings).fit(X)


@pytest.mark.slow
def test_one_seed_gives_the_same_draws_wherever_their_memory_lies():
    """Twelve short runs with other memory in use: one in six had another last bit while small arrays lay
    anywhere."""
    settings = {"draws": 20, "tune": 60, "chains": 2, "cores": 1, "random_state": 0, "progressbar": False}
    rng, found = np.random.default_rng(0), set()
    for _ in range(12):
        in_use = [np.empty(n) for n in rng.integers(1, 3000, rng.integers(0, 50))]
        bayes = BayesGaussianMixture(2, method="nuts", **settings).fit(datasets.banknote().X)
        found.add(bayes.posterior_["posterior"]["means"].to_numpy().tobytes())
        del in_use
    assert len(found) == 1
