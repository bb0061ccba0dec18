"""`plot_prior`: what the prior expected of the data, and what came of it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.families import family_of
from bayesgmm.plots.fitted import Fitted, fitted, histogram_edges, marginal_density
from bayesgmm.plots.style import BAYES, PALE, WARNING, axes_for, figure_of, new_figure
from bayesgmm.results import check_fit

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_prior"]

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST_FEATURES = 6
THIN_LINES = 20
DRAWS = 2000
GRID = 300


def plot_prior(bayes: "BayesGaussianMixture", *, ax: Axes | None = None) -> Figure:
    """The prior predictive density of each feature, beside the data and the posterior predictive density.

    Thin lines are mixtures drawn from the prior, each a density that it holds possible; the thick dashed one
    is their mean over 2,000 draws. The first six features are drawn.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    ax : matplotlib Axes, optional
        Where to draw; only for one feature.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_prior
    >>> bayes = BayesGaussianMixture(2, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.faithful().X)
    >>> len(plot_prior(bayes).axes)
    2
    """
    check_fit(bayes)
    f = fitted(bayes)
    k, d = f.em.n_components, f.X.shape[1]
    if d > 1 and ax is not None:
        raise ParameterError(
            f"plot_prior draws {d} features on {min(d, MOST_FEATURES)} axes; leave ax out, and take the "
            f"figure it returns.",
            n_features=d,
            n_axes=min(d, MOST_FEATURES),
        )
    family = bayes.fit_.covariance_type
    resolved = bayes.prior_.resolve(k, d, family)
    # Always the same draws for a fit.
    rng = np.random.default_rng([bayes.predictive_seed_, 1])
    prior = draw_prior(resolved, family, DRAWS, rng)
    stds = family_of(family).all_stds(prior["stds"], k, d)
    own = ax is None
    if d == 1:
        ax = axes_for(ax, 7.0, 4.4)
        _draw(ax, f, 0, prior["weights"], prior["means"], stds)
        ax.set_ylabel("density")
        figure = figure_of(ax)
    else:
        figure = _grid(f, prior, stds)
    handles = [
        Patch(color=PALE, label="data"),
        Line2D([], [], color=WARNING, linewidth=0.6, alpha=0.6, label=f"{THIN_LINES} draws from the prior"),
        Line2D([], [], color=WARNING, linestyle="--", linewidth=1.8, label="prior predictive density"),
        Line2D([], [], color=BAYES, linewidth=1.8, label="posterior predictive density"),
    ]
    if own:
        columns = 2 if d == 1 else 4
        figure.legend(
            handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize="small"
        )
        figure.suptitle("What the prior expected, and what came of it")
    elif ax is not None:
        ax.legend(handles=handles, fontsize="small")
    return figure


def _grid(f: Fitted, prior: dict[str, Array], stds: Array) -> Figure:
    d = min(f.X.shape[1], MOST_FEATURES)
    columns = 2 if d in (2, 4) else 3
    rows = -(-d // columns)
    figure = new_figure(9.2, 0.9 + 2.6 * rows)
    for j, ax in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if j < d:
            _draw(ax, f, j, prior["weights"], prior["means"][:, :, j : j + 1], stds[:, :, j : j + 1])
            ax.set_yticks([])
        else:
            ax.remove()
    return figure


def _draw(ax: Axes, f: Fitted, j: int, weights: Array, means: Array, stds: Array) -> None:
    """Feature j; `means` and `stds` of the prior's draws have shape (S, K, 1)."""
    column, of_rows = f.cells(j)
    look: dict[str, Any] = {"color": PALE, "edgecolor": "white", "linewidth": 0.4}
    edges = histogram_edges(column).tolist()
    heights = np.asarray(ax.hist(column, bins=edges, density=True, weights=of_rows, **look)[0])
    middle, span = (column.max() + column.min()) / 2, np.ptp(column)
    # Wide enough to see where else the prior puts its mass.
    x = np.linspace(middle - 1.5 * span, middle + 1.5 * span, GRID)
    expected = marginal_density(x, weights, means[..., 0], stds[..., 0])
    for line in expected[:THIN_LINES]:
        ax.plot(x, line, color=WARNING, linewidth=0.6, alpha=0.4)
    ax.plot(x, expected.mean(axis=0), color=WARNING, linestyle="--", linewidth=1.8)
    assert f.posterior is not None
    found = f.posterior.marginal_density(x, j).mean(axis=0)
    ax.plot(x, found, color=BAYES, linewidth=1.8)
    # A narrow component of one draw would make everything else flat.
    ax.set(xlim=(x[0], x[-1]), ylim=(0, 1.6 * max(heights.max(), found.max())), xlabel=f.names[j])
