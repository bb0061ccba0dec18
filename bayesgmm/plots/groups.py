"""Observations drawn by the groups that a clustering makes of them."""

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bayesgmm.comparison.partitioning import Partition
from bayesgmm.errors import ParameterError
from bayesgmm.mixture import density
from bayesgmm.mixture.matching import best_match
from bayesgmm.plots.fitted import em_held_against
from bayesgmm.plots.style import N_COLOURS, colour, marker
from bayesgmm.results import check_fit
from bayesgmm.rows.outline import outline_of
from bayesgmm.support.arguments import check_kind
from bayesgmm.support.sentences import shown_value

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = [
    "chosen_features",
    "draw_groups",
    "em_labels",
    "matched",
    "numbered",
    "rows_of",
    "telling_features",
]

Array = NDArray[np.float64]
Labels = NDArray[np.int32]


def em_labels(bayes: "BayesGaussianMixture", result: "Comparison | None" = None) -> Labels:
    """EM's component of each row, shape (N,); that of the comparison's EM fit, where there is one."""
    em = em_held_against(bayes, result).params_
    return density.responsibilities(bayes.rows_.values, em).argmax(axis=1).astype(np.int32)


def rows_of(bayes: "BayesGaussianMixture", part: "Partition") -> Array:
    """The rows that the search for a partition has looked at, shape (M, D).

    Raises
    ------
    ParameterError
        Where it is no partition, or one of another number of rows.
    """
    check_fit(bayes)
    check_kind(part, "part", Partition, "a Partition, which partition(bayes) makes")
    X = bayes.rows_.values
    if len(part.labels) != len(X):
        raise ParameterError(
            f"The partition is of {len(part.labels)} rows, and the fit of {len(X)}; use partition(bayes) of "
            f"this fit.",
            partition_rows=len(part.labels),
            fit_rows=len(X),
        )
    return X[part.rows]


def numbered(bayes: "BayesGaussianMixture", part: "Partition") -> Labels:
    """The partition's clusters, numbered as the components they resemble where those have names, shape
    (N,)."""
    return matched(part.labels, bayes.membership_.argmax(axis=1)) if bayes.verdict_.ok else part.labels


def matched(labels: NDArray[np.integer], reference: NDArray[np.integer]) -> Labels:
    """The same clustering with its clusters numbered so that as many rows as possible have the number that
    they have in `reference`.

    Clusters that are left over get numbers that `reference` does not use.
    """
    names, at = np.unique(labels, return_inverse=True)
    n_reference = int(reference.max()) + 1
    table = np.zeros((len(names), max(n_reference, len(names))))
    np.add.at(table, (at, reference), 1)
    number = best_match(table)
    # A cluster that shares no row with its number has not been matched.
    alone = table[np.arange(len(names)), number] == 0
    number[alone] = n_reference + np.arange(alone.sum())
    return number[at].astype(np.int32)


def telling_features(X: Array, labels: NDArray[np.integer]) -> list[int]:
    """The one or two features in which groups differ most, by the share of the variance between them; cells
    that are missing take no part."""
    if X.shape[1] <= 2:
        return list(range(X.shape[1]))
    whole = outline_of(X)
    between = np.zeros(X.shape[1])
    for c in np.unique(labels):
        # Of a group without any cell of a feature nothing is known there.
        own = np.nan_to_num(outline_of(X[labels == c]).mean - whole.mean)
        between += (labels == c).mean() * own**2
    return sorted(np.argsort(-between / whole.std**2, kind="stable")[:2].tolist())


def chosen_features(names: Sequence[str], features: Sequence[str | int]) -> list[int]:
    """Places of one or two features that were given by name or by number.

    Raises
    ------
    ParameterError
        Where there are more or fewer, one twice, or one that the data do not have.
    """
    given = list(features) if np.iterable(features) and not isinstance(features, str) else [features]
    at = [_place(names, feature) for feature in given]
    if len(set(at)) != len(given) or not 1 <= len(at) <= 2 or not all(0 <= j < len(names) for j in at):
        raise ParameterError(
            f"features must hold one or two different ones of {', '.join(names)}, by name or by number; got "
            f"{shown_value(features)}.",
            features=features,
            known=tuple(names),
        )
    return at


def _place(names: Sequence[str], feature: object) -> int:
    """Where a feature stands that was given by name or by number; -1 where it is neither."""
    if isinstance(feature, Integral) and not isinstance(feature, bool):
        return int(feature)
    return names.index(feature) if isinstance(feature, str) and feature in names else -1


def draw_groups(
    ax: Axes,
    X: Array,
    labels: NDArray[np.integer],
    shown: Sequence[int],
    differing: NDArray[np.bool_] | None = None,
) -> None:
    """Rows X (M, D) in one or two features, each group in its colour and with its marker; rings around those
    that differ.

    With one feature the rows are spread at random along the vertical axis, always in the same way.
    """
    one = len(shown) == 1
    x = X[:, shown[0]]
    y = np.random.default_rng(0).uniform(-1, 1, len(X)) if one else X[:, shown[1]]
    for c in np.unique(labels):
        own = labels == c
        # Where colours come round again, markers are others.
        look: dict[str, Any] = {"marker": marker(c + c // N_COLOURS), "color": colour(c)}
        ax.plot(x[own], y[own], linestyle="", markersize=3.5, alpha=0.75, mew=0, **look)
    if differing is not None and differing.any():
        ring: dict[str, Any] = {
            "marker": "o",
            "markersize": 7.5,
            "markerfacecolor": "none",
            "markeredgecolor": "#1a1a1a",
            "mew": 0.8,
        }
        ax.plot(x[differing], y[differing], linestyle="", zorder=5, **ring)
    if one:
        ax.set_yticks([])
        ax.set_ylim(-1.6, 1.6)
