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
from scipy.linalg import solve_triangular

from bayesgmm.bayes.resolution import FINEST
from bayesgmm.bayes.target import Target
from bayesgmm.mixture.coordinates import blocks
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.coincidences import SAME_DIRECTION, equal_rows, on_a_line
from bayesgmm.wording import Reason

__all__ = ["SMALLEST_REST", "about_needle", "is_beyond_drawing", "is_drawable", "with_needles"]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Rows that make a needle; fewer are not worth what it costs by the prior.
FEWEST_ROWS = 5
# Differences of rows that are looked at for lines, over all pairs of columns.
MOST_DIFFERENCES = 500_000
MOST_NEEDLES = 4
# Smallest standard deviations of a needle to begin with, in units of the columns' resolution.
WIDTH = 3.0
# A needle whose log evidence is so far behind, or less, may hold a part of the posterior that counts.
CLOSE = 5.0
# Of a column's standard deviation within a component, what is left when the others are known. Where it is
# less, correlations are next to infinity in the coordinates of samplers.
SMALLEST_REST = 2e-4
# Standard deviations below this share of the columns', in several columns, are those of a point.
POINT = 1e-4
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
    X, fine, weights = target.X, _fine_columns(target), target.data.counts
    found = [equal_rows(X[:, [j]], weights) for j in fine]
    if not target.family.own_correlations and len(fine):
        found.append(equal_rows(X, weights))
    found = [rows for rows in found if _is_large(target, rows)]
    found = sorted(found, key=lambda rows: -weights[rows].sum())[:MOST_NEEDLES]
    return [p for rows in found for p in _each(target, mixture, rows)]


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
    left = _smallest_rest(target.turned(mixture))
    if left < SMALLEST_REST:
        return Reason("too_collinear_to_draw", {"left": left})
    resolution, here = target.resolved_prior.resolution, target(target.unconstrained(mixture))[0]
    for needle in _undrawable(target):
        weight = float(target.data.counts[needle.rows].sum())
        width = WIDTH * float(resolution[list(needle.columns)].max()) / math.sqrt(weight)
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


def is_drawable(target: Target, q: Array, smallest_rest: float = SMALLEST_REST) -> bool:
    """Whether samplers can draw from a mode: its correlations are not next to one, and no component with
    correlations of its own is next to a point.

    Parameters
    ----------
    target : Target
    q : ndarray, shape (n,)
    smallest_rest : float
        Of the standard deviation of a column within a component, what others must leave.
    """
    if not target.family.own_correlations:
        return True
    largest = np.abs(blocks(q, target.coordinates.layout).below).max(initial=0.0)
    stds = target.own_stds(q)
    is_point = stds.shape[1] > 1 and (stds < POINT).sum(axis=1).max() > 1
    return bool(largest < 1 / smallest_rest and not is_point)


def _smallest_rest(mixture: MixtureParams) -> float:
    """Of the standard deviation of a column within a component, the share that the other columns do not tell;
    the smallest, and 0 where it is beyond numbers."""
    out = 1.0
    for covariance in np.asarray(mixture.covariances):
        stds = np.sqrt(np.diag(covariance))
        try:
            factor = np.linalg.cholesky(covariance / stds / stds[:, None])
        except np.linalg.LinAlgError:
            return 0.0
        inverse = solve_triangular(factor, np.eye(len(stds)), lower=True)
        out = min(out, float(1 / np.sqrt((inverse**2).sum(axis=0).max())))
    return out


def _may_have_needles(target: Target) -> bool:
    k, family = target.n_components, target.family
    if target.data.has_missing:
        # Rows that lack cells are equal, or on a line, in fewer columns; these are not looked for.
        return False
    return k > 1 and family.by_component and not any(family.std_parts(k))


def _fine_columns(target: Target) -> Indices:
    """Those that are not rounded: in others values are equal, and rows on lines, by chance."""
    resolution = target.resolved_prior.resolution * target.scale
    # Without a resolution it is the user's own affair, and told where the posterior is improper.
    return np.flatnonzero((resolution > 0) & (resolution <= 10 * FINEST * target.X.std(axis=0)))


def _is_large(target: Target, rows: Indices) -> bool:
    """Whether rows are enough for a needle, and not all."""
    weights = target.data.counts
    return 1 < len(rows) < len(target.X) and bool(weights[rows].sum() >= FEWEST_ROWS)


def _undrawable(target: Target) -> list[_Needle]:
    """Equal rows, and rows on lines in two columns: the largest set of each."""
    X, fine = target.X, _fine_columns(target)
    d = X.shape[1]
    if d < 2 or not len(fine):
        return []
    found = [_Needle(equal_rows(X, target.data.counts), tuple(range(d)), True, d)]
    pairs = [(int(i), int(j)) for i in fine for j in fine if i < j]
    most = int(math.sqrt(MOST_DIFFERENCES / max(len(pairs), 1)))
    # A line with many of the rows has several of any that are taken at equal distances.
    some = np.unique(np.linspace(0, len(X) - 1, min(most, len(X))).astype(np.int64))
    for pair in pairs:
        on_it = some[on_a_line(X[np.ix_(some, pair)], FEWEST_ROWS)]
        if len(on_it):
            found.append(_Needle(_all_on_the_line(X[:, pair], on_it), pair, False, 2))
    return [needle for needle in found if _is_large(target, needle.rows)]


def _all_on_the_line(points: Array, some: Indices) -> Indices:
    """Which of all points (N, 2) lie on the line through some of them."""
    scaled = points / np.ptp(points, axis=0)
    along = scaled[some] - scaled[some[0]]
    direction = along[np.abs(along).sum(axis=1).argmax()]
    away = scaled - scaled[some[0]]
    beside = away[:, 0] * direction[1] - away[:, 1] * direction[0]
    return np.flatnonzero(np.abs(beside) <= SAME_DIRECTION * np.abs(direction).sum())


def _each(target: Target, mixture: MixtureParams, rows: Indices) -> list[MixtureParams]:
    """The mixture with each of its components in turn replaced by one on the rows."""
    X, resolution, out = target.X[rows], target.resolved_prior.resolution * target.scale, []
    counts = target.data.counts
    mean, share = np.average(X, axis=0, weights=counts[rows]), counts[rows].sum() / counts.sum()
    centred = X - mean
    covariance = (centred.T * counts[rows]) @ centred / counts[rows].sum()
    covariance += np.diag((WIDTH * resolution) ** 2)
    for j in range(mixture.n_components):
        weights, means, covariances = (
            np.array(x) for x in (mixture.weights, mixture.means, mixture.covariances)
        )
        weights *= (1 - share) / max(1 - weights[j], share)
        weights[j], means[j], covariances[j] = share, mean, covariance
        out.append(MixtureParams(weights / weights.sum(), means, covariances))
    return out
