"""SQUAREM's jump along the line that two EM steps suggest (Varadhan and Roland 2008, scheme S3)."""

import math

import numpy as np

from bayesgmm.em.m_step import unpacked
from bayesgmm.support.compilation import entry, inlined

__all__ = ["squarem"]


@entry
def squarem(first_state, second_state, third_state, K, D, target):
    """Fill the extrapolated parameters; returns the rate of convergence and whether they are worth a try.

    Diagonals of the factors are extrapolated by their logarithms, so that any step leads to a mixture.
    """
    w0, m0, L0 = unpacked(first_state, K, D)
    w1, m1, L1 = unpacked(second_state, K, D)
    w2, m2, L2 = unpacked(third_state, K, D)
    w, m, L = unpacked(target, K, D)
    first = second = curvature = 0.0
    for k in range(K):
        a, b = w1[k] - w0[k], w2[k] - w1[k]
        first, second, curvature = first + a * a, second + b * b, curvature + (b - a) ** 2
        for i in range(D):
            a, b = m1[k, i] - m0[k, i], m2[k, i] - m1[k, i]
            first, second, curvature = first + a * a, second + b * b, curvature + (b - a) ** 2
            a = math.log(L1[k, i, i] / L0[k, i, i])
            b = math.log(L2[k, i, i] / L1[k, i, i])
            first, second, curvature = first + a * a, second + b * b, curvature + (b - a) ** 2
            for j in range(i):
                a, b = L1[k, i, j] - L0[k, i, j], L2[k, i, j] - L1[k, i, j]
                first, second, curvature = first + a * a, second + b * b, curvature + (b - a) ** 2
    if first == 0.0 or curvature == 0.0:
        return 0.0, False
    rate = min(math.sqrt(second / first), 1.0)
    alpha = math.sqrt(first / curvature)
    if not alpha > 1.0:
        return rate, False
    largest = -np.inf
    for k in range(K):
        w[k] = _along(w0[k], w1[k], w2[k], alpha)
        largest = max(largest, w[k])
        for i in range(D):
            m[k, i] = _along(m0[k, i], m1[k, i], m2[k, i], alpha)
            log_diagonal = _along(math.log(L0[k, i, i]), math.log(L1[k, i, i]), math.log(L2[k, i, i]), alpha)
            if not abs(log_diagonal) < 50.0:
                return rate, False
            L[k, i, i] = math.exp(log_diagonal)
            for j in range(i):
                L[k, i, j] = _along(L0[k, i, j], L1[k, i, j], L2[k, i, j], alpha)
            for j in range(i + 1, D):
                L[k, i, j] = 0.0
    total = 0.0
    for k in range(K):
        total += math.exp(w[k] - largest)
    for k in range(K):
        w[k] -= largest + math.log(total)
    return rate, True


@inlined
def _along(x0, x1, x2, alpha):
    """x0 + 2 alpha r + alpha^2 v with r = x1 - x0 and v = (x2 - x1) - r."""
    r = x1 - x0
    return x0 + 2.0 * alpha * r + alpha * alpha * ((x2 - x1) - r)
