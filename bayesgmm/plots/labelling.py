"""`plot_labelling`: how far the labels of the components can be trusted."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bayesgmm.plots.style import BAYES, PALE, WARNING, new_figure
from bayesgmm.posterior.labelling import LARGEST_NON_PERMUTATION_RATE, SMALLEST_AGREEMENT
from bayesgmm.posterior.relabel import NEARLY_TIED
from bayesgmm.results import check_fit
from bayesgmm.support.sentences import listed

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture
    from bayesgmm.posterior.labelling import LabellingDiagnostics

__all__ = ["plot_labelling"]

Array = NDArray[np.float64]

BINS = 40
BY_PRIOR = "Labels are those of the prior"
# Whose label switches are written out.
MOST_CHAINS = 6
_METHODS = {
    "iterative ECR": "labelled alike after\nposterior memberships",
    "Stephens": "labelled alike by\nKullback-Leibler divergence",
    "parameters": "labelled alike by\nparameters",
    "prior": "probability of their\nlabels by the prior",
}


def plot_labelling(bayes: "BayesGaussianMixture") -> Figure:
    """What speaks for and against the labels of the components; it may be drawn whatever the verdict says.

    On the left the shares of draws that speak for the labels, each with the least share that the verdict asks
    for: draws that other methods of relabelling label alike, that have K different kinds of components, and
    in which no two labels could be exchanged at next to no cost. A cross marks what is too small. On the
    right that cost for all draws: the rows that two components would lose by the cheapest exchange of their
    labels, as a share of the rows they hold. Left of the dashed line it counts as next to nothing.

    Where labels are those of the prior, the left shows the probability that it gives them, and the right by
    how much that is above the probability of any others, for all draws.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_labelling
    >>> bayes = BayesGaussianMixture(2, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.faithful().X)
    >>> len(plot_labelling(bayes).axes)
    2
    """
    check_fit(bayes)
    found = bayes.labelling_
    figure = new_figure(9.2, 3.7)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
    _draw_shares(left, found)
    by_prior = found.by_prior is not None
    _draw_margins(right, bayes.relabelling_.margins.ravel(), by_prior)
    right.set_title(BY_PRIOR if by_prior else _switches(found.switches), fontsize="small")
    figure.suptitle(f"The labels of the components: {_conclusion(bayes)}")
    return figure


def _conclusion(bayes: "BayesGaussianMixture") -> str:
    if bayes.labelling_.reasons:
        return "not to be trusted"
    return (
        "nothing speaks against them"
        if bayes.verdict_.ok
        else "no doubt here, but the verdict has other reasons"
    )


def _draw_shares(ax: Axes, found: "LabellingDiagnostics") -> None:
    rows = [(_METHODS.get(m, m), share, SMALLEST_AGREEMENT) for m, share in found.agreement.items()]
    if found.by_prior is None:
        kinds, least = 1 - found.non_permutation_rate, 1 - LARGEST_NON_PERMUTATION_RATE
        rows.append(("components of K\ndifferent kinds", kinds, least))
    rows.append(("no ambiguous\nassignment", 1 - found.nearly_tied, SMALLEST_AGREEMENT))
    for place, (_, share, least) in enumerate(rows):
        # 1 - 0.95 is no more exact than 0.05.
        enough = share >= least - 1e-12
        shade = BAYES if enough else WARNING
        ax.plot([0, share], [place, place], color=shade, linewidth=2.4, alpha=0.5, solid_capstyle="butt")
        ax.plot(share, place, marker="o" if enough else "X", color=shade, markersize=8, linestyle="")
        ax.plot([least, least], [place - 0.35, place + 0.35], color="#333333", linestyle="--", linewidth=1.2)
        look: dict[str, Any] = {
            "va": "center",
            "fontsize": "small",
            "color": "#333333" if enough else WARNING,
        }
        ax.annotate(
            _percent(share), (1.03, place), xycoords=ax.get_yaxis_transform(), annotation_clip=False, **look
        )
    ax.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize="small")
    ax.set(
        xlim=(0, 1.03),
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="share of draws; dashed: the least that is asked for",
    )
    ax.set_title("What speaks for the labels", fontsize="medium")


def _percent(share: float) -> str:
    """Never 100 % where a draw is missing."""
    return "100 %" if share == 1 else f"{min(100 * share, 99.9):.1f} %"


def _draw_margins(ax: Axes, margins: Array, by_prior: bool) -> None:
    finite = margins[np.isfinite(margins)]
    of_rows = "cost of the cheapest exchange of two labels\n(share of the rows they hold)"
    of_prior = "probability of the labels by the prior,\nabove that of any others"
    ax.set(xlabel=of_prior if by_prior else of_rows, ylabel="draws")
    if not len(finite):
        ax.text(
            0.5,
            0.5,
            "a single component:\nnothing to exchange",
            ha="center",
            va="center",
            transform=ax.transAxes,
        )
        ax.set(xticks=[], yticks=[])
        return
    end = max(float(finite.max()), 2 * NEARLY_TIED)
    heights, edges, _ = ax.hist(
        finite, np.linspace(min(0.0, finite.min()), end, BINS + 1).tolist(), color=PALE
    )
    ax.axvline(NEARLY_TIED, color=WARNING, linestyle="--", linewidth=1.4)
    tied = float((finite < NEARLY_TIED).mean())
    ax.annotate(
        f"{100 * tied:.1f} % ambiguous",
        (NEARLY_TIED, 1),
        (4, -4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        fontsize="small",
        color=WARNING,
    )
    ax.set_ylim(0, 1.15 * np.asarray(heights).max())


def _switches(switches: tuple[int, ...]) -> str:
    if not any(switches):
        return "The labels of no chain switched"
    return f"Label switches, by chain:\n{listed([str(n) for n in switches], MOST_CHAINS)}"
