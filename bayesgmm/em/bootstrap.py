"""Standard errors from the spread of the estimates of resampled or simulated rows."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.problem import Problem, params_of, state_of
from bayesgmm.em.run import Status, run_em
from bayesgmm.em.spread import Spread
from bayesgmm.em.units import Units
from bayesgmm.errors import DataError, DegenerateFitError
from bayesgmm.mixture import density
from bayesgmm.mixture.conditional import lacking_like
from bayesgmm.mixture.matching import best_match
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows

__all__ = ["Replications", "align", "bootstrap"]

Array = NDArray[np.float64]

# A replication is named with certainty where the best matching beats the runner-up by more than this share of
# the rows.
NEARLY_TIED = 0.02


@dataclass(frozen=True)
class Replications:
    """What each replication does: new rows, and an EM run from the estimate."""

    problem: Problem
    params: MixtureParams
    units: Units
    parametric: bool
    max_iter: int
    tol: float

    @property
    def n_rows(self) -> int:
        """Rows that a replication draws."""
        return round(self.problem.total_weight)

    def replicate(self, rng: np.random.Generator) -> MixtureParams | None:
        """The estimate from new rows; None where there is none."""
        end = run_em(self._drawn(rng), state_of(self.params), max_iter=self.max_iter, tol=self.tol)
        return params_of(end.state) if end.status is Status.CONVERGED else None

    def _drawn(self, rng: np.random.Generator) -> Problem:
        if self.parametric:
            rows, _ = density.simulate(self.params, self.n_rows, rng)
            X, holes = Rows.unchecked(rows).columns, self.problem.holes
            if holes is not None:
                holes = lacking_like(X, holes, self._shares, rng)
            return replace(self.problem, X=X, holes=holes, sample_weight=np.empty(0))
        # Rows drawn with replacement are the same rows with other weights.
        counts = rng.multinomial(self.n_rows, self._shares).astype(np.float64)
        return replace(self.problem, sample_weight=counts)

    @property
    def _shares(self) -> Array:
        """Of the rows in the whole, shape (N,)."""
        w = self.problem.sample_weight
        return w / w.sum() if len(w) else np.full(len(self.problem.X), 1 / len(self.problem.X))


def bootstrap(replications: Replications, n: int, rng: np.random.Generator) -> Spread:
    """Standard deviations of the estimates over replications, their components named as in the estimate."""
    if replications.n_rows < 2:
        raise DataError(
            "The bootstrap draws as many rows as sample_weight sums to, which is "
            f"{replications.problem.total_weight:.3g}; "
            "a row of weight 3 counts as three rows: multiply the weights accordingly.",
            total_weight=replications.problem.total_weight,
        )
    found = [p for p in (replications.replicate(rng) for _ in range(n)) if p is not None]
    if len(found) < max(2, n / 2):
        raise DegenerateFitError(
            f"{n - len(found)} of {n} replications of the bootstrap ended in a collapsed component or did "
            "not converge, so that the spread of the others says little; use fewer components, a simpler "
            "covariance_type, or a larger max_iter.",
            n_failed=n - len(found),
        )
    aligned, certain = zip(*(align(p, replications.params, replications.problem) for p in found), strict=True)
    aligned = tuple(replications.units.of_data(p) for p in aligned)

    def spread(values: list[Array]) -> Array:
        return np.std(values, axis=0, ddof=1)

    correlations = spread([p.corr_chol @ np.swapaxes(p.corr_chol, 1, 2) for p in aligned])
    i = np.arange(replications.params.n_features)
    correlations[:, i, i] = 0.0
    return Spread(
        spread([p.weights for p in aligned]),
        spread([p.means for p in aligned]),
        spread([p.stds for p in aligned]),
        correlations,
        len(found),
        n - len(found),
        float(np.mean(certain)),
    )


def align(params: MixtureParams, reference: MixtureParams, problem: Problem) -> tuple[MixtureParams, bool]:
    """The mixture with its components named as the reference's, and whether their names are certain.

    The best matching has the largest overlap of responsibilities on the data, an assignment problem. Every
    other matching lacks at least one of its pairs, so that the runner-up is the best of K problems with one
    pair forbidden.
    """
    mine = density.responsibilities(problem.seen, reference)
    if len(problem.sample_weight):
        mine = mine * problem.sample_weight[:, None]
    overlap = mine.T @ density.responsibilities(problem.seen, params)
    rows, order = np.arange(len(overlap)), best_match(overlap)
    margin = np.inf
    for k in range(len(order) if len(order) > 1 else 0):
        other = overlap.copy()
        # Worse than any matching, yet finite.
        other[k, order[k]] = -problem.total_weight
        second = other[rows, best_match(other)].sum()
        margin = min(margin, overlap[rows, order].sum() - second)
    return params.permuted(order), bool(margin > NEARLY_TIED * problem.total_weight)
