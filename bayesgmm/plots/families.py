"""`plot_families`: a criterion of EM against the number of components, one line a covariance family."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayesgmm.plots.style import (
    N_COLOURS,
    PALE,
    axes_for,
    colour,
    figure_of,
    line_style,
    marker,
    ring,
)
from bayesgmm.selection.em_selection import EM_CRITERIA, EMSelection
from bayesgmm.support.arguments import check_choice, check_kind
from bayesgmm.wording.selection import CRITERIA

__all__ = ["plot_families"]

# Up to here the axis is linear, and beyond logarithmic: near the best single units count.
NEAR = 20.0


def plot_families(choice: EMSelection, *, criterion: str = "bic", ax: Axes | None = None) -> Figure:
    """How far each family with each number of components is above the best by BIC; the best is on top.

    Fits that have no say are left out. Where the other criteria prefer a fit, their names stand beside it.

    Parameters
    ----------
    choice : EMSelection
        ``select_components(X, ks, families="all", criteria="em")``.
    criterion : {"bic", "icl", "aic"}, default "bic"
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import datasets, select_components
    >>> from bayesgmm.plots import plot_families
    >>> X = datasets.faithful().X
    >>> choice = select_components(X, [1, 2, 3], families="all", criteria="em", random_state=0)
    >>> figure = plot_families(choice)
    >>> len(figure.axes)
    1
    """
    check_kind(
        choice, "choice", EMSelection, "an EMSelection, which select_components with criteria='em' makes"
    )
    check_choice(criterion, "criterion", EM_CRITERIA)
    own, ax = ax is None, axes_for(ax, 8.0, 4.8)
    wide = choice.wide(criterion)
    above = wide - wide.min().min()
    for i, family in enumerate(above.columns):
        look: dict[str, Any] = {"marker": marker(i), "linestyle": line_style(i // N_COLOURS)}
        ax.plot(
            above.index, above[family], color=colour(i), label=family, linewidth=1.2, markersize=5, **look
        )
    _axes(ax, criterion, float(wide.min().min()))
    _preferred(ax, choice, above)
    figure = figure_of(ax)
    if own:
        figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    else:
        ax.legend(fontsize="small")
    return figure


def _axes(ax: Axes, criterion: str, best: float) -> None:
    ax.set_yscale("symlog", linthresh=NEAR, linscale=1.5)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = ax.get_ylim()
    ax.set_ylim(max(high, 1.0), -0.1 * NEAR)
    ax.axhline(0.0, color=PALE, linewidth=0.8, zorder=0)
    ax.axhline(NEAR, color=PALE, linewidth=0.8, linestyle=":", zorder=0)
    name = CRITERIA[criterion]
    title = f"Which family, how many components? The best {name}, {best:.1f}, is on top"
    ax.set_title(title, fontsize="medium")
    ax.set(xlabel="components", ylabel=f"{name} above the best (smaller is better)")


def _preferred(ax: Axes, choice: EMSelection, above: Any) -> None:
    """A ring around each fit that a criterion prefers, with the names of these criteria."""
    named: dict[Any, list[str]] = {}
    for name, at in choice.best.items():
        named.setdefault(at, []).append(CRITERIA[name])
    for at, names in named.items():
        y = above.loc[at.n_components, at.covariance_type]
        ring(ax, at.n_components, y)
        ax.annotate(
            ", ".join(names),
            (at.n_components, y),
            xytext=(9, 5),
            textcoords="offset points",
            fontsize="small",
        )
