"""`plot_fit`: the data with both fits."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.ticker import MaxNLocator

from bayesgmm.errors import ParameterError
from bayesgmm.mixture.draws import evenly
from bayesgmm.plots.fitted import Fitted, ellipse, fitted, histogram_edges, marginal_density
from bayesgmm.plots.style import (
    BAYES,
    EM,
    PALE,
    axes_for,
    check_readable,
    colour,
    figure_of,
    legend_below,
    marker,
    new_figure,
    number_label,
)

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_fit"]

MOST_FEATURES = 6
FAN = 40
# Of panels that are small, since there are many of them.
SMALL_FAN = 15
GRID = 300


def plot_fit(
    bayes: "BayesGaussianMixture", *, components: bool | None = None, ax: Axes | None = None
) -> Figure:
    """The data with the EM fit and the posterior.

    One feature: a histogram with EM's density and the posterior mean density with its pointwise 95 % band.
    Two: the observations, EM's 95 % ellipses (dashed), those of the posterior mean (solid) and of 40 draws
    (thin). More: the same for each pair of the first six features, with their densities on the diagonal.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    components : bool, optional
        False draws only what does not depend on the labels of the components: observations and densities. By
        default components are drawn where the verdict allows it.
    ax : matplotlib Axes, optional
        Where to draw; only for one feature, or for two with components.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the verdict refuses a reading of single components and `components` is True, and where one axes
        would have to hold several panels.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_fit
    >>> bayes = BayesGaussianMixture(2, random_state=0, progressbar=False).fit(datasets.faithful().X)
    >>> plot_fit(bayes).axes[0].get_xlabel()
    'x0'
    """
    components = bayes.verdict_.ok if components is None else components
    check_readable(bayes.verdict_.ok or not components, "plot_fit with components")
    f = fitted(bayes)
    d = f.X.shape[1]
    if d > 2 or (d == 2 and not components):
        if ax is not None:
            raise ParameterError(
                f"plot_fit draws {d} features on many axes (components={components}); leave ax out, and take "
                f"the figure it returns.",
                n_features=d,
            )
        return _pairs(f, components)
    own = ax is None
    ax = axes_for(ax, 7.0, 4.4 if d == 1 else 5.4)
    if d == 1:
        _draw_density(ax, f, 0, components)
        ax.set(xlabel=f.names[0], ylabel="density", title="Data and both densities")
    else:
        _draw_pair(ax, f, 0, 1, components, label_numbers=True)
        ax.set(xlabel=f.names[0], ylabel=f.names[1], title="Data and both fits")
    legend_below(ax, _handles(f, components), own, columns=2 if d == 1 else 3)
    return figure_of(ax)


def _pairs(f: Fitted, components: bool) -> Figure:
    d = min(f.X.shape[1], MOST_FEATURES)
    side = d * float(np.clip(9.2 / d, 1.5, 2.6))
    figure = new_figure(side, side)
    grid = figure.subplots(d, d, squeeze=False)
    for i in range(d):
        for j in range(d):
            ax = grid[i, j]
            if j > i:
                ax.remove()
            elif i == j:
                _draw_density(ax, f, i, components)
            else:
                _draw_pair(ax, f, j, i, components, label_numbers=not _is_small(f))
            if j <= i:
                _label_outer(ax, f, i, j, d)
    # The upper triangle is free.
    figure.legend(
        handles=_handles(f, components), loc="upper right", frameon=False, bbox_to_anchor=(0.99, 0.94)
    )
    what = "Data and both fits" if components else "Data and both densities"
    of = f", the first {d} of {f.X.shape[1]} features" if f.X.shape[1] > d else ""
    figure.suptitle(f"{what}, pair by pair{of}")
    return figure


def _label_outer(ax: Axes, f: Fitted, i: int, j: int, d: int) -> None:
    ax.tick_params(labelsize="small", labelbottom=i == d - 1, labelleft=j == 0 and i > 0)
    if i == j:
        ax.set_yticks([])
    else:
        ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_locator(MaxNLocator(2 if d > 4 else 3))
    if i == d - 1:
        ax.set_xlabel(f.names[j])
    if j == 0 and i > 0:
        ax.set_ylabel(f.names[i])


def _draw_density(ax: Axes, f: Fitted, j: int, components: bool) -> None:
    """Histogram of feature j, EM's density, and the posterior mean density with a pointwise 95 % band."""
    column = f.X[:, j]
    look: dict[str, Any] = {"color": PALE, "edgecolor": "white", "linewidth": 0.4}
    ax.hist(column, bins=histogram_edges(column).tolist(), density=True, weights=f.sample_weight, **look)
    x = np.linspace(*f.limits(j), GRID)
    stds = np.sqrt(f.covariances[:, :, j, j])
    draws = marginal_density(x, f.weights, f.means[:, :, j], stds)
    low, high = np.quantile(draws, (0.025, 0.975), axis=0)
    ax.fill_between(x, low, high, color=BAYES, alpha=0.25, linewidth=0)
    ax.plot(x, draws.mean(axis=0), color=BAYES, linewidth=1.6)
    ax.plot(
        x,
        marginal_density(x, f.em.weights, f.em.means[:, j], f.em.stds[:, j]),
        color=EM,
        linestyle="--",
        linewidth=1.4,
    )
    if components and f.X.shape[1] == 1 and len(f.em.weights) > 1:
        _draw_components(ax, f, x)
    ax.set_xlim(*f.limits(j))


def _draw_components(ax: Axes, f: Fitted, x: np.ndarray) -> None:
    """Each component of the posterior mean, times its weight, with its number at the top."""
    for k, (w, m, s) in enumerate(zip(f.mean.weights, f.mean.means[:, 0], f.mean.stds[:, 0], strict=True)):
        curve = marginal_density(x, np.array([w]), np.array([m]), np.array([s]))
        ax.plot(x, curve, color=colour(k), linestyle=":", linewidth=1.4)
        number_label(ax, x[curve.argmax()], curve.max(), k)


def _draw_pair(ax: Axes, f: Fitted, i: int, j: int, components: bool, label_numbers: bool) -> None:
    """Feature j against feature i: observations by component, ellipses of both fits and of some draws."""
    shown = f.shown
    size = float(np.clip(5000 / len(shown), 3, 20))
    many = len(shown) > 1500
    look: dict[str, Any] = {
        "s": size,
        "alpha": 0.55,
        "edgecolors": "#333333",
        "linewidths": 0.25,
        "rasterized": many,
    }
    if not components:
        ax.scatter(f.X[shown, i], f.X[shown, j], color=BAYES, **look)
    else:
        for k in range(f.em.n_components):
            rows = shown[f.labels[shown] == k]
            ax.scatter(f.X[rows, i], f.X[rows, j], color=colour(k), marker=marker(k), **look)
            _draw_ellipses(ax, f, (i, j), k)
            if label_numbers and f.em.n_components > 1:
                number_label(ax, f.mean.means[k, i], f.mean.means[k, j], k)
    ax.set(xlim=f.limits(i), ylim=f.limits(j))


def _draw_ellipses(ax: Axes, f: Fitted, features: tuple[int, int], k: int) -> None:
    both = list(features)
    at = np.ix_(both, both)
    small = _is_small(f)
    some = evenly(len(f.means), SMALL_FAN if small else FAN)
    fan = [ellipse(f.means[s, k, both], f.covariances[s, k][at]) for s in some]
    look: dict[str, Any] = {
        "edgecolors": colour(k),
        "linewidths": 0.3 if small else 0.5,
        "alpha": 0.3,
        "zorder": 2,
    }
    # The limits are set by hand; measuring every curve of every panel would take most of the time.
    ax.add_collection(PathCollection(fan, facecolors="none", **look), autolim=False)
    solid = ellipse(f.mean.means[k, both], f.mean.covariances[k][at])
    dashed = ellipse(f.em.means[k, both], f.em.covariances[k][at])
    ax.add_artist(
        PathPatch(solid, fill=False, edgecolor=colour(k), linewidth=1.1 if small else 1.8, zorder=4)
    )
    ax.add_artist(
        PathPatch(dashed, fill=False, edgecolor=EM, linewidth=0.8 if small else 1.2, linestyle="--", zorder=5)
    )


def _is_small(f: Fitted) -> bool:
    """Whether there are so many panels that lines must be thin."""
    return f.X.shape[1] > 4


def _handles(f: Fitted, components: bool) -> list[Any]:
    """Entries of the legend, in the order in which a reader needs them."""
    one, k = f.X.shape[1] == 1, f.em.n_components
    handles: list[Any] = []
    if one or not components or f.X.shape[1] > 2:
        handles += [
            Line2D([], [], color=EM, linestyle="--", label="EM density"),
            Line2D([], [], color=BAYES, label="posterior mean density"),
            Patch(color=BAYES, alpha=0.25, label="95 % posterior band"),
        ]
    if components and one and k > 1:
        label = "components of the posterior mean, numbered"
        handles.append(Line2D([], [], color=colour(0), linestyle=":", linewidth=1.4, label=label))
    if components and not one:
        handles += [
            Line2D([], [], color=EM, linestyle="--", label="EM, 95 % ellipse"),
            Line2D([], [], color=colour(0), linewidth=1.8, label="posterior mean, 95 % ellipse"),
            Line2D(
                [],
                [],
                color=colour(0),
                linewidth=0.6,
                alpha=0.6,
                label=f"{min(SMALL_FAN if _is_small(f) else FAN, len(f.means))} posterior draws",
            ),
        ]
        handles += [
            Line2D([], [], color=colour(c), marker=marker(c), linestyle="", label=f"component {c}")
            for c in range(k)
        ]
    if len(f.shown) < len(f.X) and not one:
        handles.append(Line2D([], [], linestyle="", label=f"({len(f.shown)} of {len(f.X)} observations)"))
    return handles
