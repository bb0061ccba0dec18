"""The covariance families that have a posterior written out, one row each: what the registry, and all that is
built on it, is held against."""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np


class Written(NamedTuple):
    """Which standard deviation belongs to component k and feature i, and which correlation matrix to
    component k, by keys; the shapes of both with 3 components and 2 features, and scikit-learn's shape of the
    covariances."""

    std: Callable
    correlation: Callable
    std_shape: tuple
    factor_shape: tuple | None
    covariance_shape: tuple


NONE = None
TABLE = {
    "full": Written(lambda k, i: (k, i), lambda k: k, (3, 2), (3, 2, 2), (3, 2, 2)),
    "tied": Written(lambda k, i: i, lambda k: 0, (2,), (2, 2), (2, 2)),
    "diag": Written(lambda k, i: (k, i), lambda k: NONE, (3, 2), NONE, (3, 2)),
    "spherical": Written(lambda k, i: k, lambda k: NONE, (3,), NONE, (3,)),
    "tied_diag": Written(lambda k, i: i, lambda k: NONE, (2,), NONE, (2,)),
    "tied_spherical": Written(lambda k, i: 0, lambda k: NONE, (), NONE, ()),
}


def free_parameters(name, k, d):
    """Number of free parameters, counted one by one."""
    family = TABLE[name]
    stds = {family.std(*at) for at in product(range(k), range(d))}
    matrices = {family.correlation(c) for c in range(k)} - {NONE}
    pairs = [(i, j) for i in range(d) for j in range(i)]
    return (k - 1) + k * d + len(stds) + len(matrices) * len(pairs)


def pooled(name, mass, covariances):
    """The M step: covariances (K, D, D) of the family from those of components on their own, which hold
    `mass` rows each."""
    family, (k, d, _) = TABLE[name], covariances.shape
    if family.correlation(0) is not NONE:
        shared = k > 1 and family.correlation(0) == family.correlation(1)
        mean = np.einsum("k,kij->ij", mass, covariances) / mass.sum()
        return np.stack([mean] * k) if shared else covariances
    out = np.zeros_like(covariances)
    for c, i in product(range(k), range(d)):
        alike = [at for at in product(range(k), range(d)) if family.std(*at) == family.std(c, i)]
        weights = [mass[a] for a, _ in alike]
        out[c, i, i] = np.average([covariances[a, j, j] for a, j in alike], weights=weights)
    return out


def is_nested(small, large):
    """Whether every mixture of the first family is one of the second: what the second shares the first
    shares, too."""
    one, other = TABLE[small], TABLE[large]
    places = list(product(range(2), range(2)))
    shares = all(one.std(*a) == one.std(*b) for a in places for b in places if other.std(*a) == other.std(*b))
    no_fewer = one.correlation(0) is NONE or other.correlation(0) is not NONE
    matrices = other.correlation(0) != other.correlation(1) or one.correlation(0) == one.correlation(1)
    return shares and no_fewer and matrices
