"""`plot_ball`: the partition that stands for the posterior, the ball around it, and where EM and k-means
stand."""

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bayesgmm.plots.groups import draw_groups, em_labels, matched, numbered, rows_of, telling_features
from bayesgmm.plots.style import BAYES, EM, PALE, display_names, new_figure
from bayesgmm.posterior import partitions
from bayesgmm.results import check_fit
from bayesgmm.rows.part import part_of
from bayesgmm.support.sentences import listed

if TYPE_CHECKING:
    from bayesgmm.comparison import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_ball"]

MOST_POINTS = 2000
COLUMNS = 3
WIDEST_TITLE = 36
LETTERS = "ABCDE"


@dataclass(frozen=True, eq=False)
class _Other:
    """A partition beside the central one; several that are equal are one with several names."""

    names: list[str]
    labels: NDArray[np.int32]
    distance: float
    differing: NDArray[np.bool_]


def plot_ball(bayes: "BayesGaussianMixture", part: "Partition") -> Figure:
    """The credible ball of the partition: distances on a line, and below one panel for each partition on it.

    Beside the partition itself stand EM's, that of k-means, and the bounds of the ball: of the draws in it
    those farthest from the partition, among all, among those with fewest and among those with most clusters
    (one of each, where several tie). Partitions that are equal share a panel. Clusters have the colours of
    those of the partition that they share most rows with, and rings mark rows whose cluster is another one.
    With one feature the observations are spread at random along the vertical axis; of more than two the two
    are shown in which the partition's clusters differ most.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    part : Partition
        ``partition(bayes)``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the partition is of other data.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets, partition
    >>> from bayesgmm.plots import plot_ball
    >>> bayes = BayesGaussianMixture(2, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.faithful().X[::4])
    >>> plot_ball(bayes, partition(bayes)).axes[1].get_title().splitlines()[0]
    'the partition'
    """
    check_fit(bayes)
    X = rows_of(bayes, part)
    names = display_names(bayes.fit_.names)
    centre = numbered(bayes, part)[part.rows]
    others = _others(bayes, part, centre)
    panels = 1 + len(others)
    columns = 2 if panels in (2, 4) else min(COLUMNS, panels)
    rows = -(-panels // columns)
    figure = new_figure(max(3.2 * columns, 6.4), 3.2 * rows + 1.3)
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[1.0, *[3.0] * rows])
    _draw_line(figure.add_subplot(grid[0, :]), part, others)
    shown, some = telling_features(X, centre), part_of(len(X), MOST_POINTS)
    own = f"the partition\n{_n_clusters(centre)}, expected loss {part.expected_loss:.3f}"
    first: Axes | None = None
    for i in range(panels):
        ax = figure.add_subplot(grid[1 + i // columns, i % columns], sharex=first, sharey=first)
        first = first or ax
        if i == 0:
            draw_groups(ax, X[some], centre[some], shown)
        else:
            draw_groups(ax, X[some], others[i - 1].labels[some], shown, others[i - 1].differing[some])
        ax.set_title(own if i == 0 else _title(LETTERS[i - 1], others[i - 1]), fontsize="small")
        ax.set_xlabel(names[shown[0]])
        if len(shown) > 1 and i % columns == 0:
            ax.set_ylabel(names[shown[1]])
    of = "" if len(X) == len(part.labels) else f"\n{len(X):,} of {len(part.labels):,} rows, chosen at random"
    figure.suptitle(
        f"How far the posterior's partitions lie from the one that stands for them{of}", fontsize="medium"
    )
    return figure


def _others(bayes: "BayesGaussianMixture", part: "Partition", centre: NDArray[np.int32]) -> list[_Other]:
    """EM's, k-means', and the ball's bounds, the nearest first; equal ones once."""
    candidates = [
        ("EM", em_labels(bayes)[part.rows]),
        ("k-means", part.kmeans_labels[part.rows]),
        ("farthest in the ball", part.ball.horizontal[0]),
        ("fewest clusters", part.ball.upper[0]),
        ("most clusters", part.ball.lower[0]),
    ]
    f = partitions.loss_function(part.loss, len(centre))
    found: list[_Other] = []
    for name, labels in candidates:
        canonical = partitions.canonical(labels)
        twin = next((o for o in found if (partitions.canonical(o.labels) == canonical).all()), None)
        if twin:
            twin.names.append(name)
            continue
        renamed = matched(labels, centre)
        distance = float(partitions.distances(centre[None], canonical, f)[0])
        found.append(_Other([name], renamed, distance, renamed != centre))
    return sorted(found, key=lambda o: o.distance)


def _draw_line(ax: Axes, part: "Partition", others: list[_Other]) -> None:
    """Distances from the partition, and how far the ball reaches."""
    ball = part.ball
    ax.axvspan(0, ball.radius, color=PALE, linewidth=0)
    ax.plot(0, 0, marker="o", color=BAYES, markersize=12, linestyle="")
    end = max([ball.radius, *(o.distance for o in others)]) or 1.0
    last, high = -end, False
    for letter, other in zip(LETTERS, others, strict=False):
        is_em = "EM" in other.names
        look: dict[str, Any] = (
            {"marker": "D", "markersize": 7} if is_em else {"marker": "|", "markersize": 13}
        )
        ax.plot(other.distance, 0, color=EM, mfc="white", mew=1.4, **look)
        # Letters of neighbours stand one above the other.
        high = not high and other.distance - last < 0.03 * end
        last = other.distance
        place: dict[str, Any] = {"xytext": (0, 21 if high else 9), "textcoords": "offset points"}
        ax.annotate(letter, (other.distance, 0), ha="center", weight="bold", **place)
    unit = "bits" if part.loss == "vi" else "share of pairs"
    name = "variation of information" if part.loss == "vi" else "Binder's loss"
    ax.set(xlim=(-0.04 * end, 1.04 * end), ylim=(-1, 3.2), yticks=[])
    ax.set_xlabel(
        f"{name} from the partition ({unit}); grey: {100 * ball.mass:.0f} % of the posterior",
        fontsize="small",
    )


def _title(letter: str, other: _Other) -> str:
    n = int(other.differing.sum())
    rows = "no row differs" if n == 0 else f"{n} row{'s differ' if n > 1 else ' differs'}"
    names = textwrap.fill(f"{letter}: {listed(other.names)}", WIDEST_TITLE)
    return f"{names}\n{_n_clusters(other.labels)}, {rows}"


def _n_clusters(labels: NDArray[np.int32]) -> str:
    n = len(np.unique(labels))
    return f"{n} cluster{'s' if n > 1 else ''}"
