"""The points of a page's view: which rows are shown, and what is known of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.comparison.sides import Sides
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.posterior.memberships import membership_intervals
from bayesgmm.rows.labels import text
from bayesgmm.rows.part import part_of
from bayesgmm.rows.rows import Rows
from bayesgmm.support.sentences import plain

if TYPE_CHECKING:
    from bayesgmm.comparison.partitioning import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Points", "points_of", "records_of"]

Array = NDArray[np.float64]

MOST_POINTS = 5000
# Memberships that would be shown as 0.000 are not listed.
SMALLEST_SHOWN = 0.0005


@dataclass(frozen=True, eq=False)
class Points:
    """The rows to be shown, (M,), the group of each and how uncertain that is, and what is said of it: any
    JSON."""

    rows: NDArray[np.intp]
    groups: Sequence[str]
    labels: NDArray[np.integer]
    doubt: Array
    told: Sequence[Any]

    @property
    def uncertain(self) -> NDArray[np.bool_]:
        """Whether a point is not certain of its group."""
        return self.doubt > 1 - CERTAIN


def points_of(bayes: "BayesGaussianMixture", part: "Partition | None", sides: Sides) -> Points:
    """Those of the components or, where there is one, of a partition's clusters; at most 5,000."""
    if bayes.em_.params_.n_components == 1:
        return _of_one_group(bayes.rows_.values)
    return _of_components(sides) if part is None else _of(part, bayes)


def _of_components(sides: Sides) -> Points:
    """Components with their memberships, by the posterior and by EM."""
    fit = sides.fit
    rows = part_of(len(fit.rows), MOST_POINTS)
    some = fit.rows.taken(rows)
    found = membership_intervals(some, *fit.draws.stacked, sides.ci_prob, fit.settings.cores)
    em = sides.responsibilities[rows]
    table = np.round(np.stack([found.mean, found.lower, found.upper, em], axis=2), 3)
    told = []
    for n, mean in enumerate(found.mean):
        likeliest = [c for c in np.argsort(-mean, kind="stable") if max(mean[c], em[n, c]) >= SMALLEST_SHOWN]
        told.append([[int(c), *table[n, c].tolist()] for c in likeliest])
    groups = [f"component {c}" for c in range(em.shape[1])]
    return Points(rows, groups, found.labels, 1 - found.mean.max(axis=1), told)


def _of(part: "Partition", bayes: "BayesGaussianMixture") -> Points:
    """Clusters of the partition with the similarity to their rows, which depends on no labels."""
    labels = part.searched_labels
    own, other = _similarities(bayes.similarity_, labels)
    groups = [f"cluster {c}" for c in range(part.n_clusters)]
    told = np.round(np.column_stack([own, other]), 3).tolist()
    return Points(part.rows, groups, labels, 1 - own, told)


def _similarities(similarity: Array, labels: NDArray[np.integer]) -> tuple[Array, Array]:
    """Mean similarity of each row to the other rows of its cluster, and to the nearest other cluster; shape
    (M,) each.

    A row that is alone has no others in its cluster: there it is the probability that it belongs to no other.
    """
    members = np.eye(labels.max() + 1)[labels]
    sizes, at = members.sum(axis=0), np.arange(len(labels))
    sums = similarity @ members
    means = sums / sizes
    means[at, labels] = -1.0
    other = np.maximum(means.max(axis=1), 0.0)
    rest = sizes[labels] - 1
    own = np.divide(sums[at, labels] - similarity[at, at], rest, out=np.zeros(len(labels)), where=rest > 0)
    return np.clip(np.where(rest > 0, own, 1 - other), 0.0, 1.0), other


def _of_one_group(X: Array) -> Points:
    rows = part_of(len(X), MOST_POINTS)
    nothing = np.zeros(len(rows))
    return Points(rows, [], nothing.astype(np.intp), nothing, [[]] * len(rows))


def records_of(X: Array, points: Points, rows: Rows) -> list[dict[str, Any]]:
    """One a point, the uncertain ones last, so that they lie on top."""
    names = rows.index[points.rows]
    labels = names.tolist() if names.dtype.kind in "iu" else [plain(text(name)) for name in names]
    values = [[None if math.isnan(v) else v for v in _rounded(column)] for column in X[points.rows].T]
    doubt = np.round(points.doubt, 4).tolist()
    out = []
    for n in np.argsort(points.uncertain, kind="stable"):
        record: dict[str, Any] = {f"f{j}": column[n] for j, column in enumerate(values)}
        record |= {"row": labels[n], "u": doubt[n], "uncertain": bool(points.uncertain[n])}
        record["told"] = points.told[n]
        if points.groups:
            record["group"] = points.groups[points.labels[n]]
        out.append(record)
    return out


def _rounded(column: Array) -> Array:
    """To a ten-thousandth of the standard deviation or finer, which no plot shows."""
    there = column[~np.isnan(column)]
    sd = float(there.std()) if len(there) else 0.0
    decimals = 4 - math.floor(math.log10(sd)) if sd > 0 else 0
    return np.round(column, decimals) if 0 <= decimals < 300 else column
