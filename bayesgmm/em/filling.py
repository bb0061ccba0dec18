"""Rows whose missing cells are filled in, for starts of EM: no likelihood depends on them."""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.steps import State, advance
from bayesgmm.mixture.conditional import completed
from bayesgmm.mixture.families import DEFAULT_FAMILY, family_of
from bayesgmm.mixture.params import MixtureParams

__all__ = ["filled"]

Array = NDArray[np.float64]

# Steps of EM for one Gaussian, to two digits, and the smallest eigenvalue that its covariance may have.
STEPS, FLOOR = 30, 1e-6


def filled(X: Array, sample_weight: Array) -> Array:
    """Standardised rows, shape (N, D), whose missing cells, NaN, have their conditional means under the one
    Gaussian that suits all rows best."""
    d = X.shape[1]
    state = State(np.zeros(1), np.zeros((1, d)), np.eye(d)[None])
    for _ in range(STEPS):
        state = advance(X, sample_weight, state, family_of(DEFAULT_FAMILY).pooling, FLOOR, 1).next
    params = MixtureParams.of_cholesky(np.ones(1), state.means, state.cholesky)
    return np.asfortranarray(completed(X, params).values)
