"""The M step, compiled: from sums in the coordinates of the old parameters to new parameters.

A covariance is never formed. In the coordinates z = L^-1 (x - mu) of the old parameters the new covariance of
a component is A = S2 / S0 - m m' with m = S1 / S0; with A = G G' the new Cholesky factor is L G. Near the
maximum A is close to the identity, so that ill-conditioned covariances cost no accuracy. Families with fewer
parameters pool A (Celeux and Govaert 1995), as `CovarianceFamily.pooling` says:

* over components, weighted by S0, where all share L;
* its diagonal only is kept, where L is diagonal;
* the mean of that diagonal is taken, where L is a multiple of the identity.

Where volume, shape and axes are constrained apart, `em.volume_shape` brings A to the family, and
`em.one_correlation` where components share their correlations alone.
"""

import math

from bayesgmm.em.axes import ALONE, make_identity, rotate_to_diagonal
from bayesgmm.em.one_correlation import constrain_to_one_correlation
from bayesgmm.em.volume_shape import constrain
from bayesgmm.mixture.covariance_family import DIAGONAL, ONE_CORRELATION, OVER_COMPONENTS, OVER_FEATURES
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import entry, inlined

__all__ = ["DEAD", "unpacked", "update", "update_apart"]

# A component that holds less than this share of the data has died out.
DEAD = 1e-9


@inlined
def unpacked(packed, K, D):
    """Log weights, means and Cholesky factors: views of a state's vector."""
    m = K + K * D
    return packed[:K], packed[K:m].reshape(K, D), packed[m:].reshape(K, D, D)


@entry
def update(s0, s1, s2, old, pooling, floor, new):
    """Fill the new state; returns whether a covariance had to be kept from collapsing."""
    K, D = s1.shape
    _, old_means, old_cholesky = unpacked(old, K, D)
    log_weights, means, cholesky = unpacked(new, K, D)
    inner = empty(K * D * D).reshape((K, D, D))
    total = 0.0
    for k in range(K):
        total += s0[k]
    for k in range(K):
        # A component that has died out stays where it is.
        mass = max(s0[k], DEAD * total)
        log_weights[k] = math.log(mass / total)
        for i in range(D):
            s = 0.0
            for j in range(i + 1):
                s += old_cholesky[k, i, j] * s1[k, j]
            means[k, i] = old_means[k, i] + s / mass
            for j in range(i + 1):
                inner[k, i, j] = s2[k, i, j] / mass - (s1[k, i] / mass) * (s1[k, j] / mass)
                inner[k, j, i] = inner[k, i, j]
    _pool(inner, s0, total, pooling)
    factor = zeros(D * D).reshape((D, D))
    held = False
    for k in range(K):
        definite = _factorise(inner[k], factor)
        if definite:
            for i in range(D):
                for j in range(i + 1):
                    s = 0.0
                    for m in range(j, i + 1):
                        s += old_cholesky[k, i, m] * factor[m, j]
                    cholesky[k, i, j] = s
                for j in range(i + 1, D):
                    cholesky[k, i, j] = 0.0
        if not definite or _smallest_eigenvalue_bound(cholesky[k], factor) < floor:
            held |= _lift(old_cholesky[k], inner[k], floor, cholesky[k])
    return held


@inlined
def _pool(inner, s0, total, pooling):
    """Average what the family shares, in place."""
    K, D = inner.shape[:2]
    if pooling & OVER_COMPONENTS:
        for i in range(D):
            for j in range(D):
                s = 0.0
                for k in range(K):
                    s += s0[k] * inner[k, i, j]
                for k in range(K):
                    inner[k, i, j] = s / total
    if pooling & DIAGONAL:
        for k in range(K):
            mean = 0.0
            for i in range(D):
                mean += inner[k, i, i] / D
                for j in range(D):
                    if i != j:
                        inner[k, i, j] = 0.0
            if pooling & OVER_FEATURES:
                for i in range(D):
                    inner[k, i, i] = mean


@inlined
def _factorise(a, factor):
    """Lower Cholesky factor of a; False if a is not positive definite."""
    D = a.shape[0]
    for i in range(D):
        for j in range(i + 1):
            s = a[i, j]
            for m in range(j):
                s -= factor[i, m] * factor[j, m]
            if i == j:
                if not s > 0.0:
                    return False
                factor[i, i] = math.sqrt(s)
            else:
                factor[i, j] = s / factor[j, j]
    return True


@inlined
def _smallest_eigenvalue_bound(L, inverse):
    """1 / |L^-1|_F^2, which the smallest eigenvalue of L L' is not below."""
    D = L.shape[0]
    total = 0.0
    for j in range(D):
        inverse[j, j] = 1.0 / L[j, j]
        total += inverse[j, j] * inverse[j, j]
        for i in range(j + 1, D):
            s = 0.0
            for m in range(j, i):
                s -= L[i, m] * inverse[m, j]
            inverse[i, j] = s / L[i, i]
            total += inverse[i, j] * inverse[i, j]
    return 1.0 / total


@inlined
def _lift(old_cholesky, inner, floor, cholesky):
    """Fill the factor of L A L' with its eigenvalues lifted to the floor; says whether one was below."""
    D = inner.shape[0]
    covariance, axes = empty(D * D).reshape((1, D, D)), empty(D * D).reshape((D, D))
    half, values = empty(D * D).reshape((D, D)), empty(D).reshape((1, D))
    finite = True
    for i in range(D):
        for j in range(D):
            s = 0.0
            for m in range(j + 1):
                s += inner[i, m] * old_cholesky[j, m]
            half[i, j] = s
            cholesky[i, j] = math.nan
    for i in range(D):
        for j in range(i + 1):
            s = 0.0
            for m in range(i + 1):
                s += old_cholesky[i, m] * half[m, j]
            covariance[0, i, j] = s
            covariance[0, j, i] = s
            finite &= math.isfinite(s)
    if not finite:
        return True
    make_identity(axes)
    rotate_to_diagonal(covariance, values[0], axes, ALONE, values)
    held = False
    for c in range(D):
        held |= covariance[0, c, c] < floor
        root = math.sqrt(max(covariance[0, c, c], floor))
        for i in range(D):
            half[c, i] = axes[i, c] * root
    # The factor of V diag(v) V' is the triangle of a QR decomposition of its square root: of the covariance
    # itself it would lose the floor to rounding.
    for j in range(D):
        for i in range(j):
            cholesky[i, j] = 0.0
        for i in range(j, D):
            s = 0.0
            for c in range(D):
                s += half[c, i] * half[c, j]
            cholesky[i, j] = math.sqrt(s) if i == j else s / cholesky[j, j]
            if i > j:
                for c in range(D):
                    half[c, i] -= cholesky[i, j] / cholesky[j, j] * half[c, j]
    return held


@entry
def update_apart(s0, s1, s2, old, pooling, floor, new):
    """As `update`, for the families that constrain volume, shape and axes apart, or share correlations
    alone."""
    K, D = s1.shape
    _, _, old_cholesky = unpacked(old, K, D)
    _, means, _ = unpacked(new, K, D)
    mass, still = empty(K), zeros(K * D).reshape((K, D))
    inner = empty(K * D * D).reshape((K, D, D))
    total = 0.0
    for k in range(K):
        total += s0[k]
    for k in range(K):
        mass[k] = max(s0[k], DEAD * total)
        for i in range(D):
            for j in range(D):
                inner[k, i, j] = s2[k, i, j] / mass[k] - (s1[k, i] / mass[k]) * (s1[k, j] / mass[k])
    if pooling & ONE_CORRELATION:
        constrain_to_one_correlation(inner, mass, old_cholesky)
    else:
        constrain(inner, mass, old_cholesky, pooling)
    for k in range(K):
        for i in range(D):
            for j in range(D):
                inner[k, i, j] *= mass[k]
    held = update(mass, still, inner, old, pooling & DIAGONAL, floor, new)
    for k in range(K):
        for i in range(D):
            for j in range(i + 1):
                means[k, i] += old_cholesky[k, i, j] * (s1[k, j] / mass[k])
    return held
