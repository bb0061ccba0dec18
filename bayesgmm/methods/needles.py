"""Needles: components on rows that have one value in a column, that are equal, or lie exactly on a line.

Where the prior lets a component be as narrow as that, a needle may hold most of the posterior, and its
surroundings are so small that neither EM nor a climb from elsewhere leads there. One on equal values of a
column can be drawn from like any mode. On equal rows and on lines correlations go to one, which is infinity
in the coordinates of samplers: there is nothing for it but to say so.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.resolution import FINEST
from bayesgmm.bayes.target import Target
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.coincidences import equal_rows, on_a_line
from bayesgmm.wording import Reason

__all__ = ["about_needle", "is_beyond_drawing", "with_needles"]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Rows that make a needle; fewer are not worth what it costs by the prior.
FEWEST_ROWS = 5
# Differences of rows that are looked at for lines, over all pairs of columns.
MOST_DIFFERENCES = 500_000
# Smallest standard deviations of a needle to begin with, in units of the columns' resolution.
WIDTH = 3.0
# A needle whose log evidence is so far behind, or less, may hold a part of the posterior that counts.
CLOSE = 5.0
# Of a column's standard deviation within a component, what is left when the others are known. Where it is
# less, correlations are next to infinity in the coordinates of samplers.
SMALLEST_REST = 2e-4
# What a parameter has on average of log evidence over log density, where fifty rows or so tell of it.
LOG_WIDTH = -1.4


class _Needle(NamedTuple):
    """Rows that are equal, or lie on a line in two columns, and how many parameters have next to no width."""

    rows: Indices
    columns: tuple[int, ...]
    are_equal: bool
    n_narrow: int


def with_needles(target: Target, mixture: MixtureParams) -> list[MixtureParams]:
    """The mixture with each of its components in turn replaced by a needle that samplers can draw from, for
    each that there is; most often none.

    Parameters
    ----------
    target : Target
    mixture : MixtureParams
        In the user's units.
    """
    if not _may_have_needles(target):
        return []
    X, fine = target.X, _fine_columns(target)
    found = [equal_rows(X[:, [j]]) for j in fine]
    if not target.family.own_correlations and len(fine):
        found.append(equal_rows(X))
    return [p for rows in found if FEWEST_ROWS <= len(rows) < len(X) for p in _each(target, mixture, rows)]


def about_needle(target: Target, mixture: MixtureParams) -> Reason | None:
    """That a needle which no sampler can draw from may hold a part of the posterior, or that the mixture is
    nothing but such; None where there is none that counts.

    A needle's log evidence is guessed from the density of a mixture that has it, and the width of the data's
    resolution in as many directions as it has none.

    Parameters
    ----------
    target : Target
    mixture : MixtureParams
        In the user's units; what it is held against.
    """
    if not (_may_have_needles(target) and target.family.own_correlations):
        return None
    left = _smallest_rest(mixture)
    if left < SMALLEST_REST:
        return Reason("too_collinear_to_draw", {"left": left})
    resolution, here = target.resolved_prior.resolution, target(target.unconstrained(mixture))[0]
    for needle in _undrawable(target):
        width = WIDTH * float(resolution[list(needle.columns)].max()) / math.sqrt(len(needle.rows))
        lost = needle.n_narrow * (math.log(width) - LOG_WIDTH)
        there = max(target(target.unconstrained(p))[0] for p in _each(target, mixture, needle.rows))
        if there + lost > here - CLOSE:
            names = tuple(target.data.names[j] for j in needle.columns)
            told = {"n": len(needle.rows), "are_equal": needle.are_equal, "columns": names}
            return Reason("rows_on_a_needle", told)
    return None


def is_beyond_drawing(reasons: Sequence[Reason]) -> bool:
    """Whether one of the reasons of a verdict is such a needle: no other method, and no more draws, would
    help."""
    return any(reason.code in ("rows_on_a_needle", "too_collinear_to_draw") for reason in reasons)


def _smallest_rest(mixture: MixtureParams) -> float:
    """Of the standard deviation of a column within a component, the share that the other columns do not tell;
    the smallest."""
    covariances = np.asarray(mixture.covariances)
    precisions = np.linalg.inv(covariances)
    diagonals = [np.diagonal(m, axis1=1, axis2=2) for m in (covariances, precisions)]
    return float(1 / np.sqrt(np.maximum(diagonals[0] * diagonals[1], 1.0).max()))


def _may_have_needles(target: Target) -> bool:
    k, family = target.n_components, target.family
    return k > 1 and family.by_component and not any(family.std_parts(k))


def _fine_columns(target: Target) -> Indices:
    """Those that are not rounded: in others values are equal, and rows on lines, by chance."""
    resolution = target.resolved_prior.resolution * target.scale
    # Without a resolution it is the user's own affair, and told where the posterior is improper.
    return np.flatnonzero((resolution > 0) & (resolution <= 10 * FINEST * target.X.std(axis=0)))


def _undrawable(target: Target) -> list[_Needle]:
    """Equal rows, and rows on lines in two columns: the largest set of each."""
    X, fine = target.X, _fine_columns(target)
    d = X.shape[1]
    if d < 2 or not len(fine):
        return []
    found = [_Needle(equal_rows(X), tuple(range(d)), True, d)]
    pairs = [(int(i), int(j)) for i in fine for j in fine if i < j]
    most = int(math.sqrt(MOST_DIFFERENCES / max(len(pairs), 1)))
    found += [_Needle(on_a_line(X[:most, list(pair)], FEWEST_ROWS), pair, False, 2) for pair in pairs]
    return [needle for needle in found if FEWEST_ROWS <= len(needle.rows) < len(X)]


def _each(target: Target, mixture: MixtureParams, rows: Indices) -> list[MixtureParams]:
    """The mixture with each of its components in turn replaced by one on the rows."""
    X, resolution, out = target.X[rows], target.resolved_prior.resolution * target.scale, []
    centred = X - X.mean(axis=0)
    covariance = centred.T @ centred / len(X) + np.diag((WIDTH * resolution) ** 2)
    share = len(X) / len(target.X)
    for j in range(mixture.n_components):
        weights, means, covariances = (
            np.array(x) for x in (mixture.weights, mixture.means, mixture.covariances)
        )
        weights *= (1 - share) / max(1 - weights[j], share)
        weights[j], means[j], covariances[j] = share, X.mean(axis=0), covariance
        out.append(MixtureParams(weights / weights.sum(), means, covariances))
    return out
