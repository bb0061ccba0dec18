"""What the drawings of a fit need of it, and the curves they draw."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.path import Path as Curve
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.utils.validation import check_is_fitted

from bayesgmm.comparison.result import Comparison, check_comparison
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.estimator import BayesGaussianMixture
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import MixtureDraws, evenly
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.plots.style import display_names
from bayesgmm.rows.features import rows_for
from bayesgmm.rows.part import part_of
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.support.arguments import check_kind

__all__ = [
    "Fitted",
    "SomeDraws",
    "check_drawable",
    "ellipse",
    "em_held_against",
    "fitted",
    "histogram_edges",
    "marginal_density",
    "rows_drawn",
]

Array = NDArray[np.float64]

# Draws behind the curves, and observations drawn: more would not change a picture.
DRAWS = 1000
OBSERVATIONS = 4000


@dataclass(frozen=True, eq=False)
class SomeDraws:
    """Posterior means of weights, means and covariances, and an evenly spaced subset of at most 1000 draws (S
    of them).

    Attributes
    ----------
    mean : MixtureParams
    weights, means, covariances : ndarrays, shapes (S, K), (S, K, D), (S, K, D, D)
    """

    mean: MixtureParams
    weights: Array
    means: Array
    covariances: Array

    @classmethod
    def of(cls, draws: MixtureDraws) -> "SomeDraws":
        log_weights, means, cholesky = draws.stacked
        kept = evenly(len(means), DRAWS)
        factor = cholesky[kept]
        return cls(
            mean=draws.mean_params,
            weights=np.exp(log_weights[kept]),
            means=means[kept],
            covariances=factor @ np.swapaxes(factor, -1, -2),
        )

    def marginal_density(self, x: Array, j: int) -> Array:
        """Density of feature j at the points x (G,) in each draw, shape (S, G)."""
        return marginal_density(x, self.weights, self.means[:, :, j], np.sqrt(self.covariances[:, :, j, j]))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Data, EM's estimate, and what is drawn of a posterior where there is one.

    Attributes
    ----------
    rows : Rows
    em : MixtureParams
    posterior : SomeDraws or None
    labels : ndarray of int, shape (N,)
        Component of largest posterior membership or, for a fit by EM alone, responsibility.
    """

    rows: Rows
    em: MixtureParams
    posterior: SomeDraws | None
    labels: NDArray[np.intp]

    @property
    def X(self) -> Array:
        """The data, shape (N, D)."""
        return self.rows.values

    def cells(self, j: int) -> tuple[Array, Array | None]:
        """The values of feature j that are there, and the weights of their rows, where they have any."""
        column = self.X[:, j]
        there = ~np.isnan(column)
        return column[there], self.rows.weights[there] if len(self.rows.weights) else None

    @cached_property
    def names(self) -> list[str]:
        """Short names of the features."""
        return display_names(self.rows.names)

    @property
    def shown(self) -> NDArray[np.intp]:
        """Indices of the observations that are drawn: all, or 4000, spread over them."""
        return part_of(len(self.X), OBSERVATIONS)

    @property
    def centre(self) -> MixtureParams:
        """The mixture that components are drawn of: the posterior mean or, for EM alone, its estimate."""
        return self.em if self.posterior is None else self.posterior.mean

    def limits(self, j: int) -> tuple[float, float]:
        """Axis limits of feature j: the data and both estimates, half a range beyond the data at the most."""
        low, high = self.rows.outline.low[j], self.rows.outline.high[j]
        span = (high - low) or 1.0
        radius = np.sqrt(stats.chi2.ppf(0.95, 2))
        ends = [
            (p.means[:, j] - radius * p.stds[:, j], p.means[:, j] + radius * p.stds[:, j])
            for p in (self.em, self.centre)
        ]
        lowest = max(min(low, *(e[0].min() for e in ends)), low - span / 2)
        highest = min(max(high, *(e[1].max() for e in ends)), high + span / 2)
        return lowest - 0.03 * span, highest + 0.03 * span


def fitted(
    fit: BayesGaussianMixture | EMGaussianMixture,
    result: Comparison | None = None,
    X: RowsLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Fitted:
    """Collect what is drawn of a fit, by full Bayes or by EM alone; see :func:`rows_drawn` and
    :func:`em_held_against` for the parameters."""
    rows, em = rows_drawn(fit, X, sample_weight), em_held_against(fit, result).params_
    if isinstance(fit, EMGaussianMixture):
        return Fitted(rows, em, None, density.responsibilities(rows.values, em).argmax(axis=1))
    return Fitted(rows, em, SomeDraws.of(fit.fit_.draws), fit.membership_.argmax(axis=1))


def check_drawable(fit: object, result: object = None) -> None:
    """Refuse what is no fit or no comparison.

    Raises
    ------
    ParameterError
    """
    check_kind(
        fit,
        "The fit to be drawn",
        (BayesGaussianMixture, EMGaussianMixture),
        "a BayesGaussianMixture or an EMGaussianMixture",
        "one of another program can be drawn beside a posterior, with compare(bayes, em=...) as second "
        "argument",
    )
    check_kind(
        result,
        "The second argument",
        (Comparison, type(None)),
        "compare(bayes)",
        "rows are handed in by name, as in plot_fit(em, X=X)",
    )
    check_is_fitted(fit)


def rows_drawn(
    fit: BayesGaussianMixture | EMGaussianMixture,
    X: RowsLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Rows:
    """The rows that a fit is drawn with: a posterior's own, or those handed in beside a fit by EM.

    Raises
    ------
    ParameterError
        Where EM has no rows to be drawn with, or a posterior has others than its own.
    """
    if isinstance(fit, EMGaussianMixture):
        if X is None:
            raise ParameterError(
                "A fit by EM does not keep its rows; got X=None; hand them in, as in plot_fit(em, X=X)."
            )
        return rows_for(fit, X, sample_weight, reset=False)
    if X is not None or sample_weight is not None:
        raise ParameterError(
            "A posterior is drawn with the rows that it was fitted to; leave out X and sample_weight, which "
            "belong to a fit by EM."
        )
    return fit.rows_


def em_held_against(
    fit: BayesGaussianMixture | EMGaussianMixture, result: Comparison | None = None
) -> EMGaussianMixture:
    """The EM fit to be drawn: that of the comparison, else the one that the posterior started from, else the
    fit itself.

    Raises
    ------
    ParameterError
        Where the comparison is of another fit.
    """
    check_drawable(fit, result)
    if result is not None:
        check_comparison(result, fit)
    if isinstance(fit, EMGaussianMixture):
        return fit
    return fit.em_ if result is None else result.em


def ellipse(mean: ArrayLike, covariance: ArrayLike, mass: float = 0.95) -> Curve:
    """The ellipse that holds `mass` of a bivariate normal distribution.

    Points x on it have (x - mean)' covariance^-1 (x - mean) = the chi-square quantile of `mass` with 2
    degrees of freedom.
    """
    matrix = np.eye(3)
    matrix[:2, :2] = np.sqrt(stats.chi2.ppf(mass, 2)) * np.linalg.cholesky(np.asarray(covariance))
    matrix[:2, 2] = mean
    # A circle of Bezier curves, not a polygon: small in a file and smooth at any size.
    return Curve.unit_circle().transformed(Affine2D(matrix))


def histogram_edges(column: Array) -> Array:
    """Edges of bins of equal width; for rounded data the width is a whole number of rounding steps.

    Otherwise some bins would hold more of the possible values than others, and stand out for no reason.
    """
    low, span = column.min(), np.ptp(column) or 1.0
    width = 1 / np.clip(1.5 * np.sqrt(len(column)), 8, 60)
    places = np.unique(np.round((column - low) / span, 9))
    step = np.diff(places).min() if len(places) > 1 else 0.0
    start = 0.0
    if step > 0.1 * width:
        width = max(1, round(width / step)) * step
        start = -step / 2
    count = int(np.ceil((1 - start) / width - 1e-9))
    return low + span * (start + width * np.arange(count + 1))


def marginal_density(x: Array, weights: Array, means: Array, stds: Array) -> Array:
    """Density of univariate mixtures, shape (..., G), at the points x (G,); the others have shape (...,
    K)."""
    # Component by component: no array of all draws, components and points at once.
    total = np.zeros((*weights.shape[:-1], len(x)))
    for k in range(weights.shape[-1]):
        w, m, s = (a[..., k, None] for a in (weights, means, stds))
        total += w / (s * np.sqrt(2 * np.pi)) * np.exp(-0.5 * ((x - m) / s) ** 2)
    return total
