"""Responsibilities of all draws, made anew for each question about them instead of being kept."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.matching import Permutations
from bayesgmm.posterior import passes

__all__ = ["StreamedResponsibilities"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StreamedResponsibilities:
    """The responsibilities of S draws, as :class:`bayesgmm.posterior.relabel.Responsibilities`.

    Parameters
    ----------
    X : float64 array, shape (N, D)
        Fortran-ordered.
    log_weights, means, cholesky : float64 arrays, shapes (S, K), (S, K, D), (S, K, D, D)
    n_threads : int
        No result depends on it.
    sample_weight : float64 array, shape (N,) or (0,)
        Of the rows, in sums over them.
    """

    X: Array
    log_weights: Array
    means: Array
    cholesky: Array
    n_threads: int = 1
    sample_weight: Array = field(default_factory=lambda: np.empty(0))

    def overlaps(self, reference: Array) -> Array:
        """sum_n w_n reference[n, j] r_s[n, k], shape (S, J, K)."""
        draws = self.log_weights, self.means, self.cholesky
        return passes.log_likelihoods_and_overlaps(
            self.X, *draws, reference, self.n_threads, self.sample_weight
        )[1]

    def mean(self, permutations: Permutations) -> Array:
        """Mean over draws of the responsibilities renamed by permutations (S, K), shape (N, K)."""
        s = np.arange(len(permutations))[:, None]
        log_weights, means, cholesky = (
            a[s, permutations] for a in (self.log_weights, self.means, self.cholesky)
        )
        return passes.memberships(self.X, log_weights, means, cholesky, self.n_threads)[0]
