"""`plot_responsibilities`: who belongs where, by EM and by the posterior."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bayesgmm.comparison.sides import CI_PROB
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.mixture import density
from bayesgmm.plots.fitted import check_drawable, em_held_against, rows_drawn
from bayesgmm.plots.style import (
    EM,
    axes_for,
    check_readable,
    colour,
    figure_of,
    legend_below,
    marker,
    new_figure,
    text,
)
from bayesgmm.posterior.memberships import Memberships, membership_intervals
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.wording.numbers import percent
from bayesgmm.wording.rows import axis_title

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_responsibilities"]

Array = NDArray[np.float64]

MOST, FEWEST = 40, 12
LONGEST_LABEL = 16
CLEAR = 0.995

EM_LOOK: dict[str, Any] = {
    "marker": "D",
    "linestyle": "",
    "markerfacecolor": "white",
    "markeredgecolor": EM,
    "markeredgewidth": 1.1,
}


def plot_responsibilities(
    fit: "BayesGaussianMixture | EMGaussianMixture",
    result: "Comparison | None" = None,
    *,
    X: RowsLike | None = None,
    ax: Axes | None = None,
) -> Figure:
    """EM's responsibilities beside the posterior memberships, for the observations that are least certain.

    Sorted by component and by membership, for a fit by EM alone by responsibility. Bars are central intervals
    between draws, of the comparison's mass or 0.95. With two components one panel says all, since the other
    is its complement.

    Parameters
    ----------
    fit : BayesGaussianMixture or EMGaussianMixture
        A fitted one.
    result : Comparison, optional
        ``compare(fit, em=...)``: the EM fit to be drawn, where it is another one than the posterior's
        baseline.
    X : array_like or data frame, shape (N, D), optional
        The rows of a fit by EM; a posterior has its own.
    ax : matplotlib Axes, optional
        Where to draw; only for one or two components.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the verdict refuses component-wise summaries, where a fit by EM comes without X or a
        posterior with it, and where one axes would have to hold several panels.

    Examples
    --------
    >>> from bayesgmm import EMGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_responsibilities
    >>> X = datasets.faithful().X
    >>> em = EMGaussianMixture(2, random_state=0).fit(X)
    >>> plot_responsibilities(em, X=X).axes[0].get_ylabel()
    'probability of component 0'
    """
    check_drawable(fit, result)
    alone = isinstance(fit, EMGaussianMixture)
    check_readable(alone or fit.verdict_.ok, "plot_responsibilities")
    rows = rows_drawn(fit, X)
    em = density.responsibilities(rows.values, em_held_against(fit, result).params_)
    mean = em if alone else fit.membership_
    shown = _least_sure(em, mean)
    ci_prob = CI_PROB if result is None else result.ci_prob
    axes = _panels(ax, mean.shape[1], len(shown))
    intervals = None
    if not isinstance(fit, EMGaussianMixture):
        draws = fit.fit_.draws.stacked
        intervals = membership_intervals(rows.taken(shown), *draws, ci_prob=ci_prob)
    for c, at in enumerate(axes):
        _draw_em(at, em[shown, c], beside=not alone)
        if intervals is not None:
            _draw_memberships(at, intervals, c)
    _label(axes, shown, rows, ax is None)
    legend_below(axes[0], _handles(None if alone else ci_prob), ax is None, columns=2)
    return figure_of(axes[0])


def _panels(ax: Axes | None, k: int, n_shown: int) -> NDArray[np.object_]:
    """Axes for K components of so many observations: one for each, or one for both of two."""
    panels = 1 if k == 2 else k
    if ax is None:
        height = 1.6 + (2.0 if panels == 1 else max(0.9, 1.5 - 0.08 * k) * panels)
        figure = new_figure(max(7.0, 1.2 + 0.17 * n_shown), height)
        return figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    if panels > 1:
        raise ParameterError(
            f"plot_responsibilities draws {k} components on {panels} axes; leave ax out, and take the figure "
            f"it returns.",
            n_components=k,
            n_axes=panels,
        )
    return np.array([axes_for(ax, 0, 0)])


def _least_sure(em: Array, mean: Array) -> NDArray[np.intp]:
    """At most 40 observations that EM or the posterior is least certain of; no clear ones beyond the first
    12."""
    certainty = np.minimum(em.max(axis=1), mean.max(axis=1))
    order = np.argsort(certainty, kind="stable")
    count = int(np.clip((certainty < CLEAR).sum(), FEWEST, MOST))
    kept = order[:count]
    labels = mean[kept].argmax(axis=1)
    # Within a component the most certain first; the next component goes on where it is least certain of its
    # own.
    return kept[np.lexsort((-mean[kept, labels], labels))]


def _draw_memberships(ax: Axes, found: Memberships, k: int) -> None:
    """The posterior's of component k, a little to the right."""
    place = np.arange(len(found.mean)) + 0.14
    ax.vlines(place, found.lower[:, k], found.upper[:, k], color=colour(k), linewidth=2.2, alpha=0.55)
    look: dict[str, Any] = {"markeredgecolor": "#333333", "markeredgewidth": 0.3, "markersize": 5}
    ax.plot(place, found.mean[:, k], marker=marker(k), color=colour(k), linestyle="", **look)


def _draw_em(ax: Axes, em: Array, beside: bool) -> None:
    """EM's, a little to the left where the posterior's stand beside them."""
    place = np.arange(len(em)) - (0.14 if beside else 0.0)
    ax.plot(place, em, markersize=4.2, **EM_LOOK)
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


def _handles(ci_prob: float | None) -> list[Line2D]:
    """The second of them where there are intervals."""
    handles = [Line2D([], [], markersize=5, label="EM responsibility", **EM_LOOK)]
    if ci_prob is not None:
        look: dict[str, Any] = {"color": colour(0), "linewidth": 2.2, "markersize": 5}
        label = f"posterior membership, {percent(ci_prob)} interval between draws"
        handles.append(Line2D([], [], marker=marker(0), label=label, **look))
    return handles
