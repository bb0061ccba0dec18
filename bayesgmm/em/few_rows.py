"""Rows of which so few are distinct that covariances which components share can collapse on all of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.problem import Problem
from bayesgmm.em.steps import State
from bayesgmm.rows.rows import Rows
from bayesgmm.support.sentences import count, listed

__all__ = ["about_few_distinct_rows"]

Array = NDArray[np.float64]

# Means that are fewer standard deviations apart belong to components that are the same.
SAME = 0.05


def about_few_distinct_rows(problem: Problem, rows: Rows, state: State, covariance_type: Any) -> str:
    """Says that the distinct rows do not suffice for a bounded likelihood; empty where they do.

    With one component at each of K - 1 distinct rows and the last around the others, what all share is flat
    unless these span the space.

    Parameters
    ----------
    problem : Problem
    rows : Rows
        Those of the problem, in the units of the data.
    state : State
        The estimate, its components in the order in which the user sees them.
    covariance_type : str
        As the user calls the family.
    """
    family, (k, d) = problem.family, state.shape
    if family.by_component or family.is_apart or k == 1:
        return ""
    more = d if family.has_correlations else 1
    # The first of them settle it nearly always, and cost nothing.
    if len(np.unique(rows.values[: max(1000, 2 * (k + more))], axis=0)) >= k + more:
        return ""
    distinct = len(np.unique(rows.values, axis=0))
    if distinct >= k + more:
        return ""
    same = _alike(state)
    which = f", in which components {listed([str(c) for c in same])} are the same" if same else ""
    most = distinct - more
    remedy = f"use n_components <= {most}" if most > 0 else "use fewer components or columns"
    of = f" among its {len(rows)}" if distinct < len(rows) else ""
    return (
        f"X has {count(distinct, 'distinct row')}{of}, and n_components={k} with "
        f"covariance_type={covariance_type!r} needs {k + more}: with fewer the covariance that components "
        f"share can collapse, so that the likelihood has no upper bound, and this is no more than a local "
        f"maximum{which}; {remedy}."
    )


def _alike(state: State) -> list[int]:
    """Components that are the same as another, of covariances that all share."""
    z = np.linalg.solve(state.cholesky[0], state.means.T).T
    apart = np.linalg.norm(z[:, None] - z, axis=2) + np.diag(np.full(len(z), np.inf))
    return np.flatnonzero(apart.min(axis=1) < SAME).tolist()
