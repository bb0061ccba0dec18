"""EM steps of every family against the textbook's formulas, and what must hold whatever the data.

Covariances are built from chosen eigenvalues, so that round, elongated and tiny components all occur.
"""

import threading

import numpy as np
import pytest
from covariance_families import AVERAGED
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from threadpoolctl import threadpool_info, threadpool_limits

from bayesgmm import MixtureParams
from bayesgmm.em.problem import Problem
from bayesgmm.em.run import run_em
from bayesgmm.em.steps import State, advance, expect, maximise
from bayesgmm.mixture import density
from bayesgmm.mixture.families import family_of

UNWEIGHTED = np.empty(0)
FLOOR = 1e-6
CLOSE = {"rtol": 1e-8, "atol": 1e-10}

families = pytest.mark.parametrize("family", AVERAGED)
quickly = settings(max_examples=25, deadline=None, derandomize=True)


def rotated(rng, eigenvalues):
    """A covariance with these eigenvalues and random axes."""
    axes = np.linalg.qr(rng.normal(size=(len(eigenvalues), len(eigenvalues))))[0]
    return (axes * eigenvalues) @ axes.T


def within(family, covariances):
    """Covariances of the family, from general ones."""
    d = covariances.shape[1]
    match family:
        case "full":
            return covariances
        case "tied":
            return np.tile(covariances[0], (len(covariances), 1, 1))
        case "diag":
            return np.stack([np.diag(np.diag(c)) for c in covariances])
        case "tied_diag":
            return np.stack([np.diag(np.diag(covariances[0]))] * len(covariances))
        case "tied_spherical":
            return np.stack([covariances[0, 0, 0] * np.eye(d)] * len(covariances))
        case "spherical":
            return np.stack([c[0, 0] * np.eye(d) for c in covariances])


@st.composite
def mixtures(draw):
    """Data, and the general mixture that they were drawn from; K, D, N and the eigenvalues are chosen."""
    k, d = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    exponents = draw(st.lists(st.floats(-1.5, 1.0), min_size=k * d, max_size=k * d))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(60, 300))
    covariances = np.stack([rotated(rng, e) for e in 10.0 ** np.reshape(exponents, (k, d))])
    truth = MixtureParams(rng.dirichlet(np.full(k, 5.0)), rng.normal(scale=2, size=(k, d)), covariances)
    return density.simulate(truth, n, rng)[0], truth


def start_near(truth, family):
    """A state of the family that is not the truth."""
    k, d = truth.means.shape
    covariances = within(family, 1.5 * truth.covariances)
    return State(np.full(k, -np.log(k)), truth.means + 0.3, np.linalg.cholesky(covariances))


def covariances_of(state):
    return state.cholesky @ np.swapaxes(state.cholesky, 1, 2)


def one_step(X, state, family, weights=UNWEIGHTED, floor=FLOOR):
    return advance(np.asfortranarray(X), weights, state, family_of(family).pooling, floor, 1)


def textbook_step(X, w, state, family):
    """E and M step as a book prints them: log-likelihood, weights, means, covariances."""
    (k, d), covariances = state.means.shape, covariances_of(state)
    joint = np.column_stack(
        [
            state.log_weights[j] + multivariate_normal(state.means[j], covariances[j]).logpdf(X)
            for j in range(k)
        ]
    )
    total = logsumexp(joint, axis=1)
    gamma = np.exp(joint - total[:, None]) * w[:, None]
    mass = gamma.sum(axis=0)
    means = np.stack([gamma[:, j] @ X / mass[j] for j in range(k)])
    full = np.stack(
        [(gamma[:, [j]] * (X - means[j])).T @ (X - means[j]) / mass[j] for j in range(k)]
    ).reshape(k, d, d)
    match family:
        case "full":
            new = full
        case "tied":
            new = np.stack([sum(mass[j] * full[j] for j in range(k)) / mass.sum()] * k)
        case "diag":
            new = np.stack([np.diag(np.diag(c)) for c in full])
        case "spherical":
            new = np.stack([np.trace(c) / d * np.eye(d) for c in full])
        case "tied_diag":
            new = np.stack([np.diag(sum(mass[j] * np.diag(full[j]) for j in range(k)) / mass.sum())] * k)
        case "tied_spherical":
            # Within-cluster sum of squares over N D.
            squares = sum(gamma[:, j] @ ((X - means[j]) ** 2).sum(axis=1) for j in range(k))
            new = np.stack([squares / (w.sum() * d) * np.eye(d)] * k)
    return w @ total, mass / w.sum(), means, new


def well_posed(X, w, state, family):
    """Whether no covariance of the next step comes near the floor, where a step is not the textbook's."""
    _, weights, _, covariances = textbook_step(X, w, state, family)
    return weights.min() > 0.02 and np.linalg.eigvalsh(covariances).min() > 1e-3


@families
@quickly
@given(mixtures())
def test_one_step_is_the_textbooks(family, case):
    X, truth = case
    state = start_near(truth, family)
    w = np.random.default_rng(len(X)).uniform(0, 3, len(X))
    for given_weights, weights in ((UNWEIGHTED, np.ones(len(X))), (w, w)):
        if not well_posed(X, weights, state, family):
            continue
        ahead = one_step(X, state, family, given_weights)
        value, mass, means, covariances = textbook_step(X, weights, state, family)
        assert_allclose(ahead.log_likelihood, value, rtol=1e-10)
        assert_allclose(np.exp(ahead.next.log_weights), mass, **CLOSE)
        assert_allclose(ahead.next.means, means, **CLOSE)
        assert_allclose(covariances_of(ahead.next), covariances, **CLOSE)
        assert_allclose(ahead.smallest_mass, mass.min() * weights.sum(), rtol=1e-8)
        assert not ahead.held


@families
def test_most_cases_are_well_posed(family):
    """The comparison with the textbook would be empty if it left out what hypothesis finds."""
    met = []

    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(mixtures())
    def count(case):
        X, truth = case
        met.append(well_posed(X, np.ones(len(X)), start_near(truth, family), family))

    count()
    assert np.mean(met) > 0.6


@families
@quickly
@given(mixtures())
def test_both_steps_apart_give_what_they_give_together(family, case):
    X, truth = case
    state = start_near(truth, family)
    sums = expect(np.asfortranarray(X), UNWEIGHTED, state, family_of(family).pooling, 1)
    apart, together = maximise(sums, state, family_of(family).pooling, FLOOR), one_step(X, state, family)
    assert_allclose(sums.log_likelihood, together.log_likelihood, rtol=1e-13)
    for name in ("log_weights", "means", "cholesky"):
        assert_allclose(getattr(apart, name), getattr(together.next, name), rtol=1e-10, atol=1e-12)


@families
@quickly
@given(mixtures())
def test_the_log_likelihood_never_falls(family, case):
    X, truth = case
    state, values = start_near(truth, family), []
    for _ in range(30):
        ahead = one_step(X, state, family)
        values.append(ahead.log_likelihood)
        state = ahead.next
    assert np.isfinite(values).all()
    assert np.diff(values).min() > -1e-11 * max(abs(values[-1]), len(X))
    assert values[-1] > values[0]


@families
@quickly
@given(mixtures())
def test_a_run_with_jumps_never_falls_and_reports_its_end(family, case):
    X, truth = case
    problem = Problem(np.asfortranarray(X), UNWEIGHTED, family_of(family), FLOOR, 1)
    end = run_em(problem, start_near(truth, family), max_iter=60, tol=1e-10)
    assert np.diff(end.trace).min(initial=0.0) > -1e-10 * max(abs(end.trace[-1]), len(X))
    # The last value is that of the state returned, by the definition of the density.
    value, *_ = textbook_step(X, np.ones(len(X)), end.state, family)
    assert_allclose(end.log_likelihood, value, rtol=1e-9, atol=1e-9 * len(X))


@families
@quickly
@given(mixtures(), st.randoms(use_true_random=False))
def test_the_order_of_rows_columns_and_components_does_not_matter(family, case, random):
    X, truth = case
    state = start_near(truth, family)
    rows, columns, names = (random.sample(range(n), n) for n in (*X.shape, len(truth.weights)))
    covariances = covariances_of(state)[names][:, columns][:, :, columns]
    # Another memory layout would only make numba compile once more.
    means = np.ascontiguousarray(state.means[names][:, columns])
    factors = np.ascontiguousarray(np.linalg.cholesky(covariances))
    moved = State(state.log_weights[names], means, factors)
    plain, other = one_step(X, state, family), one_step(X[rows][:, columns], moved, family)
    assert_allclose(other.log_likelihood, plain.log_likelihood, rtol=1e-10)
    assert_allclose(other.next.log_weights, plain.next.log_weights[names], **CLOSE)
    assert_allclose(other.next.means, plain.next.means[names][:, columns], **CLOSE)
    wanted = covariances_of(plain.next)[names][:, columns][:, :, columns]
    assert_allclose(covariances_of(other.next), wanted, **CLOSE)


@families
@quickly
@given(mixtures())
def test_rows_given_twice_leave_the_estimate_as_it_is(family, case):
    X, truth = case
    once = twice = weighted = start_near(truth, family)
    for _ in range(5):
        single = one_step(X, once, family)
        double = one_step(np.concatenate([X, X]), twice, family)
        two = one_step(X, weighted, family, np.full(len(X), 2.0))
        assert_allclose(double.log_likelihood, 2 * single.log_likelihood, rtol=1e-9)
        once, twice, weighted = single.next, double.next, two.next
    for other in (twice, weighted):
        assert_allclose(np.exp(other.log_weights), np.exp(once.log_weights), rtol=1e-7)
        assert_allclose(other.means, once.means, rtol=1e-7, atol=1e-8)
        assert_allclose(covariances_of(other), covariances_of(once), rtol=1e-7, atol=1e-8)


@families
def test_threads_change_no_bit(family):
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.normal(size=(50_000, 3)))
    truth = MixtureParams([0.3, 0.7], rng.normal(size=(2, 3)), np.stack([rotated(rng, [0.5, 1, 2])] * 2))
    state = start_near(truth, family)
    w = rng.uniform(0, 2, len(X))
    for weights in (UNWEIGHTED, w):
        one, two, three = (expect(X, weights, state, family_of(family).pooling, n) for n in (1, 2, 3))
        for name in ("log_likelihood", "s0", "s1", "s2"):
            assert_array_equal(getattr(two, name), getattr(one, name))
            assert_array_equal(getattr(three, name), getattr(one, name))


def test_fits_that_overlap_in_time_give_blas_its_threads_back():
    X = np.asfortranarray(np.random.default_rng(0).normal(size=(4096, 40)))
    state = State(np.log([0.5, 0.5]), X[:2].copy(), np.stack([np.eye(40)] * 2))
    with threadpool_limits(2, user_api="blas"):
        threads = [
            threading.Thread(target=lambda: [expect(X, UNWEIGHTED, state, 0, 2) for _ in range(5)])
            for _ in range(3)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"} == {2}


@families
def test_rows_in_chunks_are_summed_as_in_one_piece(family):
    """Large data take another way through the code than small."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20_000, 2)) + 3 * rng.integers(0, 2, (20_000, 1))
    truth = MixtureParams([0.5, 0.5], [[0, 0], [3, 3]], np.stack([rotated(rng, [0.5, 2])] * 2))
    state = start_near(truth, family)
    ahead = advance(np.asfortranarray(X), UNWEIGHTED, state, family_of(family).pooling, FLOOR, 2)
    value, mass, means, covariances = textbook_step(X, np.ones(len(X)), state, family)
    assert_allclose(ahead.log_likelihood, value, rtol=1e-10)
    assert_allclose(np.exp(ahead.next.log_weights), mass, **CLOSE)
    assert_allclose(ahead.next.means, means, **CLOSE)
    assert_allclose(covariances_of(ahead.next), covariances, **CLOSE)


@families
@quickly
@given(mixtures(), st.floats(0.05, 2.0))
def test_no_eigenvalue_falls_below_the_floor(family, case, floor):
    X, truth = case
    state = start_near(truth, family)
    value, _, _, wanted = textbook_step(X, np.ones(len(X)), state, family)
    ahead = one_step(X, state, family, floor=floor)
    values = np.linalg.eigvalsh(covariances_of(ahead.next))
    assert values.min() >= floor * (1 - 1e-9)
    smallest = np.linalg.eigvalsh(wanted).min()
    if abs(smallest - floor) > 1e-9:
        assert ahead.held == (smallest < floor)
    # Eigenvalues above the floor stay, those below are put on it, and axes are left alone.
    parts, axes = np.linalg.eigh(wanted)
    lifted = (axes * np.maximum(parts, floor)[:, None]) @ np.swapaxes(axes, 1, 2)
    assert_allclose(covariances_of(ahead.next), lifted, rtol=1e-7, atol=1e-9)


@families
@quickly
@given(mixtures(), st.floats(0.05, 2.0))
def test_at_the_floor_the_log_likelihood_still_rises(family, case, floor):
    X, truth = case
    state, values = one_step(X, start_near(truth, family), family, floor=floor).next, []
    for _ in range(15):
        ahead = one_step(X, state, family, floor=floor)
        values.append(ahead.log_likelihood)
        state = ahead.next
    assert np.diff(values).min() > -1e-11 * max(abs(values[-1]), len(X))


@families
def test_a_plane_of_points_ends_at_the_floor(family):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(80, 1)) * [1.0, 1.0]
    state = State(np.log([0.5, 0.5]), np.array([[-1.0, -1.0], [1.0, 1.0]]), np.stack([np.eye(2)] * 2))
    for _ in range(5):
        ahead = one_step(X, state, family)
        state = ahead.next
    smallest = np.linalg.eigvalsh(covariances_of(state))[:, 0]
    if family in ("full", "tied"):
        assert ahead.held
        assert_allclose(smallest, FLOOR, rtol=1e-6)
    else:
        assert not ahead.held
        assert smallest.min() > 0.01
