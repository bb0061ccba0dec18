"""Kinds of simulated data, as a table of named cells, and what is true of each data set.

K is the number of clusters, D of features, N of rows. Distances, scales and grids are in units of a
cluster's standard deviation, which is about 1 where the cell does not say otherwise.
"""

from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import product
from typing import NamedTuple
from zlib import crc32

import numpy as np
from scipy import stats
from scipy.special import logsumexp

# Data sets of the two halves never meet: neither do those of a half and of another cell.
HALVES = {"choose": 10_000, "report": 20_000}
MOST_DATA_SETS = 10_000
# The clusters that overlap, of the first version of the page; covariances by their Cholesky factors.
OVERLAPPING_WEIGHTS = {2: (0.6, 0.4), 3: (0.4, 0.35, 0.25)}
OVERLAPPING_FACTORS = np.array(
    [[[1.0, 0.0], [0.0, 1.0]], [[1.2, 0.5], [0.0, 0.7]], [[0.7, 0.0], [-0.4, 1.1]]]
)
T_DF, GAMMA_SHAPE, LOGNORMAL_SD = 4.0, 2.0, 0.5
N_POINTS = 20
# Degrees of freedom above D of the Wishart matrices whose correlations are taken; log-sd of the sds.
WISHART_ABOVE, STD_SPREAD = 4, 0.2


@dataclass(frozen=True)
class Cell:
    """One kind of data.

    Parameters
    ----------
    name, group : str
    n : int
        Number of rows, N.
    weights : tuple of K floats
    distance : tuple of two floats
        Between neighbours along a feature that tells clusters apart: drawn between the two.
    d : int
        Number of features, D.
    apart : int
        How many features tell clusters apart.
    scale_ratio : float
        Of the widest cluster to the narrowest, others in between.
    shape : {"gauss", "t", "gamma", "lognormal"}
        Of the noise, of mean 0 and variance 1.
    step : float or None
        Of the grid to which the rows are rounded.
    fitted : int or None
        Number of components to fit; None means K.
    data_sets : int
        How many are simulated for the page.
    """

    name: str
    group: str
    n: int
    weights: tuple[float, ...]
    distance: tuple[float, float]
    d: int = 2
    apart: int = 1
    scale_ratio: float = 1.0
    shape: str = "gauss"
    step: float | None = None
    fitted: int | None = None
    data_sets: int = 20

    @property
    def k(self):
        """Number of clusters, K."""
        return len(self.weights)

    @property
    def n_components(self):
        """Number of components to fit."""
        return self.fitted or self.k

    def simulated(self, half, index):
        """Data set number `index` of a half."""
        assert 0 <= index < MOST_DATA_SETS
        seed = HALVES[half] + index
        if self.group == "overlapping":
            rng = np.random.default_rng([self.n, self.k, seed])
            truth = overlapping_truth(self, rng)
        else:
            rng = np.random.default_rng([crc32(self.name.encode()), seed])
            truth = random_truth(self, rng)
        X, labels = truth.simulated(self.n, rng)
        points = truth.simulated(N_POINTS, rng)[0]
        if self.step:
            X = self.step * np.round(X / self.step)
        return DataSet(X, labels, truth, points)


class DataSet(NamedTuple):
    """Rows (N, D), their clusters (N,), what they are drawn from, and further points (M, D) of it."""

    X: np.ndarray
    labels: np.ndarray
    truth: "Truth"
    points: np.ndarray


@dataclass(frozen=True)
class Truth:
    """A mixture of clusters of any shape: weights (K,), means (K, D) and Cholesky factors (K, D, D) of their
    covariances."""

    weights: np.ndarray
    means: np.ndarray
    cholesky: np.ndarray
    shape: str = "gauss"

    @property
    def stds(self):
        """Standard deviations, shape (K, D)."""
        return np.sqrt(np.einsum("kij,kij->ki", self.cholesky, self.cholesky))

    @property
    def correlations(self):
        """Correlation matrices, shape (K, D, D)."""
        factors = self.cholesky / self.stds[..., None]
        return factors @ np.swapaxes(factors, 1, 2)

    def simulated(self, size, rng):
        """Rows and their clusters, drawn as `bayesgmm.mixture.density.simulate_from` does where shapes are
        normal."""
        labels = rng.choice(len(self.weights), size=size, p=self.weights / self.weights.sum())
        noise = _noise(self.shape, (size, self.means.shape[1]), rng)
        return self.means[labels] + np.einsum("nij,nj->ni", self.cholesky[labels], noise), labels

    def log_density(self, X):
        """Log density of the mixture at rows (M, D), shape (M,)."""
        noise = np.array(
            [np.linalg.solve(c, (X - m).T).T for m, c in zip(self.means, self.cholesky, strict=True)]
        )
        volumes = np.log(np.abs(np.linalg.det(self.cholesky)))
        each = _log_noise_density(self.shape, noise) - volumes[:, None]
        return logsumexp(each + np.log(self.weights)[:, None], axis=0)


def _noise(shape, size, rng):
    """Noise of mean 0 and variance 1, uncorrelated features, shape (n, D)."""
    if shape == "gamma":
        return (rng.gamma(GAMMA_SHAPE, size=size) - GAMMA_SHAPE) / np.sqrt(GAMMA_SHAPE)
    if shape == "lognormal":
        law = stats.lognorm(LOGNORMAL_SD)
        return (law.rvs(size, random_state=rng) - law.mean()) / law.std()
    noise = rng.standard_normal(size)
    if shape == "t":
        noise *= np.sqrt((T_DF - 2) / rng.chisquare(T_DF, (size[0], 1)))
    return noise


def _log_noise_density(shape, e):
    """Log density of noise (..., D), shape (...)."""
    if shape == "t":
        d, scale = e.shape[-1], np.sqrt((T_DF - 2) / T_DF)
        law = stats.multivariate_t(np.zeros(d), scale**2 * np.eye(d), df=T_DF)
        return law.logpdf(e).reshape(e.shape[:-1])
    laws = {
        "gauss": stats.norm(),
        "gamma": stats.gamma(GAMMA_SHAPE),
        "lognormal": stats.lognorm(LOGNORMAL_SD),
    }
    law = laws[shape]
    return (law.logpdf(law.mean() + law.std() * e) + np.log(law.std())).sum(axis=-1)


def overlapping_truth(cell, rng):
    """Two or three clusters of given covariances along a line."""
    distance = rng.uniform(*cell.distance)
    means = np.arange(cell.k)[:, None] * np.array([distance, 0.3])
    return Truth(np.array(cell.weights), means, OVERLAPPING_FACTORS[: cell.k])


def random_truth(cell, rng):
    """Clusters in a row along each of the features that tell them apart, in another order along each, with
    covariances drawn at random."""
    k, d = cell.k, cell.d
    scales = rng.permutation(np.geomspace(1.0, cell.scale_ratio, k))
    stds = scales[:, None] * rng.lognormal(0.0, STD_SPREAD, (k, d))
    distance = rng.uniform(*cell.distance)
    means = rng.normal(0.0, 0.3, (k, d))
    for j in range(cell.apart):
        order = rng.permutation(k) if j else np.arange(k)
        s = stds[order, j]
        gaps = distance * np.sqrt((s[1:] ** 2 + s[:-1] ** 2) / 2)
        means[order, j] = np.concatenate([[0.0], np.cumsum(gaps)])
    rows = rng.standard_normal((k, d, d + WISHART_ABOVE))
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    factors = np.linalg.cholesky(rows @ np.swapaxes(rows, 1, 2))
    return Truth(np.array(cell.weights), means, stds[..., None] * factors, cell.shape)


# ------------------------------------------------------------ the table


def _cell(group, n, weights, distance, **more):
    """A cell with a name that says what is special about it."""
    low, high = distance if isinstance(distance, tuple) else (distance, distance)
    cell = Cell("", group, n, tuple(weights), (float(low), float(high)), **more)
    said = {
        "/".join(f"{w:g}"[1:] for w in weights): group == "small_clusters",
        f"1:{cell.scale_ratio:g}": cell.scale_ratio != 1,
        cell.shape: cell.shape != "gauss",
        f"grid{cell.step}": cell.step is not None,
        f"fitted{cell.fitted}": cell.fitted is not None,
    }
    far = f"{low:g}sd" if low == high else f"{low:g}to{high:g}sd"
    parts = [
        group,
        f"K{cell.k}",
        f"D{cell.d}",
        f"N{n}",
        far,
        *(text for text, is_special in said.items() if is_special),
    ]
    return replace(cell, name="-".join(parts))


def _even(k):
    return (1 / k,) * k


def _cells():
    two, three = OVERLAPPING_WEIGHTS[2], OVERLAPPING_WEIGHTS[3]
    for (d, k), rows, distance in product(((1, 2), (2, 3), (5, 2)), (12, 50, 500), (6, 20, 60, 200)):
        yield _cell("separated", k * rows, _even(k), distance, d=d, apart=d)
    for n, weights in product((60, 200), (two, three)):
        yield _cell("overlapping", n, weights, (2, 3), data_sets=100)
    yield _cell("small_clusters", 100, (0.95, 0.05), 4)
    yield _cell("small_clusters", 200, (0.95, 0.05), 2.5)
    yield _cell("small_clusters", 200, (0.8, 0.15, 0.05), 3.5)
    yield _cell("small_clusters", 300, (0.97, 0.03), 4)
    for d, n in ((1, 60), (1, 200), (5, 60), (5, 200), (10, 100), (10, 1000)):
        yield _cell("dimensions", n, two, (2.5, 3), d=d)
    for ratio, n in product((3, 10), (60, 200)):
        yield _cell("scales", n, two, 3, scale_ratio=ratio)
    yield _cell("scales", 200, three, 3, scale_ratio=10)
    for distance in (3, 6):
        yield _cell("wrong_k", 200, three, distance, fitted=2)
        yield _cell("wrong_k", 200, two, distance, fitted=3)
        yield _cell("wrong_k", 200, two, distance, fitted=4)
    for shape, distance in product(("t", "gamma", "lognormal"), (3, 6)):
        yield _cell("shapes", 200, two, distance, shape=shape)
    for step, (d, n) in product((0.5, 1.0), ((1, 200), (2, 60), (2, 200))):
        yield _cell("rounded", n, two, 3, d=d, step=step)
    for distance in ((2, 3), 4):
        yield _cell("few_rows", 30, two, distance)
    for weights, distance in product((two, three), ((2, 3), 4)):
        yield _cell("large", 1000, weights, distance)


# What is said of each group, in the order of the page.
GROUPS = {
    "separated": "Clusters that nobody could mix up, of the same weight, apart along every feature.",
    "overlapping": "Clusters of given covariances that overlap along the first of two features.",
    "small_clusters": "One cluster has nearly all rows.",
    "dimensions": "Overlapping clusters in one feature and in many.",
    "scales": "The widest cluster is 3 or 10 times as wide as the narrowest.",
    "wrong_k": (
        "One component too few, and one and two too many. Where they are too many, the memberships of "
        "several are summed for one cluster; where they are too few, the labels of several clusters become "
        "one."
    ),
    "shapes": "Clusters that are not normal: t with 4 degrees of freedom, gamma of shape 2, log-normal.",
    "rounded": "Rows rounded to a grid of half a standard deviation, or of a whole one.",
    "few_rows": "Thirty rows.",
    "large": "A thousand rows.",
}
CELLS = {cell.name: cell for cell in _cells()}


def matching(patterns):
    """The cells whose names match one of the patterns, separated by commas."""
    wanted = [p.strip() for p in patterns.split(",")]
    found = [c for c in CELLS.values() if any(fnmatch(c.name, p) or c.group == p for p in wanted)]
    if not found:
        groups = ", ".join(GROUPS)
        raise SystemExit(f"No cell matches {patterns!r}; groups are {groups}, and --list names all cells.")
    return found
