"""What a floor of the user's own keeps covariances from: a collapse, or being smaller and no less sound."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.collapse import collapsed_onto
from bayesgmm.em.problem import SMALLEST_FLOOR, Problem
from bayesgmm.em.run import Status, Walk
from bayesgmm.em.steps import State
from bayesgmm.rows.rows import Rows
from bayesgmm.support.sentences import listed

__all__ = ["floor_at_work"]

Array = NDArray[np.float64]

# Passes without the floor, in which what collapses does, and their tolerance.
MOST_PASSES, TOL = 300, 1e-8
# By what part of itself an eigenvalue at the floor lies above it by rounding.
AT_FLOOR = 1e-6
# A column has part in a direction where its coefficient is at least this part of the largest.
HAS_PART, MOST_LISTED = 0.5, 3


def floor_at_work(problem: Problem, rows: Rows, state: State, reg_covar: float) -> str:
    """What a chosen floor does at an estimate, in a sentence.

    Parameters
    ----------
    problem : Problem
        With the floor.
    rows : Rows
        Those of the problem, in the units of the data.
    state : State
        The estimate, its components in the order in which the user sees them.
    reg_covar : float
    """
    # Many rows in a component do not tell: where they lie along a plane it goes on to collapse onto that.
    free = Walk(replace(problem, floor=SMALLEST_FLOOR, is_floor_chosen=False), state)
    free.go(MOST_PASSES, TOL)
    if free.status is Status.DEGENERATE:
        onto, _ = collapsed_onto(problem, rows, free.state)
        return f"A covariance is kept from collapsing by reg_covar={reg_covar:g}, onto {onto}."
    values, directions = np.linalg.eigh(state.cholesky @ np.swapaxes(state.cholesky, 1, 2))
    held = np.flatnonzero(values[:, 0] <= problem.floor * (1 + AT_FLOOR))
    which = np.flatnonzero(_columns_at_floor(problem, values[held], directions[held]))
    columns = "in all columns"
    if not 1 < len(which) == rows.n_features:
        columns = f"mostly in {listed([repr(rows.names[j]) for j in which], MOST_LISTED)}"
    whose = "that of every component"
    if len(held) < len(values):
        whose = f"that of component{'s' * (len(held) > 1)} {listed([str(k) for k in held])}"
    return (
        f"reg_covar={reg_covar:g} binds: without it a covariance would be smaller, {whose}, {columns}; no "
        f"component would collapse, so that you may make reg_covar smaller, or leave it out."
    )


def _columns_at_floor(problem: Problem, values: Array, directions: Array) -> NDArray[np.bool_]:
    """Which columns have part in a direction in which a covariance is at the floor, shape (D,).

    Parameters
    ----------
    problem : Problem
    values, directions : ndarrays, shapes (K, D) and (K, D, D)
        Eigenvalues of covariances, and eigenvectors in columns.
    """
    found = np.zeros(values.shape[1], dtype=bool)
    for k, c in np.argwhere(values <= problem.floor * (1 + AT_FLOOR)):
        # The variance is that of a linear combination of the columns.
        along = directions[k, :, c]
        along = np.abs(along if problem.own is None else np.linalg.solve(problem.own.T, along))
        found |= along >= HAS_PART * along.max()
    return found
