"""The sampler against sums over all allocations of a few rows; see tests/brute_force.py."""

import arviz_stats as azs
import numpy as np
import pytest
import xarray as xr
from brute_force import STDS, by_brute_force, grid, of_draws, prior_of, rows
from scipy_std_priors import scipy_std_prior

from bayesgmm import MixtureParams
from bayesgmm.bayes.target import Target
from bayesgmm.methods.laplace_approximation import laplace
from bayesgmm.methods.whitened_nuts import sample_nuts
from bayesgmm.rows.rows import Rows

CASES = [(family, 1, 2, 2.0) for family in STDS]
CASES += [("lognormal", 1, 1, 2.0), ("gamma", 1, 3, 2.0)]
SLOW = [(f, 2, 2, eta) for f, eta in zip(STDS, (1.0, 2.0, 4.0, 1.0, 4.0), strict=True)]
SLOW += [
    ("lognormal", 2, 3, 2.0),
    ("gamma", 2, 1, 1.0),
    ("halfnormal", 1, 3, 2.0),
    ("inversegamma", 2, 1, 2.0),
    ("halfnormal", 2, 2, 4.0),
]
# Funnels take many draws.
SLOW += [c for c in CASES if c[0] in ("halfnormal", "exponential")]
SEVERAL = [pytest.param(*c, id="-".join(map(str, c))) for c in CASES if c not in SLOW]
SEVERAL += [pytest.param(*c, id="-".join(map(str, c)), marks=pytest.mark.slow) for c in SLOW]


def by_sampling(X, k, family, eta):
    """The quantities of brute force, of each draw."""
    d = X.shape[1]
    # Half-normal and exponential priors leave a component without rows a funnel towards zero: shorter steps
    # there, and with one feature, where chains move through it slowest, more draws.
    funnel = family in ("halfnormal", "exponential")
    target = Target(Rows.unchecked(X), k, prior_of(family, eta), np.zeros(d), np.ones(d))
    start = MixtureParams(np.full(k, 1 / k), np.linspace(-1, 1, k)[:, None] * np.ones(d), [np.eye(d)] * k)
    raw = sample_nuts(
        target,
        laplace(target, target.unconstrained(start)),
        draws=12_000 if funnel and d == 1 else 4000,
        tune=1000,
        chains=4,
        cores=2,
        seed=np.random.SeedSequence(1),
        target_accept=0.99 if funnel else 0.8,
    )
    return of_draws(X, target.constrained(raw.q))


@pytest.mark.parametrize(("family", "d", "k", "eta"), SEVERAL)
def test_draws_are_from_the_posterior_that_brute_force_finds(family, d, k, eta):
    X = rows(d)
    (wanted, _), drawn = by_brute_force(X, k, family, eta), by_sampling(X, k, family, eta)
    varying = drawn.std(axis=(0, 1)) > 1e-12
    np.testing.assert_allclose(drawn[..., ~varying].mean(axis=(0, 1)), wanted[~varying], atol=1e-9)
    data = xr.Dataset({"v": (("chain", "draw", "q"), drawn[..., varying])})
    error = azs.mcse(data)["v"].to_numpy()
    sd = drawn[..., varying].std(axis=(0, 1))
    # Of the bottom of funnels, where chains come seldom, the Monte-Carlo error knows nothing: with three
    # components seeds differ by some hundredths of a standard deviation.
    assert (error < 0.1 * sd).all()
    of_funnel = 0.025 * sd if family in ("halfnormal", "exponential") and k == 3 else 0.0
    far = (drawn[..., varying].mean(axis=(0, 1)) - wanted[varying]) / np.hypot(error, of_funnel)
    # Dozens of correlated quantities at once, within four standard errors each.
    assert np.abs(far).max() < 4, far
    assert float(azs.rhat(data)["v"].max()) < 1.02


def test_the_grid_holds_the_whole_prior():
    for family in STDS:
        for d, eta in ((1, 1.0), (2, 1.0), (2, 4.0)):
            covariances, stds, log_weights = grid(family, d, eta)
            p = np.exp(log_weights)
            np.testing.assert_allclose(p.sum(), 1, atol=1e-3)
            np.testing.assert_allclose(
                p @ stds, np.full(d, scipy_std_prior(family, *STDS[family]).mean()), rtol=2e-3
            )
