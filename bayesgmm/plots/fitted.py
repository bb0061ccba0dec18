"""What the drawings of a fit need of it, and the curves they draw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.path import Path as Curve
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bayesgmm.mixture.draws import evenly
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.plots.style import display_names

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Fitted", "ellipse", "fitted", "histogram_edges", "marginal_density"]

Array = NDArray[np.float64]

# Draws behind the curves, and observations drawn: more would not change a picture.
DRAWS = 1000
OBSERVATIONS = 4000


@dataclass(frozen=True, eq=False)
class Fitted:
    """Data, both estimates, and an evenly spaced subset of at most 1000 draws (S of them).

    Attributes
    ----------
    X : ndarray, shape (N, D)
    sample_weight : ndarray, shape (N,), or None
        Weights of the rows in histograms.
    names : list of str
        Short names of the features.
    labels : ndarray of int, shape (N,)
        Component of largest posterior membership.
    em, mean : MixtureParams
        The EM estimate, and the posterior means of weights, means and covariances.
    weights, means, covariances : ndarrays, shapes (S, K), (S, K, D), (S, K, D, D)
    """

    X: Array
    sample_weight: Array | None
    names: list[str]
    labels: NDArray[np.intp]
    em: MixtureParams
    mean: MixtureParams
    weights: Array
    means: Array
    covariances: Array

    @property
    def shown(self) -> NDArray[np.intp]:
        """Indices of the observations that are drawn: all, or 4000 evenly spaced ones."""
        return evenly(len(self.X), OBSERVATIONS)

    def limits(self, j: int) -> tuple[float, float]:
        """Axis limits of feature j: the data and both estimates, half a range beyond the data at the most."""
        low, high = self.X[:, j].min(), self.X[:, j].max()
        span = (high - low) or 1.0
        radius = np.sqrt(stats.chi2.ppf(0.95, 2))
        ends = [
            (p.means[:, j] - radius * p.stds[:, j], p.means[:, j] + radius * p.stds[:, j])
            for p in (self.em, self.mean)
        ]
        lowest = max(min(low, *(e[0].min() for e in ends)), low - span / 2)
        highest = min(max(high, *(e[1].max() for e in ends)), high + span / 2)
        return lowest - 0.03 * span, highest + 0.03 * span


def fitted(bayes: "BayesGaussianMixture") -> Fitted:
    """Collect what is drawn of a fit."""
    draws = bayes.fit_.draws
    log_weights, means, cholesky = draws.stacked
    kept = evenly(len(means), DRAWS)
    factor = cholesky[kept]
    return Fitted(
        X=bayes.rows_.values,
        sample_weight=bayes.rows_.weights if len(bayes.rows_.weights) else None,
        names=display_names(bayes.fit_.names),
        labels=bayes.membership_.argmax(axis=1),
        em=bayes.em_.params_,
        mean=draws.mean_params,
        weights=np.exp(log_weights[kept]),
        means=means[kept],
        covariances=factor @ np.swapaxes(factor, -1, -2),
    )


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
