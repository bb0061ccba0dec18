"""Posterior predictive checks: would the fitted mixture produce data like these?

Gelman, Meng and Stern (1996), Posterior predictive assessment of model fitness via realized discrepancies, section 2.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesgmm.posterior.draws import stacked
from bayesgmm.posterior.pointwise import replicated_rows

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["PredictiveCheck", "predictive_checks", "replicate"]

Array = NDArray[np.float64]
REPLICATIONS = 1000


@dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """A statistic of the data, and of data sets replicated from the posterior.

    ``p_value`` is the share of replications above the observed value (ties count half), ``mc_error``
    its Monte-Carlo standard error.
    """

    name: str
    observed: float
    replicated: Array

    @property
    def p_value(self) -> float:
        """P(T(replication) > T(data)), near 0 or 1 where the model fails."""
        r = self.replicated
        return float(np.mean(r > self.observed) + 0.5 * np.mean(r == self.observed))

    @property
    def mc_error(self) -> float:
        """Monte-Carlo standard error of the p-value."""
        n = len(self.replicated)
        # At least that of one replication more on the other side, so that p = 0 does not claim to be exact.
        p = min(max(self.p_value, 1 / (n + 1)), n / (n + 1))
        return float(np.sqrt(p * (1 - p) / n))


def replicate(bayes: "BayesGaussianMixture", n_replications: int) -> Iterator[Array]:
    """Data sets drawn one by one from the posterior predictive distribution, each of shape (N, D)."""
    rng = np.random.default_rng(bayes.predictive_seed_)
    posterior = bayes.posterior_["posterior"].dataset
    log_weights, means, cholesky = stacked(posterior)
    n = bayes.posterior_["observed_data"].sizes["obs"]
    chosen = rng.choice(len(means), n_replications, replace=len(means) < n_replications)
    for s in chosen:
        yield replicated_rows(log_weights[s], means[s], cholesky[s], n, rng)


def predictive_checks(bayes: "BayesGaussianMixture") -> tuple[PredictiveCheck, ...]:
    """Spread, skewness, tails, quartiles and correlations of the features, in replicated data sets."""
    data = bayes.posterior_["observed_data"]["x"].to_numpy()
    names = [str(f) for f in bayes.posterior_["posterior"]["feature"].to_numpy()]
    replicated = np.array([_statistics(r) for r in replicate(bayes, REPLICATIONS)])
    labels = [f"{label} of {name}" for name in names for label in _STATISTICS]
    labels += [f"correlation of {a} and {b}" for a, b in combinations(names, 2)]
    observed = _statistics(data)
    return tuple(PredictiveCheck(*row) for row in zip(labels, observed, replicated.T, strict=True))


def _statistics(X: Array) -> list[float]:
    """All statistics of one data set, feature by feature, then pairs of features."""
    values = [float(statistic(x)) for x in X.T for statistic in _STATISTICS.values()]
    if X.shape[1] > 1:
        matrix = np.atleast_2d(np.corrcoef(X, rowvar=False))
        values += [float(matrix[i, j]) for i, j in combinations(range(X.shape[1]), 2)]
    return values


def _skewness(x: Array) -> float:
    # SciPy's own takes a millisecond a call, for thousands of calls.
    centred = x - x.mean()
    return float((centred**3).mean() / (centred**2).mean() ** 1.5)


_STATISTICS: dict[str, Callable[[Array], float]] = {
    "standard deviation": np.std,
    "skewness": _skewness,
    "smallest value": np.min,
    "median": np.median,
    "largest value": np.max,
}
