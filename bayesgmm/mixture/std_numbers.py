"""The free numbers that standard deviations are made of.

Where the maps of a family tell all, these are the logarithms of the distinct standard deviations. Where
components share only their volume or only their shape,

    log tau_ki = v_k + h_ki    with sum_i h_ki = 0,

they are the distinct v, logarithms of geometric means, and then D - 1 numbers for each distinct h, whose last
entry is minus their sum. Weights and correlations are matters of :mod:`bayesgmm.mixture.coordinates`, whose
`Layout` the compiled functions read.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.support.compilation import inlined

__all__ = ["add_by_log_std", "log_std", "log_stds_of", "numbers_of", "std_part_places"]

Array = NDArray[np.float64]


def log_stds_of(numbers: Array, family: CovarianceFamily, n_components: int, n_features: int) -> Array:
    """Logarithms of the family's distinct standard deviations by their numbers, shape (..., n)."""
    volumes, shapes = family.std_parts(n_components)
    if not volumes:
        return numbers
    free = numbers[..., volumes:].reshape(*numbers.shape[:-1], shapes, n_features - 1)
    log_shapes = np.concatenate([free, -free.sum(axis=-1, keepdims=True)], axis=-1)
    return np.asarray(numbers[..., :volumes, None] + log_shapes)


def numbers_of(log_stds: Array, family: CovarianceFamily) -> list[Array]:
    """What the logarithms of a family's distinct standard deviations are made of, part by part."""
    if not family.std_parts(1)[0]:
        return [log_stds]
    volumes, shapes = family.std_parts(log_stds.shape[-2])
    log_volumes = log_stds.mean(axis=-1)
    log_shapes = log_stds - log_volumes[..., None]
    return [log_volumes[..., :volumes], log_shapes[..., :shapes, :-1]]


@inlined
def log_std(numbers, layout, k, i):
    """Logarithm of the standard deviation of component k and feature i."""
    if layout.n_volumes == 0:
        return numbers[layout.std_by_component * k + layout.std_by_feature * i]
    last = layout.n_features - 1
    volume, shape = std_part_places(layout, k)
    if i < last:
        return numbers[volume] + numbers[shape + i]
    s = numbers[volume]
    for j in range(last):
        s -= numbers[shape + j]
    return s


@inlined
def add_by_log_std(gradient, layout, k, i, by_log_std):
    """Add a derivative by that logarithm to the gradient by the numbers it is made of."""
    if layout.n_volumes == 0:
        gradient[layout.std_by_component * k + layout.std_by_feature * i] += by_log_std
        return
    last = layout.n_features - 1
    volume, shape = std_part_places(layout, k)
    gradient[volume] += by_log_std
    if i < last:
        gradient[shape + i] += by_log_std
        return
    for j in range(last):
        gradient[shape + j] -= by_log_std


@inlined
def std_part_places(layout, k):
    """Where among these numbers the volume of component k stands, and its shape begins."""
    shape = layout.n_volumes + min(k, layout.n_shapes - 1) * (layout.n_features - 1)
    return min(k, layout.n_volumes - 1), shape
