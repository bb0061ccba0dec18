"""Whether a record that was read is one that a fit can leave."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import FileProblem
from bayesgmm.fit import Fit

__all__ = ["check_contents"]

Array = NDArray[np.float64]

# Sums of probabilities differ from one by rounding only.
ROUNDING = 1e-8


def check_contents(fit: Fit, name: str, sha256: str) -> None:
    """Refuse a record whose numbers contradict each other or cannot be.

    Parameters
    ----------
    fit : Fit
    name : str
        Of the file, for the message.
    sha256 : str
        Of the rows when they were fitted.

    Raises
    ------
    FileProblem
    """
    for what, holds in _statements(fit, sha256):
        if not holds:
            raise FileProblem(
                f"{name!r} does not hold a fit: {what}; fit and save it again.", path=name, what=what
            )


def _statements(fit: Fit, sha256: str) -> Iterator[tuple[str, bool]]:
    """What is wrong where it does not hold, one thing after the other, since later ones rely on earlier."""
    yield from _shapes(fit)
    yield from _values(fit)
    yield "its rows are not those that were fitted", fit.rows.sha256 == sha256


def _shapes(fit: Fit) -> Iterator[tuple[str, bool]]:
    draws, rows, labels = fit.draws, fit.rows, fit.labels
    k, d, n = draws.n_components, draws.n_features, len(rows)
    each = (draws.n_chains, draws.n_draws)
    yield "the number of components is not that of the draws", fit.settings.n_components == k
    yield "there are no draws", min(each) > 0
    yield "the rows have other features than the draws", rows.n_features == len(rows.names) == d
    yield "the rows' weights are not one for each row", len(rows.weights) in (0, n)
    yield "the EM estimate is of another size", fit.em.params_.means.shape == (k, d)
    yield "the memberships are of other rows", labels.membership.shape == labels.membership_sd.shape == (n, k)
    yield "the log-likelihood is not one for each draw", labels.log_likelihood.shape == each
    yield "the permutations are not one for each draw", labels.relabelling.permutations.shape == (*each, k)


def _values(fit: Fit) -> Iterator[tuple[str, bool]]:
    values, labels, weights = fit.draws.values, fit.labels, fit.rows.weights
    yield "the rows are not finite numbers", not np.isinf(fit.rows.values).any()
    yield "a row has no cell", not np.isnan(fit.rows.values).all(axis=1).any()
    yield "the rows' weights are not finite numbers", _finite(weights)
    yield "the weight of a row is negative", bool((weights >= 0).all())
    yield "the draws are not finite numbers", all(_finite(v) for v in values.values())
    yield "a mixture weight is negative", bool((values["weights"] >= 0).all())
    yield "the mixture weights of a draw do not sum to one", _ones(values["weights"].sum(axis=-1))
    yield "a standard deviation is not positive", bool((values["stds"] > 0).all())
    if "corr_chol" in values:
        lengths = np.linalg.norm(values["corr_chol"], axis=-1)
        yield "the diagonal of a correlation matrix is not one", _ones(lengths)
    order = np.sort(labels.relabelling.permutations, axis=-1)
    yield "a permutation is none", bool((order == np.arange(fit.draws.n_components)).all())
    yield "the memberships are not finite numbers", _finite(labels.membership)
    yield "the memberships' standard deviations are not finite", _finite(labels.membership_sd)
    yield "a membership is negative", bool((labels.membership >= 0).all())
    yield "the memberships of a row do not sum to one", _ones(labels.membership.sum(axis=1))
    yield "the log-likelihood is not finite", _finite(labels.log_likelihood)


def _finite(values: Array) -> bool:
    return bool(np.isfinite(values).all())


def _ones(sums: Array) -> bool:
    return bool((abs(sums - 1) <= ROUNDING).all())
