"""Relabelling against planted permutations and brute force."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm.posterior import relabel


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
    shuffled = relabel.permute(truth, planted)
    aligned = 20 * np.eye(k) + rng.uniform(0, 5, size=(*shape, k, k))
    found = relabel.match(np.take_along_axis(aligned, planted[:, :, None, :], axis=3))
    assert np.array_equal(relabel.permute(shuffled, found.permutations), truth)


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
