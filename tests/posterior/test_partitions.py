"""Partitions against naive double loops and brute force over all of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm.posterior import partitions


def by_definition(a, b, loss):
    """Between two labelings: from entropies and mutual information, or pair by pair."""
    n = len(a)
    if loss == "binder":
        return sum((a[i] == a[j]) != (b[i] == b[j]) for i in range(n) for j in range(n)) / n**2
    total = 0.0
    for x in set(a):
        for y in set(b):
            p = np.mean((a == x) & (b == y))
            if p > 0:
                total -= p * (np.log2(p / np.mean(a == x)) + np.log2(p / np.mean(b == y)))
    return total


def all_partitions(n):
    """Each once: labels whose first occurrences count up, shape (Bell(n), n)."""
    found = [[0]]
    for _ in range(n - 1):
        found = [[*p, c] for p in found for c in range(max(p) + 2)]
    return np.array(found, dtype=np.int32)


def drawn(rng, n, k, s, noise):
    base = rng.integers(0, k, n)
    return np.where(rng.random((s, n)) < noise, rng.integers(0, k, (s, n)), base).astype(np.int32)


@pytest.mark.parametrize("loss", partitions.LOSSES)
def test_losses_are_those_of_the_definition(loss):
    rng = np.random.default_rng(0)
    draws = drawn(rng, 30, 4, 20, 0.4)
    labels = rng.integers(0, 5, 30).astype(np.int32) * 3
    found = partitions.distances(draws, labels, partitions.loss_function(loss, 30))
    assert_allclose(found, [by_definition(labels, z, loss) for z in draws], atol=1e-12)
    assert partitions.distances(labels[None], labels, partitions.loss_function(loss, 30))[0] == pytest.approx(
        0, abs=1e-12
    )


def smallest_loss(draws, f):
    """Over all partitions, by adding one cluster at a time to the best of what is left: exact, 3^N steps."""
    s, n = draws.shape
    members = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
    same = (draws[:, None, :] == np.arange(draws.max() + 1)[:, None]).astype(int)
    counts = np.einsum("skn,mn->msk", same, members)
    cost = f[members.sum(axis=1)] - 2 * f[counts].sum(axis=2).mean(axis=1)
    best = np.zeros(1 << n)
    for whole in range(1, 1 << n):
        lowest = whole & -whole
        rest = part = whole ^ lowest
        best[whole] = np.inf
        while True:
            cluster = part | lowest
            best[whole] = min(best[whole], cost[cluster] + best[whole ^ cluster])
            if part == 0:
                break
            part = (part - 1) & rest
    return best[-1] + f[same.sum(axis=2)].sum(axis=1).mean()


@pytest.mark.parametrize("n", [8, 9])
@pytest.mark.parametrize("loss", partitions.LOSSES)
def test_the_search_finds_the_best_of_all_partitions(loss, n):
    """Also where the draws have nothing in common, and many partitions are nearly as good."""
    rng = np.random.default_rng(n)
    f = partitions.loss_function(loss, n)
    for noise in [0.1, 0.4] * 5 + [1.0] * 15:
        draws = drawn(rng, n, rng.integers(2, 6), rng.integers(1, 15), noise)
        labels, found = partitions.best_partition(draws, [], f, rng)
        assert found == pytest.approx(smallest_loss(draws, f), abs=1e-12)
        assert partitions.distances(draws, labels, f).mean() == pytest.approx(found, abs=1e-12)


def test_the_exact_minimum_is_that_of_the_list_of_all_partitions():
    rng = np.random.default_rng(7)
    every, f = all_partitions(7), partitions.loss_function("vi", 7)
    assert len(every) == 877
    draws = drawn(rng, 7, 3, 5, 1.0)
    best = min(partitions.distances(draws, z, f).mean() for z in every)
    assert smallest_loss(draws, f) == pytest.approx(best, abs=1e-12)


def test_as_many_clusters_as_it_takes():
    """Three components that coincide: under Binder's loss every row is then best left alone."""
    draws = np.random.default_rng(8).integers(0, 3, (300, 60)).astype(np.int32)
    f = partitions.loss_function("binder", 60)
    labels, found = partitions.best_partition(draws, [], f, np.random.default_rng(0), 2)
    alone = partitions.distances(draws, np.arange(60, dtype=np.int32), f).mean()
    assert found <= alone + 1e-12
    assert labels.max() + 1 > 50


@pytest.mark.slow
@pytest.mark.parametrize("loss", partitions.LOSSES)
def test_five_hundred_rows_are_never_worse_than_where_the_search_began(loss):
    rng = np.random.default_rng(3)
    for noise in (0.1, 0.5):
        draws = drawn(rng, 500, 5, 100, noise)
        similarity = (draws[:, :, None] == draws[:, None, :]).mean(axis=0)
        starts = [*partitions.hierarchical_cuts(similarity, 10), rng.integers(0, 5, 500).astype(np.int32)]
        f = partitions.loss_function(loss, 500)
        _, found = partitions.best_partition(draws, starts, f, rng, 2)
        begun = [partitions.distances(draws, z, f).mean() for z in [*starts, *draws]]
        assert found <= min(begun) + 1e-12


def test_the_result_does_not_depend_on_names_or_threads():
    rng = np.random.default_rng(4)
    draws = drawn(rng, 60, 4, 50, 0.3)
    renamed = np.array([rng.permutation(4)[z] for z in draws], dtype=np.int32)
    f = partitions.loss_function("vi", 60)
    found = [
        partitions.best_partition(z, [], f, np.random.default_rng(5), threads)
        for z, threads in ((draws, 1), (draws, 2), (renamed, 2))
    ]
    for labels, loss in found[1:]:
        assert np.array_equal(labels, found[0][0])
        assert loss == pytest.approx(found[0][1], rel=1e-12)


def test_the_credible_ball_is_the_smallest_with_its_mass():
    rng = np.random.default_rng(6)
    draws = drawn(rng, 40, 4, 200, 0.15)
    f = partitions.loss_function("vi", 40)
    centre, _ = partitions.best_partition(draws, [], f, rng)
    ball = partitions.credible_ball(draws, centre, f, mass=0.9)
    d = np.array([by_definition(centre, z, "vi") for z in draws])
    inside = d <= ball.radius + 1e-9
    assert ball.mass == inside.mean() >= 0.9
    # A ball any smaller holds less.
    assert (d < ball.radius - 1e-9).mean() < 0.9
    sizes = np.array([len(set(z)) for z in draws])
    for bound, chosen in (
        (ball.upper, inside & (sizes == sizes[inside].min())),
        (ball.lower, inside & (sizes == sizes[inside].max())),
        (ball.horizontal, inside),
    ):
        for z in bound:
            assert by_definition(centre, z, "vi") == pytest.approx(d[chosen].max(), abs=1e-9)


def test_degenerate_cases_have_defined_results():
    f = partitions.loss_function("vi", 1)
    labels, loss = partitions.best_partition(np.zeros((3, 1), np.int32), [], f, np.random.default_rng(0))
    assert (labels.tolist(), loss) == ([0], 0.0)
    one_draw = np.array([[0, 2, 2, 0]], dtype=np.int32)
    f = partitions.loss_function("binder", 4)
    labels, loss = partitions.best_partition(one_draw, [], f, np.random.default_rng(0))
    assert (labels.tolist(), loss) == ([0, 1, 1, 0], 0.0)
    assert partitions.credible_ball(one_draw, labels, f).radius == 0
    assert [z.tolist() for z in partitions.hierarchical_cuts(np.ones((1, 1)), 3)] == [[0]]


def test_cuts_have_one_to_as_many_clusters_as_asked_for():
    similarity = np.kron(np.eye(3), np.full((4, 4), 0.9))
    np.fill_diagonal(similarity, 1.0)
    cuts = partitions.hierarchical_cuts(similarity, 3)
    assert len(set(cuts[0])) == 1
    assert partitions.canonical(cuts[2]).tolist() == [0] * 4 + [1] * 4 + [2] * 4
