"""`plot_calibration`: do ranks stay in their band, and are memberships as often right as they are sure?"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bayesgmm.calibration import CalibrationCheck
from bayesgmm.calibration.ranks import band
from bayesgmm.calibration.refit import AMONG, MAKERS
from bayesgmm.plots.style import BAYES, EM, PALE, WARNING, new_figure
from bayesgmm.support.arguments import check_kind

__all__ = ["plot_calibration"]

Array = NDArray[np.float64]

NAMES = {"pairs": "two rows share a component", "rows": "the component of a row"}


def plot_calibration(check: CalibrationCheck) -> Figure:
    """Distribution functions of the ranks less the uniform one, one line a quantity, and confidence against
    accuracy, one mark a refit.

    The grey band holds the lines of all quantities of a right posterior in 99 % of checks, of the quantity
    that the fewest refits have ranked; lines that leave their own are drawn in another colour. On the right a
    fit that is as sure as it is right lies on the diagonal.

    Parameters
    ----------
    check : CalibrationCheck
        Of ``bayes.check_calibration()``.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_calibration
    >>> bayes = BayesGaussianMixture(1, draws=200, random_state=0, progressbar=False)
    >>> check = bayes.fit(datasets.galaxies().X).check_calibration(2, progressbar=False)
    >>> len(plot_calibration(check).axes)
    1
    """
    check_kind(check, "check", CalibrationCheck, "the result of bayes.check_calibration()")
    shown = [what for what in NAMES if what in set(check.memberships["of"])]
    figure = new_figure(4.6 + 3.2 * len(shown), 3.6)
    axes = figure.subplots(1, 1 + len(shown), squeeze=False, width_ratios=[1.4, *[1] * len(shown)])[0]
    _draw_ranks(axes[0], check)
    for ax, what in zip(axes[1:], shown, strict=True):
        _draw_scores(ax, check, what)
    handles: list[Line2D | Patch] = [
        Patch(color=PALE, alpha=0.6, label="99 % of checks of a right posterior"),
        Line2D([], [], color=BAYES, label="posterior"),
    ]
    if shown:
        handles.append(Line2D([], [], color=EM, marker="o", fillstyle="none", linestyle="none", label="EM"))
    if not check.ranks["inside"].all():
        handles.insert(2, Line2D([], [], color=WARNING, linestyle="--", label="outside the band"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    return figure


def _draw_ranks(ax: Axes, check: CalibrationCheck) -> None:
    places = np.arange(1, AMONG + 1) / (AMONG + 1)
    table = check.ranks
    if len(table):
        # The widest: quantities of components are ranked where these may be read.
        low, high = band(int(table["refits"].min()), AMONG + 1, len(table))
        ax.fill_between(places, low - places, high - places, color=PALE, alpha=0.6, linewidth=0, step="mid")
    for name, inside in zip(table.index, table["inside"], strict=True):
        ranks = np.array([refit.ranks[name] for refit in check.refits if name in refit.ranks])
        below = (ranks[:, None] < np.arange(1, AMONG + 1)).mean(axis=0)
        look = {"color": BAYES, "linewidth": 0.8, "alpha": 0.7}
        ax.plot(places, below - places, **look if inside else {"color": WARNING, "linestyle": "--"})
    ax.axhline(0, color="#888888", linewidth=0.8)
    ax.set(
        xlim=(0, 1),
        xlabel="rank of the truth among draws",
        ylabel="share of refits, less uniform",
    )
    ax.set_title("Ranks of what was simulated", fontsize="medium")


def _draw_scores(ax: Axes, check: CalibrationCheck, what: str) -> None:
    scored = [getattr(refit, what) for refit in check.refits if getattr(refit, what)]
    values = {maker: np.array([score[maker] for score in scored]) for maker in MAKERS}
    lowest = min(float(v.min()) for v in values.values())
    lowest = max(0.0, lowest - 0.05 * (1 - lowest) - 0.005)
    ax.plot([lowest, 1], [lowest, 1], color="#888888", linewidth=0.8)
    for maker, colour, face in (("em", EM, "none"), ("posterior", BAYES, BAYES)):
        confidence, accuracy = values[maker].T
        look: dict[str, Any] = {"facecolors": face, "edgecolors": colour, "alpha": 0.7}
        ax.scatter(confidence, accuracy, 16, clip_on=False, **look)
    ax.set(xlim=(lowest, 1), ylim=(lowest, 1), xlabel="confidence", ylabel="accuracy")
    ax.set_title(NAMES[what].capitalize(), fontsize="medium")
    ax.locator_params(nbins=5)
