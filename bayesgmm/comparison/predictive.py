"""Posterior predictive checks: would the fitted mixture produce data like these?

Gelman, Meng and Stern (1996), Posterior predictive assessment of model fitness via realized discrepancies,
section 2.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import batched, combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import ndtr

from bayesgmm.comparison.extent import draws_for, rows_checked
from bayesgmm.comparison.sides import Sides
from bayesgmm.fit import Fit
from bayesgmm.methods.rounding import resolutions
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import evenly
from bayesgmm.posterior.pointwise import log_densities, replicated_rows
from bayesgmm.rows.part import part_of
from bayesgmm.rows.rows import Rows
from bayesgmm.support.threads import shared, threads_for_runs

__all__ = ["PredictiveCheck", "pit_table", "predictive_checks", "replicate"]

Array = NDArray[np.float64]
REPLICATIONS = 1000
# On either side.
ODD = 0.025
# Of EM's plug-in, and where each costs a pass over the data.
FEWER_REPLICATIONS = 500
# Whose nearest neighbours are looked for.
ROWS_FOR_NEIGHBOURS = 250
# Data sets that are held at a time, and rows of a table that a thread works at.
AT_ONCE, BLOCK = 16, 16384
# Of five standard deviations to both sides, for the number of modes.
BINS = 200


@dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """A statistic of the data, and of data sets replicated from the posterior, and from the EM fit.

    ``p_value`` is the share of replications above the observed value (ties count half), ``mc_error``
    its Monte-Carlo standard error; ``em_p_value`` is that share of data sets simulated from EM's estimate,
    which leaves out that the estimate is uncertain.
    """

    name: str
    observed: float
    replicated: Array
    by_em: Array = field(default_factory=lambda: np.empty(0))

    @property
    def p_value(self) -> float:
        """P(T(replication) > T(data)), near 0 or 1 where the model fails."""
        return self._share_above(self.replicated)

    @property
    def em_p_value(self) -> float:
        """The same of data sets simulated from EM's estimate."""
        return self._share_above(self.by_em) if len(self.by_em) else float("nan")

    def _share_above(self, replicated: Array) -> float:
        return float(np.mean(replicated > self.observed) + 0.5 * np.mean(replicated == self.observed))

    @property
    def odd(self) -> bool:
        """Whether fewer than 2.5 % of the replications are as far out on one side as the data."""
        return min(self.p_value, 1 - self.p_value) < ODD

    @property
    def mc_error(self) -> float:
        """Monte-Carlo standard error of the p-value."""
        n = len(self.replicated)
        # At least that of one replication more on the other side, so that p = 0 does not claim to be exact.
        p = min(max(self.p_value, 1 / (n + 1)), n / (n + 1))
        return float(np.sqrt(p * (1 - p) / n))


def replicate(fit: Fit, n_replications: int, n_rows: int | None = None) -> Iterator[Array]:
    """Data sets drawn one by one from the posterior predictive distribution, each of shape (N, D).

    N is the number of rows that the data stand for, with their weights, where it is not given.
    """
    rng = np.random.default_rng(fit.provenance.predictive_seed)
    log_weights, means, cholesky = fit.draws.stacked
    n = len(fit.rows.repeated) if n_rows is None else n_rows
    chosen = rng.choice(len(means), n_replications, replace=len(means) < n_replications)
    for s in chosen:
        yield replicated_rows(log_weights[s], means[s], cholesky[s], n, rng)


def predictive_checks(sides: Sides) -> tuple[PredictiveCheck, ...]:
    """Spread, skewness, tails, quartiles, modes and correlations of the features, distances of neighbours, in
    replicated data sets.

    Of more than 5,000 rows 3,000 are looked at, and data sets of as many simulated. Replicated rows lack the
    cells that those of the data lack.
    """
    fit = sides.fit
    # A row of weight 3 is three rows, in the data as in what is simulated.
    looked_at = fit.rows.repeated
    if rows_checked(len(looked_at)) < len(looked_at):
        looked_at = looked_at.taken(part_of(len(looked_at), rows_checked(len(looked_at))))
    data, names = looked_at.values, fit.names
    scale, missing = looked_at.outline.std, np.isnan(data)
    # What is measured is fixed by the data, so that replications are measured alike.
    unit = resolutions(data) / scale
    complete = int((~missing.any(axis=1)).sum())
    ruler = _Ruler(looked_at.outline.mean, scale, part_of(complete, ROWS_FOR_NEIGHBOURS), unit, missing)
    cores = threads_for_runs(len(data), fit.settings.cores)
    replicated = ruler.of_all(replicate(fit, REPLICATIONS, len(data)), cores)
    rng = np.random.default_rng([fit.provenance.predictive_seed, 5])
    em = sides.em.params_
    simulated = (density.simulate(em, len(data), rng)[0] for _ in range(FEWER_REPLICATIONS))
    by_em = ruler.of_all(simulated, cores)
    labels = [f"{label} of {name}" for name in names for label in _STATISTICS]
    labels += [f"number of modes of {name}" for name in names]
    labels += [f"share beyond two sds of {name}" for name in names]
    labels += [f"correlation of {a} and {b}" for a, b in combinations(names, 2)]
    if ruler.has_neighbours:
        labels.append("mean distance to the nearest neighbour")
    observed = ruler.statistics(data)
    rows = zip(labels, observed, replicated.T, by_em.T, strict=True)
    return (*(PredictiveCheck(*row) for row in rows), _of_log_likelihood(sides, looked_at))


def pit_table(fit: Fit) -> pd.DataFrame:
    """Probability integral transforms; see ``Comparison.pit``. O(S N K D) for 1,000 draws, or fewer where
    rows are many.

    Dawid (1984), Statistical theory: the prequential approach; here of the rows that the posterior has seen.
    """
    X, k = fit.rows.values, fit.draws.n_components
    n_draws = min(REPLICATIONS, draws_for(REPLICATIONS, X.size * k))
    log_weights, means, cholesky = (a[evenly(len(a), n_draws)] for a in fit.draws.stacked)
    stds = np.sqrt(np.square(cholesky).sum(axis=3))

    def of(rows: slice) -> Array:
        values = np.zeros(X[rows].shape)
        for s in range(len(means)):
            # Shape (N, D, K), summed over components.
            below = ndtr((X[rows, :, None] - means[s].T) / stds[s].T)
            values += below @ np.exp(log_weights[s])
        return values / len(means)

    parts = shared(of, [slice(i, i + BLOCK) for i in range(0, len(X), BLOCK)], fit.settings.cores)
    names = pd.Index(fit.rows.names, dtype=object)
    return pd.DataFrame(np.concatenate(parts), columns=names, index=fit.rows.index)


def _of_log_likelihood(sides: Sides, rows: Rows) -> PredictiveCheck:
    """A discrepancy: the log-likelihood of a replicated data set less that of the data, both at the draw that
    made it."""
    fit, em = sides.fit, sides.em.params_
    rng = np.random.default_rng([fit.provenance.predictive_seed, 6])
    log_weights, means, cholesky = fit.draws.stacked
    n = len(means)
    data, own = rows.values, rows.columns
    missing = np.isnan(data)
    gains = []
    for s in rng.choice(n, FEWER_REPLICATIONS, replace=n < FEWER_REPLICATIONS):
        one = log_weights[[s]], means[[s]], cholesky[[s]]
        drawn = replicated_rows(log_weights[s], means[s], cholesky[s], len(data), rng)
        replicated = Rows.unchecked(np.where(missing, np.nan, drawn))
        gains.append(log_densities(replicated.columns, *one).sum() - log_densities(own, *one).sum())
    at_em = density.log_likelihood_per_obs(data, em).sum()
    simulated = (density.simulate(em, len(data), rng)[0] for _ in range(FEWER_REPLICATIONS))
    by_em = [
        density.log_likelihood_per_obs(np.where(missing, np.nan, drawn), em).sum() - at_em
        for drawn in simulated
    ]
    return PredictiveCheck("log-likelihood, less that of the data", 0.0, np.array(gains), np.array(by_em))


@dataclass(frozen=True)
class _Ruler:
    """Statistics of a data set, in units of the observed one."""

    location: Array
    scale: Array
    some: NDArray[np.intp]
    unit: Array
    missing: NDArray[np.bool_]

    def _rounded(self, standardised: Array) -> Array:
        unit = np.where(self.unit > 0, self.unit, 1.0)
        return np.where(self.unit > 0, np.round(standardised / unit) * unit, standardised)

    def of_all(self, data_sets: Iterable[Array], cores: int) -> Array:
        """Of many data sets, in their order, shape (M, statistics)."""
        batches = batched(data_sets, AT_ONCE)
        return np.array([found for batch in batches for found in shared(self.statistics, batch, cores)])

    def statistics(self, X: Array) -> list[float]:
        """All of one data set: feature by feature, then of pairs, then of all features together."""
        # A feature in one piece of memory is read several times as fast.
        columns = np.ascontiguousarray(X.T)
        standardised = (columns - self.location[:, None]) / self.scale[:, None]
        if self.missing.any():
            values = self._of_cells_there(columns, standardised)
            points = standardised.T[~self.missing.any(axis=1)]
        else:
            each = [statistic(columns) for statistic in _STATISTICS.values()]
            values = np.stack(each, axis=1).ravel().tolist()
            values += [float(_number_of_modes(x)) for x in standardised]
            values += (np.abs(standardised) > 2).mean(axis=1).tolist()
            if len(columns) > 1:
                matrix = np.atleast_2d(np.corrcoef(columns))
                values += [float(matrix[i, j]) for i, j in combinations(range(len(columns)), 2)]
            points = standardised.T
        return [*values, self._distance(points)] if self.has_neighbours else values

    @property
    def has_neighbours(self) -> bool:
        """Whether there are two complete rows."""
        return len(self.some) > 1

    def _of_cells_there(self, columns: Array, standardised: Array) -> list[float]:
        """Statistics of the features and of pairs of them, from the cells that are there in the data."""
        there = ~self.missing.T
        known = [x[on] for x, on in zip(columns, there, strict=True)]
        values = [float(of(x[None])[0]) for x in known for of in _STATISTICS.values()]
        scaled = [x[on] for x, on in zip(standardised, there, strict=True)]
        values += [float(_number_of_modes(x)) for x in scaled]
        values += [float(np.mean(np.abs(x) > 2)) for x in scaled]
        for i, j in combinations(range(len(columns)), 2):
            both = there[i] & there[j]
            # Of fewer than three rows, or equal values, a correlation says nothing.
            varies = both.sum() > 2 and np.ptp(columns[i][both]) > 0 and np.ptp(columns[j][both]) > 0
            matrix = np.corrcoef(columns[i][both], columns[j][both]) if varies else np.eye(2)
            values.append(float(np.ravel(matrix)[1]))
        return values

    def _distance(self, points: Array) -> float:
        """Of rows, in units of the data, to their nearest neighbours, on average."""
        # Rows of rounded data coincide, and simulated ones would not.
        rounded = points if not self.unit.any() else self._rounded(points)
        # Not balanced: that costs more than it saves here.
        tree = cKDTree(rounded, balanced_tree=False, compact_nodes=False)
        near, _ = tree.query(rounded[self.some], k=2)
        return float(np.mean(near[:, 1]))


def _number_of_modes(x: Array) -> int:
    """Of a kernel density estimate; in standard deviations of the data, with the bandwidth that suits a
    normal (Silverman 1986, eq. 3.28)."""
    x = x[np.isfinite(x)]
    # Counted by whole numbers: a histogram that looks for its edges takes four times as long.
    counts = np.bincount(((np.clip(x, -5, 5) + 5) * (BINS / 10)).astype(np.intp), minlength=BINS + 1)
    # The last edge belongs to the last bin.
    counts[-2] += counts[-1]
    width = 1.06 * len(x) ** -0.2 * (BINS / 10)
    at = np.arange(-np.ceil(4 * width), np.ceil(4 * width) + 1)
    smooth = np.convolve(counts[:-1], np.exp(-0.5 * (at / width) ** 2), mode="same")
    # Bumps of less than a fiftieth of the highest are not modes.
    inner = smooth[1:-1]
    return int(((inner > smooth[:-2]) & (inner >= smooth[2:]) & (inner > 0.02 * smooth.max())).sum())


def _skewness(columns: Array) -> Array:
    # SciPy's own takes a millisecond a call, for thousands of calls.
    centred = columns - columns.mean(axis=1, keepdims=True)
    square = centred * centred
    return np.asarray((square * centred).mean(axis=1) / square.mean(axis=1) ** 1.5)


# Of the rows of (D, N), a feature each.
_STATISTICS: dict[str, Callable[[Array], Array]] = {
    "standard deviation": lambda columns: columns.std(axis=1),
    "skewness": _skewness,
    "smallest value": lambda columns: columns.min(axis=1),
    "median": lambda columns: np.median(columns, axis=1),
    "largest value": lambda columns: columns.max(axis=1),
}
