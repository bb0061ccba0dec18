"""What a search over families and numbers of components begins from, and what it comes to."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.stats import multivariate_normal

from bayesgmm import datasets, select_components
from bayesgmm.em.cell import Cell, Partition
from bayesgmm.em.moves import divided, given_up
from bayesgmm.em.problem import standardised_problem
from bayesgmm.em.starts import start_of_responsibilities, whitened
from bayesgmm.em.sweep import Sweep
from bayesgmm.em.trees import SHARE, Trees
from bayesgmm.rows.rows import Rows

FAMILIES = ("full", "tied", "diag", "spherical", "tied_diag", "tied_spherical")
NESTED = (("tied", "full"), ("diag", "full"), ("tied_diag", "diag"), ("tied_diag", "tied"))


def sweep(X, names=FAMILIES, ks=range(1, 5), seed=0):
    return Sweep(Rows.of(X), {name: list(ks) for name in names}, 1e-6, 1, np.random.SeedSequence(seed))


@pytest.fixture(scope="module")
def iris():
    return datasets.iris().X


# ------------------------------------------------------------ trees


def test_trees_cut_into_the_number_asked_for(iris):
    trees = Trees([iris / iris.std(axis=0), iris], [1, 2, 3, 9], np.random.default_rng(0))
    for k in (1, 2, 3, 9):
        found = trees.cut(k)
        assert len(found) == 4
        for r in found:
            assert r.shape == (150, k)
            assert set(np.unique(r)) <= {0.0, 1.0}
            np.testing.assert_array_equal(r.sum(axis=1), 1)
            assert (r.sum(axis=0) > 0).all()


def test_trees_find_groups_that_lie_apart():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 700)
    X = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 30.0]])[labels] + rng.normal(size=(2100, 2))
    trees = Trees([X / X.std(axis=0)], [3], rng)
    for r in trees.cut(3):
        assert len({(a, b) for a, b in zip(labels, r.argmax(axis=1), strict=True)}) == 3


def test_a_tree_of_its_own_is_that_of_its_coordinates(iris):
    forms = [iris, iris * [1, 1, 1, 100.0]]
    found = Trees(forms, [5], np.random.default_rng(0)).cut(5)
    # After that of whitened rows, before that of Gaussian merges.
    for form, r in zip(forms, found[1:3], strict=True):
        wanted = fcluster(linkage(form, "ward"), 5, criterion="maxclust")
        assert Partition(r).key == Partition(np.eye(6)[wanted]).key


def test_gaussian_merges_are_those_of_a_slow_formula():
    """From 10 clusters down, the pair whose union costs least, each cost from the rows themselves."""
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(m, s, (25, 2)) for m, s in ((0, 1), (4, 0.3), (-3, 2), (7, 1))])
    trees = Trees([X], [1, 2], rng)
    Z = whitened(X)

    def criterion(rows):
        centred = Z[rows] - Z[rows].mean(axis=0)
        n, d = centred.shape
        return n * np.log(np.linalg.det((centred.T @ centred + SHARE * (d + 1) * np.eye(d)) / (n + d + 1)))

    labels = fcluster(linkage(Z, "ward"), 8, criterion="maxclust")
    clusters = [np.flatnonzero(labels == j) for j in np.unique(labels)]
    while len(clusters) > 2:
        pairs = [(i, j) for i in range(len(clusters)) for j in range(i)]
        costs = [
            criterion(np.concatenate([clusters[i], clusters[j]]))
            - criterion(clusters[i])
            - criterion(clusters[j])
            for i, j in pairs
        ]
        i, j = pairs[int(np.argmin(costs))]
        merged = np.concatenate([clusters[i], clusters[j]])
        clusters = [c for m, c in enumerate(clusters) if m not in (i, j)] + [merged]
    found = trees.cut(2)[-1].argmax(axis=1)
    assert {frozenset(np.flatnonzero(found == j)) for j in (0, 1)} == {frozenset(c) for c in clusters}


# ------------------------------------------------------------ starts


@pytest.mark.parametrize("name", FAMILIES)
def test_a_partition_starts_as_responsibilities_do(iris, name):
    r = np.random.default_rng(0).dirichlet(np.ones(3), 150)
    found = sweep(iris, [name])
    search = found.cells[name, 3].search
    start = Partition(r).start(search)
    wanted = start_of_responsibilities(search.problem, r)
    np.testing.assert_allclose(start.packed, wanted.packed, atol=1e-10)


def test_partitions_are_known_whatever_clusters_are_called():
    r = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    assert Partition(r).key == Partition(r[:, [2, 0, 1]]).key
    other = r.copy()
    other[0] = np.roll(other[0], 1)
    assert Partition(other).key != Partition(r).key


# ------------------------------------------------------------ from one number to the next


def problem_of(X):
    return standardised_problem(Rows.of(X), "full", 1e-6, 1)[0]


def test_the_component_that_stands_for_two_groups_is_divided_first():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(m, 0.2, (60, 2)) for m in ((-2, 0), (2, 0), (0, 5))])
    problem = problem_of(X)
    groups = np.repeat([0, 0, 1], 60)
    start = start_of_responsibilities(problem, np.eye(2)[groups])
    for state in (start, problem.advance(start).next):
        first, *others = divided(problem, state, 2)
        assert len(others) == 1
        assert first.shape == (180, 3)
        np.testing.assert_allclose(first.sum(axis=1), 1)
        found = first.argmax(axis=1)
        assert [len(set(found[a : a + 60])) for a in (0, 60, 120)] == [1, 1, 1]
        assert len(set(found)) == 3


def test_the_component_that_others_stand_in_for_is_given_up_first():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(m, 1.0, (80, 2)) for m in ((0, 0), (0, 0.5), (20, 20))])
    problem = problem_of(X)
    state = start_of_responsibilities(problem, np.eye(3)[np.repeat([0, 1, 2], 80)])
    r = problem.responsibilities(state)
    first, second, third = given_up(problem, state, 5)
    np.testing.assert_allclose(first.sum(axis=1), 1)
    assert first.shape == (240, 2)
    # The far group keeps a component of its own unless it is given up, which comes last.
    assert first[160:].argmax(axis=1).min() == second[160:].argmax(axis=1).min() == 1
    np.testing.assert_allclose(third[:160], r[:160, :2] / r[:160, :2].sum(axis=1, keepdims=True))


# ------------------------------------------------------------ cells


def test_the_log_likelihood_of_a_cell_is_that_of_its_mixture(iris):
    X = iris * [10, 0.1, 3, 1] + 7
    found = sweep(X)
    found.run()
    found.finish()
    for (name, k), cell in found.cells.items():
        params = cell.params
        densities = [
            multivariate_normal(m, c, allow_singular=True).pdf(X)
            for m, c in zip(params.means, params.covariances, strict=True)
        ]
        r = params.weights[:, None] * np.array(densities)
        total = r.sum(axis=0)
        assert cell.log_likelihood == pytest.approx(np.log(total).sum(), abs=1e-6), (name, k)
        r /= total
        entropy = -np.sum(r * np.log(np.maximum(r, 1e-300)))
        p = cell.n_parameters
        assert cell.bic == pytest.approx(p * np.log(150) - 2 * np.log(total).sum(), abs=1e-6)
        assert cell.aic == pytest.approx(2 * p - 2 * np.log(total).sum(), abs=1e-6)
        assert cell.icl == pytest.approx(cell.bic + 2 * entropy, abs=1e-6)


def test_a_cell_begins_from_no_partition_twice(iris):
    begun = []

    class Counted(Partition):
        def start(self, search):
            begun.append(self.key)
            return super().start(search)

    cell = Cell(sweep(iris).cells["full", 2].search, 2)
    r = np.eye(2)[(iris[:, 2] > 2.5).astype(int)]
    assert cell.offer([Counted(r)], 1e-7)
    before = cell.best
    assert not cell.offer([Counted(r), Counted(1 - r)], 1e-7)
    assert cell.best is before
    assert len(begun) == 1


def test_families_begin_from_the_ends_of_others(iris, monkeypatch):
    """Trees that know of nothing but a poor partition, and a family that has found a good one."""
    good = np.eye(3)[np.repeat([0, 1, 2], 50)]
    poor = np.eye(3)[np.arange(150) % 3]
    alone, both = sweep(iris, ["full"], [3]), sweep(iris, ["full", "tied_spherical"], [3])
    for each in (alone, both):
        monkeypatch.setattr(each._trees, "cut", lambda k: [poor])
    # By partitions, and not from what a family within has come to.
    monkeypatch.setattr(Sweep, "_inherit", lambda self, cells: None)
    both.cells["tied_spherical", 3].offer([Partition(good)], 1e-7)
    alone.run()
    both.run()
    assert both.cells["full", 3].log_likelihood > alone.cells["full", 3].log_likelihood + 5


def test_a_part_of_the_rows_tells_of_all():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12_000, 2)) + 5.0 * rng.integers(2, size=(12_000, 1))
    found = sweep(X, ["full", "tied_spherical"], [1, 2])
    assert len(found.cells["full", 2].search.problem.X) == 5_000
    found.run()
    before = {at: (cell.log_likelihood, cell.icl) for at, cell in found.cells.items()}
    found.finish()
    for at, cell in found.cells.items():
        assert cell.search.whole is cell.best.walk.problem
        assert before[at] == pytest.approx((cell.log_likelihood, cell.icl), rel=0.02)


def within(small, large):
    """Celeux and Govaert (1995), table 1: a shared letter is a case of one for each, and I of both."""
    return small != large and all(
        a in {"I": "I", "E": "IE", "V": "IEV"}[b] for a, b in zip(small, large, strict=True)
    )


def several(seed):
    """Three clusters in three dimensions, each with an axis-parallel shape of its own."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(3, 3))
    return np.vstack(
        [
            m + rng.normal(size=(n, 3)) * rng.gamma(2, 0.5, 3)
            for m, n in zip(centres, (30, 50, 70), strict=True)
        ]
    )


@pytest.mark.parametrize("name", [*datasets.names(), 0, 1, 2])
def test_no_family_ends_below_one_within_it(name):
    X = several(name) if isinstance(name, int) else datasets.load(name).X
    choice = select_components(X, range(1, 6), families="all", criteria="em", random_state=0)
    accepted = choice.table[choice.table["verdict"] == "accepted"]["log_likelihood"]
    compared = 0
    for (small, k), below in accepted.items():
        for (large, other), above in accepted.items():
            if k == other and within(small, large):
                compared += 1
                assert above >= below - 1e-6 * abs(below), (small, large, k)
    assert compared >= 4


def test_a_hunt_never_loses_what_is_known(iris):
    found = sweep(iris)
    found.run()
    for cell in found.cells.values():
        before = cell.log_likelihood
        found.hunt(cell, 3)
        assert cell.log_likelihood >= before - 1e-9 * abs(before)
