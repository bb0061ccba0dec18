"""The covariance families that have a posterior written out, one row each: what the registry, and all that is
built on it, is held against."""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np


class Written(NamedTuple):
    """Which standard deviation belongs to component k and feature i, and which correlation matrix to
    component k, by keys; the shapes of both with 3 components and 2 features, and scikit-learn's shape of the
    covariances.

    Where volume and shape of the standard deviations are constrained apart, which volume and which shape
    belong to component k.
    """

    std: Callable
    correlation: Callable
    std_shape: tuple
    factor_shape: tuple | None
    covariance_shape: tuple
    volume: Callable | None = None
    shape: Callable | None = None


NONE = None
TABLE = {
    "full": Written(lambda k, i: (k, i), lambda k: k, (3, 2), (3, 2, 2), (3, 2, 2)),
    "tied": Written(lambda k, i: i, lambda k: 0, (2,), (2, 2), (2, 2)),
    "diag": Written(lambda k, i: (k, i), lambda k: NONE, (3, 2), NONE, (3, 2)),
    "spherical": Written(lambda k, i: k, lambda k: NONE, (3,), NONE, (3,)),
    "tied_diag": Written(lambda k, i: i, lambda k: NONE, (2,), NONE, (2,)),
    "tied_spherical": Written(lambda k, i: 0, lambda k: NONE, (), NONE, ()),
    "VEI": Written(
        lambda k, i: (k, i), lambda k: NONE, (3, 2), NONE, (3, 2), volume=lambda k: k, shape=lambda k: 0
    ),
    "EVI": Written(
        lambda k, i: (k, i), lambda k: NONE, (3, 2), NONE, (3, 2), volume=lambda k: 0, shape=lambda k: k
    ),
    "tied_corr": Written(lambda k, i: (k, i), lambda k: 0, (3, 2), (2, 2), (3, 2, 2)),
}


# Those whose M step is a mean over what is shared; em/test_families_of_mclust.py has the others.
AVERAGED = ("full", "tied", "diag", "spherical", "tied_diag", "tied_spherical")


def log_std(name, c, i, d):
    """The logarithm of a standard deviation as a sum of free numbers: their keys, in whose order they come,
    and how often each counts."""
    family = TABLE[name]
    if family.volume is NONE:
        return {tuple(np.atleast_1d(family.std(c, i))): 1}
    volume, free = (0, family.volume(c)), [(1, family.shape(c), j) for j in range(d - 1)]
    # The last of the logarithms that make up a shape is minus the sum of the others.
    return {volume: 1, free[i]: 1} if i < d - 1 else {volume: 1} | dict.fromkeys(free, -1)


def log_std_matrix(name, k, d):
    """The same as a matrix, shape (K D, n): logarithms of all standard deviations by the free numbers."""
    rows = [log_std(name, c, i, d) for c, i in product(range(k), range(d))]
    keys = sorted({key for row in rows for key in row})
    return np.array([[float(row.get(key, 0)) for key in keys] for row in rows])


def free_parameters(name, k, d):
    """Number of free parameters, counted one by one."""
    family = TABLE[name]
    stds = {key for c, i in product(range(k), range(d)) for key in log_std(name, c, i, d)}
    matrices = {family.correlation(c) for c in range(k)} - {NONE}
    pairs = [(i, j) for i in range(d) for j in range(i)]
    return (k - 1) + k * d + len(stds) + len(matrices) * len(pairs)


def pooled(name, mass, covariances):
    """The M step: covariances (K, D, D) of the family from those of components on their own, which hold
    `mass` rows each."""
    family, (k, d, _) = TABLE[name], covariances.shape
    if family.correlation(0) is not NONE:
        shared = k > 1 and family.correlation(0) == family.correlation(1)
        if shared and family.std(0, 0) != family.std(1, 0):
            return pooled_correlations(mass, covariances)
        mean = np.einsum("k,kij->ij", mass, covariances) / mass.sum()
        return np.stack([mean] * k) if shared else covariances
    if family.volume is not NONE:
        return pooled_apart(family, mass, np.diagonal(covariances, axis1=1, axis2=2))
    out = np.zeros_like(covariances)
    for c, i in product(range(k), range(d)):
        alike = [at for at in product(range(k), range(d)) if family.std(*at) == family.std(c, i)]
        weights = [mass[a] for a, _ in alike]
        out[c, i, i] = np.average([covariances[a, j, j] for a, j in alike], weights=weights)
    return out


def pooled_apart(family, mass, variances):
    """The same of volumes and shapes (Celeux and Govaert 1995, section 3): shapes by turns with volumes, or
    in closed form where the volume is one."""
    (k, d), volumes = variances.shape, np.ones(len(mass))
    if family.volume(0) == family.volume(k - 1):
        sizes = np.exp(np.log(variances).mean(axis=1))
        out = variances / sizes[:, None] * np.average(sizes, weights=mass)
    else:
        for _ in range(200):
            shape = np.einsum("k,kd->d", mass / volumes, variances)
            shape /= np.exp(np.log(shape).mean())
            volumes = (variances / shape).mean(axis=1)
        out = volumes[:, None] * shape
    return out[:, :, None] * np.eye(d)


def pooled_correlations(mass, covariances, turns=20):
    """The same of one correlation matrix: the mean of covariances in units of standard deviations by turns
    with these, by Newton's damped steps."""
    u = 1 / np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))

    def mean():
        return np.einsum("k,ki,kj,kij->ij", mass / mass.sum(), u, u, covariances)

    for _ in range(turns):
        precision = np.linalg.inv(mean())
        for c, covariance in enumerate(covariances):
            m = precision * covariance
            for _ in range(6):
                slope = m @ u[c] - 1 / u[c]
                step = np.linalg.solve(m + np.diag(u[c] ** -2.0), slope)
                size = np.sqrt(max(slope @ step, 0.0))
                u[c] -= step / (1 + size if size > 0.1 else 1)
    return mean() / u[:, :, None] / u[:, None, :]


def is_nested(small, large):
    """Whether every mixture of the first family is one of the second: free numbers of the first move nothing
    that those of the second do not, and correlations that the second shares the first shares, too."""
    one, other = TABLE[small], TABLE[large]
    of_both = [log_std_matrix(name, 2, 2) for name in (large, small)]
    shares = np.linalg.matrix_rank(np.hstack(of_both)) == of_both[0].shape[1]
    no_fewer = one.correlation(0) is NONE or other.correlation(0) is not NONE
    matrices = other.correlation(0) != other.correlation(1) or one.correlation(0) == one.correlation(1)
    return shares and no_fewer and matrices
