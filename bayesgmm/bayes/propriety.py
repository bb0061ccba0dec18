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
from bayesgmm.rows.coincidences import equal_rows, on_a_line
from bayesgmm.rows.rows import Rows
from bayesgmm.wording import Reason

__all__ = ["improper_by", "power_at_zero"]

Array = NDArray[np.float64]

# Rows looked at for lines: each is compared with every other.
MOST_ROWS = 2_000


def power_at_zero(prior: ResolvedPrior) -> Array:
    """The power of s with which the density of log s goes to zero, shape (D,); infinite where it goes faster
    than any, or narrow components cannot be seen."""
    return np.where(prior.resolution > 0, np.inf, _power_of_family(prior))


def _power_of_family(prior: ResolvedPrior) -> Array:
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
    """What of the data leaves the posterior without a bound under this prior; None where nothing is found.

    Looked for are equal values, equal rows, and rows on a line in two rounded columns, on which one of
    several components with standard deviations, or correlations, of its own may sit. Rows on planes, columns
    that depend on each other exactly and components that collapse together are not.
    """
    family, k = posterior_family_of(covariance_type), len(prior.concentration)
    if prior.resolution.all() or k < 2 or not family.by_component or any(family.std_parts(k)):
        return None
    counting = rows.counting
    X, power = counting.values, power_at_zero(prior)
    weights = counting.counts
    if family.by_feature:
        for j, every in enumerate(X.T):
            there = ~np.isnan(every)
            column = every[there]
            n, weight, at = _most_equal(column[:, None], weights[there])
            if n > 1 and weight - 1 >= power[j]:
                told = {"column": rows.names[j], "value": float(column[at[0]]), "n": n}
                return Reason("improper_by_ties", told)
    # Of rows that lack cells, no lines and no equal rows are looked for.
    complete = ~np.isnan(X).any(axis=1)
    if not complete.any():
        return None
    X, weights = X[complete], weights[complete]
    n, weight, _ = _most_equal(X, weights)
    by_stds = not family.by_feature and (weight - 1) * X.shape[1] >= power.min()
    by_correlations = family.own_correlations and X.shape[1] > 1 and weight >= 2 * prior.lkj_eta + 1
    if n > 1 and (by_stds or by_correlations):
        return Reason("improper_by_equal_rows", {"n": n})
    if not family.own_correlations or X.shape[1] < 2:
        return None
    needed, spread = 2 * prior.lkj_eta + X.shape[1], X.std(axis=0)
    # Only rows of rounded columns lie on lines by more than chance.
    rounded = np.flatnonzero(column_resolutions(X, spread) > 10 * FINEST * spread)
    for i in rounded:
        for j in rounded[rounded < i]:
            n = len(on_a_line(X[:MOST_ROWS, [j, i]], needed))
            if n >= needed:
                return Reason("improper_by_line", {"columns": (rows.names[j], rows.names[i]), "n": n})
    return None


def _most_equal(X: Array, weights: Array) -> tuple[int, float, NDArray[np.int64]]:
    """Of the equal rows with the largest weight their number, that weight, and which they are."""
    at = equal_rows(X, weights)
    return len(at), float(weights[at].sum()), at
