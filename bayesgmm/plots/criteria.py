"""`plot_criteria`: what each criterion says of the number of components."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayesgmm.plots.style import BAYES, EM, PALE, WARNING, line_style, marker, new_figure, ring
from bayesgmm.selection.criteria import SMALLEST
from bayesgmm.selection.result import Selection
from bayesgmm.support.arguments import check_kind
from bayesgmm.wording.selection import CRITERIA

__all__ = ["plot_criteria"]

# Differences from the best are cut off beyond.
FURTHEST = 40.0
_BARS: dict[str, Any] = {"color": BAYES, "marker": "o", "capsize": 3, "linewidth": 1.4}


def plot_criteria(choice: Selection) -> Figure:
    """Each criterion against the number of components, the best at zero; and the occupied components of an
    overfitted fit.

    Penalised likelihoods are halved, so that all panels are in units of log-likelihood. Values more than 40
    below the best are cut off.

    Parameters
    ----------
    choice : Selection
        ``select_components(X, ks)``.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import datasets, select_components
    >>> from bayesgmm.plots import plot_criteria
    >>> X = datasets.faithful().X
    >>> choice = select_components(
    ...     X, [1, 2], draws=200, n_bootstrap=0, random_state=0, progressbar=False
    ... )
    >>> len(plot_criteria(choice).axes)
    3
    """
    check_kind(choice, "choice", Selection, "a Selection, which select_components makes")
    n = 3 + (choice.occupied is not None)
    figure = new_figure(3.5 * n, 3.9)
    axes = figure.subplots(1, n)
    _penalised(axes[0], choice)
    _left_out(axes[1], choice)
    _evidence(axes[2], choice)
    if choice.occupied is not None:
        _occupied(axes[3], choice)
    for ax in axes[:3]:
        ax.axhline(0.0, color=PALE, linewidth=0.8, zorder=0)
        low, _ = ax.get_ylim()
        ax.set_ylim(max(low, -FURTHEST), None)
    for ax in axes:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle("How many components? What each criterion loses against its best", fontsize="medium")
    return figure


def _penalised(ax: Axes, choice: Selection) -> None:
    table = choice.table
    for i, name in enumerate(SMALLEST):
        loss = -0.5 * (table[name] - table[name].min())
        look: dict[str, Any] = {"marker": marker(i), "linestyle": line_style(i), "markerfacecolor": "white"}
        ax.plot(table.index, loss, color=EM, label=CRITERIA[name], **look)
        if name in choice.best:
            ring(ax, choice.best[name], 0.0)
    ax.set(title="EM, penalised", xlabel="components", ylabel="log-likelihood units below the best")
    ax.legend(fontsize="small", loc="lower center")


def _left_out(ax: Axes, choice: Selection) -> None:
    table = choice.table
    ax.errorbar(table.index, table["elpd_difference"], table["elpd_difference_se"], **_BARS)
    if "elpd_loo" in choice.best:
        ring(ax, choice.best["elpd_loo"], table.loc[choice.best["elpd_loo"], "elpd_difference"])
    ax.set(title="posterior, rows left out (± se)", xlabel="components")


def _evidence(ax: Axes, choice: Selection) -> None:
    table = choice.table
    evidence = table["log_evidence"] - table["log_evidence"].max()
    refused = (table["verdict"] == "refused").to_numpy()
    ax.errorbar(table.index, evidence, table["log_evidence_se"], **_BARS)
    if refused.any():
        ax.plot(table.index[refused], evidence[refused], "x", color=WARNING, markersize=11, label="refused")
        ax.legend(fontsize="small", loc="lower center")
    if "log_evidence" in choice.best:
        ring(ax, choice.best["log_evidence"], evidence[choice.best["log_evidence"]])
    ax.set(title="posterior, log evidence (± se)", xlabel="components")


def _occupied(ax: Axes, choice: Selection) -> None:
    assert choice.occupied is not None
    table = choice.occupied.table
    at, width = np.asarray(table.index), 0.38
    ax.bar(at - width / 2, table["prior"], width, color=PALE, label="prior")
    ax.bar(at + width / 2, table["posterior"], width, color=BAYES, label="posterior")
    ax.set(
        title=f"components with rows, of {len(table)}",
        xlabel="components with rows",
        ylabel="probability",
    )
    ax.legend(fontsize="small")
