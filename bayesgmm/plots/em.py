"""`plot_em`: how EM converged, and which maxima it found."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayesgmm.plots.fitted import em_held_against
from bayesgmm.plots.style import BAYES, EM, WARNING, new_figure

if TYPE_CHECKING:
    from bayesgmm.em import EMGaussianMixture
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_em"]

MOST_MODES = 20
_LOOKS = {"converged": ("o", BAYES), "degenerate": ("X", WARNING)}


def plot_em(fit: "BayesGaussianMixture | EMGaussianMixture") -> Figure:
    """EM's log-likelihood step by step, and the distinct maxima that its starts have led to.

    On the left the log-likelihood still to be gained before each step, on a logarithmic axis; on the right
    the maxima in the order of ``modes_``, each with the number of starts that ended there.

    Parameters
    ----------
    fit : BayesGaussianMixture or EMGaussianMixture
        A fitted one; of a posterior its baseline is drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import EMGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_em
    >>> em = EMGaussianMixture(2, random_state=0).fit(datasets.faithful().X)
    >>> [ax.get_xlabel() for ax in plot_em(em).axes]
    ['EM step', 'log-likelihood']
    """
    em = em_held_against(fit)
    modes = em.modes_.head(MOST_MODES)
    figure = new_figure(8.0, max(3.2, 1.2 + 0.26 * len(modes)))
    left, right = figure.subplots(1, 2)
    _draw_run(left, em.log_likelihood_trace_)
    _draw_modes(right, modes, len(em.modes_))
    return figure


def _draw_run(ax: Axes, trace: np.ndarray) -> None:
    gap = trace[-1] - trace
    # Less than that is rounding.
    step = np.flatnonzero(gap > 1e-12 * max(1.0, abs(trace[-1])))
    if len(step):
        # Thousands of markers would be one thick line.
        ax.semilogy(
            step, gap[step], marker="o" if len(step) < 60 else "", markersize=3.5, color=EM, linewidth=1
        )
        # Powers as mathematics would take most of the time of the whole figure.
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.set_xlim(-0.04 * step[-1] - 0.5, 1.04 * step[-1] + 0.5)
    else:
        ax.text(
            0.5,
            0.5,
            "nothing left to gain\nat the first step",
            ha="center",
            va="center",
            transform=ax.transAxes,
        )
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set(xlabel="EM step", ylabel="log-likelihood still to be gained", title="EM run from the best start")


def _draw_modes(ax: Axes, modes: pd.DataFrame, n_modes: int) -> None:
    for place, (_, mode) in enumerate(modes.iterrows()):
        shape, shade = _LOOKS.get(mode["status"], ("s", EM))
        chosen = place == 0
        ax.plot(
            mode["log_likelihood"],
            place,
            marker=shape,
            color=shade,
            markersize=9 if chosen else 7,
            markerfacecolor=shade if chosen else "white",
            linestyle="",
            label=mode["status"],
        )
        starts = f"{mode['n_starts']} start{'s' if mode['n_starts'] != 1 else ''}"
        note = (
            f"{starts}, chosen"
            if chosen
            else starts
            if mode["status"] == "converged"
            else f"{starts}, {mode['status']}"
        )
        ax.annotate(
            note,
            (mode["log_likelihood"], place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.set_ylim(len(modes) - 0.4, -0.6)
    # Room for the notes, which stand to the right of their points.
    low, high = modes["log_likelihood"].min(), modes["log_likelihood"].max()
    span = (high - low) or max(1.0, abs(high) * 1e-3)
    ax.set_xlim(low - 0.1 * span, high + 0.75 * span)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.set_yticks(range(len(modes)))
    shown = f"first {len(modes)} of {n_modes}" if n_modes > len(modes) else f"{n_modes}"
    ax.set(xlabel="log-likelihood", ylabel="maximum", title=f"Distinct maxima found: {shown}")
