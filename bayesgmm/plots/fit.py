"""`plot_fit`: the data with both fits, or with EM's."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from bayesgmm.comparison.sides import CI_PROB
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.draws import evenly
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.plots.fitted import Fitted, check_drawable, ellipse, fitted, histogram_edges, marginal_density
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
from bayesgmm.rows.rows import RowsLike
from bayesgmm.support.arguments import check_flag, check_share, interval_ends
from bayesgmm.wording.numbers import percent

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_fit"]

MOST_FEATURES = 6
FAN = 40
# Of panels that are small, since there are many of them.
SMALL_FAN = 15
GRID = 300


def plot_fit(
    fit: "BayesGaussianMixture | EMGaussianMixture",
    result: "Comparison | None" = None,
    *,
    X: RowsLike | None = None,
    sample_weight: ArrayLike | None = None,
    components: bool | None = None,
    ci_prob: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """The data with the EM fit and the posterior, or with a fit by EM alone.

    One feature: a histogram with EM's density and the posterior mean density with its pointwise band. Two:
    the observations, EM's 95 % ellipses (dashed), those of the posterior mean (solid) and of 40 draws (thin).
    More: the same for each pair of the first six features, with their densities on the diagonal.

    Parameters
    ----------
    fit : BayesGaussianMixture or EMGaussianMixture
        A fitted one.
    result : Comparison, optional
        ``compare(fit, em=...)``: the EM fit to be drawn, where it is another one than the posterior's
        baseline.
    X : array_like or data frame, shape (N, D), optional
        The rows of a fit by EM; a posterior has its own.
    sample_weight : array_like, shape (N,), optional
        Weights of the rows X in histograms.
    components : bool, optional
        False draws only what does not depend on the labels of the components: observations and densities. By
        default components are drawn where the verdict allows it; those of EM alone are.
    ci_prob : float, optional
        Mass of the pointwise band, by default that of the comparison, or 0.95.
    ax : matplotlib Axes, optional
        Where to draw; only for one feature, or for two with components.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the verdict refuses component-wise summaries and `components` is True, where a fit by EM
        comes without X or a posterior with it, and where one axes would have to hold several panels.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_fit
    >>> X = datasets.faithful().X
    >>> bayes = BayesGaussianMixture(2, random_state=0, progressbar=False).fit(X)
    >>> plot_fit(bayes).axes[0].get_xlabel()
    'x0'

    A fit by EM alone:

    >>> plot_fit(bayes.em_, X=X).axes[0].get_title()
    'Data and EM fit'
    """
    check_drawable(fit, result)
    allowed = isinstance(fit, EMGaussianMixture) or fit.verdict_.ok
    components = allowed if components is None else check_flag(components, "components")
    check_readable(allowed or not components, "plot_fit with components")
    f = fitted(fit, result, X, sample_weight)
    band = _band(result, ci_prob)
    d = f.X.shape[1]
    if d > 2 or (d == 2 and not components):
        if ax is not None:
            raise ParameterError(
                f"plot_fit draws {d} features on many axes (components={components}); leave ax out, and take "
                f"the figure it returns.",
                n_features=d,
            )
        return _pairs(f, components, band)
    own = ax is None
    ax = axes_for(ax, 7.0, 4.4 if d == 1 else 5.4)
    if d == 1:
        _draw_density(ax, f, 0, components, band)
        ax.set(xlabel=f.names[0], ylabel="density")
    else:
        _draw_pair(ax, f, 0, 1, components, label_numbers=True)
        ax.set(xlabel=f.names[0], ylabel=f.names[1])
    ax.set_title(_title(f, components and d > 1))
    legend_below(ax, _handles(f, components, band), own, columns=2 if d == 1 else 3)
    return figure_of(ax)


def _band(result: "Comparison | None", ci_prob: float | None) -> float:
    """Mass of the pointwise band."""
    if ci_prob is not None:
        return check_share(ci_prob, "ci_prob")
    return CI_PROB if result is None else result.ci_prob


def _title(f: Fitted, components: bool) -> str:
    if f.posterior is None:
        return "Data and EM fit" if components else "Data and EM density"
    return "Data and both fits" if components else "Data and both densities"


def _pairs(f: Fitted, components: bool, band: float) -> Figure:
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
                _draw_density(ax, f, i, components, band)
            else:
                _draw_pair(ax, f, j, i, components, label_numbers=not _is_small(f))
            if j <= i:
                _label_outer(ax, f, i, j, d)
    # The upper triangle is free.
    handles = _handles(f, components, band)
    figure.legend(handles=handles, loc="upper right", frameon=False, bbox_to_anchor=(0.99, 0.94))
    of = f", the first {d} of {f.X.shape[1]} features" if f.X.shape[1] > d else ""
    figure.suptitle(f"{_title(f, components)}, pair by pair{of}")
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


def _draw_density(ax: Axes, f: Fitted, j: int, components: bool, band: float) -> None:
    """Histogram of feature j, EM's density, and the posterior mean density with a pointwise band."""
    column, weights = f.cells(j)
    look: dict[str, Any] = {"color": PALE, "edgecolor": "white", "linewidth": 0.4}
    ax.hist(column, bins=histogram_edges(column).tolist(), density=True, weights=weights, **look)
    x = np.linspace(*f.limits(j), GRID)
    if f.posterior is not None:
        draws = f.posterior.marginal_density(x, j)
        low, high = np.quantile(draws, interval_ends(band), axis=0)
        ax.fill_between(x, low, high, color=BAYES, alpha=0.25, linewidth=0)
        ax.plot(x, draws.mean(axis=0), color=BAYES, linewidth=1.6)
    by_em = marginal_density(x, f.em.weights, f.em.means[:, j], f.em.stds[:, j])
    ax.plot(x, by_em, color=EM, linestyle="--", linewidth=1.4)
    if components and f.X.shape[1] == 1 and len(f.em.weights) > 1:
        _draw_components(ax, f.centre, x)
    ax.set_xlim(*f.limits(j))


def _draw_components(ax: Axes, params: MixtureParams, x: np.ndarray) -> None:
    """Each component times its weight, with its number at the top."""
    for k, (w, m, s) in enumerate(zip(params.weights, params.means[:, 0], params.stds[:, 0], strict=True)):
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
                number_label(ax, f.centre.means[k, i], f.centre.means[k, j], k)
    ax.set(xlim=f.limits(i), ylim=f.limits(j))


def _draw_ellipses(ax: Axes, f: Fitted, features: tuple[int, int], k: int) -> None:
    """Component k: the posterior's fan of draws and their mean, and EM's estimate."""
    both, small = list(features), _is_small(f)
    at = np.ix_(both, both)
    if f.posterior is not None:
        some = evenly(len(f.posterior.means), SMALL_FAN if small else FAN)
        fan = [ellipse(f.posterior.means[s, k, both], f.posterior.covariances[s, k][at]) for s in some]
        look: dict[str, Any] = {"linewidths": 0.3 if small else 0.5, "alpha": 0.3, "zorder": 2}
        # The limits are set by hand; measuring every curve of every panel would take most of the time.
        ax.add_collection(PathCollection(fan, facecolors="none", edgecolors=colour(k), **look), autolim=False)
        solid = ellipse(f.centre.means[k, both], f.centre.covariances[k][at])
        width = 1.1 if small else 1.8
        ax.add_artist(PathPatch(solid, fill=False, edgecolor=colour(k), linewidth=width, zorder=4))
    dashed = ellipse(f.em.means[k, both], f.em.covariances[k][at])
    width = 0.8 if small else 1.2
    ax.add_artist(PathPatch(dashed, fill=False, edgecolor=EM, linewidth=width, linestyle="--", zorder=5))


def _is_small(f: Fitted) -> bool:
    """Whether there are so many panels that lines must be thin."""
    return f.X.shape[1] > 4


def _handles(f: Fitted, components: bool, band: float) -> list[Any]:
    """Entries of the legend, in the order in which a reader needs them."""
    one, k = f.X.shape[1] == 1, f.em.n_components
    handles: list[Any] = []
    if one or not components or f.X.shape[1] > 2:
        handles += _density_handles(f, band)
    if components and one and k > 1:
        label = f"components of {'EM' if f.posterior is None else 'the posterior mean'}, numbered"
        handles.append(Line2D([], [], color=colour(0), linestyle=":", linewidth=1.4, label=label))
    if components and not one:
        handles += _ellipse_handles(f)
        handles += [
            Line2D([], [], color=colour(c), marker=marker(c), linestyle="", label=f"component {c}")
            for c in range(k)
        ]
    if len(f.shown) < len(f.X) and not one:
        handles.append(Line2D([], [], linestyle="", label=f"({len(f.shown)} of {len(f.X)} observations)"))
    return handles


def _density_handles(f: Fitted, band: float) -> list[Any]:
    handles: list[Any] = [Line2D([], [], color=EM, linestyle="--", label="EM density")]
    if f.posterior is not None:
        handles += [
            Line2D([], [], color=BAYES, label="posterior mean density"),
            Patch(color=BAYES, alpha=0.25, label=f"{percent(band)} posterior band"),
        ]
    return handles


def _ellipse_handles(f: Fitted) -> list[Any]:
    handles: list[Any] = [Line2D([], [], color=EM, linestyle="--", label="EM, 95 % ellipse")]
    if f.posterior is not None:
        drawn = min(SMALL_FAN if _is_small(f) else FAN, len(f.posterior.means))
        thin: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.6}
        handles += [
            Line2D([], [], color=colour(0), linewidth=1.8, label="posterior mean, 95 % ellipse"),
            Line2D([], [], color=colour(0), label=f"{drawn} posterior draws", **thin),
        ]
    return handles
