"""`plot_similarity`: how probable it is that two observations share a component, for all pairs."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from bayesgmm.comparison import partition
from bayesgmm.mixture.draws import evenly
from bayesgmm.plots.groups import rows_of
from bayesgmm.plots.style import SHADES, WARNING, axes_for, figure_of
from bayesgmm.results import check_fit

if TYPE_CHECKING:
    from bayesgmm.comparison import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_similarity", "sorted_rows"]

Array = NDArray[np.float64]

# More would be finer than the pixels of the picture.
MOST_ROWS = 1000
# Share of the axis that a group's number needs.
ROOM = 0.03


def plot_similarity(
    bayes: "BayesGaussianMixture", part: "Partition | None" = None, *, ax: Axes | None = None
) -> Figure:
    """Heat map of P(two observations share a component), sorted by the clusters of the partition, with lines
    between them.

    Within a cluster observations stand beside those that they share a component with most probably. Nothing
    here depends on the labels of components. Of more than 1,000 observations 1,000 are drawn, of each cluster
    its share.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    part : Partition, optional
        ``partition(bayes)``, which is made where it is not given.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the partition is of other data.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_similarity
    >>> bayes = BayesGaussianMixture(2, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.faithful().X[::4])
    >>> plot_similarity(bayes).axes[0].images[0].get_array().shape
    (68, 68)
    """
    check_fit(bayes)
    part = partition(bayes) if part is None else part
    rows_of(bayes, part)
    similarity, labels = bayes.similarity_, part.searched_labels
    # Of each cluster its share.
    some = np.argsort(labels, kind="stable")[evenly(len(labels), MOST_ROWS)]
    order = some[sorted_rows(similarity[np.ix_(some, some)], labels[some])]
    ax = axes_for(ax, 6.4, 5.6)
    image = ax.imshow(
        similarity[np.ix_(order, order)], cmap=SHADES, vmin=0, vmax=1, interpolation="nearest", aspect="equal"
    )
    figure_of(ax).colorbar(image, ax=ax, label="probability of sharing a component")
    _mark_groups(ax, labels[order])
    shown = (
        ""
        if len(order) == len(bayes.membership_)
        else f"\n{len(order)} of {len(bayes.membership_)} observations"
    )
    ax.set(
        title=f"Which observations belong together{shown}",
        xlabel="observations, by cluster",
        ylabel="cluster",
    )
    return figure_of(ax)


def sorted_rows(similarity: Array, labels: NDArray[np.int32]) -> NDArray[np.intp]:
    """Rows by cluster, and within it as average linkage of 1 - similarity joins them."""
    order = []
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        if len(members) > 2:
            distance = 1 - similarity[np.ix_(members, members)]
            # Both halves, which differ by rounding; the diagonal is not looked at.
            condensed = squareform(np.clip((distance + distance.T) / 2, 0, None), checks=False)
            members = members[leaves_list(linkage(condensed, method="average"))]
        order.append(members)
    return np.concatenate(order)


def _mark_groups(ax: Axes, labels: NDArray[np.int32]) -> None:
    """Lines between clusters, and the numbers of those that have room for one; `labels` are sorted."""
    numbers, sizes = np.unique(labels, return_counts=True)
    ends = np.cumsum(sizes)
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color=WARNING, linewidth=0.9)
        ax.axvline(end - 0.5, color=WARNING, linewidth=0.9)
    middle = ends - sizes / 2 - 0.5
    roomy = sizes >= ROOM * len(labels)
    ax.set_yticks(middle[roomy], [str(c) for c in numbers[roomy]])
    ax.set_xticks([])
