"""The compiled optimisation against SciPy's L-BFGS-B, which shares nothing with it but the density."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from covariance_families import TABLE
from scipy.optimize import minimize

from bayesgmm import Prior, datasets
from bayesgmm.bayes.target import Target
from bayesgmm.methods.climbs import random_mixtures
from bayesgmm.methods.laplace_approximation import optimised
from bayesgmm.rows.rows import Rows


def target_of(name, k, family="full"):
    X = datasets.load(name).X
    return Target.standardising(Rows.unchecked(X), k, Prior.from_data(X, covariance_type=family), family)


def by_scipy(target, start):
    def negated(q):
        value, gradient = target(q)
        return -value, -gradient

    return minimize(
        negated,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "maxfun": 20000, "gtol": 1e-7, "ftol": 1e-15},
    )


@pytest.mark.parametrize("family", list(TABLE))
def test_it_ends_where_scipy_finds_nothing_higher(family):
    target = target_of("iris", 3, family)
    for start in random_mixtures(target, np.random.default_rng(0))[:10]:
        before = start.copy()
        end, value = optimised(target, start)
        np.testing.assert_array_equal(start, before)
        there, _ = target(end)
        assert value == pytest.approx(there, rel=1e-13)
        assert -by_scipy(target, end).fun == pytest.approx(value, abs=1e-6)


@pytest.mark.slow
def test_it_finds_what_scipy_finds():
    target = target_of("faithful", 2)
    starts = random_mixtures(target, np.random.default_rng(1))[:40]
    ours = np.array([optimised(target, start)[1] for start in starts])
    theirs = np.array([-by_scipy(target, start).fun for start in starts])
    assert ours.max() == pytest.approx(theirs.max(), abs=1e-7)
    # Single runs may end at different modes, but as often at the best.
    best = theirs.max() - 1e-6
    assert abs((ours > best).mean() - (theirs > best).mean()) < 0.25


def test_the_tempered_posterior_is_optimised_too():
    target = replace(target_of("faithful", 2), beta=0.3)
    start = random_mixtures(target, np.random.default_rng(0))[0]
    end, value = optimised(target, start)
    assert value == pytest.approx(target(end)[0], rel=1e-13)
    assert np.abs(target(end)[1]).max() < 1e-3


def test_a_few_steps_end_a_few_steps_on():
    target = target_of("faithful", 3)
    start = random_mixtures(target, np.random.default_rng(0))[0]
    values = [optimised(target, start, iterations=n)[1] for n in (0, 1, 5, 50, 500)]
    assert values[0] == target(start)[0]
    assert all(a < b for a, b in pairwise(values))


def test_a_start_without_a_density_stays_where_it_is():
    target = target_of("faithful", 2)
    start = np.full(target.n_parameters, 1e6)
    end, value = optimised(target, start)
    np.testing.assert_array_equal(end, start)
    assert not np.isfinite(value)
