"""Pareto-smoothed importance weights, by ArviZ, also where there is no tail to be smoothed."""

import warnings

import numpy as np
from arviz_stats.base import array_stats
from numpy.typing import NDArray
from scipy.special import logsumexp

__all__ = ["smoothed_log_weights"]

Array = NDArray[np.float64]


def smoothed_log_weights(log_likelihood: Array, efficiency: float = 1.0) -> tuple[Array, Array]:
    """Normalised log weights, proportional to 1 / likelihood before they are smoothed, and Pareto k.

    Where fewer than five weights make the tail, all of it are equal, or most of it underflows, nothing can be
    smoothed: weights stay as they are, and k is infinite.

    Parameters
    ----------
    log_likelihood : ndarray, shape (..., S)
    efficiency : float, default 1.0
        Effective draws for each draw.

    Returns
    -------
    log_weights : ndarray, shape (..., S)
    k : ndarray, shape (...)

    Notes
    -----
    Vehtari, Simpson, Gelman, Yao and Gabry (2024), Pareto smoothed importance sampling.
    """
    try:
        # Of few draws a tail of five is taken, and k tells.
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.filterwarnings("ignore", "Number of tail draws")
            log_weights, k = array_stats.psislw(log_likelihood, r_eff=efficiency)
    except (ValueError, IndexError):
        if log_likelihood.ndim > 1:
            parts = [smoothed_log_weights(row, efficiency) for row in log_likelihood]
            log_weights, k = (np.stack(p) for p in zip(*parts, strict=True))
        else:
            log_weights, k = -log_likelihood - logsumexp(-log_likelihood), np.inf
    # The shape of a tail whose weights underflow cannot be found.
    unknown = np.isnan(k) | np.isnan(log_weights).any(axis=-1)
    as_they_are = -log_likelihood - logsumexp(-log_likelihood, axis=-1, keepdims=True)
    return np.where(unknown[..., None], as_they_are, log_weights), np.where(unknown, np.inf, k)
