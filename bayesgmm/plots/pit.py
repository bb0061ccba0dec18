"""`plot_pit`: do the data lie where both fits expect them, feature by feature?"""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr

from bayesgmm.comparison.predictive import pit_table
from bayesgmm.comparison.result import Comparison
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.plots.fitted import em_held_against
from bayesgmm.plots.style import BAYES, EM, PALE, display_names, new_figure
from bayesgmm.results import check_fit
from bayesgmm.rows.rows import Rows

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["em_pit", "plot_pit"]

Array = NDArray[np.float64]

MOST_FEATURES = 6
FEWEST_BINS, MOST_BINS = 5, 20


def plot_pit(result: "Comparison | BayesGaussianMixture") -> Figure:
    """Histograms of the probability that a fit gives to values below the observed one, feature by feature.

    Where a fit describes the data all bars are about equally high: high at the ends, the fit is too narrow;
    high in the middle, it is too wide. The grey band holds 95 % of each bar's heights where they come from a
    uniform distribution. The data have been fitted to, so that bars scatter somewhat less than the band.
    Densities do not depend on labels, so that this figure is usable whatever the verdict says of components.
    The first six features are drawn.

    Parameters
    ----------
    result : Comparison or BayesGaussianMixture
        ``compare(bayes)``, or the fit itself.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_pit
    >>> bayes = BayesGaussianMixture(2, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.faithful().X)
    >>> len(plot_pit(bayes).axes)
    2
    """
    if isinstance(result, Comparison):
        fit, em, table = result.sides.fit, result.sides.em, result.pit
    else:
        check_fit(result, "result")
        fit, em, table = result.fit_, em_held_against(result), pit_table(result.fit_)
    names = display_names([str(c) for c in table.columns])
    by_em = em_pit(em.params_, fit.X)
    d = min(len(names), MOST_FEATURES)
    columns = d if d < 4 else 2 if d == 4 else 3
    rows = -(-d // columns)
    figure = new_figure(max(3.1 * columns, 6.2), 1.3 + 2.5 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for j, ax in enumerate(grid.flat):
        if j < d:
            _draw(ax, table.iloc[:, j].to_numpy(), by_em[:, j], fit.rows)
            ax.set_title(names[j], fontsize="medium")
            ax.set_ylabel("observations" if j % columns == 0 else "")
            ax.set_xlabel("probability of a smaller value" if j + columns >= d else "")
        else:
            ax.remove()
    # Panels share it, so that it comes after the last of them: a limit once set no longer grows.
    grid[0, 0].set_ylim(0, None)
    of = f" (the first {d} of {len(names)})" if d < len(names) else ""
    figure.suptitle(f"Where the fits expect the data, feature by feature{of}", fontsize="medium")
    figure.legend(handles=_handles(), loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


def em_pit(em: MixtureParams, X: Array) -> Array:
    """Probability that EM's estimate gives to values below each observed one, shape (N, D)."""
    values = np.zeros(X.shape)
    for w, m, s in zip(em.weights, em.means, em.stds, strict=True):
        values += w * ndtr((X - m) / s)
    return values


def _draw(ax: Axes, posterior: Array, em: Array, rows: Rows) -> None:
    there = ~np.isnan(posterior)
    posterior, em = posterior[there], em[there]
    # A row of weight 3 counts as three.
    n = round(float(rows.counts[there].sum()))
    weights = rows.weights[there] if len(rows.weights) else None
    bins = int(np.clip(n // 15, FEWEST_BINS, MOST_BINS))
    edges = np.linspace(0, 1, bins + 1)
    low, high = stats.binom.ppf((0.025, 0.975), n, 1 / bins)
    ax.axhspan(low, high, color=PALE, alpha=0.6, linewidth=0)
    ax.axhline(n / bins, color="#888888", linewidth=0.8)
    # Sums of probabilities may exceed one by rounding.
    heights, by_em = (np.histogram(np.clip(v, 0, 1), edges, weights=weights)[0] for v in (posterior, em))
    ax.stairs(heights, edges, baseline=None, color=BAYES, linewidth=1.8)
    ax.stairs(by_em, edges, baseline=None, color=EM, linestyle="--", linewidth=1.3)
    ax.set(xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])


def _handles() -> list[Patch | Line2D]:
    return [
        Line2D([], [], color=BAYES, linewidth=1.8, label="posterior"),
        Line2D([], [], color=EM, linestyle="--", label="EM"),
        Patch(color=PALE, alpha=0.6, label="95 % of a bar's heights if uniform"),
    ]
