"""Axes along which symmetric matrices are diagonal, or as nearly so as axes for all of them can be.

One rotation in a plane follows another: of a single matrix this is Jacobi's method, of several that of Flury
and Gautschi (1986). Small matrices need no more, and compiling a call of LAPACK takes many seconds.
"""

import math

from bayesgmm.support.compilation import inlined_in_order

__all__ = ["ALONE", "ONE_VOLUME", "OWN_VOLUMES", "make_identity", "rotate_to_diagonal"]

# Rounds of rotations in all planes, the sine of an angle that is none, and one that is not worth a rotation.
MOST_ROUNDS, NO_ANGLE, IDLE = 30, 1e-9, 1e-14
# What axes are sought for: the first matrix alone, or all with volumes of their own, or with one.
ALONE, OWN_VOLUMES, ONE_VOLUME = 0, 1, 2


@inlined_in_order
def make_identity(matrix):
    """Fill it."""
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[0]):
            matrix[i, j] = 1.0 if i == j else 0.0


@inlined_in_order
def rotate_to_diagonal(inside, mass, axes, kind, by_shape):
    """Rotate axes to where sum_k n_k tr(S_k D A_k^-1 D') is least with the best A_k.

    With the A_k of the last round held, a rotation by t in the plane of two axes adds a cos 2t + b sin 2t.
    Where volumes are own, A_k has them in it; where one is shared, it has |A_k| = 1.

    Parameters
    ----------
    inside : ndarray, shape (K, D, D)
        D' S_k D, which are left as they are seen along the new axes.
    mass : ndarray, shape (K,)
    axes : ndarray, shape (D, D)
        In columns.
    kind : int
        See above.
    by_shape : ndarray, shape (K, D)
        To work in.
    """
    K, D = 1 if kind == ALONE else inside.shape[0], inside.shape[1]
    for _ in range(MOST_ROUNDS):
        if kind != ALONE:
            _weigh(inside, mass, kind, by_shape)
        largest = 0.0
        for p in range(D):
            for q in range(p + 1, D):
                a = 0.0
                b = 0.0
                if kind == ALONE:
                    # By the smaller of the two angles, also where variances are equal.
                    a = -abs(inside[0, p, p] - inside[0, q, q]) / 2.0
                    b = inside[0, p, q] if inside[0, p, p] < inside[0, q, q] else -inside[0, p, q]
                else:
                    for k in range(K):
                        weight = by_shape[k, p] - by_shape[k, q]
                        a += weight * (inside[k, p, p] - inside[k, q, q]) / 2.0
                        b += weight * inside[k, p, q]
                # Axes of equal variances are as good as any others in their plane.
                if b != 0.0:
                    c, s = _turn(a, b)
                    largest = max(largest, abs(s))
                    if not abs(s) < IDLE:
                        _rotate(inside, K, axes, (p, q), (c, s))
        if not largest > NO_ANGLE:
            break


@inlined_in_order
def _weigh(inside, mass, kind, by_shape):
    """Fill n_k / A_k, shape (K, D)."""
    K, D = by_shape.shape
    for k in range(K):
        s = 0.0
        if kind == ONE_VOLUME:
            for i in range(D):
                s += math.log(inside[k, i, i])
        for i in range(D):
            by_shape[k, i] = mass[k] * math.exp(s / D) / inside[k, i, i]


@inlined_in_order
def _turn(a, b):
    """Cosine and sine of the angle t within a right one of zero where a cos 2t + b sin 2t is least."""
    size = max(abs(a), abs(b))
    a, b = -a / size, -b / size
    size = math.sqrt(a * a + b * b)
    if a >= 0.0:
        c = math.sqrt((1.0 + a / size) / 2.0)
        return c, b / size / (2.0 * c)
    s = math.sqrt((1.0 - a / size) / 2.0)
    return abs(b) / size / (2.0 * s), s if b > 0.0 else -s


@inlined_in_order
def _rotate(inside, K, axes, plane, turn):
    """Rotate two axes, of K matrices and of the basis that they are in."""
    D = axes.shape[0]
    p, q = plane
    c, s = turn
    for i in range(D):
        x, y = axes[i, p], axes[i, q]
        axes[i, p] = c * x + s * y
        axes[i, q] = c * y - s * x
    for k in range(K):
        for i in range(D):
            if i != p and i != q:
                x, y = inside[k, i, p], inside[k, i, q]
                inside[k, i, p] = c * x + s * y
                inside[k, i, q] = c * y - s * x
                inside[k, p, i] = inside[k, i, p]
                inside[k, q, i] = inside[k, i, q]
        pp, pq, qq = inside[k, p, p], inside[k, p, q], inside[k, q, q]
        x, y = c * pp + s * pq, c * pq + s * qq
        inside[k, p, p] = c * x + s * y
        inside[k, p, q] = c * y - s * x
        inside[k, q, p] = inside[k, p, q]
        inside[k, q, q] = c * (c * qq - s * pq) - s * (c * pq - s * pp)
