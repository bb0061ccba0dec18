"""`partition`: one clustering that stands for the posterior, with the ball around it, and where EM and
k-means stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.kmeans import kmeans
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import evenly
from bayesgmm.posterior import partitions
from bayesgmm.posterior.partitions import Ball
from bayesgmm.posterior.passes import allocations
from bayesgmm.posterior.similarity import similarity_matrix
from bayesgmm.results import check_fit
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import check_choice
from bayesgmm.support.sentences import listed

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Partition", "partition"]

# Partitions drawn from the posterior, and rows, that a search looks at: beyond, evenly spaced ones.
DRAWS = 1000
ROWS = 4000


@dataclass(frozen=True, eq=False)
class Partition:
    """A clustering that stands for the posterior, and the posterior's spread around it.

    Attributes
    ----------
    labels : ndarray of int, shape (M,)
        Clusters, numbered from 0 in the order of their first rows; not the components of the mixture, whose
        number they may differ from.
    rows : ndarray of int, shape (M,)
        The rows that were clustered: all, or 4,000 evenly spaced ones.
    loss : str
        "vi", variation of information in bits, or "binder", the share of ordered pairs of rows.
    expected_loss : float
        Mean loss between this partition and those of the draws.
    ball : Ball
        The 95 % credible ball.
    distances : dict of float
        Loss between this partition and those of "em" and "kmeans" (K clusters each).
    expected_losses : dict of float
        Expected losses of the same.
    n_draws : int
        Draws that the expectations are taken over.
    kmeans_labels : ndarray of int, shape (M,)
        Of k-means with K clusters on standardised columns.
    """

    labels: NDArray[np.int32]
    rows: NDArray[np.intp]
    loss: str
    expected_loss: float
    ball: Ball
    distances: Mapping[str, float]
    expected_losses: Mapping[str, float]
    n_draws: int
    kmeans_labels: NDArray[np.int32]

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.labels.max()) + 1

    @property
    def em_inside(self) -> bool:
        """Whether EM's partition lies in the credible ball."""
        return self._inside("em")

    @property
    def kmeans_inside(self) -> bool:
        """Whether that of k-means does."""
        return self._inside("kmeans")

    def _inside(self, name: str) -> bool:
        # Equal losses differ by rounding.
        return self.distances[name] <= self.ball.radius + 1e-9

    def __str__(self) -> str:
        sizes = listed([str(n) for n in np.bincount(self.labels)])
        unit = "bits" if self.loss == "vi" else "of the pairs"
        lines = [
            f"{self.n_clusters} cluster{'s' if self.n_clusters > 1 else ''} of {sizes} rows; expected loss "
            f"{self.expected_loss:.4f} {unit} over {self.n_draws} draws.",
            f"{100 * self.ball.mass:.0f} % credible ball around it: radius {self.ball.radius:.4f} {unit}.",
        ]
        for name, what in (("em", "EM's partition"), ("kmeans", "That of k-means")):
            where = "inside" if self._inside(name) else "outside"
            lines.append(
                f"{what} lies {where} the ball, at distance {self.distances[name]:.4f} (expected loss "
                f"{self.expected_losses[name]:.4f})."
            )
        return "\n".join(lines)


def partition(bayes: "BayesGaussianMixture", loss: str = "vi") -> Partition:
    """The partition of the rows with the smallest posterior expected loss, and its 95 % credible ball.

    Partitions are drawn with the draws of the parameters, one each, and the search begins from them, from
    EM's, that of k-means and cuts of a hierarchical clustering of the similarity matrix. Nothing depends on
    the labels of components, so that it holds also where these are ambiguous.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    loss : {"vi", "binder"}, default "vi"
        Variation of information (Meila 2007) or Binder's loss (1978); the latter tends to more and smaller
        clusters.

    Returns
    -------
    Partition

    Raises
    ------
    ParameterError
        Where `bayes` is no fit by full Bayes, or the loss is neither.

    Notes
    -----
    Wade and Ghahramani (2018), Bayesian cluster analysis: point estimation and credible balls, Bayesian
    Analysis 13; the search is of the kind of Dahl, Johnson and Mueller (2022). O(S N C) a sweep for S draws,
    N rows and C clusters.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets, partition
    >>> X = datasets.faithful().X
    >>> bayes = BayesGaussianMixture(2, draws=250, random_state=0, progressbar=False).fit(X)
    >>> found = partition(bayes)
    >>> found.n_clusters, found.em_inside
    (2, True)
    """
    check_fit(bayes)
    check_choice(loss, "loss", partitions.LOSSES)
    rows = evenly(len(bayes.rows_), ROWS)
    X = bayes.rows_.taken(rows).columns
    draws = bayes.fit_.draws.in_canonical_order
    log_weights, means, cholesky = (a[evenly(len(a), DRAWS)] for a in draws.stacked)
    # Always the same for a fit.
    rng = np.random.default_rng([bayes.predictive_seed_, 2])
    cores = bayes.fit_.settings.cores
    sampled = allocations(X, log_weights, means, cholesky, rng, cores)
    k = log_weights.shape[1]
    others = {
        "em": density.responsibilities(X, bayes.em_.params_).argmax(axis=1).astype(np.int32),
        "kmeans": _kmeans(X, k, rng),
    }
    cuts = partitions.hierarchical_cuts(similarity_matrix(X, log_weights, means, cholesky, cores), 2 * k)
    f = partitions.loss_function(loss, len(X))
    labels, expected = partitions.best_partition(sampled, [*others.values(), *cuts], f, rng, cores)
    return Partition(
        labels,
        rows,
        loss,
        expected,
        partitions.credible_ball(sampled, labels, f),
        {name: float(partitions.distances(labels[None], z, f)[0]) for name, z in others.items()},
        {name: float(partitions.distances(sampled, z, f).mean()) for name, z in others.items()},
        len(sampled),
        others["kmeans"],
    )


def _kmeans(X: NDArray[np.float64], k: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """K-means on standardised columns."""
    shift, scale = Rows.unchecked(X).location_scale
    most, seed = len(np.unique(X, axis=0)), int(rng.integers(2**31))
    return kmeans((X - shift) / scale, min(k, most), n_init=10, seed=seed)[0].astype(np.int32)
