"""The data of an EM fit in standardised coordinates, and the rules that all EM runs on them share."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.steps import Advance, State, Sums, advance, expect, is_in_one_piece, projected
from bayesgmm.em.units import Units
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import family_of
from bayesgmm.mixture.filling import filled
from bayesgmm.mixture.kernels import evaluate
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.outline import ROWS_AT_ONCE
from bayesgmm.rows.rows import Rows

__all__ = ["Problem", "params_of", "standardised_problem", "state_of"]

Array = NDArray[np.float64]

# Rows of a part that is searched for all.
FIRST_ROWS = 5_000
# Nanoseconds: of a pass as such, of a row and component, of each of its features, of each product of two.
PASS, ROW, FEATURE, PRODUCT = 2_000, 5, 2.5, 0.2
# Smallest eigenvalue of a covariance: what the rounding of the rows leaves of differences, and where all rows
# lie in a plane.
SMALLEST_FLOOR, FLOOR_OF_FLAT = 1e-14, 1e-6
# The part of a column's variance that the columns before it must leave.
SINGULAR = 1e-14
# A weight of zero has no logarithm; a start needs none that small.
SMALLEST_WEIGHT = 1e-12


@dataclass(frozen=True)
class Problem:
    """The data of an EM run, and the rules that all EM runs on them share.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Rows in coordinates in which columns have standard deviations near one. Where cells are missing, these
        are filled in for starts and moves, which no likelihood depends on.
    sample_weight : ndarray, shape (N,) or (0,)
    family : CovarianceFamily
    floor : float
        Smallest eigenvalue allowed to a covariance.
    n_threads : int
    is_floor_chosen : bool
        Whether a covariance at the floor is what was asked for, or all that there is, and no collapse.
    own : ndarray, shape (D, D), optional
        What rows of unit covariance are multiplied with for coordinates in which only columns are scaled.
    holes : ndarray, shape (N, D), optional
        The same rows with their missing cells as NaN, where there are any.
    """

    X: Array
    sample_weight: Array
    family: CovarianceFamily
    floor: float
    n_threads: int
    is_floor_chosen: bool = False
    own: Array | None = None
    holes: Array | None = None

    @property
    def seen(self) -> Array:
        """The rows as a pass takes them, shape (N, D): missing cells are NaN."""
        return self.X if self.holes is None else self.holes

    @cached_property
    def total_weight(self) -> float:
        """Sum of the weights of the rows."""
        return float(self.sample_weight.sum()) if len(self.sample_weight) else float(len(self.X))

    @property
    def weight_of_rows(self) -> Array:
        """One each where there are none of the user's, shape (N,)."""
        return self.sample_weight if len(self.sample_weight) else np.ones(len(self.X))

    @property
    def mean_weight(self) -> float:
        """Of the rows."""
        return self.total_weight / len(self.X)

    @cached_property
    def covariance(self) -> Array:
        """Of all rows, shape (D, D); in parts, since a copy of many rows would be felt."""
        w = self.sample_weight
        mean = w @ self.X / w.sum() if len(w) else self.X.mean(axis=0)
        total = np.zeros((self.X.shape[1], self.X.shape[1]))
        for start in range(0, len(self.X), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            centred = self.X[part] - mean
            total += (centred.T * w[part] if len(w) else centred.T) @ centred
        return total / self.total_weight

    @cached_property
    def by_column(self) -> Array:
        """The rows in coordinates in which only columns are scaled: there distances tell of clusters that
        unit covariance hides where there are many columns."""
        return self.scaled(self.X)

    def scaled(self, points: Array) -> Array:
        """Points of these coordinates, shape (M, D), in those in which only columns are scaled."""
        return points if self.own is None else points @ self.own.T

    def log_volume(self, units: Units) -> float:
        """What the log-likelihood is lower in the units of the data: of each row by the scales of the columns
        of which it has a cell."""
        if self.holes is None:
            return self.total_weight * units.log_volume
        there = self.weight_of_rows @ ~np.isnan(self.holes)
        return float(there @ np.log(np.diagonal(units.factor)))

    @cached_property
    def is_in_one_piece(self) -> bool:
        """Whether a pass is short enough for several to be made in compiled code without a look outside."""
        return is_in_one_piece(self.X)

    def work(self, n_components: int) -> float:
        """What a pass over the rows costs: nanoseconds of one core, counted and not measured."""
        n, d = self.X.shape
        return PASS + n * n_components * (ROW + FEATURE * d + PRODUCT * d * d)

    def subsample(self, n: int, rng: np.random.Generator) -> "Problem":
        """The problem on a random part of its rows."""
        rows = np.sort(rng.choice(len(self.X), n, replace=False))
        weights = self.sample_weight[rows] if len(self.sample_weight) else self.sample_weight
        # Taken feature by feature, so that they stay one feature after the other in memory.
        holes = None if self.holes is None else np.take(self.holes.T, rows, axis=1).T
        return replace(self, X=np.take(self.X.T, rows, axis=1).T, sample_weight=weights, holes=holes)

    def with_family(self, family: CovarianceFamily) -> "Problem":
        """The same rows for another family that has the same coordinates."""
        return replace(self, family=family)

    def advance(self, state: State) -> Advance:
        """One EM step from `state`."""
        return advance(self.seen, self.sample_weight, state, self.family.pooling, self.floor, self.n_threads)

    def projected(self, state: State, near: State) -> State:
        """The nearest mixture of the family, from one that is near and of the family."""
        return projected(state, near, self.family.pooling, self.floor)

    def lifted(self, state: State) -> State:
        """The same mixture where no covariance is below a floor that was chosen; otherwise with the
        eigenvalues that are below brought to it."""
        if not self.is_floor_chosen:
            return state
        values, vectors = np.linalg.eigh(state.cholesky @ np.swapaxes(state.cholesky, 1, 2))
        if values.min() >= self.floor:
            return state
        # By a root, of which more digits are known than of the covariance.
        root = vectors * np.sqrt(np.maximum(values, self.floor))[:, None, :]
        lower = np.swapaxes(np.linalg.qr(np.swapaxes(root, 1, 2), mode="r"), 1, 2)
        diagonal = np.diagonal(lower, axis1=1, axis2=2)
        cholesky = lower * np.where(diagonal < 0, -1.0, 1.0)[:, None, :]
        # Next to a giant its digits may be lost.
        i = np.arange(diagonal.shape[1])
        cholesky[:, i, i] = np.maximum(np.abs(diagonal), np.sqrt(self.floor))
        return State(state.log_weights, state.means, cholesky)

    def log_densities(self, state: State, some: slice = slice(None)) -> Array:
        """Log density of each row, or of some."""
        X = self.seen[some]
        out = np.empty(len(X))
        evaluate(X, state.log_weights, state.means, state.cholesky, out, np.empty((0, state.shape[0])))
        return out

    def responsibilities(self, state: State, some: slice = slice(None)) -> Array:
        """Of each row, or of some, for each component, shape (N, K)."""
        X = self.seen[some]
        out = np.empty((len(X), state.shape[0]))
        evaluate(X, state.log_weights, state.means, state.cholesky, np.empty(len(X)), out)
        return out

    def expect(self, state: State) -> Sums:
        """The E step alone."""
        return expect(self.seen, self.sample_weight, state, self.family.pooling, self.n_threads)


def standardised_problem(
    rows: Rows, covariance_type: str, reg_covar: float, n_threads: int
) -> tuple[Problem, Units]:
    """The problem in coordinates in which rows have a spread of about one, and the way back.

    Columns are scaled; where every linear map of the rows keeps the family what it is, the rows get unit
    covariance, so that what is found does not depend on such maps.

    Parameters
    ----------
    rows : Rows
        In the units of the data; where cells are missing, passes are quickest by pattern.
    covariance_type : str
    reg_covar : float
        Smallest eigenvalue of a covariance in these coordinates; 0 for none but what numbers need.
    n_threads : int
    """
    shift, scale = rows.location_scale
    family = family_of(covariance_type)
    scale = family.scales(scale)
    floor = max(reg_covar, SMALLEST_FLOOR)
    X = rows.standardised(shift, scale)
    problem = Problem(X, rows.weights, family, floor, n_threads, reg_covar > 0)
    factor = np.diag(scale)
    if rows.has_missing:
        # A turn of the columns would leave no row with a cell of its own.
        return replace(problem, X=filled(X, rows.weights), holes=X), Units(shift, factor)
    if not family.has_correlations or rows.n_features == 1:
        return problem, Units(shift, factor)
    own = _factor(problem.covariance)
    if own is None and not family.has_own_m_step:
        # Without a spread in some direction there is no maximum but for a floor.
        flat = replace(problem, floor=max(floor, FLOOR_OF_FLAT), is_floor_chosen=True)
        return flat, Units(shift, factor)
    if own is None or family.equivariance != "affine":
        return problem, Units(shift, factor)
    white = np.asfortranarray(problem.X @ np.linalg.inv(own).T)
    problem = replace(problem, X=white, own=own)
    vars(problem)["covariance"] = np.eye(rows.n_features)
    return problem, Units(shift, factor @ own)


def _factor(covariance: Array) -> Array | None:
    """The Cholesky factor, or None where the matrix is singular to rounding."""
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return None
    left = np.diagonal(factor) ** 2 / np.diagonal(covariance)
    return np.asarray(factor) if left.min() > SINGULAR else None


def state_of(params: MixtureParams) -> State:
    """A mixture as a start of an EM run, in the same coordinates."""
    log_weights = np.log(np.maximum(params.weights, SMALLEST_WEIGHT))
    return State(log_weights, np.array(params.means), np.array(params.cholesky))


def params_of(state: State) -> MixtureParams:
    """The mixture at which an EM run stands."""
    weights = np.exp(state.log_weights)
    return MixtureParams.of_cholesky(weights / weights.sum(), state.means, state.cholesky)
