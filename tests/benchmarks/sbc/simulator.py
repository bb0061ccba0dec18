"""Mixtures from a prior, and rows of them, in plain NumPy: nothing of the package is used.

Weights are Dirichlet with one of several concentrations; means normal; logarithms of the standard deviations
of a column are around a common value that is drawn anew, all t by a common divisor; correlations LKJ.
"""

from typing import NamedTuple

import numpy as np

CONCENTRATIONS = (1.0, 10.0)
MEAN_SCALE = 3.0
MU, COMMON, OWN, DF = 0.0, 0.5, 0.4, 8.0
ETA = 2.0


class Simulated(NamedTuple):
    """What was drawn: weights (K,), means (K, D), covariances (K, D, D), labels (N,) and rows (N, D), and the
    same component for all where the family is tied."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    labels: np.ndarray
    X: np.ndarray


def simulated(k, d, n, family, rng):
    """Parameters from the prior, and rows given them."""
    weights = rng.dirichlet(np.full(k, rng.choice(CONCENTRATIONS)))
    means = rng.normal(0.0, MEAN_SCALE, (k, d))
    rows, columns = (1 if family.startswith("tied") else k), (1 if family.endswith("spherical") else d)
    stds = np.empty((rows, columns))
    for j in range(columns):
        divisor = np.sqrt(rng.gamma(DF / 2, 2 / DF))
        common = rng.normal(0.0, COMMON)
        stds[:, j] = np.exp(MU + (common + rng.normal(0.0, OWN, rows)) / divisor)
    stds = np.broadcast_to(stds, (k, d))
    correlated = family in ("full", "tied")
    correlations = np.array([lkj(d, rng) if correlated else np.eye(d) for _ in range(rows)])
    covariances = stds[:, :, None] * correlations * stds[:, None, :]
    labels = rng.choice(k, n, p=weights)
    X = np.array([rng.multivariate_normal(means[z], covariances[z]) for z in labels])
    return Simulated(weights, means, covariances, labels, X)


def with_missing(X, share, rng):
    """Rows of which cells are missing completely at random, as NaN; each keeps one cell at least."""
    lost = rng.random(X.shape) < share
    lost[lost.all(axis=1), 0] = False
    return np.where(lost, np.nan, X)


def lkj(d, rng):
    """A correlation matrix from the LKJ distribution by partial correlations: Lewandowski, Kurowicka and Joe
    (2009), section 2.4."""
    partial, out = np.eye(d), np.eye(d)
    for level in range(d - 1):
        beta = ETA + (d - 2 - level) / 2
        for i in range(level + 1, d):
            partial[level, i] = 2 * rng.beta(beta, beta) - 1
            rho = partial[level, i]
            for m in range(level - 1, -1, -1):
                rest = np.sqrt((1 - partial[m, i] ** 2) * (1 - partial[m, level] ** 2))
                rho = rho * rest + partial[m, i] * partial[m, level]
            out[level, i] = out[i, level] = rho
    return out
