"""The M step of components that share their correlations and have their own standard deviations.

With S_k the covariance of component k on its own and n_k the rows that it holds, the M step is the smallest

    sum_k n_k (log |Sigma_k| + tr(Sigma_k^-1 S_k)),    Sigma_k = T_k C T_k    with T_k diagonal.

Here C need not have a unit diagonal, which only shares scales between C and the T_k. The two are found by
turns (Meng and Rubin 1993), from the old covariances on, so that the sum never rises above what it was there:

* given the T_k, C is the mean of T_k^-1 S_k T_k^-1;
* given C, and with u the diagonal of T_k^-1, what is to be small is u' M u - 2 sum_i log u_i, where M is the
  product of C^-1 and S_k entry by entry. It is convex, and one u_i after the other becomes the positive root
  of M_ii u_i^2 + (sum_j M_ij u_j) u_i = 1, the sum over the others.
"""

import math

from bayesgmm.em.volume_shape import MOST_TURNS, STILL, invert, is_finite
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import inlined_in_order

__all__ = ["constrain_to_one_correlation"]


@inlined_in_order
def constrain_to_one_correlation(inner, mass, cholesky):
    """Bring covariances to the family, in the coordinates of the old ones; NaN where there are none.

    Parameters
    ----------
    inner : ndarray, shape (K, D, D)
        L^-1 S L'^-1, with S the components' covariances on their own; changed in place.
    mass : ndarray, shape (K,)
    cholesky : ndarray, shape (K, D, D)
        L, the factors of the old covariances, which are of the family.
    """
    K, D = inner.shape[:2]
    if not is_finite(inner, False):
        return
    factor, common = zeros(D * D).reshape((D, D)), zeros(D * D).reshape((D, D))
    own, scales = empty(K * D * D).reshape((K, D, D)), empty(K * D).reshape((K, D))
    for i in range(D):
        s = 0.0
        for j in range(i + 1):
            s += cholesky[0, i, j] * cholesky[0, i, j]
        for j in range(i + 1):
            factor[i, j] = cholesky[0, i, j] / math.sqrt(s)
    for k in range(K):
        # In units of the old standard deviations.
        _enclose(factor, inner[k], own[k])
        for i in range(D):
            scales[k, i] = 1.0
    _take_turns(own, mass, scales, common)
    # L^-1 T C T L'^-1.
    for k in range(K):
        for i in range(D):
            for j in range(D):
                own[k, i, j] = common[max(i, j), min(i, j)] / (scales[k, i] * scales[k, j])
        _enclose_by_inverse(factor, own[k], inner[k])


@inlined_in_order
def _take_turns(own, mass, scales, common):
    """Fill C, its lower triangle, and the u of every component."""
    K, D = scales.shape
    inverse, precision = zeros(D * D).reshape((D, D)), empty(D * D).reshape((D, D))
    _average(own, mass, scales, common)
    for _ in range(MOST_TURNS):
        invert(common, inverse)
        for i in range(D):
            for j in range(D):
                s = 0.0
                for m in range(max(i, j), D):
                    s += inverse[m, i] * inverse[m, j]
                precision[i, j] = s
        moved = 0.0
        for k in range(K):
            for i in range(D):
                rest = 0.0
                for j in range(D):
                    if j != i:
                        rest += precision[i, j] * own[k, i, j] * scales[k, j]
                square = precision[i, i] * own[k, i, i]
                root = math.sqrt(rest * rest + 4.0 * square)
                u = 2.0 / (rest + root) if rest > 0.0 else (root - rest) / (2.0 * square)
                moved = max(moved, abs(math.log(u / scales[k, i])))
                scales[k, i] = u
        _average(own, mass, scales, common)
        if not moved > STILL:
            break


@inlined_in_order
def _average(own, mass, scales, common):
    """Fill the lower triangle of C, the mean of T^-1 S T^-1."""
    K, D = scales.shape
    total = 0.0
    for k in range(K):
        total += mass[k]
    for i in range(D):
        for j in range(i + 1):
            s = 0.0
            for k in range(K):
                s += mass[k] * scales[k, i] * scales[k, j] * own[k, i, j]
            common[i, j] = s / total


@inlined_in_order
def _enclose(factor, matrix, out):
    """Fill F A F' with F lower triangular and A symmetric."""
    D = matrix.shape[0]
    for i in range(D):
        for j in range(i + 1):
            s = 0.0
            for a in range(i + 1):
                for b in range(j + 1):
                    s += factor[i, a] * matrix[a, b] * factor[j, b]
            out[i, j] = s
            out[j, i] = s


@inlined_in_order
def _enclose_by_inverse(factor, matrix, out):
    """Fill F^-1 A F'^-1 with F lower triangular and A symmetric."""
    D = matrix.shape[0]
    for j in range(D):
        for i in range(D):
            s = matrix[i, j]
            for a in range(i):
                s -= factor[i, a] * out[a, j]
            out[i, j] = s / factor[i, i]
    for i in range(D):
        for j in range(D):
            s = out[i, j]
            for a in range(j):
                s -= factor[j, a] * out[i, a]
            out[i, j] = s / factor[j, j]
