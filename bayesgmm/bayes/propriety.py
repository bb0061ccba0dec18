"""Whether a prior of the user's leaves the posterior without a bound on given data.

Where n rows of a component have one value in a column, its standard deviation s goes to zero and the
likelihood grows as s^-n, as s^(1-n) once the mean is integrated out; against it stands the power of s with
which the prior of log s goes to zero. Where n rows are equal, or lie on a line, correlations go to one: the
determinant of their matrix has half that power, against eta of the LKJ density, and one more half for each
number that has to fit, the mean across and the D - 1 numbers of a direction. A prior with a resolution
(:mod:`bayesgmm.bayes.resolution`) is proper on any data.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.common_scales import CommonScale
from bayesgmm.bayes.log_laws import NORMAL
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.resolution import FINEST, column_resolutions
from bayesgmm.mixture.families import posterior_family_of
from bayesgmm.rows.rows import Rows
from bayesgmm.wording import Reason

__all__ = ["improper_by", "power_at_zero"]

Array = NDArray[np.float64]

# Rows looked at for lines: each is compared with every other.
MOST_ROWS = 2_000
# Directions that differ by less are one.
SAME_DIRECTION = 1e-9


def power_at_zero(prior: ResolvedPrior) -> Array:
    """The power of s with which the density of log s goes to zero, shape (D,); infinite where it goes faster
    than any, or narrow components cannot be seen."""
    if prior.resolution.any():
        return np.where(prior.resolution > 0, np.inf, 0.0)
    record = prior.std_record
    if isinstance(record, CommonScale):
        if record.has_parts:
            return np.zeros(prior.n_features)
        alpha, g, _ = prior.shared_std_numbers
        return np.asarray(2 * ((len(prior.concentration) - 1) * alpha + g))
    # Of components with numbers of their own, the one that allows the most.
    law = record.log_law(*prior.std_numbers)
    if law.form == NORMAL or law.power < 0:
        return np.full(prior.n_features, np.inf)
    return np.min(law.power * law.first, axis=0)


def improper_by(rows: Rows, prior: ResolvedPrior, covariance_type: str) -> Reason | None:
    """What of the data leaves the posterior without a bound under this prior; None where nothing does.

    Components need standard deviations, or correlations, of their own: those that all share would need all
    rows on a few values.
    """
    family, k = posterior_family_of(covariance_type), len(prior.concentration)
    if prior.resolution.all() or k < 2 or not family.by_component or any(family.std_parts(k)):
        return None
    X, power = rows.counting.values, power_at_zero(prior)
    if family.by_feature:
        for j, column in enumerate(X.T):
            values, counts = np.unique(column, return_counts=True)
            most = counts.argmax()
            if counts[most] - 1 >= power[j]:
                told = {"column": rows.names[j], "value": float(values[most]), "n": int(counts[most])}
                return Reason("improper_by_ties", told)
    equal = int(np.unique(X, axis=0, return_counts=True)[1].max())
    if not family.by_feature and (equal - 1) * X.shape[1] >= power[0]:
        return Reason("improper_by_equal_rows", {"n": equal})
    if not family.own_correlations or X.shape[1] < 2:
        return None
    if equal >= 2 * prior.lkj_eta + 1:
        return Reason("improper_by_equal_rows", {"n": equal})
    needed, spread = 2 * prior.lkj_eta + X.shape[1], X.std(axis=0)
    # Only rows of rounded columns lie on lines by more than chance.
    rounded = np.flatnonzero(column_resolutions(X, spread) > 10 * FINEST * spread)
    for i in rounded:
        for j in rounded[rounded < i]:
            n = _most_on_a_line(X[:, [j, i]], needed)
            if n >= needed:
                return Reason("improper_by_line", {"columns": (rows.names[j], rows.names[i]), "n": n})
    return None


def _most_on_a_line(points: Array, needed: float) -> int:
    """The largest number of points (N, 2) that lie exactly on one line, parallel to no axis; 0 where there
    are fewer than needed."""
    points = points[:MOST_ROWS] / np.ptp(points, axis=0)
    most = 0
    for p in points:
        away = points - p
        beside = (away != 0).all(axis=1)
        angles = np.sort(np.arctan(away[beside, 1] / away[beside, 0]))
        if len(angles) + 1 < needed:
            continue
        ends = np.flatnonzero(np.diff(angles, append=np.inf) > SAME_DIRECTION)
        most = max(most, int(np.diff(ends, prepend=-1).max()) + 1)
    return most if most >= needed else 0
