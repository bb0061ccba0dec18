"""Scores of single rows against the kernel's gradient, and the information that they make."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm import datasets
from bayesgmm.em.information import Chart
from bayesgmm.em.problem import standardised_problem
from bayesgmm.em.run import run_em
from bayesgmm.em.scores import ROWS_AT_ONCE, empirical_information, row_scores
from bayesgmm.em.starts import STARTS, start_of_responsibilities
from bayesgmm.mixture.families import FAMILIES
from bayesgmm.rows.rows import Rows


def chart_of(family, weights=None):
    rows = Rows.of(datasets.load("iris").X, weights)
    problem, _ = standardised_problem(rows, family, 0.0, 1)
    r = STARTS["kmeans"](problem, 3, np.random.default_rng(0))
    state = run_em(problem, start_of_responsibilities(problem, r), max_iter=5, tol=1e-8).state
    return problem, Chart(state, problem.family)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_of_rows_are_the_gradient_with_one_row(family):
    problem, chart = chart_of(family)
    found = row_scores(chart, problem)
    for i in (0, 70, 149):
        alone = dataclasses.replace(problem, X=np.asfortranarray(problem.X[i : i + 1]))
        assert_allclose(found[i], chart.score(alone, np.zeros(chart.size)), atol=1e-12)


def test_information_is_the_weighted_sum_of_their_products(monkeypatch):
    """In parts of the rows, the last of them short."""
    weights = np.random.default_rng(1).uniform(0.5, 2, 150)
    problem, chart = chart_of("full", weights)
    scores = row_scores(chart, problem)
    expected = sum(w * np.outer(s, s) for w, s in zip(weights, scores, strict=True))
    monkeypatch.setattr("bayesgmm.em.scores.ROWS_AT_ONCE", 64)
    assert ROWS_AT_ONCE > 64
    assert_allclose(empirical_information(chart, problem), expected, rtol=1e-10, atol=1e-10)
