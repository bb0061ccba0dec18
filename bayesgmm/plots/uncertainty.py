"""`plot_uncertainty`: which observations are certain of their component, and which are not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bayesgmm.plots.groups import chosen_features, em_labels, telling_features
from bayesgmm.plots.style import SHADES, axes_for, display_names, figure_of
from bayesgmm.results import check_fit
from bayesgmm.rows.part import part_of

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["plot_uncertainty", "uncertainty"]

Array = NDArray[np.float64]

OBSERVATIONS = 4000
# The scale's end, so that figures of different fits can be compared; further only where a row goes further.
DARKEST = 0.5


def plot_uncertainty(
    bayes: "BayesGaussianMixture", *, features: Sequence[str | int] | None = None, ax: Axes | None = None
) -> Figure:
    """The observations, the darker and larger the less certain their assignment is; the least certain lie on
    top.

    Where the verdict allows component-wise summaries, an observation's uncertainty is 1 less its largest
    posterior membership. Where it does not, it is what does not depend on labels: the probability that the
    best guess is wrong whether the observation shares a component with another one, on average over all
    others. With two components both are the same for an observation between two components that are told
    apart.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    features : sequence of one or two str or int, optional
        What to draw against each other; of more than two features by default the two in which EM's components
        differ most. One feature is drawn against the uncertainty itself.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the data do not have these features.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> from bayesgmm.plots import plot_uncertainty
    >>> bayes = BayesGaussianMixture(2, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.faithful().X)
    >>> plot_uncertainty(bayes).axes[0].get_xlabel()
    'x0'
    """
    check_fit(bayes)
    X = bayes.rows_.values
    names = bayes.fit_.names
    shown = (
        telling_features(X, em_labels(bayes))
        if features is None
        else chosen_features(bayes.rows_.names, features)
    )
    rows, values = part_of(len(X), OBSERVATIONS), uncertainty(bayes)
    # Later points cover earlier ones.
    order = np.argsort(values, kind="stable")
    at, values = X[rows[order]], values[order]
    short = display_names(names)
    ok, one = bayes.verdict_.ok, len(shown) == 1
    ax = axes_for(ax, 7.0, 4.0 if one else 5.2)
    top = max(DARKEST, float(values.max()))
    look: dict[str, Any] = {"c": values, "cmap": SHADES, "vmin": 0.0, "vmax": top, "linewidths": 0.3}
    sizes = float(np.clip(5000 / len(at), 4, 16)) * (1 + 4 * values / top)
    y = values if one else at[:, shown[1]]
    drawn = ax.scatter(at[:, shown[0]], y, s=sizes, edgecolors="#555555", rasterized=len(at) > 1500, **look)
    what = "1 - largest membership" if ok else "mean error of guessing who shares a component"
    ax.set(xlabel=short[shown[0]], title=_title(len(at), len(X), ok))
    if one:
        ax.set(ylabel=what, ylim=(-0.04 * top, 1.06 * top))
    else:
        ax.set_ylabel(short[shown[1]])
        figure_of(ax).colorbar(drawn, ax=ax, label=what)
    return figure_of(ax)


def _title(shown: int, n: int, ok: bool) -> str:
    title = (
        "How uncertain each assignment is" if ok else "How uncertain it is which observations belong together"
    )
    return title if shown == n else f"{title}\n{shown} of {n} observations"


def uncertainty(bayes: "BayesGaussianMixture") -> Array:
    """Of all rows, or of 4,000; see :func:`plot_uncertainty`. The second kind lies between
    0 and 1/2."""
    if bayes.verdict_.ok:
        largest = bayes.membership_.max(axis=1)
        # Memberships add up to one but for rounding.
        return np.maximum(1 - largest[part_of(len(largest), OBSERVATIONS)], 0.0)
    similarity = bayes.similarity_
    error = np.minimum(similarity, 1 - similarity)
    # On the diagonal there is nothing to guess.
    return error.sum(axis=1) / max(1, len(error) - 1)
