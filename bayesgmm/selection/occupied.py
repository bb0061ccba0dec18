"""How many components of a mixture have rows: what is left of many when the prior lets them be empty."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.posterior.passes import allocations
from bayesgmm.rows.rows import RowsLike
from bayesgmm.wording import Reason

if TYPE_CHECKING:
    from bayesgmm.bayes.priors import Prior
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Occupied", "occupied_components", "occupied_counts"]

# Far below half the parameters of a component, so that those not needed are emptied and not shared (Rousseau
# and Mengersen 2011, theorem 1).
CONCENTRATION = 0.2
PRIOR_DRAWS = 20_000


@dataclass(frozen=True, eq=False)
class Occupied:
    """The posterior of the number of components that have rows, in one fit with many.

    Attributes
    ----------
    table : DataFrame
        By number of occupied components: ``prior`` and ``posterior`` probability.
    concentration : float
        Of the weights.
    fit : BayesGaussianMixture
    """

    table: pd.DataFrame
    concentration: float
    fit: "BayesGaussianMixture"

    @property
    def best(self) -> int:
        """The most probable number."""
        return int(self.table["posterior"].idxmax())

    @property
    def findings(self) -> list[Reason]:
        """The most probable number, and whether the draws behind it are to be trusted."""
        k, t = self.best, self.table
        shares = {name: float(t.loc[k, name]) for name in ("posterior", "prior")}
        settings = {"n_components": len(t), "concentration": self.concentration}
        found = [Reason("components_occupied", {**settings, "k": k, **shares})]
        verdict = self.fit.verdict_
        return (
            found
            if verdict.label_free_ok
            else [*found, Reason("draws_not_trusted", {"why": verdict.reasons[0]})]
        )

    def __str__(self) -> str:
        return " ".join(map(str, self.findings))


def occupied_components(
    X: RowsLike,
    n_components: int,
    *,
    prior: "Prior",
    concentration: float = CONCENTRATION,
    **settings: Any,
) -> Occupied:
    """Fit many components with a small concentration, and count those that have rows.

    Malsiner-Walli, Fruehwirth-Schnatter and Gruen (2016), Model-based clustering based on sparse finite
    Gaussian mixtures, section 2.

    Parameters
    ----------
    X : array_like or data frame, shape (N, D), or Rows
    n_components : int
        The largest number that could be needed, or more.
    prior : Prior
        Its concentration is replaced.
    concentration : float, default 0.2
    **settings
        Of ``BayesGaussianMixture``.

    Returns
    -------
    Occupied
    """
    from bayesgmm.estimator import BayesGaussianMixture

    sparse = replace(prior, concentration=concentration)
    fit = BayesGaussianMixture(n_components, prior=sparse, **settings).fit(X)
    k, n = n_components, len(fit.rows_)
    shares = {
        "prior": _shares(_prior_counts(n, k, concentration, np.random.default_rng(0)), k),
        "posterior": _shares(occupied_counts(fit), k),
    }
    return Occupied(
        pd.DataFrame(shares, index=pd.Index(range(1, k + 1), name="occupied")), concentration, fit
    )


def occupied_counts(bayes: "BayesGaussianMixture") -> NDArray[np.int64]:
    """Of each draw, how many components have rows when each row is given to one at random by its
    responsibilities, shape (S,)."""
    X, draws = bayes.rows_.columns, bayes.fit_.draws.stacked
    k, cores = bayes.fit_.draws.n_components, bayes.fit_.settings.cores
    rng = np.random.default_rng([bayes.predictive_seed_, 3])
    counts = np.empty(len(draws[0]), np.int64)
    # Some draws at a time: one number is kept for each draw and row.
    size = max(1, 20_000_000 // len(X))
    for start in range(0, len(counts), size):
        part = slice(start, start + size)
        log_weights, means, cholesky = (a[part] for a in draws)
        labels = allocations(X, log_weights, means, cholesky, rng, cores)
        counts[part] = sum((labels == j).any(axis=1).astype(np.int64) for j in range(k))
    return counts


def _prior_counts(n: int, k: int, concentration: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """The same before the data: of n rows and a symmetric Dirichlet."""
    weights = rng.dirichlet(np.full(k, concentration), PRIOR_DRAWS)
    return (rng.multinomial(n, weights / weights.sum(axis=1, keepdims=True)) > 0).sum(axis=1)


def _shares(counts: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    return np.bincount(counts, minlength=k + 1)[1:] / len(counts)
