"""Relabelling against planted permutations and brute force."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm.errors import DataError
from bayesgmm.mixture import matching
from bayesgmm.posterior import relabel
from bayesgmm.posterior.streamed import StreamedResponsibilities


def overlaps(rng, k, n=(2, 50)):
    return rng.dirichlet(np.ones(k), size=(*n, k)) * 30


@pytest.mark.parametrize("k", [1, 2, 4])
def test_matching_is_the_best_of_all_permutations(k):
    overlap = overlaps(np.random.default_rng(k), k)
    found = relabel.match(overlap).permutations
    for index in np.ndindex(overlap.shape[:2]):
        value = overlap[index][np.arange(k), found[index]].sum()
        best = max(overlap[index][np.arange(k), list(p)].sum() for p in permutations(range(k)))
        assert_allclose(value, best, rtol=1e-12)


def test_planted_permutations_are_undone():
    rng = np.random.default_rng(0)
    k, shape = 4, (3, 200)
    truth = rng.normal(size=(*shape, k, 2)) + 10 * np.arange(k)[:, None]
    planted = np.array([rng.permutation(k) for _ in range(600)]).reshape(*shape, k)
    shuffled = matching.permute(truth, planted)
    aligned = 20 * np.eye(k) + rng.uniform(0, 5, size=(*shape, k, k))
    found = relabel.match(np.take_along_axis(aligned, planted[:, :, None, :], axis=3))
    assert np.array_equal(matching.permute(shuffled, found.permutations), truth)


def test_margins_are_the_cost_of_the_cheapest_exchange():
    overlap = overlaps(np.random.default_rng(3), 3)
    found = relabel.match(overlap)
    for index in np.ndindex(overlap.shape[:2]):
        best = found.permutations[index]
        costs = []
        for i, j in ((0, 1), (0, 2), (1, 2)):
            exchanged = best.copy()
            exchanged[[i, j]] = exchanged[[j, i]]
            lost = (overlap[index][np.arange(3), best] - overlap[index][np.arange(3), exchanged]).sum()
            costs.append(lost / overlap[index][[i, j]].sum())
        assert_allclose(found.margins[index], min(costs), rtol=1e-10)


def test_small_clusters_that_are_far_apart_are_not_tied():
    overlap = np.tile(np.diag([984.0, 8.0, 8.0]), (1, 10, 1, 1))
    assert relabel.match(overlap).nearly_tied == 0


def test_switches_are_counted_chain_by_chain():
    sequence = np.array([[[0, 1]] * 4 + [[1, 0]] * 4, [[0, 1]] * 8])
    assert relabel.Relabelling(sequence, np.ones((2, 8))).n_switches.tolist() == [1, 0]


def test_two_components_that_coincide_are_nearly_tied():
    overlap = np.full((1, 10, 2, 2), 25.0)
    assert relabel.match(overlap).nearly_tied == 1


def test_a_single_component_is_never_tied():
    assert relabel.match(np.full((1, 10, 1, 1), 5.0)).nearly_tied == 0


# ------------------------------------------------------------ four methods, planted labels


def planted(k=3, n=60, s=300, seed=0, apart=6.0):
    """Draws of a known posterior, renamed at random: mixtures (S, ...), responsibilities (S, N, K), and the
    key (S, K)."""
    rng = np.random.default_rng(seed)
    centres = apart * np.arange(k)[:, None] * [1.0, 0.3]
    X = np.concatenate([c + rng.normal(size=(n // k, 2)) for c in centres])
    means = centres + 0.4 * rng.normal(size=(s, k, 2))
    weights = rng.dirichlet(np.full(k, 30.0), s)
    stds = np.exp(0.2 * rng.normal(size=(s, k, 2)))
    key = np.array([rng.permutation(k) for _ in range(s)])
    at = np.arange(s)[:, None]
    draws = np.log(weights)[at, key], means[at, key], (stds[..., None] * np.eye(2))[at, key]
    log_p = draws[0][:, None] - 0.5 * (
        ((X[:, None] - draws[1][:, None]) / np.diagonal(draws[2], axis1=2, axis2=3)[:, None]) ** 2
    ).sum(axis=-1)
    log_p -= np.log(np.diagonal(draws[2], axis1=2, axis2=3)).sum(axis=-1)[:, None]
    r = np.exp(log_p - log_p.max(axis=2, keepdims=True))
    return X, draws, r / r.sum(axis=2, keepdims=True), key


def is_the_key(permutations, key):
    """Undone: the planted names composed with the permutation are one renaming for all draws."""
    composed = np.take_along_axis(key, permutations, axis=1)
    return (composed == composed[0]).all()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_every_method_finds_the_planted_key(k):
    X, draws, r, key = planted(k, n=60 * k)
    responsibilities = relabel.DenseResponsibilities(r)
    pivot = np.repeat(np.eye(k), 60, axis=0)
    start = relabel.ecr(responsibilities, pivot)
    assert is_the_key(start, key)
    # The others are given no pivot: from the names as they come they may end in a local optimum, from the
    # first draw's they must not.
    first = relabel.ecr(responsibilities, r[0])
    assert is_the_key(relabel.iterative_ecr(responsibilities, first), key)
    assert is_the_key(relabel.stephens(responsibilities, first), key)
    parameters = np.concatenate([draws[1], np.log(np.diagonal(draws[2], axis1=2, axis2=3))], axis=2)
    assert is_the_key(relabel.by_parameters(parameters, first), key)


def test_the_other_methods_mend_a_start_that_is_partly_wrong():
    _, draws, r, key = planted(3)
    responsibilities = relabel.DenseResponsibilities(r)
    start = relabel.ecr(responsibilities, r[0])
    start[::7] = np.roll(start[::7], 1, axis=1)
    assert not is_the_key(start, key)
    assert is_the_key(relabel.iterative_ecr(responsibilities, start), key)
    assert is_the_key(relabel.stephens(responsibilities, start), key)
    assert is_the_key(relabel.by_parameters(draws[1], start), key)


def test_stephens_minimises_the_divergence_from_the_mean():
    """Each draw's permutation is the best of all K!, by the divergence written out."""
    _, _, r, _ = planted(3, apart=1.5, s=60)
    responsibilities = relabel.DenseResponsibilities(r)
    found = relabel.stephens(responsibilities, np.tile(np.arange(3), (60, 1)))
    mean = responsibilities.mean(found)
    for s in range(60):
        costs = {
            p: (r[s][:, p] * np.log(np.maximum(r[s][:, p], 1e-300) / mean)).sum()
            for p in permutations(range(3))
        }
        assert_allclose(costs[tuple(found[s].tolist())], min(costs.values()), rtol=1e-9, atol=1e-9)


def test_streamed_responsibilities_are_those_held_in_memory():
    X, draws, r, _ = planted(3)
    dense = relabel.DenseResponsibilities(r)
    streamed = StreamedResponsibilities(np.asfortranarray(X), *draws, 2)
    reference = np.random.default_rng(0).normal(size=(len(X), 5))
    assert_allclose(streamed.overlaps(reference), dense.overlaps(reference), atol=1e-10)
    renamed = np.array([np.random.default_rng(s).permutation(3) for s in range(300)])
    assert_allclose(streamed.mean(renamed), dense.mean(renamed), atol=1e-12)


def test_a_draw_that_is_not_finite_is_named(golden):
    gain = np.ones((5, 2, 2))
    gain[3, 0, 1] = np.nan
    with golden.raises(DataError, draw=3):
        matching.assign(gain)


def test_a_single_draw_and_a_single_component_have_their_names():
    _, draws, r, _ = planted(3, s=1)
    start = np.arange(3)[None]
    assert is_the_key(relabel.stephens(relabel.DenseResponsibilities(r), start), start)
    assert relabel.by_parameters(draws[1], start).tolist() == [[0, 1, 2]]
    assert (
        relabel.iterative_ecr(
            relabel.DenseResponsibilities(np.ones((4, 5, 1))), np.zeros((4, 1), int)
        ).tolist()
        == [[0]] * 4
    )
