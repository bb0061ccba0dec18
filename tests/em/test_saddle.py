"""Saddles and maxima: told by curvature in units of the information, against all second differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm.em import saddle
from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.em.run import Status, run_em
from bayesgmm.em.starts import start_of_responsibilities
from bayesgmm.mixture.families import family_of


def stationary(X, r):
    """An EM run to its end from responsibilities."""
    problem = Problem(np.asfortranarray(X / X.std(axis=0)), np.empty(0), family_of("full"), 1e-6, n_threads=1)
    at = run_em(problem, start_of_responsibilities(problem, r), max_iter=20_000, tol=1e-14)
    assert at.status is Status.CONVERGED
    return problem, at


def hessian_of(chart, problem):
    """Minus all second differences of the log-likelihood."""
    h, eye = 1e-3, np.eye(chart.size)

    def value(at):
        return problem.advance(chart.state(at)).log_likelihood

    out = np.empty((chart.size, chart.size))
    for i, j in zip(*np.tril_indices(chart.size), strict=True):
        a, b = h * eye[i], h * eye[j]
        out[i, j] = -(value(a + b) - value(a - b) - value(b - a) + value(-a - b)) / (4 * h * h)
        out[j, i] = out[i, j]
    return out


@pytest.mark.parametrize("n_features", [1, 2, 7])
def test_a_maximum_is_told_as_by_all_second_differences(n_features):
    rng, labels = np.random.default_rng(0), np.arange(400) % 2
    X = rng.normal(size=(400, n_features))
    X[:, 0] += 2.5 * labels
    problem, at = stationary(X, np.eye(2)[labels])
    chart = Chart(at.state, problem.family)
    assert np.linalg.eigvalsh(hessian_of(chart, problem))[0] > 0
    assert saddle.ways_up(problem, at.state) == []


@pytest.mark.parametrize("n_features", [1, 2, 7])
def test_from_a_saddle_the_log_likelihood_rises_to_both_sides(n_features):
    """Two clusters, and both components at the mean of all rows: alike, so that nothing tells them apart."""
    rng, labels = np.random.default_rng(0), np.arange(400) % 2
    X = rng.normal(size=(400, n_features))
    X[:, 0] += 4.0 * labels
    problem, at = stationary(X, np.full((400, 2), 0.5))
    above = [problem.advance(s).log_likelihood - at.log_likelihood for s in saddle.ways_up(problem, at.state)]
    assert len(above) == 2
    runs = [run_em(problem, s, max_iter=2000, tol=1e-10) for s in saddle.ways_up(problem, at.state)]
    assert all(run.log_likelihood > at.log_likelihood + 10 for run in runs)


def three_in_a_row():
    """Three clusters on a line, of which two components hold the outer ones and half of the middle each; a
    third, of unequal weight, lies exactly between: a saddle whose components are not alike."""
    steps = np.linspace(-1, 1, 120)
    return np.concatenate([steps - 4, steps, steps + 4])[:, None]


def test_a_saddle_of_unlike_components_is_told(monkeypatch):
    """Of two mirror-image maxima: one holds the middle with the left, the other with the right. Between them
    is a mirror-symmetric saddle, which EM that starts there never leaves."""
    X = three_in_a_row()
    r = np.zeros((360, 2))
    r[:, 0] = np.where(np.arange(360) < 120, 0.9, np.where(np.arange(360) < 240, 0.5, 0.1))
    r[:, 1] = 1 - r[:, 0]
    problem, at = stationary(X, r)
    assert_allclose(at.state.log_weights, np.log(0.5), atol=1e-8)
    chart = Chart(at.state, problem.family)
    least = np.linalg.eigvalsh(hessian_of(chart, problem))[0]
    ways = saddle.ways_up(problem, at.state)
    assert bool(ways) == (least < 0)
    above = [problem.advance(state).log_likelihood for state in ways]
    assert least < 0 and max(above) > at.log_likelihood


def test_lanczos_finds_the_least_of_a_matrix(monkeypatch):
    """One eigenvalue far below the others, as a saddle's is; in coordinates of any scale."""
    rng = np.random.default_rng(2)
    size = 60
    q = np.linalg.qr(rng.normal(size=(size, size)))[0]
    values = np.concatenate([[-0.4], rng.uniform(0.6, 1.6, size - 1)])
    scale = q * rng.uniform(0.1, 10, size)
    inverse = np.linalg.inv(scale)
    turned = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = inverse.T @ (turned * values @ turned.T) @ inverse
    monkeypatch.setattr(saddle, "_along", lambda chart, problem, direction: matrix @ direction)

    class Sized:
        pass

    chart = Sized()
    chart.size = size
    least, direction = saddle._least(chart, None, scale)
    assert least == pytest.approx(-0.4, abs=1e-3)
    assert direction @ matrix @ direction == pytest.approx(least, rel=1e-6)
