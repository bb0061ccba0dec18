"""`plot_modes`: the modes of the posterior, and how the observations group at each."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesgmm.plots.groups import draw_groups, telling_features
from bayesgmm.plots.style import BAYES, PALE, display_names, new_figure
from bayesgmm.results import check_fit

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture
    from bayesgmm.posterior.modes import ModeMap

__all__ = ["plot_modes"]

MOST_PANELS = 6
MOST_POINTS = 2000


def plot_modes(bayes: "BayesGaussianMixture") -> Figure:
    """One panel a mode, the largest first: its share of the posterior, and the observations by their most
    probable component.

    With one feature the observations are spread at random along the vertical axis; of more than two the two
    are shown in which the groups of the first mode differ most. Colours say nothing across panels: components
    have no labels that modes share.

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_fit(bayes)
    found = bayes.mode_map_
    X = bayes.rows_.values
    names = display_names(bayes.fit_.names)
    n = min(found.n_modes, MOST_PANELS)
    columns = min(n, 3)
    rows = -(-n // columns)
    figure = new_figure(max(3.4 * columns, 4.5), 3.1 * rows + 0.9)
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[0.5, *[3.0] * rows])
    _draw_shares(figure.add_subplot(grid[0, :]), found)
    shown = telling_features(X, found.partitions[0])
    some = np.arange(len(X))[:: max(1, len(X) // MOST_POINTS)]
    first = None
    for m in range(n):
        ax = figure.add_subplot(grid[1 + m // columns, m % columns], sharex=first, sharey=first)
        first = first or ax
        draw_groups(ax, X[some], found.partitions[m][some], shown)
        share, se = found.table["share"][m], found.table["share_se"][m]
        ax.set_title(f"mode {m + 1}: {100 * share:.0f} % (± {100 * se:.0f})")
        ax.set_xlabel(names[shown[0]])
        if len(shown) > 1 and m % columns == 0:
            ax.set_ylabel(names[shown[1]])
    return figure


def _draw_shares(ax: Axes, found: "ModeMap") -> None:
    left = 0.0
    for m, share in enumerate(found.table["share"]):
        ax.barh(0, share, left=left, color=BAYES, alpha=max(0.25, 1 - 0.18 * m), edgecolor="white")
        if share > 0.04:
            ink = "white" if m < 3 else "#1a1a1a"
            ax.text(left + share / 2, 0, str(m + 1), ha="center", va="center", color=ink, weight="bold")
        left += share
    if left < 0.999:
        ax.barh(0, 1 - left, left=left, color=PALE, edgecolor="white")
    ax.set_xlim(0, 1)
    ax.set_yticks([])
    ax.set_xlabel(
        "share of the posterior; grey: modes with less than 2 % each"
        if left < 0.999
        else "share of the posterior"
    )
