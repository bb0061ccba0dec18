"""`partition`: one clustering that stands for the posterior, with the ball around it, and where EM and
k-means stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin

from bayesgmm.em.kmeans import kmeans
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import Stacked, evenly
from bayesgmm.mixture.filling import filled_values
from bayesgmm.posterior import partitions
from bayesgmm.posterior.partitions import Ball
from bayesgmm.posterior.passes import allocations, log_likelihoods_and_overlaps, mean_overlaps
from bayesgmm.posterior.similarity import similarity_matrix
from bayesgmm.results import check_fit
from bayesgmm.rows.part import part_of
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import check_choice
from bayesgmm.support.sentences import listed

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Partition", "partition"]

Array = NDArray[np.float64]

# Partitions drawn from the posterior, and rows, that a search looks at: beyond, so many of them.
DRAWS = 1000
ROWS = 4000


@dataclass(frozen=True, eq=False)
class Partition:
    """A clustering that stands for the posterior, and the posterior's spread around it.

    Attributes
    ----------
    labels : ndarray of int, shape (N,)
        The cluster of every row, numbered from 0 in the order of their first rows; not the components of the
        mixture, whose number they may differ from.
    rows : ndarray of int, shape (M,)
        The rows that the search has looked at, and that losses and ball are of: all, or 4,000 spread
        over them. Each other row has the label of the cluster with whose rows it shares a component with the
        largest probability, on average over these rows and the draws.
    loss : str
        "vi", variation of information in bits, or "binder", the share of ordered pairs of rows.
    expected_loss : float
        Mean loss between this partition and those of the draws.
    ball : Ball
        The 95 % credible ball; its bounds are partitions of ``rows``, and have shape (., M).
    distances : dict of float
        Loss between this partition and those of "em" and "kmeans" (K clusters each).
    expected_losses : dict of float
        Expected losses of the same.
    n_draws : int
        Draws that the expectations are taken over.
    kmeans_labels : ndarray of int, shape (N,)
        Of k-means with K clusters on standardised columns of ``rows``; each other row has the label of the
        nearest centre.
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
    def searched_labels(self) -> NDArray[np.int32]:
        """The labels of ``rows`` alone, shape (M,)."""
        return self.labels[self.rows]

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
        if len(self.rows) < len(self.labels):
            lines.append(
                f"Losses and ball are of {len(self.rows):,} rows, which the search has looked "
                "at; each other row is in the cluster that it is most similar to."
            )
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
        Of every row; of more than 4,000 the search looks at so many, and the others join the
        cluster that they are most similar to.

    Raises
    ------
    ParameterError
        Where `bayes` is no fit by full Bayes, or the loss is neither.

    Notes
    -----
    Wade and Ghahramani (2018), Bayesian cluster analysis: point estimation and credible balls, Bayesian
    Analysis 13; the search is of the kind of Dahl, Johnson and Mueller (2022). O(S M C) a sweep for S draws,
    M rows and C clusters, and O(S N K (C + D^2)) for the other rows.

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
    rows = part_of(len(bayes.rows_), ROWS)
    X, every = bayes.rows_.taken(rows).columns, bayes.rows_.columns
    draws = bayes.fit_.draws.in_canonical_order
    thinned = Stacked(*(a[evenly(len(a), DRAWS)] for a in draws.stacked))
    # Always the same for a fit.
    rng = np.random.default_rng([bayes.predictive_seed_, 2])
    cores = bayes.fit_.settings.cores
    sampled = allocations(X, *thinned, rng, cores)
    k = draws.n_components
    complete = filled_values(bayes.rows_)
    by_kmeans = _kmeans(complete[rows], complete, rows, k, rng)
    others = {
        "em": density.responsibilities(X, bayes.em_.params_).argmax(axis=1).astype(np.int32),
        "kmeans": by_kmeans[rows],
    }
    cuts = partitions.hierarchical_cuts(similarity_matrix(X, *thinned, cores), 2 * k)
    f = partitions.loss_function(loss, len(X))
    labels, expected = partitions.best_partition(sampled, [*others.values(), *cuts], f, rng, cores)
    return Partition(
        _of_every_row(every, rows, labels, thinned, cores),
        rows,
        loss,
        expected,
        partitions.credible_ball(sampled, labels, f),
        {name: float(partitions.distances(labels[None], z, f)[0]) for name, z in others.items()},
        {name: float(partitions.distances(sampled, z, f).mean()) for name, z in others.items()},
        len(sampled),
        by_kmeans,
    )


def _of_every_row(
    X: Array, some: NDArray[np.intp], labels: NDArray[np.int32], draws: Stacked, cores: int
) -> NDArray[np.int32]:
    """The labels of some rows, (M,), handed on to all of X (N, D): to each other row that of the cluster with
    the largest mean similarity to it."""
    if len(some) == len(X):
        return labels
    members = np.eye(labels.max() + 1)[labels]
    of_clusters = log_likelihoods_and_overlaps(X[some], *draws, members / members.sum(axis=0), cores)[1]
    whole = mean_overlaps(X, *draws, of_clusters, cores).argmax(axis=1).astype(np.int32)
    whole[some] = labels
    return partitions.canonical(whole)


def _kmeans(
    own: Array, X: Array, some: NDArray[np.intp], k: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """K-means on standardised columns of some rows of X, `own`; others go to the nearest centre. Labels of
    all, (N,)."""
    shift, scale = Rows.unchecked(own).location_scale
    most, seed = len(np.unique(own, axis=0)), int(rng.integers(2**31))
    labels, centres = kmeans((own - shift) / scale, min(k, most), n_init=10, seed=seed)
    if len(some) == len(X):
        return labels.astype(np.int32)
    whole = pairwise_distances_argmin((X - shift) / scale, centres).astype(np.int32)
    whole[some] = labels
    return whole
