"""`plot_shapes`: how large, how long and how turned the components are, by EM and by the posterior."""

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from bayesgmm.comparison.result import check_comparison
from bayesgmm.errors import ParameterError
from bayesgmm.plots.style import (
    EM,
    WARNING,
    axes_for,
    check_readable,
    colour,
    figure_of,
    legend_below,
    marker,
    new_figure,
)
from bayesgmm.wording.numbers import percent

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison

__all__ = ["plot_shapes"]

ROW = 0.3
# Volumes that differ more need a logarithmic axis.
WIDEST = 10.0
_UNITS = {
    "volume": "volume (root of the determinant)",
    "axis ratio": "axis ratio (longest to shortest)",
    "orientation": "orientation of the longest axis (degrees)",
    "turn": "turn of the longest axis from EM's (degrees)",
}


def plot_shapes(result: "Comparison", *, ax: Axes | None = None) -> Figure:
    """Volume, axis ratio and orientation of each component's covariance: posterior intervals with EM's values
    beside them.

    Volumes that differ much have a logarithmic axis. A turn is measured from EM's own axis, where the dashed
    line is.

    Parameters
    ----------
    result : Comparison
        ``compare(bayes)``.
    ax : matplotlib Axes, optional
        Where to draw; only where components have a volume and nothing else: for one feature, or spherical
        covariances.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the verdict refuses component-wise summaries, and where one axes would have to hold
        several panels.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, compare, datasets
    >>> from bayesgmm.plots import plot_shapes
    >>> bayes = BayesGaussianMixture(2, random_state=0, progressbar=False).fit(datasets.faithful().X)
    >>> len(plot_shapes(compare(bayes)).axes)
    3
    """
    check_comparison(result)
    check_readable(result.components_readable, "plot_shapes")
    kinds = list(result.shapes.index.unique("shape"))
    k = len(result.shapes.index.unique("component"))
    if ax is not None and len(kinds) > 1:
        raise ParameterError(
            f"plot_shapes draws {len(kinds)} panels ({', '.join(kinds)}); leave ax out, and take the figure "
            f"it returns.",
            kinds=tuple(kinds),
        )
    own = ax is None
    if ax is None:
        figure = new_figure(max(6.2, 3.0 * len(kinds) + 1.0), 1.9 + ROW * k)
        axes = list(figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0])
    else:
        axes = [axes_for(ax, 0, 0)]
    for at, kind in zip(axes, kinds, strict=True):
        _draw(at, result.shapes.xs(kind, level="shape"), kind)
        at.set_xlabel(
            _UNITS[kind] if result.bayes.n_features_in_ > 1 else "standard deviation", fontsize="small"
        )
    axes[0].set_yticks(range(k), [str(c) for c in range(k)])
    axes[0].set(ylabel="component", ylim=(k - 0.4, -0.6))
    title = f"Shapes of the components: EM and {percent(result.ci_prob)} posterior intervals"
    if own:
        figure_of(axes[0]).suptitle(title, fontsize="medium")
    else:
        axes[0].set_title(title)
    outside = bool((~result.shapes["inside"].fillna(True).astype(bool)).any())
    legend_below(axes[0], _handles(outside, result.ci_prob), own)
    return figure_of(axes[0])


def _draw(ax: Axes, table: pd.DataFrame, kind: str) -> None:
    for place, (c, row) in enumerate(table.iterrows()):
        k = int(str(c))
        ax.plot(
            [row["lower"], row["upper"]],
            [place, place],
            color=colour(k),
            linewidth=2.4,
            solid_capstyle="butt",
        )
        ax.plot(row["mean"], place, marker=marker(k), color=colour(k), markersize=6, mec="#333333", mew=0.4)
        if kind != "turn":
            ax.plot(row["em"], place, **_em_look(not row["inside"]))
    if kind == "turn":
        ax.axvline(0.0, color=EM, linestyle="--", linewidth=1.2)
    if kind == "volume" and table["upper"].max() > WIDEST * table["lower"].min():
        _log_axis(ax)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    ax.set_axisbelow(True)


def _log_axis(ax: Axes) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    # Within two decades powers of ten alone would be too few.
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,), numticks=8))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _em_look(outside: bool) -> dict[str, Any]:
    edge = WARNING if outside else EM
    face = WARNING if outside else "white"
    return {
        "marker": "D",
        "linestyle": "",
        "markersize": 5,
        "zorder": 4,
        "markeredgecolor": edge,
        "markerfacecolor": face,
        "markeredgewidth": 1.2,
    }


def _handles(any_outside: bool, ci_prob: float) -> list[Line2D]:
    posterior: dict[str, Any] = {"color": colour(0), "marker": marker(0), "linewidth": 2.4, "markersize": 6}
    handles = [
        Line2D([], [], label=f"posterior mean, {percent(ci_prob)} interval", **posterior),
        Line2D([], [], label="EM, inside", **_em_look(False)),
    ]
    if any_outside:
        handles.append(Line2D([], [], label="EM, outside", **_em_look(True)))
    return handles
