"""Similarities and memberships against loops over draws and pairs."""

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose
from threadpoolctl import threadpool_limits

from bayesgmm.mixture import density
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.posterior import memberships, passes, similarity
from bayesgmm.rows.rows import Rows


def problem(n=17, s=40, k=3, d=2):
    rng = np.random.default_rng(0)
    mixtures = [random_mixture(rng, k, d) for _ in range(s)]
    X = np.asfortranarray(rng.normal(scale=2.0, size=(n, d)))
    draws = (
        np.log([m.weights for m in mixtures]),
        np.array([m.means for m in mixtures]),
        np.array([m.cholesky for m in mixtures]),
    )
    r = np.array([density.responsibilities(X, m) for m in mixtures])
    return X, draws, r


def test_similarity_is_the_mean_over_draws_of_shared_components():
    X, draws, r = problem()
    found = similarity.similarity_matrix(X, *draws)
    for i in range(len(X)):
        for j in range(len(X)):
            wanted = 1.0 if i == j else np.mean([sum(r[s, i] * r[s, j]) for s in range(len(r))])
            assert found[i, j] == pytest.approx(wanted, abs=1e-12)


def test_similarity_does_not_depend_on_threads_by_a_bit():
    # With so many rows and draws BLAS rounds otherwise with another number of threads of its own.
    rng = np.random.default_rng(3)
    X, k, s = np.asfortranarray(rng.normal(size=(151, 2))), 3, 260
    draws = np.log(rng.dirichlet(np.ones(k), s)), rng.normal(size=(s, k, 2)), np.tile(np.eye(2), (s, k, 1, 1))
    one = similarity.similarity_matrix(X, *draws, 1)
    assert np.array_equal(similarity.similarity_matrix(X, *draws, 2), one)
    assert np.array_equal(one, one.T)
    with threadpool_limits(1):
        assert np.array_equal(similarity.similarity_matrix(X, *draws, 3), one)


def test_blocks_of_draws_change_nothing(monkeypatch):
    X, draws, _ = problem()
    whole = similarity.similarity_matrix(X, *draws)
    monkeypatch.setattr(similarity, "AT_ONCE", 8 * 17 * 3 * 7)
    assert_allclose(similarity.similarity_matrix(X, *draws), whole, rtol=1e-12)
    assert_allclose(
        similarity.pairwise_similarity(X[:5], X[5:10], *draws), np.diagonal(whole[:5, 5:10]), rtol=1e-12
    )


def test_memberships_are_quantiles_between_draws():
    X, draws, r = problem()
    found = memberships.membership_intervals(Rows.unchecked(X), *draws, ci_prob=0.8, n_threads=2)
    assert_allclose(found.mean, r.mean(axis=0), rtol=1e-10)
    assert_allclose(found.sd, r.std(axis=0), atol=1e-10)
    assert_allclose(found.lower, np.quantile(r, 0.1, axis=0), atol=1e-12)
    assert_allclose(found.upper, np.quantile(r, 0.9, axis=0), atol=1e-12)
    m = r.mean(axis=0)
    assert_allclose(found.entropy, -(m * np.log(m)).sum(axis=1), rtol=1e-10)
    likeliest = m.argmax(axis=1)
    assert_allclose(found.changing, (r.argmax(axis=2) != likeliest).mean(axis=0), atol=1e-12)
    assert found.uncertain.tolist() == sorted(
        (n for n in range(len(X)) if m[n].max() < 0.95), key=lambda n: m[n].max()
    )
    table = found.table
    assert table["uncertain"].sum() == len(found.uncertain) > 0
    assert_allclose(table["membership"], m.max(axis=1), rtol=1e-10)


def test_memberships_in_blocks_of_rows_are_the_same(monkeypatch):
    X, draws, _ = problem()
    whole = memberships.membership_intervals(Rows.unchecked(X), *draws)
    monkeypatch.setattr(memberships, "AT_ONCE", 3 * 120)
    assert np.array_equal(
        memberships.membership_intervals(Rows.unchecked(X), *draws, n_threads=2).upper, whole.upper
    )


def test_allocations_follow_the_responsibilities():
    X, draws, r = problem(s=1)
    many = tuple(np.repeat(a, 4000, axis=0) for a in draws)
    z = passes.allocations(X, *many, np.random.default_rng(1), 2)
    share = (z[:, :, None] == np.arange(3)).mean(axis=0)
    assert np.abs(share - r[0]).max() < 4 * 0.5 / np.sqrt(4000)


def test_an_empty_component_changes_nothing():
    X, draws, _ = problem()
    empty = MixtureParams([1.0], [[50.0, 50.0]], [np.eye(2)])
    s = len(draws[0])
    with np.errstate(divide="ignore"):
        wider = (
            np.concatenate([draws[0], np.full((s, 1), -np.inf)], axis=1),
            np.concatenate([draws[1], np.tile(empty.means, (s, 1, 1))], axis=1),
            np.concatenate([draws[2], np.tile(empty.cholesky, (s, 1, 1, 1))], axis=1),
        )
    assert_allclose(
        similarity.similarity_matrix(X, *wider), similarity.similarity_matrix(X, *draws), rtol=1e-12
    )
