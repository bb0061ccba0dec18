"""`plot_log_likelihood`: how likely the data are under EM's estimate and under the draws."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesgmm.comparison.result import check_comparison
from bayesgmm.plots.style import BAYES, EM, PALE, WARNING, axes_for, check_readable, figure_of, legend_below
from bayesgmm.results import check_fit

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_log_likelihood"]


def plot_log_likelihood(
    bayes: "BayesGaussianMixture",
    result: "Comparison",
    *,
    components: bool | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Histogram of the draws' total log-likelihood, with EM's and that at the posterior mean.

    Parameters
    ----------
    bayes : BayesGaussianMixture
    result : Comparison
        ``compare(bayes)``.
    components : bool, optional
        Whether the posterior mean of the parameters is drawn, which depends on the labels of the components;
        by default where the verdict allows it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the verdict refuses component-wise summaries, and `components` is True.
    """
    check_fit(bayes)
    check_comparison(result, bayes)
    components = bayes.verdict_.ok if components is None else components
    check_readable(bayes.verdict_.ok or not components, "the log-likelihood at the posterior mean")
    own = ax is None
    ax = axes_for(ax, 7.0, 3.6)
    draws, s = bayes.log_likelihood_draws_.ravel(), result.log_likelihood
    ax.hist(
        draws,
        bins=int(np.clip(np.sqrt(len(draws)), 10, 50)),
        color=PALE,
        edgecolor="white",
        linewidth=0.4,
        label=f"{len(draws)} posterior draws",
    )
    ax.axvline(s["em"], color=EM, linestyle="--", linewidth=1.6, label=f"EM: {s['em']:.2f}")
    if components:
        at_mean = s["at_posterior_mean"]
        ax.axvline(at_mean, color=BAYES, linewidth=1.6, label=f"at the posterior mean: {at_mean:.2f}")
    ax.axvline(
        s["mean"], color=WARNING, linestyle=":", linewidth=1.6, label=f"mean of the draws: {s['mean']:.2f}"
    )
    ax.set(xlabel="total log-likelihood", ylabel="draws", title="Log-likelihood of the data")
    legend_below(ax, ax.get_legend_handles_labels()[0], own, columns=2)
    return figure_of(ax)
