"""Rows with missing cells in a pass over the rows, against SciPy's marginal densities and conditioning."""

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import hilbert
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bayesgmm.mixture import kernels

UNWEIGHTED = np.empty(0)


def with_holes(rng, n, d, share):
    X = rng.normal(scale=2, size=(n, d))
    X[rng.random((n, d)) < share] = np.nan
    return X


def joint(X, p):
    """Log of weight times marginal density, shape (N, K), cell by cell."""
    out = np.tile(np.log(p.weights), (len(X), 1))
    for n, row in enumerate(X):
        there = np.flatnonzero(~np.isnan(row))
        if len(there):
            for k in range(p.n_components):
                law = multivariate_normal(p.means[k][there], p.covariances[k][np.ix_(there, there)])
                out[n, k] += law.logpdf(row[there])
    return out


def conditional(row, mean, covariance):
    """Mean and covariance of a row given the cells that are there, with zeros where these are known."""
    lost = np.isnan(row)
    expected, spread = np.where(lost, mean, row), np.zeros_like(covariance)
    slope = covariance[np.ix_(lost, ~lost)] @ np.linalg.inv(covariance[np.ix_(~lost, ~lost)])
    expected[lost] += slope @ (row - mean)[~lost]
    spread[np.ix_(lost, lost)] = covariance[np.ix_(lost, lost)] - slope @ covariance[np.ix_(~lost, lost)]
    return expected, spread


def accumulate(X, weights, p, diagonal=False):
    return kernels.accumulate(np.asfortranarray(X), weights, np.log(p.weights), p.means, p.cholesky, diagonal)


# Rows, features, components, share of missing cells. A block has 128 rows; with 32 features BLAS is used.
CASES = [
    (1, 1, 1, 1.0),
    (90, 3, 2, 0.4),
    (300, 5, 3, 0.05),
    (300, 8, 2, 0.9),
    (200, 40, 2, 0.3),
    (270, 34, 2, 0.001),
]


@pytest.mark.parametrize(("n", "d", "k", "share"), CASES)
def test_densities_and_sums_are_those_of_the_cells_that_are_there(n, d, k, share):
    rng = np.random.default_rng([n, d])
    p, X = random_mixture(rng, k, d), with_holes(rng, n, d, share)
    each = joint(X, p)
    total = logsumexp(each, axis=1)
    r = np.exp(each - total[:, None])
    log_likelihood, s0, s1, s2 = accumulate(X, UNWEIGHTED, p)
    assert_allclose(log_likelihood, total.sum(), rtol=1e-12, atol=1e-12)
    assert_allclose(s0, r.sum(axis=0), rtol=1e-10, atol=1e-12)
    for j in range(k):
        inverse = np.linalg.inv(p.cholesky[j])
        first, second = np.zeros(d), np.zeros((d, d))
        for row, share_of_j in zip(X, r[:, j], strict=True):
            mean, covariance = conditional(row, p.means[j], p.covariances[j])
            z = inverse @ (mean - p.means[j])
            first += share_of_j * z
            second += share_of_j * (np.outer(z, z) + inverse @ covariance @ inverse.T)
        size = max(1.0, np.abs(second).max())
        assert_allclose(s1[j], first, rtol=1e-8, atol=1e-10 * size)
        assert_allclose(s2[j], second, rtol=1e-8, atol=1e-10 * size)
    log_density, responsibilities = np.empty(n), np.empty((n, k))
    kernels.evaluate(X, np.log(p.weights), p.means, p.cholesky, log_density, responsibilities)
    assert_allclose(log_density, total, rtol=1e-10, atol=1e-10)
    assert_allclose(responsibilities, r, rtol=1e-8, atol=1e-10)


def test_a_component_of_diagonal_covariance_needs_no_correlations():
    rng = np.random.default_rng(1)
    p, X = random_mixture(rng, 3, 4), with_holes(rng, 200, 4, 0.3)
    diagonal = np.array([np.diag(np.diag(factor)) for factor in p.cholesky])
    arguments = np.asfortranarray(X), UNWEIGHTED, np.log(p.weights), p.means, diagonal
    plain, quick = kernels.accumulate(*arguments), kernels.accumulate(*arguments, True)
    for a, b in zip(plain[:3], quick[:3], strict=True):
        assert_allclose(a, b, rtol=1e-13)
    assert_allclose(*(np.diagonal(found[3], axis1=1, axis2=2) for found in (plain, quick)), rtol=1e-13)


def test_the_gradient_is_that_of_the_cells_that_are_there():
    rng = np.random.default_rng(2)
    p, X = random_mixture(rng, 2, 3), with_holes(rng, 80, 3, 0.35)
    values = np.log(p.weights), np.array(p.means), np.array(p.cholesky)
    _, *sums = kernels.accumulate(X, UNWEIGHTED, *values)
    for gradient, of in zip(kernels.gradient(*sums, values[2]), values, strict=True):
        for index in np.ndindex(of.shape):
            if len(index) == 3 and index[2] > index[1]:
                continue
            kept, ends = of[index], []
            for step in (-2e-5, -1e-5, 1e-5, 2e-5):
                of[index] = kept + step
                ends.append(kernels.accumulate(X, UNWEIGHTED, *values)[0])
            of[index] = kept
            # Of fourth order: what is left is rounding.
            slope = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / 12e-5
            assert_allclose(gradient[index], slope, rtol=1e-7, atol=1e-7)


def test_a_complete_row_before_and_behind_rows_with_holes_is_what_it_was():
    rng = np.random.default_rng(3)
    p, X = random_mixture(rng, 2, 3), rng.normal(size=(400, 3))
    with_one = X.copy()
    with_one[200, 1] = np.nan
    rest = np.delete(X, 200, axis=0)
    alone = accumulate(with_one[200:201], UNWEIGHTED, p)
    for a, b, c in zip(
        accumulate(with_one, UNWEIGHTED, p), accumulate(rest, UNWEIGHTED, p), alone, strict=True
    ):
        assert_allclose(a, b + c, rtol=1e-12, atol=1e-12)


def test_the_order_of_rows_and_weights_of_zero_do_not_matter():
    rng = np.random.default_rng(4)
    p, X = random_mixture(rng, 3, 4), with_holes(rng, 500, 4, 0.3)
    weights = rng.integers(0, 3, size=500).astype(float)
    wanted = accumulate(X[weights > 0], weights[weights > 0], p)
    order = np.lexsort(np.isnan(X).T)
    for found in (accumulate(X, weights, p), accumulate(X[order], weights[order], p)):
        for a, b in zip(found, wanted, strict=True):
            assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def log_density_with_more_digits(row, factor):
    """Of the cells that are there, under mean zero, in extended precision."""
    there = np.flatnonzero(~np.isnan(row))
    whole = factor.astype(np.longdouble)
    covariance = (whole @ whole.T)[np.ix_(there, there)]
    lower, z = np.zeros_like(covariance), np.zeros(len(there), dtype=np.longdouble)
    for i in range(len(there)):
        for j in range(i + 1):
            rest = covariance[i, j] - (lower[i, :j] * lower[j, :j]).sum()
            lower[i, j] = np.sqrt(rest) if i == j else rest / lower[j, j]
        z[i] = (row[there[i]] - lower[i, :i] @ z[:i]) / lower[i, i]
    constant = np.log(np.diag(lower)).sum() + len(there) / 2 * np.log(2 * np.pi)
    return float(-0.5 * (z @ z) - constant)


@pytest.mark.parametrize(("d", "atol"), [(4, 1e-13), (6, 1e-12), (8, 1e-10)])
def test_features_that_nearly_tell_each_other_lose_no_more_than_their_covariance_does(d, atol):
    """Hilbert's matrices, whose condition is 1e4, 1e7 and 1e10."""
    factor, rng = np.linalg.cholesky(hilbert(d)), np.random.default_rng(5)
    X = (factor @ rng.normal(size=(d, 100))).T
    X[rng.random(X.shape) < 0.5] = np.nan
    X = X[~np.isnan(X).all(axis=1)]
    out = np.empty(len(X))
    kernels.evaluate(X, np.zeros(1), np.zeros((1, d)), factor[None], out, np.empty((0, 1)))
    assert_allclose(out, [log_density_with_more_digits(row, factor) for row in X], rtol=0, atol=atol)


def test_a_row_without_any_cell_has_the_weights_as_responsibilities():
    p = random_mixture(np.random.default_rng(6), 3, 2)
    log_density, responsibilities = np.empty(1), np.empty((1, 3))
    X = np.full((1, 2), np.nan)
    kernels.evaluate(X, np.log(p.weights), p.means, p.cholesky, log_density, responsibilities)
    assert_allclose(log_density, 0.0, atol=1e-12)
    assert_allclose(responsibilities[0], p.weights, rtol=1e-12)
    assert_array_equal(np.isnan(X), True)
