"""Why a component collapsed: the rows that it holds, and what is the same in them; or columns whose scales
lie too far apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.maxima import Mode
from bayesgmm.em.problem import Problem
from bayesgmm.em.steps import State
from bayesgmm.errors import DegenerateFitError
from bayesgmm.rows.rows import Rows
from bayesgmm.support.sentences import listed, shown_value

__all__ = ["collapsed_onto", "no_maximum", "scales_apart"]

Array = NDArray[np.float64]

# Where axes are free and scales of columns are part of the model, the floor of eigenvalues is the rounding of
# the largest column: standard deviations of columns that are smaller by this factor may meet it. Rows that
# vary by the second, in units of the columns, in every direction have not collapsed.
SMALL_COLUMN, SPREAD, MOST_LISTED = 1e-5, 1e-5, 3


def collapsed_onto(problem: Problem, rows: Rows, state: State) -> tuple[str, dict[str, Any]]:
    """What the tightest component of a mixture holds, in words and in numbers.

    Parameters
    ----------
    problem : Problem
    rows : Rows
        Those of the problem, in the units of the data.
    state : State

    Returns
    -------
    text : str
    details : dict
        Their number, the first of them, the columns with one value, each with it, and whether by correlations
        alone a covariance of theirs may be singular: of several such columns, or where in the others they lie
        in a plane, more of them than any plane can be laid through.
    """
    # Of the rows themselves: the mixture had not come to the end when it was stopped.
    held = min(_groups(problem, state), key=lambda g: _least_spread(problem.X[g]))
    details: dict[str, Any] = {"n_held": len(held)}
    own = rows.values[held]
    # Of cells that are there.
    is_same = np.fmax.reduce(own) == np.fmin.reduce(own)
    same = np.flatnonzero(is_same)
    has_own = bool(problem.family.corr_dims)
    details["by_correlations"] = has_own and (len(same) > 1 or _lie_in_a_plane(own[:, ~is_same]))
    details["first"], first = rows.label(int(held[0])), rows.row(int(held[0]))
    details["values"] = values = {rows.names[j]: float(np.fmax.reduce(own[:, j])) for j in same}
    which = ", ".join(f"{name!r} is {shown_value(value)}" for name, value in list(values.items())[:3])
    if len(held) == 1:
        return f"{first} alone", details
    if len(np.unique(own, axis=0)) == 1:
        return f"{len(held)} rows that are alike, such as {first}", details
    if values:
        return f"{len(held)} rows, such as {first}, in which {which}", details
    return f"{len(held)} rows, such as {first}", details


def no_maximum(problem: Problem, rows: Rows, modes: Sequence[Mode]) -> DegenerateFitError:
    """The error of a fit whose every run has collapsed.

    Parameters
    ----------
    problem : Problem
    rows : Rows
    modes : sequence of Mode
        The best first.
    """
    apart = scales_apart(problem, rows, modes[0].run.state)
    if apart is not None:
        return apart
    n, k = sum(mode.n_starts for mode in modes), len(modes[0].run.state.log_weights)
    onto, details = collapsed_onto(problem, rows, modes[0].run.state)
    # Others leave their family where covariances are kept at a floor one by one.
    takes_floor = not problem.family.has_own_m_step
    remedy = ", or a reg_covar, such as 0.001, that keeps covariances from it" if takes_floor else ""
    return DegenerateFitError(
        f"{f'All {n} starts' if n > 1 else 'The only start'} with n_components={k} ended in a component that "
        f"lost its rows, or collapsed onto a point or plane of the {len(rows)} rows, where the likelihood "
        f"has no upper bound, the best of them onto {onto}; use fewer components, leave those rows or "
        f"columns out, or choose another covariance_type{remedy}.",
        n_starts=n,
        n_components=k,
        n_rows=len(rows),
        onto=onto,
        **details,
    )


def scales_apart(problem: Problem, rows: Rows, state: State) -> DegenerateFitError | None:
    """The error of a family in which scales of columns matter, where these are why a run was stopped.

    Parameters
    ----------
    problem : Problem
    rows : Rows
        Those of the problem, in the units of the data.
    state : State
        Where it was stopped.
    """
    if problem.family.equivariance != "rotations" or not problem.family.has_correlations:
        return None
    stds = problem.X.std(axis=0)
    largest = int(stds.argmax())
    small = np.flatnonzero(stds < SMALL_COLUMN * stds[largest])
    if not len(small) or min(_least_spread(problem.X[g] / stds) for g in _groups(problem, state)) < SPREAD:
        return None
    names, ratio = [rows.names[j] for j in small], float(stds[largest] / stds[small].max())
    return DegenerateFitError(
        f"covariance_type={problem.family.name!r} turns the axes of components freely, so that the scales of "
        f"the columns must be comparable, but the standard deviation of {rows.names[largest]!r} is at least "
        f"{ratio:.2g} times that of {listed([repr(name) for name in names], MOST_LISTED)}, more than numbers "
        f"have digits for; standardise the columns, or choose a covariance_type to which their scales do not "
        f"matter, such as 'full' or 'diag'.",
        largest=rows.names[largest],
        smaller=tuple(names),
        ratio=ratio,
    )


def _groups(problem: Problem, state: State) -> list[NDArray[np.intp]]:
    """The rows of each component that has any."""
    labels = problem.responsibilities(state).argmax(axis=1)
    return [np.flatnonzero(labels == k) for k in np.unique(labels)]


def _lie_in_a_plane(X: Array) -> bool:
    """Whether rows, in units of their columns, do so though they are more than any plane can be laid
    through; of those that lack cells nothing is told."""
    X = X[~np.isnan(X).any(axis=1)]
    if len(X) <= X.shape[1] or X.shape[1] < 2:
        return False
    return _least_spread((X - X.mean(axis=0)) / X.std(axis=0)) < SPREAD


def _least_spread(X: Array) -> float:
    """Of rows, in the direction in which they vary least."""
    if len(X) <= X.shape[1]:
        return 0.0
    return float(np.linalg.svd(X - X.mean(axis=0), compute_uv=False)[-1] / np.sqrt(len(X)))
