"""The fused kernel against SciPy, loops and differences."""

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bayesgmm.mixture import kernels

UNWEIGHTED = np.empty(0)


def reference(X, p):
    """log p(x) (N,), responsibilities (N, K) and whitened residuals (N, K, D), by SciPy and loops."""
    joint = np.empty((len(X), p.n_components))
    z = np.empty((len(X), p.n_components, p.n_features))
    for k in range(p.n_components):
        joint[:, k] = np.log(p.weights[k]) + multivariate_normal(p.means[k], p.covariances[k]).logpdf(X)
        z[:, k] = np.linalg.solve(p.cholesky[k], (X - p.means[k]).T).T
    total = logsumexp(joint, axis=1)
    return total, np.exp(joint - total[:, None]), z


def accumulate(X, weights, p):
    return kernels.accumulate(np.asfortranarray(X), weights, np.log(p.weights), p.means, p.cholesky)


def test_exponential_is_within_two_units_in_the_last_place():
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [-rng.exponential(5, 50_000), -rng.uniform(0, 707.9, 50_000), rng.uniform(0, 709, 20_000)]
    )
    y = x.copy()
    kernels.exp_inplace(y, len(y), np.empty_like(y))
    exact = np.exp(x.astype(np.longdouble))
    ulps = np.abs((y - exact) / np.spacing(exact.astype(float)))
    assert ulps.max() <= 2


def test_exponential_at_the_edges():
    x = np.array([0.0, -np.inf, -1e300, -800.0, np.nan])
    kernels.exp_inplace(x, len(x), np.empty_like(x))
    assert x[0] == 1
    assert np.all(x[1:4] == 0)
    assert np.isnan(x[4])


def test_logarithm_is_within_two_units_in_the_last_place():
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            rng.uniform(1, 50, 50_000),
            1 + rng.exponential(1e-8, 20_000),
            rng.uniform(0.5, 2, 50_000),
            np.exp(rng.uniform(-706, 706, 50_000)),
            [1.0, 1 + 2**-52, 1 - 2**-53, 2.0, np.sqrt(0.5), np.sqrt(2)],
        ]
    )
    y = x.copy()
    kernels.log_inplace(y, len(y), np.empty_like(y))
    exact = np.log(x.astype(np.longdouble))
    ulps = np.abs((y - exact) / np.spacing(np.abs(exact).astype(float)))
    assert ulps.max() <= 2


def test_logarithm_at_the_edges():
    x = np.array([1.0, np.nan, np.inf, -np.nan])
    kernels.log_inplace(x, len(x), np.empty_like(x))
    assert x[0] == 0
    assert np.isnan(x[1:]).all()


SHAPES = [
    (1, 1, 1),
    (127, 1, 3),
    (128, 2, 2),
    (129, 3, 4),
    (400, 6, 8),
    (20, 32, 2),
    (100, 40, 2),
    (300, 40, 3),
]


@pytest.mark.parametrize(("n", "d", "k"), SHAPES)
def test_sums_equal_loops(n, d, k):
    # Memory that was NaN before: what is read without having been written shows.
    poison = [np.full((40, 128), np.nan) for _ in range(50)]
    del poison
    rng = np.random.default_rng(n)
    p, X = random_mixture(rng, k, d), rng.normal(scale=2, size=(n, d))
    total, r, z = reference(X, p)
    log_likelihood, s0, s1, s2 = accumulate(X, UNWEIGHTED, p)
    assert_allclose(log_likelihood, total.sum(), rtol=1e-12)
    assert_allclose(s0, r.sum(axis=0), rtol=1e-10, atol=1e-12)
    assert_allclose(s1, np.einsum("nk,nki->ki", r, z), rtol=1e-10, atol=1e-10)
    wanted = np.einsum("nk,nki,nkj->kij", r, z, z)
    # Whitening by the badly conditioned factors of many features leaves large numbers that cancel.
    assert_allclose(s2, wanted, rtol=1e-10, atol=1e-12 * max(100.0, np.abs(wanted).max()))


def test_rows_of_weight_three_equal_three_rows():
    rng = np.random.default_rng(1)
    p, X = random_mixture(rng, 3, 2), rng.normal(size=(150, 2))
    weights = rng.integers(0, 4, size=150)
    repeated = accumulate(np.repeat(X, weights, axis=0), UNWEIGHTED, p)
    for once, repeat in zip(accumulate(X, weights.astype(float), p), repeated, strict=True):
        assert_allclose(once, repeat, rtol=1e-10, atol=1e-10)


def test_memory_layout_does_not_matter():
    rng = np.random.default_rng(2)
    p, X = random_mixture(rng, 2, 3), rng.normal(size=(200, 3))
    wide = np.zeros((400, 6))
    wide[::2, ::2] = X
    wanted = accumulate(X, UNWEIGHTED, p)[0]
    for layout in (np.ascontiguousarray(X), wide[::2, ::2]):
        value = kernels.accumulate(layout, UNWEIGHTED, np.log(p.weights), p.means, p.cholesky)[0]
        assert_allclose(value, wanted, rtol=1e-14)


def test_a_large_offset_costs_no_accuracy():
    rng = np.random.default_rng(3)
    p = random_mixture(rng, 3, 2)
    # Multiples of a power of two, so that adding the offset is exact and the comparison fair.
    X = np.round(rng.normal(size=(300, 2)) * 2**20) / 2**20
    offset = 1e8
    means = np.round(p.means * 2**20) / 2**20
    plain = kernels.accumulate(X, UNWEIGHTED, np.log(p.weights), means, p.cholesky)
    moved = kernels.accumulate(X + offset, UNWEIGHTED, np.log(p.weights), means + offset, p.cholesky)
    for a, b in zip(plain, moved, strict=True):
        assert_allclose(a, b, rtol=1e-13, atol=1e-12)


def test_gradient_equals_differences():
    rng = np.random.default_rng(4)
    p, X = random_mixture(rng, 3, 3), rng.normal(size=(90, 3))
    log_weights, means, cholesky = np.log(p.weights), np.array(p.means), np.array(p.cholesky)
    _, *sums = kernels.accumulate(X, UNWEIGHTED, log_weights, means, cholesky)
    by_weight, by_mean, by_cholesky = kernels.gradient(*sums, cholesky)

    def slope(values, index):
        step, kept, ends = 1e-6, values[index], []
        for sign in (1, -1):
            values[index] = kept + sign * step
            ends.append(kernels.accumulate(X, UNWEIGHTED, log_weights, means, cholesky)[0])
        values[index] = kept
        return (ends[0] - ends[1]) / (2 * step)

    for gradient, values in ((by_weight, log_weights), (by_mean, means), (by_cholesky, cholesky)):
        for index in np.ndindex(values.shape):
            if values is cholesky and index[2] > index[1]:
                assert gradient[index] == 0
            else:
                assert_allclose(gradient[index], slope(values, index), rtol=1e-6, atol=1e-6)


def test_evaluate_equals_scipy_and_skips_responsibilities_on_request():
    rng = np.random.default_rng(5)
    p, X = random_mixture(rng, 3, 2), rng.normal(size=(140, 2))
    total, r, _ = reference(X, p)
    density, out = np.empty(140), np.empty((140, 3))
    kernels.evaluate(X, np.log(p.weights), p.means, p.cholesky, density, out)
    assert_allclose(density, total, rtol=1e-12)
    assert_allclose(out, r, rtol=1e-10, atol=1e-14)
    again = np.empty(140)
    kernels.evaluate(X, np.log(p.weights), p.means, p.cholesky, again, np.empty((0, 3)))
    assert np.array_equal(again, density)


def test_a_component_without_weight_takes_no_part():
    rng = np.random.default_rng(6)
    p, X = random_mixture(rng, 2, 2), rng.normal(size=(40, 2))
    log_weights = np.array([0.0, -np.inf])
    value, s0, *_ = kernels.accumulate(X, UNWEIGHTED, log_weights, p.means, p.cholesky)
    assert_allclose(value, multivariate_normal(p.means[0], p.covariances[0]).logpdf(X).sum(), rtol=1e-12)
    assert s0[1] == 0


def test_a_row_whose_density_underflows_belongs_to_all_alike():
    p = random_mixture(np.random.default_rng(7), 3, 2)
    X = np.array([[0.0, 0.0], [1e200, 0.0], [1.0, 1.0]])
    density, r = np.empty(3), np.empty((3, 3))
    kernels.evaluate(X, np.log(p.weights), p.means, p.cholesky, density, r)
    assert density[1] == -np.inf
    assert np.isfinite(density[[0, 2]]).all()
    assert_allclose(r[1], 1 / 3, rtol=1e-14)
    assert_allclose(r.sum(axis=1), 1, rtol=1e-14)


def test_rows_far_from_every_component_have_a_finite_density():
    X = np.array([[1e6, 1e6]])
    p = random_mixture(np.random.default_rng(7), 2, 2)
    value, s0, *_ = kernels.accumulate(X, UNWEIGHTED, np.log(p.weights), p.means, p.cholesky)
    assert np.isfinite(value)
    assert_allclose(s0.sum(), 1, rtol=1e-14)
