"""Saddles of many parameters, against second differences of the log-likelihood."""

import numpy as np
import pytest

from bayesgmm.em import saddle
from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.em.run import Status, run_em
from bayesgmm.em.saddle import ways_up
from bayesgmm.em.starts import start_of_responsibilities
from bayesgmm.mixture.families import family_of


@pytest.mark.parametrize("lanczos", [20, 3])
@pytest.mark.parametrize("is_saddle", [True, False])
def test_of_many_parameters_a_saddle_is_told_as_by_all_second_differences(is_saddle, lanczos, monkeypatch):
    """Two clusters in seven dimensions; both components at the mean of all, or each at one of them. With
    three directions at a time Lanczos' method comes to no end, and all are looked at."""
    monkeypatch.setattr(saddle, "LANCZOS", lanczos)
    rng, labels = np.random.default_rng(0), np.arange(300) % 2
    X = rng.normal(size=(300, 7)) + np.outer(labels, [4.0, 0, 0, 0, 0, 0, 0])
    rows = np.asfortranarray(X / X.std(axis=0))
    problem = Problem(rows, np.empty(0), family_of("full"), 1e-6, n_threads=1)
    r = np.full((300, 2), 0.5) if is_saddle else np.eye(2)[labels]
    at = run_em(problem, start_of_responsibilities(problem, r), max_iter=5000, tol=1e-12)
    assert at.status is Status.CONVERGED
    chart = Chart(at.state, problem.family)
    assert chart.size == 71 > saddle.FEW
    h, eye = 1e-3, np.eye(chart.size)

    def value(where):
        return problem.advance(chart.state(where)).log_likelihood

    hessian = np.empty((chart.size, chart.size))
    for i, j in zip(*np.tril_indices(chart.size), strict=True):
        a, b = h * eye[i], h * eye[j]
        second = -(value(a + b) - value(a - b) - value(b - a) + value(-a - b)) / (4 * h * h)
        hessian[i, j] = hessian[j, i] = second
    values, vectors = np.linalg.eigh(hessian)
    assert (values[0] < -10) == is_saddle
    least, direction = saddle._least(chart, problem)
    # Lanczos' method is asked for a tenth, and its least is never below the least of all.
    assert values[0] - 0.01 <= least <= values[0] + 0.1 * abs(values[0])
    assert direction @ hessian @ direction == pytest.approx(least, abs=0.01)
    assert abs(direction @ vectors[:, 0]) > 0.9
    above = [
        problem.advance(state).log_likelihood - at.log_likelihood for state in ways_up(problem, at.state)
    ]
    assert len(above) == (2 if is_saddle else 0)
    assert all(gain > 1 for gain in above)
