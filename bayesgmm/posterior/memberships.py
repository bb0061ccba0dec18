"""Which row belongs to which component, and how certain that is.

The uncertainty of the parameters is in it, which EM's responsibilities leave out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import entr

from bayesgmm.errors import printable
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.posterior.passes import responsibility_draws
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import interval_ends
from bayesgmm.support.sentences import count
from bayesgmm.support.threads import shared

__all__ = ["Memberships", "membership_intervals"]

Array = NDArray[np.float64]

# Numbers held at a time by each thread.
AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Memberships:
    """Posterior memberships of N rows in K components.

    Attributes
    ----------
    mean, sd, lower, upper : ndarrays, shape (N, K)
        Of the responsibilities between draws: mean, standard deviation, and a central interval.
    entropy : ndarray, shape (N,)
        Of the mean memberships, in nats: 0 where a row is certain of its component, log K where nothing is
        known.
    changing : ndarray, shape (N,)
        Share of draws in which another component than the likeliest on average is the likeliest.
    ci_prob : float
        Of the intervals.
    index : pandas.Index of length N
        Names of the rows.
    """

    mean: Array
    sd: Array
    lower: Array
    upper: Array
    entropy: Array
    changing: Array
    ci_prob: float
    index: pd.Index

    def __repr__(self) -> str:
        n, k = self.mean.shape
        # Names of rows are shown and not obeyed.
        return f"Memberships of {count(n, 'row')} in {count(k, 'component')}\n{printable(repr(self.table))}"

    @property
    def labels(self) -> NDArray[np.intp]:
        """The component with the largest mean membership, shape (N,)."""
        return self.mean.argmax(axis=1)

    @property
    def uncertain(self) -> NDArray[np.intp]:
        """Positions of the rows whose likeliest component has a mean membership below 0.95, the least certain
        first: indices for ``.iloc``, not names."""
        largest = self.mean.max(axis=1)
        rows = np.flatnonzero(largest < CERTAIN)
        return rows[np.argsort(largest[rows], kind="stable")]

    @property
    def table(self) -> pd.DataFrame:
        """Of each row, by its name: label, its membership, sd and interval, entropy, changing, uncertain."""
        at = np.arange(len(self.mean)), self.labels
        return pd.DataFrame(
            {
                "label": self.labels,
                "membership": self.mean[at],
                "sd": self.sd[at],
                "lower": self.lower[at],
                "upper": self.upper[at],
                "entropy": self.entropy,
                "changing": self.changing,
                "uncertain": self.mean[at] < CERTAIN,
            },
            index=self.index,
        )


def membership_intervals(
    rows: Rows, log_weights: Array, means: Array, cholesky: Array, ci_prob: float = 0.95, n_threads: int = 1
) -> Memberships:
    """Memberships with intervals, in blocks of rows. O(S N K (log S + D^2)).

    Parameters
    ----------
    rows : Rows
    log_weights, means, cholesky : float64 arrays, shapes (S, K), (S, K, D), (S, K, D, D)
    ci_prob : float, default 0.95
        Of the central intervals.
    n_threads : int
    """
    X, draws = rows.columns, (log_weights, means, cholesky)
    ends = interval_ends(ci_prob)

    def of(part: slice) -> tuple[Array, ...]:
        r = responsibility_draws(X[part], *draws)
        mean = r.mean(axis=1)
        lower, upper = np.quantile(r, ends, axis=1)
        changing = (r.argmax(axis=2) != mean.argmax(axis=1)[:, None]).mean(axis=1)
        return mean, r.std(axis=1), lower, upper, changing

    size = max(1, AT_ONCE // log_weights.size)
    parts = shared(of, [slice(i, i + size) for i in range(0, len(X), size)], n_threads)
    mean, sd, lower, upper, changing = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Memberships(mean, sd, lower, upper, entr(mean).sum(axis=1), changing, ci_prob, rows.index)
