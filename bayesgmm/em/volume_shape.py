"""The M step of families that constrain volume, shape and orientation apart from each other.

With S_k the covariance of component k on its own and n_k the rows that it holds, the M step is the smallest

    sum_k n_k (log |Sigma_k| + tr(Sigma_k^-1 S_k)),    Sigma_k = lambda_k D_k A_k D_k'

that the family has (Celeux and Govaert 1995, section 3 and the appendix). What is not in closed form is found
by turns, from the volumes and the orientation of the old covariances on, so that the sum never rises above
what it was there, and the log-likelihood never falls.

The common orientation of EVE and VVE is that of Browne and McNicholas (2014), Estimating common principal
components in high dimensions. Their majorisation moves all axes at once; here one rotation in a plane follows
another, as in Flury and Gautschi (1986), since with the shapes held the best angle is an arctangent, and
needs neither a decomposition nor a bound.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.families import DIAGONAL, OWN_AXES, OWN_SHAPE, OWN_VOLUME
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import entry, inlined

__all__ = ["common_axes", "constrained", "log_volumes"]

Array = NDArray[np.float64]

# Turns of volumes and shapes, and the change of a log volume at which they end.
MOST_TURNS, STILL = 200, 1e-13
# Rounds of rotations in all planes, and the sine of an angle that is none.
MOST_ROUNDS, NO_ANGLE = 30, 1e-9
# Multiples of the golden ratio, less their whole part, are as different as can be.
GOLDEN = 0.6180339887498949


def constrained(inner: Array, mass: Array, cholesky: Array, pooling: int) -> Array:
    """Covariances of the family, in the coordinates of the old ones; NaN where there are none.

    Parameters
    ----------
    inner : ndarray, shape (K, D, D)
        L^-1 S L'^-1, with S the components' covariances on their own.
    mass : ndarray, shape (K,)
    cholesky : ndarray, shape (K, D, D)
        L, the factors of the old covariances, which are of the family.
    pooling : int
        Of the family.
    """
    if not np.all(np.isfinite(inner)):
        return np.full_like(inner, np.nan)
    shape, axes = bool(pooling & OWN_SHAPE), bool(pooling & OWN_AXES)
    if pooling & DIAGONAL:
        inner = inner * np.eye(inner.shape[1])
    # A component that has collapsed has no volume, and the step that leads there is refused.
    with np.errstate(all="ignore"):
        if shape and (axes or pooling & DIAGONAL):
            return _with_one_volume(inner, mass, cholesky)
        if not shape and not axes:
            return _proportional(inner, mass)
        matrices = cholesky @ inner @ np.swapaxes(cholesky, 1, 2)
        if axes:
            spectra, basis = np.linalg.eigh(matrices)
            spectra = _of_one_shape(spectra, mass, cholesky, bool(pooling & OWN_VOLUME))
        else:
            basis = common_axes(cholesky)
            spectra = _rotate_to_common(matrices, mass, basis, bool(pooling & OWN_VOLUME))
            if not pooling & OWN_VOLUME:
                volumes = np.exp(np.log(spectra).mean(axis=1))
                spectra = spectra * (mass @ volumes / mass.sum() / volumes)[:, None]
        half = np.linalg.solve(cholesky, basis * np.sqrt(spectra)[:, None, :])
        return half @ np.swapaxes(half, 1, 2)


def log_volumes(cholesky: Array) -> Array:
    """Logarithms of |L L'|^(1 / D), shape (K,)."""
    return np.asarray(np.log(np.einsum("kii->ki", cholesky)).sum(axis=1) * (2 / cholesky.shape[1]))


def _with_one_volume(inner: Array, mass: Array, cholesky: Array) -> Array:
    """EVI and EVV, in closed form: what brings the volume of each S_k to their mean."""
    volumes = np.exp(np.linalg.slogdet(inner)[1] / inner.shape[1] + log_volumes(cholesky))
    return inner * (mass @ volumes / mass.sum() / volumes)[:, None, None]


def _of_one_shape(spectra: Array, mass: Array, cholesky: Array, own_volume: bool) -> Array:
    """EEV and VEV: what eigenvalues, shape (K, D), in increasing order, become."""
    if not own_volume:
        return np.broadcast_to(mass @ spectra / mass.sum(), spectra.shape)
    old = np.exp(log_volumes(cholesky))[:, None]
    diagonals = (spectra / old)[:, :, None] * np.eye(spectra.shape[1])
    return old * np.diagonal(_proportional(diagonals, mass), axis1=1, axis2=2)


def common_axes(cholesky: Array) -> Array:
    """Eigenvectors, in columns, that covariances with these factors have in common, shape (D, D).

    Those of a mean with unequal weights, in which no two variances are alike but by chance, rotated until
    they are those of each covariance.
    """
    covariances = cholesky @ np.swapaxes(cholesky, 1, 2)
    k = len(cholesky)
    weights = (0.5 + np.arange(1, k + 1) * GOLDEN % 1.0) / np.einsum("kii->k", covariances)
    basis = np.linalg.eigh(np.sum(weights[:, None, None] * covariances, axis=0))[1]
    _rotate_to_common(covariances, np.ones(k), basis, True)
    return basis


@entry
def _proportional(matrices, mass):
    """VEI and VEE, and VEV of variances along the axes: the best t_k C for matrices (K, D, D).

    In the coordinates of old covariances that were proportional C is still the same for all, and t_k = 1 is
    where their volumes were.
    """
    K, D = matrices.shape[:2]
    volumes, out = empty(K), empty(K * D * D).reshape((K, D, D))
    common, inverse = zeros(D * D).reshape((D, D)), zeros(D * D).reshape((D, D))
    for k in range(K):
        volumes[k] = 1.0
    for _ in range(MOST_TURNS):
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for k in range(K):
                    s += mass[k] / volumes[k] * matrices[k, i, j]
                common[i, j] = s
        size = math.exp(_invert(common, inverse) / D)
        moved = 0.0
        for k in range(K):
            volume = _distance(matrices[k], inverse) * size / D
            moved = max(moved, abs(math.log(volume / volumes[k])))
            volumes[k] = volume
        if not moved > STILL:
            break
    for k in range(K):
        for i in range(D):
            for j in range(i + 1):
                out[k, i, j] = volumes[k] * common[i, j] / size
                out[k, j, i] = out[k, i, j]
    return out


@inlined
def _invert(matrix, inverse):
    """Fill the inverse of the lower Cholesky factor; returns the log determinant of the matrix."""
    D = matrix.shape[0]
    log_determinant = 0.0
    for i in range(D):
        for j in range(i + 1):
            s = matrix[i, j]
            for m in range(j):
                s -= inverse[i, m] * inverse[j, m]
            # NaN where the matrix is not positive definite, which whoever takes the step finds.
            inverse[i, j] = math.sqrt(s) if i == j else s / inverse[j, j]
        log_determinant += 2.0 * math.log(inverse[i, i])
    for j in range(D):
        inverse[j, j] = 1.0 / inverse[j, j]
        for i in range(j + 1, D):
            s = 0.0
            for m in range(j, i):
                s -= inverse[i, m] * inverse[m, j]
            inverse[i, j] = s / inverse[i, i]
    return log_determinant


@inlined
def _distance(matrix, inverse):
    """tr(F S F') with F lower triangular."""
    D = matrix.shape[0]
    total = 0.0
    for a in range(D):
        for i in range(a + 1):
            s = 0.0
            for j in range(i):
                s += matrix[i, j] * inverse[a, j]
            total += inverse[a, i] * (2.0 * s + matrix[i, i] * inverse[a, i])
    return total


@entry
def _rotate_to_common(matrices, mass, axes, own_volume):
    """Rotate common axes to where sum_k n_k tr(S_k D A_k^-1 D') is least with the best A_k; returns the
    variances along them, shape (K, D).

    With the A_k of the last round held, a rotation by t in the plane of two axes adds a cos 2t + b sin 2t.
    Where volumes are own, A_k has them in it; where one is shared, it has |A_k| = 1.
    """
    K, D = matrices.shape[:2]
    inside, by_shape = empty(K * D * D).reshape((K, D, D)), empty(K * D).reshape((K, D))
    _seen_along(matrices, axes, inside)
    for _ in range(MOST_ROUNDS):
        for k in range(K):
            s = 0.0
            if not own_volume:
                for i in range(D):
                    s += math.log(inside[k, i, i])
            for i in range(D):
                by_shape[k, i] = mass[k] * math.exp(s / D) / inside[k, i, i]
        largest = 0.0
        for p in range(D):
            for q in range(p + 1, D):
                a = 0.0
                b = 0.0
                for k in range(K):
                    weight = by_shape[k, p] - by_shape[k, q]
                    a += weight * (inside[k, p, p] - inside[k, q, q]) / 2.0
                    b += weight * inside[k, p, q]
                # Axes of equal variances are as good as any others in their plane.
                if b != 0.0:
                    angle = math.atan2(-b, -a) / 2.0
                    largest = max(largest, abs(math.sin(angle)))
                    _rotate(inside, axes, p, q, angle)
        if not largest > NO_ANGLE:
            break
    for k in range(K):
        for i in range(D):
            by_shape[k, i] = inside[k, i, i]
    return by_shape


@inlined
def _seen_along(matrices, axes, inside):
    """Fill D' S_k D."""
    K, D = matrices.shape[:2]
    column = empty(D)
    for k in range(K):
        for q in range(D):
            for i in range(D):
                s = 0.0
                for j in range(D):
                    s += matrices[k, i, j] * axes[j, q]
                column[i] = s
            for p in range(D):
                s = 0.0
                for i in range(D):
                    s += axes[i, p] * column[i]
                inside[k, p, q] = s


@inlined
def _rotate(inside, axes, p, q, angle):
    """Rotate axes p and q, of the matrices and of the basis that they are in."""
    K, D = inside.shape[:2]
    c, s = math.cos(angle), math.sin(angle)
    for i in range(D):
        x, y = axes[i, p], axes[i, q]
        axes[i, p] = c * x + s * y
        axes[i, q] = c * y - s * x
    for k in range(K):
        for i in range(D):
            x, y = inside[k, i, p], inside[k, i, q]
            inside[k, i, p] = c * x + s * y
            inside[k, i, q] = c * y - s * x
        for i in range(D):
            x, y = inside[k, p, i], inside[k, q, i]
            inside[k, p, i] = c * x + s * y
            inside[k, q, i] = c * y - s * x
