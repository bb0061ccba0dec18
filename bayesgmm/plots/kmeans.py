"""`plot_kmeans`: k-means beside both fits of the mixture."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from numpy.typing import NDArray

from bayesgmm.comparison import partition
from bayesgmm.comparison.result import check_comparison
from bayesgmm.mixture.filling import filled_values
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.plots.fitted import ellipse, fitted
from bayesgmm.plots.groups import draw_groups, em_labels, matched, numbered, telling_features
from bayesgmm.plots.style import EM, new_figure
from bayesgmm.results import check_fit
from bayesgmm.rows.part import part_of

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_kmeans"]

Labels = NDArray[np.int32]

MOST_POINTS = 2000


def plot_kmeans(bayes: "BayesGaussianMixture", result: "Comparison | None" = None) -> Figure:
    """The observations by the clusters of k-means, of EM and of the posterior; rings mark rows whose cluster
    differs from the posterior's.

    K-means has as many clusters as the mixture has components, on standardised columns. The posterior's
    clusters are those of ``partition(bayes)``, which does not depend on labels. Clusters have the colour of
    the posterior's cluster that they share most rows with. Crosses are the means of k-means' clusters, dashed
    ellipses hold 95 % of EM's components. With one feature the observations are spread at random along the
    vertical axis; of more than two the two are shown in which the posterior's clusters differ most.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    result : Comparison, optional
        ``compare(bayes, labels)``: where it holds true labels, they stand in a panel of their own; its EM fit
        is drawn, where that is another one than the posterior's baseline.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_kmeans
    >>> bayes = BayesGaussianMixture(2, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.faithful().X[::4])
    >>> [ax.get_title().splitlines()[0] for ax in plot_kmeans(bayes).axes]
    ['k-means', 'EM', 'posterior']
    """
    check_fit(bayes)
    if result is not None:
        check_comparison(result, bayes)
    part = partition(bayes)
    f = fitted(bayes, result)
    X = f.X
    centre = numbered(bayes, part)
    shown, some = telling_features(X, centre), part_of(len(X), MOST_POINTS)
    clusterings = {
        "k-means": part.kmeans_labels,
        "EM": em_labels(bayes, result),
        "posterior": centre,
    }
    if result is not None and result.labels is not None:
        clusterings["true labels"] = result.labels
    n = len(clusterings)
    columns = n if n < 4 else 2
    figure = new_figure(3.2 * columns, 3.6 * (n // columns) + 0.3)
    axes = figure.subplots(n // columns, columns, sharex=True, sharey=True).ravel()
    any_differs = False
    for ax, (name, labels) in zip(axes, clusterings.items(), strict=True):
        labels = matched(labels, centre)
        differing = labels != centre
        any_differs |= bool(differing.any())
        draw_groups(ax, X[some], labels[some], shown, differing[some])
        ax.set_title(f"{name}\n{_sentence(labels, differing, name == 'posterior')}", fontsize="small")
        if name == "k-means":
            _draw_means(ax, filled_values(f.rows), labels, shown)
    if len(shown) == 2:
        _draw_ellipses(axes[1], f.em, shown)
        axes[0].set(xlim=f.limits(shown[0]), ylim=f.limits(shown[1]))
    for i, ax in enumerate(axes):
        ax.set_xlabel(f.names[shown[0]] if i >= n - columns else "")
        if len(shown) == 2 and i % columns == 0:
            ax.set_ylabel(f.names[shown[1]])
    figure.suptitle("K-means beside the mixture", fontsize="medium")
    figure.legend(
        handles=_handles(any_differs, len(shown) == 2),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize="small",
    )
    return figure


def _sentence(labels: Labels, differing: NDArray[np.bool_], reference: bool) -> str:
    n = len(np.unique(labels))
    clusters = f"{n} cluster{'s' if n > 1 else ''}"
    return clusters if reference else f"{clusters}, {int(differing.sum())} of {len(labels)} rows differ"


def _draw_means(ax: Axes, X: NDArray[np.float64], labels: Labels, shown: list[int]) -> None:
    means = np.array([X[labels == c].mean(axis=0) for c in np.unique(labels)])
    heights = means[:, shown[1]] if len(shown) == 2 else np.zeros(len(means))
    ax.plot(means[:, shown[0]], heights, marker="x", color=EM, markersize=9, mew=2, linestyle="", zorder=6)


def _draw_ellipses(ax: Axes, params: MixtureParams, shown: list[int]) -> None:
    for mean, covariance in zip(params.means, params.covariances, strict=True):
        curve = ellipse(mean[shown], covariance[np.ix_(shown, shown)])
        ax.add_artist(PathPatch(curve, fill=False, edgecolor=EM, linewidth=1.1, linestyle="--", zorder=5))


def _handles(any_differs: bool, two: bool) -> list[Line2D]:
    handles = [
        Line2D(
            [],
            [],
            marker="x",
            color=EM,
            markersize=8,
            mew=2,
            linestyle="",
            label="mean of a cluster of k-means",
        )
    ]
    if two:
        handles.append(Line2D([], [], color=EM, linestyle="--", label="EM, 95 % ellipse"))
    if any_differs:
        ring = Line2D(
            [],
            [],
            marker="o",
            markersize=7.5,
            mfc="none",
            mec=EM,
            linestyle="",
            label="cluster differs from the posterior's",
        )
        handles.append(ring)
    return handles
