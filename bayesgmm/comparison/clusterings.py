"""EM's, k-means' and the posterior's clusterings held against each other, and against true labels where there
are any."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import adjusted_rand_score

from bayesgmm.comparison.partitioning import partition
from bayesgmm.comparison.sides import Sides
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.matching import best_match
from bayesgmm.posterior import partitions
from bayesgmm.support.arguments import as_array

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["checked_labels", "clustering_table"]

Array = NDArray[np.float64]

# What a probability of zero costs where it was wrong.
SMALLEST = 1e-12


def clustering_table(
    bayes: "BayesGaussianMixture", sides: Sides, labels: NDArray[np.int32] | None
) -> pd.DataFrame:
    """Agreement of clusterings; see ``Comparison.clusterings``.

    Adjusted Rand index: Hubert and Arabie (1985). Variation of information, in bits: Meila (2007).
    """
    part, em = partition(bayes), sides.responsibilities
    hard = {
        "posterior": part.labels,
        "em": em.argmax(axis=1).astype(np.int32),
        "k-means": part.kmeans_labels,
    }
    f = partitions.loss_function("vi", len(part.labels))
    table = pd.DataFrame(index=pd.Index(list(hard), name="clustering"))
    table["n_clusters"] = [len(np.unique(z)) for z in hard.values()]
    table["rand_with_posterior"] = [adjusted_rand_score(part.labels, z) for z in hard.values()]
    table["vi_with_posterior"] = [partitions.distances(z[None], part.labels, f)[0] for z in hard.values()]
    if labels is None:
        return table
    table["rand_with_truth"] = [adjusted_rand_score(labels, z) for z in hard.values()]
    table["vi_with_truth"] = [partitions.distances(z[None], labels, f)[0] for z in hard.values()]
    # Memberships are by component; where labels are ambiguous, they have no meaning of their own.
    soft = {"em": em} | ({"posterior": bayes.membership_} if bayes.verdict_.ok else {})
    table["log_loss"] = [log_loss(soft[name], labels) if name in soft else np.nan for name in hard]
    return table


def checked_labels(labels: ArrayLike | None, n: int) -> NDArray[np.int32] | None:
    """True labels as integers from 0, one for each row.

    Raises
    ------
    ParameterError
        Where there are not as many as rows, or one is missing.
    """
    if labels is None:
        return None
    shape = as_array(labels, "labels").shape
    values = pd.Series(list(labels) if len(shape) == 1 else [])  # type: ignore[arg-type]
    if len(values) != n:
        raise ParameterError(
            f"labels must hold one label for each of the {n} rows; got shape {shape}.",
            expected=n,
            shape=shape,
        )
    try:
        codes, _ = pd.factorize(values)
    except TypeError as error:
        raise ParameterError(
            f"labels must be numbers or texts, which can be told apart; got others ({error}).",
            reason=str(error),
        ) from None
    if (codes < 0).any():
        raise ParameterError(
            f"labels must not be missing; row {int(np.flatnonzero(codes < 0)[0])} has none.",
            row=int(np.flatnonzero(codes < 0)[0]),
        )
    return codes.astype(np.int32)


def log_loss(memberships: Array, labels: NDArray[np.int32]) -> float:
    """Mean negative log probability of the true labels, components matched to labels in the way that makes it
    smallest.

    A label without a component, or a component without a label, has probability 0 of being right, which
    counts as 1e-12.
    """
    n_labels = int(labels.max()) + 1
    cost = np.full((n_labels, max(n_labels, memberships.shape[1])), -np.log(SMALLEST))
    losses = -np.log(np.maximum(memberships, SMALLEST))
    of_label = np.stack([losses[labels == label].sum(axis=0) for label in range(n_labels)])
    cost *= np.bincount(labels)[:, None]
    cost[:, : memberships.shape[1]] = of_label
    return float(cost[np.arange(n_labels), best_match(-cost)].sum() / len(labels))
