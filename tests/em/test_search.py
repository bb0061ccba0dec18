"""The search for the best maximum: starts, moves, what is left behind, parts of many rows, and the end."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from bayesgmm import EMGaussianMixture, MixtureParams, datasets
from bayesgmm.em import hunt, search
from bayesgmm.em.ends import bring
from bayesgmm.em.maxima import Contender, merged
from bayesgmm.em.moves import crossed, moved, pair_at_random, placed
from bayesgmm.em.plan import Plan
from bayesgmm.em.polish import polished
from bayesgmm.em.problem import Problem
from bayesgmm.em.run import Status, Walk, run_em
from bayesgmm.em.saddle import ways_up
from bayesgmm.em.starts import MIXED, is_same_partition, nearest, start_of_responsibilities
from bayesgmm.em.steps import State
from bayesgmm.errors import DegenerateFitError
from bayesgmm.mixture import density
from bayesgmm.mixture.families import FAMILIES, family_of

FLOOR = 1e-6


def problem_of(X, family="full"):
    return Problem(np.asfortranarray(X), np.empty(0), family_of(family), FLOOR, n_threads=1)


def overlapping(n, seed=0):
    means = [[0.0, 0.0], [2.0, 0.0], [1.0, 2.0]]
    truth = MixtureParams([0.5, 0.3, 0.2], means, np.tile(np.eye(2), (3, 1, 1)))
    return density.simulate(truth, n, np.random.default_rng(seed))[0]


def crossing(seed, n=200):
    """Two colours of two kinds, five measurements that hardly differ but in size: as of crabs."""
    rng = np.random.default_rng(seed)
    size = rng.normal(0, 1, (n, 1)) * np.array([1.0, 0.9, 2.0, 2.2, 0.9])
    group = np.arange(n) % 4
    shift = np.array([[0.0, 0, 0, 0, 0], [0.3, 0, 0, 0, 0.2], [0, 0.35, 0, 0, 0], [0.3, 0.35, 0, 0, 0.2]])
    return size + shift[group] + rng.normal(0, 0.08, (n, 5))


def starts_of(problem, k, seed):
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(problem.X), k, replace=False)
    return start_of_responsibilities(problem, nearest(problem.X, problem.X[chosen]))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_move_stays_in_the_family_and_leaves_no_component_empty(name):
    problem = problem_of(overlapping(300), name)
    at = run_em(problem, starts_of(problem, 3, 0), max_iter=200, tol=1e-8).state
    rng = np.random.default_rng(1)
    family = family_of(name)
    other = run_em(problem, starts_of(problem, 3, 5), max_iter=5, tol=1e-8).state
    for i in range(10):
        to = moved(problem, at, pair_at_random(at, rng), rng) if i % 2 else crossed(problem, at, other, rng)
        covariances = to.cholesky @ to.cholesky.transpose(0, 2, 1)
        again = family.expanded(family.compressed(covariances), 3, 2, "covariances")
        assert_allclose(again, covariances, atol=1e-10)
        assert_allclose(np.exp(to.log_weights).sum(), 1)
        assert np.exp(to.log_weights).min() > 0.005
        assert np.abs(to.means - at.means).max() > 1e-3


def test_a_move_divides_one_component_and_gives_up_another():
    """Three clusters far apart, of which two share a component: some move puts that right at once."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    labels = np.arange(300) % 3
    X = centres[labels] + rng.normal(size=(300, 2))
    problem = problem_of(X / X.std(axis=0))
    wrong = np.zeros((300, 3))
    wrong[labels == 0, 0] = 1
    wrong[labels == 0, 1] = X[labels == 0, 0] > 0
    wrong[labels == 0, 0] -= wrong[labels == 0, 1]
    wrong[labels > 0, 2] = 1
    low = run_em(problem, start_of_responsibilities(problem, wrong), max_iter=1000, tol=1e-8)
    best = run_em(problem, start_of_responsibilities(problem, np.eye(3)[labels]), max_iter=1000, tol=1e-8)
    assert low.log_likelihood < best.log_likelihood - 50
    starts = [moved(problem, low.state, pair_at_random(low.state, rng), rng) for _ in range(12)]
    ends = [run_em(problem, start, max_iter=1000, tol=1e-8) for start in starts]
    assert max(e.log_likelihood for e in ends) == pytest.approx(best.log_likelihood, rel=1e-6)


def test_pairs_are_all_but_barred_ones_by_the_weight_of_what_is_divided():
    rng = np.random.default_rng(0)
    state = starts_of(problem_of(overlapping(300)), 3, 0)
    weights = np.exp(state.log_weights)
    barred = {(0, 1), (2, 1)}
    drawn = [pair_at_random(state, rng, barred) for _ in range(4000)]
    allowed = {(0, 2), (1, 0), (1, 2), (2, 0)}
    assert set(drawn) == allowed
    chances = {p: weights[p[1]] / (1 - weights[p[0]]) for p in allowed}
    for pair, chance in chances.items():
        share = chance / sum(chances.values())
        assert abs(np.mean([d == pair for d in drawn]) - share) < 4 * np.sqrt(share / 4000)
    assert pair_at_random(state, rng, barred | allowed) is None


def test_a_component_is_placed_on_a_small_cluster_within_another():
    """Ten of 400 rows lie close together inside a wide component: no plane through it finds them."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(390, 2)), [0.8, 0.3] + 0.02 * rng.normal(size=(10, 2))])
    problem = problem_of(X / X.std(axis=0))
    halves = run_em(
        problem, start_of_responsibilities(problem, np.eye(2)[np.arange(400) % 2]), max_iter=500, tol=1e-9
    )
    starts = [placed(problem, halves.state, 0, rng) for _ in range(200)]
    ends = [run_em(problem, start, max_iter=500, tol=1e-8) for start in starts]
    best = max(ends, key=lambda run: run.log_likelihood)
    assert best.log_likelihood > halves.log_likelihood + 15
    assert np.exp(best.state.log_weights).min() == pytest.approx(10 / 400, abs=0.01)


def test_partitions_are_the_same_in_any_order_of_components():
    labels = np.random.default_rng(0).integers(3, size=50)
    one = np.eye(3)[labels]
    assert is_same_partition(one, one[:, [2, 0, 1]])
    other = one.copy()
    other[0] = np.roll(other[0], 1)
    assert not is_same_partition(one, other)
    # Two components in one place are not the two.
    assert not is_same_partition(one, np.eye(3)[np.minimum(labels, 1)])


def test_the_same_start_is_run_once_and_counted_twice():
    problem = problem_of(overlapping(400))
    searched = hunt.Hunt(problem, problem, Plan(3, MIXED, 5, 10_000, 1e-10), np.random.default_rng(0))
    r = np.eye(3)[np.random.default_rng(1).integers(3, size=400)]
    searched._begin(r)
    passes = searched._passes
    searched._begin(r[:, [1, 2, 0]])
    assert searched._passes == passes
    assert [c.n_starts for c in searched.found] == [2]


def test_what_is_below_on_a_part_is_so_beyond_chance():
    """By how much a part's log-likelihoods differ against their standard error, and what matters of all."""
    problem = problem_of(overlapping(400))
    rng = np.random.default_rng(0)
    noise = rng.normal(size=400)
    noise = (noise - noise.mean()) / noise.std()
    error = np.sqrt(400)
    for n_rows in (400, 400_000):
        slack = hunt.CERTAIN * error + hunt.MATTERS * 400 / n_rows
        assert hunt.is_below(noise + 1.01 * slack / 400, problem, n_rows)
        assert not hunt.is_below(noise + 0.99 * slack / 400, problem, n_rows)
        assert not hunt.is_below(noise + 1.01 * slack / 400, problem, n_rows, hope=0.02 * slack)


@pytest.mark.parametrize("seed", range(4))
def test_moves_find_what_many_starts_find(seed):
    X = crossing(seed)
    many = EMGaussianMixture(4, n_init=60, random_state=seed).fit(X)
    found = [EMGaussianMixture(4, random_state=s).fit(X).log_likelihood_ for s in range(5)]
    assert np.median(found) >= many.log_likelihood_ - 0.01


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["faithful", "iris", "banknote"])
@pytest.mark.parametrize("kind", ["full", "diag"])
def test_more_starts_never_end_lower_than_one(name, kind):
    X = datasets.load(name).X
    for seed in range(4):
        fits = [
            EMGaussianMixture(3, covariance_type=kind, init_params="random", n_init=n, random_state=seed)
            for n in (1, 5)
        ]
        one, five = (em.fit(X) for em in fits)
        if not (one.modes_.spurious[0] or five.modes_.spurious[0]):
            assert five.log_likelihood_ >= one.log_likelihood_ - 1e-6


def test_runs_that_have_come_to_one_maximum_are_put_together_in_any_order_of_components():
    problem = problem_of(overlapping(400))
    start = starts_of(problem, 3, 0)
    first, second = (Contender(Walk(problem, start), 1e-9) for _ in range(2))
    for contender in (first, second):
        contender.go(5000, 1e-9)
    state = second.walk.state
    order = [2, 0, 1]
    turned = type(state)(state.log_weights[order], state.means[order], state.cholesky[order])
    third = Contender(Walk(problem, turned), 1e-9)
    third.go(5000, 1e-9)
    (only,) = merged([first, third])
    assert only.n_starts == 2
    assert only.mode.n_starts == 2
    other = Contender(Walk(problem, starts_of(problem, 3, 0)), 1e-9)
    assert len(merged([only, other])) == 2


def left_behind(problem, k):
    """Of 30 starts: how far below the best each one ends in a run that nothing cuts short, whether a search
    that knows the best leaves it, and the passes of both."""
    starts = [starts_of(problem, k, seed) for seed in range(30)]
    full = [run_em(problem, start, max_iter=10_000, tol=1e-7) for start in starts]
    ended = [i for i, run in enumerate(full) if run.status is Status.CONVERGED]
    best = max((full[i] for i in ended), key=lambda run: run.log_likelihood)
    searched = hunt.Hunt(problem, problem, Plan(k, MIXED, 30, 10_000, 1e-10), np.random.default_rng(0))
    known = Contender(Walk(problem, best.state), 1e-7)
    known.go(10_000, 1e-7)
    searched._keep(known)
    told = []
    for i in ended:
        n, passes = sum(c.n_starts for c in searched.found), searched._passes
        searched._follow(starts[i])
        # A run that is kept is one start more of a maximum, known or new.
        left = sum(c.n_starts for c in searched.found) == n
        below = best.log_likelihood - full[i].log_likelihood
        told.append((below, left, full[i].n_iter, searched._passes - passes))
    return np.array(told).T


def test_a_run_that_cannot_reach_the_best_is_left(monkeypatch):
    monkeypatch.setattr(hunt, "CHEAP", 0)
    centres = np.array([[0, 0], [6, 0], [0, 6], [6, 6], [12, 3]])
    X = centres[np.arange(500) % 5] + np.random.default_rng(0).normal(size=(500, 2))
    below, left, full, passes = left_behind(problem_of(X / X.std(axis=0)), 5)
    low = below > 2 * hunt.MATTERS
    assert low.sum() >= 10 <= (~low).sum()
    assert left[low].mean() > 0.75
    # On a plateau a run promises less than it comes to.
    assert left[~low].mean() < 0.25
    assert passes[low].sum() < 0.5 * full[low].sum()


def test_no_run_is_left_where_all_ends_matter(monkeypatch):
    monkeypatch.setattr(hunt, "CHEAP", 0)
    X = overlapping(1000)
    below, left, _, _ = left_behind(problem_of(X / X.std(axis=0)), 3)
    assert 1 < below.max() < hunt.MATTERS
    assert not left.any()


def test_the_budget_ends_a_search():
    problem = problem_of(overlapping(2000))
    plan = Plan(3, MIXED, None, 10_000, 1e-10)
    searched = hunt.Hunt(problem, problem, plan, np.random.default_rng(0))
    searched.most_passes = 30
    searched.run()
    assert searched._passes <= 30 + hunt.LEG * 2


def test_parts_of_many_rows_lead_to_the_maximum_of_all():
    n = 12_000
    X = overlapping(n)
    em = EMGaussianMixture(3, random_state=0).fit(X)
    peer = GaussianMixture(3, means_init=em.means_, tol=1e-9, max_iter=5000, random_state=0).fit(X)
    assert em.log_likelihood_ >= peer.score(X) * n - 1e-3
    assert em.converged_
    assert np.all(np.diff(em.log_likelihood_trace_) >= -1e-7)


def test_quasi_newton_steps_end_where_em_does():
    X = overlapping(6000)
    problem = problem_of(X / X.std(axis=0))
    begin = run_em(problem, starts_of(problem, 3, 1), max_iter=40, tol=1e-12)
    end = run_em(problem, begin.state, max_iter=20_000, tol=1e-13)
    part = problem.subsample(2000, np.random.default_rng(0))
    state, passes = begin.state, 0
    for _ in range(4):
        state, some, to_come = polished(problem, state, part, 1e-10)
        passes += some
    reached = problem.advance(state).log_likelihood
    assert abs(reached - end.log_likelihood) < 1e-5
    assert to_come < 1e-5
    assert passes < end.n_iter / 3


def test_what_cannot_be_the_best_is_not_run_to_the_full_tolerance():
    X = crossing(1)
    em = EMGaussianMixture(4, random_state=0).fit(X)
    assert em.modes_.tol[0] == em.tol
    lower = em.modes_.log_likelihood < em.log_likelihood_ - 1
    assert lower.any()
    assert (em.modes_.tol[lower] == hunt.LOOSE).all()


@pytest.mark.parametrize("weight", [None, 3.0])
@pytest.mark.parametrize(
    ("errors", "of_many", "of_these"),
    [(1.0, True, True), (3.7, True, True), (4.3, False, True), (9, False, False)],
)
def test_a_rival_on_a_part_of_the_rows_is_kept_until_all_have_spoken(errors, of_many, of_these, weight):
    """Rivals that lie so many standard errors below the best, on a part of very many rows or on all there
    are, where 20 units of the log-likelihood matter still."""
    n = 3000
    X = overlapping(n)
    w = np.empty(0) if weight is None else np.full(n, weight)
    problem = replace(problem_of(X / X.std(axis=0)), sample_weight=w)
    best = run_em(problem, starts_of(problem, 3, 0), max_iter=3000, tol=1e-9).state

    def heights(state):
        densities = [
            np.exp(log_weight) * multivariate_normal(mean, factor @ factor.T).pdf(problem.X)
            for log_weight, mean, factor in zip(state.log_weights, state.means, state.cholesky, strict=True)
        ]
        return np.log(np.sum(densities, axis=0))

    def shifted(by):
        return State(best.log_weights, best.means + [[by, 0.0], [0.0, 0.0], [0.0, 0.0]], best.cholesky)

    def errors_below(by):
        gap = heights(best) - heights(shifted(by))
        return gap.sum() / (np.sqrt(n) * gap.std())

    rival = shifted(brentq(lambda by: errors_below(by) - errors, 1e-3, 3.0))
    # It is the standard errors that tell here, and what matters of very many rows is nothing.
    gap = (heights(best) - heights(rival)).sum()
    assert (gap - 4.0 * gap / errors < 20) == of_these
    ends = [Contender(Walk(problem, state), 1e-7) for state in (best, rival)]
    for n_rows, kept in ((1000 * n, of_many), (n, of_these)):
        assert search._rivals(ends, n_rows) == (ends if kept else ends[:1])


def test_a_saddle_is_left_on_the_way_up():
    """Two clusters in one dimension, and both components in the middle: EM rests there."""
    X = np.concatenate([np.linspace(-3, -1, 40), np.linspace(1, 3, 40)])[:, None]
    X /= X.std()
    problem = problem_of(X)
    at_rest = start_of_responsibilities(problem, np.full((80, 2), 0.5))
    low = Contender(Walk(problem, at_rest), 1e-10)
    low.go(1000, 1e-10)
    assert low.walk.status is Status.CONVERGED
    best = EMGaussianMixture(2, random_state=0).fit(X).log_likelihood_
    assert low.walk.value < best - 10
    plan = Plan(2, MIXED, 1, 10_000, 1e-10)
    assert search._off_saddles(low, problem, plan).walk.value == pytest.approx(best, abs=1e-6)
    maximum = run_em(problem, starts_of(problem, 2, 0), max_iter=1000, tol=1e-10).state
    assert ways_up(problem, maximum) == []


def test_quasi_newton_steps_end_runs_that_em_would_take_long_for():
    """They had been refused for want of passes, and nothing but time told of it."""
    problem = problem_of(overlapping(3000))
    plan = Plan(3, MIXED, 1, 10_000, 1e-10)
    begin = run_em(problem, starts_of(problem, 3, 0), max_iter=150, tol=1e-12).state
    alone = Contender(Walk(problem, begin), 1e-10)
    alone.go(10_000, 1e-10)
    helped = Contender(Walk(problem, begin), 1e-10)
    bring(helped, problem, plan, 1e-10, dear=0.0)
    assert helped.walk.status is Status.CONVERGED
    assert helped.walk.n_iter < alone.walk.n_iter
    assert helped.walk.value == pytest.approx(alone.walk.value, abs=1e-5)


@pytest.mark.parametrize("weight", [1 / 20_000, 1e-8, 1e6])
def test_where_a_run_ends_does_not_depend_on_the_size_of_weights(weight):
    """With quasi-Newton steps, too: their tolerance had been measured against one, their reach against a
    row."""
    X = overlapping(20_000)
    one = EMGaussianMixture(3, random_state=0).fit(X)
    same = EMGaussianMixture(3, random_state=0).fit(X, sample_weight=np.full(len(X), weight))
    assert same.converged_
    assert same.log_likelihood_ / weight == pytest.approx(one.log_likelihood_, rel=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_comes_first_has_been_run_to_the_full_tolerance():
    """Where one maximum proves to be a saddle another comes first."""
    X = np.random.default_rng(6).normal(size=(6, 1))
    for seed in range(6):
        em = EMGaussianMixture(6, covariance_type="tied_spherical", random_state=seed).fit(X)
        if em.converged_:
            assert em.modes_.tol[0] <= em.tol


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("outlier", [1e10, 1e12, 1e14, 1e16])
def test_a_floor_is_held_next_to_a_giant_outlier(outlier):
    X = np.random.default_rng(1).normal(size=(300, 2))
    X[0] = outlier
    for k in (1, 2):
        try:
            em = EMGaussianMixture(k, random_state=0).fit(X)
            assert np.isfinite(em.log_likelihood_)
        except DegenerateFitError:
            pass


def test_a_component_without_rows_on_a_part_is_divided_without_a_warning():
    problem = problem_of(overlapping(300))
    state = starts_of(problem, 3, 0)
    state.means[1] = 1e3
    start = moved(problem, state, (0, 1), np.random.default_rng(0))
    assert np.isfinite(start.packed).all()
