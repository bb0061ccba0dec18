"""`plot_responsibilities`: who belongs where, by EM and by the posterior."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bayesgmm.errors import ParameterError
from bayesgmm.mixture import density
from bayesgmm.plots.style import EM, check_readable, colour, figure_of, legend_below, marker, new_figure, text
from bayesgmm.rows.rows import Rows
from bayesgmm.wording.rows import axis_title

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_responsibilities"]

Array = NDArray[np.float64]

MOST, FEWEST = 40, 12
LONGEST_LABEL = 16
CLEAR = 0.995


def plot_responsibilities(
    bayes: "BayesGaussianMixture", result: "Comparison", *, ax: Axes | None = None
) -> Figure:
    """EM's responsibilities beside the posterior memberships, for the observations that are least certain.

    Sorted by the posterior's component and by its membership. Bars reach two standard deviations between
    draws to both sides, within 0 and 1. With two components one panel says all, since the other is its
    complement.

    Parameters
    ----------
    bayes : BayesGaussianMixture
    result : Comparison
        ``compare(bayes)``.
    ax : matplotlib Axes, optional
        Where to draw; only for one or two components.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the verdict refuses a reading of single components, and where one axes would have to hold
        several panels.
    """
    check_readable(bayes.verdict_.ok, "plot_responsibilities")
    rows = bayes.rows_
    em, mean, sd = (
        density.responsibilities(rows.values, bayes.em_.params_),
        bayes.membership_,
        bayes.membership_sd_,
    )
    shown = _least_sure(em, mean, result.assignments["bayes_label"].to_numpy())
    k = mean.shape[1]
    panels = 1 if k == 2 else k
    if panels > 1 and ax is not None:
        raise ParameterError(
            f"plot_responsibilities draws {k} components on {panels} axes; leave ax out, and take the figure "
            f"it returns.",
            n_components=k,
            n_axes=panels,
        )
    if ax is None:
        height = 1.6 + (2.0 if panels == 1 else max(0.9, 1.5 - 0.08 * k) * panels)
        figure = new_figure(max(7.0, 1.2 + 0.17 * len(shown)), height)
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    else:
        axes = np.array([ax])
    for c, at in enumerate(axes):
        _draw_component(at, em[shown, c], mean[shown, c], sd[shown, c], c)
    _label(axes, shown, rows, ax is None)
    return figure_of(axes[0])


def _least_sure(em: Array, mean: Array, labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most 40 observations that EM or the posterior is least certain of; no clear ones beyond the first
    12."""
    certainty = np.minimum(em.max(axis=1), mean.max(axis=1))
    order = np.argsort(certainty, kind="stable")
    count = int(np.clip((certainty < CLEAR).sum(), FEWEST, MOST))
    kept = order[:count]
    # Within a component the most certain first; the next component goes on where it is least certain of its
    # own.
    rank = np.lexsort((-mean[kept, labels[kept]], labels[kept]))
    return kept[rank]


def _draw_component(ax: Axes, em: Array, mean: Array, sd: Array, k: int) -> None:
    place = np.arange(len(em))
    low, high = np.clip(mean - 2 * sd, 0, 1), np.clip(mean + 2 * sd, 0, 1)
    ax.vlines(place + 0.14, low, high, color=colour(k), linewidth=2.2, alpha=0.55)
    ax.plot(
        place + 0.14,
        mean,
        marker=marker(k),
        color=colour(k),
        markersize=5,
        linestyle="",
        markeredgecolor="#333333",
        markeredgewidth=0.3,
    )
    ax.plot(
        place - 0.14,
        em,
        marker="D",
        markersize=4.2,
        linestyle="",
        markerfacecolor="white",
        markeredgecolor=EM,
        markeredgewidth=1.1,
    )
    ax.set(ylim=(-0.06, 1.06), xlim=(-0.8, len(em) - 0.2))
    ax.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    ax.set_axisbelow(True)


def _label(axes: NDArray[np.object_], shown: NDArray[np.intp], rows: Rows, own: bool) -> None:
    figure, n = figure_of(axes[0]), len(rows)
    labels = [text(rows.label(i), LONGEST_LABEL) for i in shown]
    axes[-1].set_xticks(range(len(shown)), labels, rotation=90, fontsize="x-small")
    axes[-1].set_xlabel(text(axis_title(rows)))
    which = (
        f"all {n} observations"
        if len(shown) == n
        else f"the {len(shown)} of {n} observations that are least certain"
    )
    title = f"Probability of belonging to each component\n{which}"
    if own:
        figure.suptitle(title)
    else:
        axes[0].set_title(title)
    if len(axes) == 1:
        axes[0].set_ylabel("probability of component 0")
    else:
        figure.supylabel("probability of component", fontsize="medium")
        for c, at in enumerate(axes):
            at.set_ylabel(str(c), rotation=0, weight="bold", va="center", labelpad=8)
    handles = [
        Line2D(
            [],
            [],
            marker="D",
            linestyle="",
            markersize=5,
            markerfacecolor="white",
            markeredgecolor=EM,
            label="EM responsibility",
        ),
        Line2D(
            [],
            [],
            marker=marker(0),
            color=colour(0),
            linewidth=2.2,
            markersize=5,
            label="posterior membership ± 2 sd between draws",
        ),
    ]
    legend_below(axes[0], handles, own, columns=2)
