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

from bayesgmm.em.axes import ALONE, ONE_VOLUME, OWN_VOLUMES, make_identity, rotate_to_diagonal
from bayesgmm.mixture.covariance_family import DIAGONAL, OWN_AXES, OWN_SHAPE, OWN_VOLUME
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import entry, inlined_in_order

__all__ = ["MOST_TURNS", "STILL", "common_axes", "constrain", "invert", "is_finite"]

# Turns of volumes and shapes, and the change of a log volume at which they end.
MOST_TURNS, STILL = 200, 1e-13
# Multiples of the golden ratio, less their whole part, are as different as can be.
GOLDEN = 0.6180339887498949


@inlined_in_order
def constrain(inner, mass, cholesky, pooling):
    """Bring covariances to the family, in the coordinates of the old ones; NaN where there are none.

    Parameters
    ----------
    inner : ndarray, shape (K, D, D)
        L^-1 S L'^-1, with S the components' covariances on their own; changed in place.
    mass : ndarray, shape (K,)
    cholesky : ndarray, shape (K, D, D)
        L, the factors of the old covariances, which are of the family.
    pooling : int
        Of the family.
    """
    K, D = inner.shape[:2]
    own_shape, own_axes = pooling & OWN_SHAPE != 0, pooling & OWN_AXES != 0
    own_volume, diagonal = pooling & OWN_VOLUME != 0, pooling & DIAGONAL != 0
    # A component that has collapsed has no volume, and the step that leads there is refused.
    if not is_finite(inner, diagonal):
        return
    spectra, basis = empty(K * D).reshape((K, D)), empty(K * D * D).reshape((K, D, D))
    turned = not diagonal and own_shape != own_axes
    if turned:
        _see_along_axes(inner, mass, cholesky, pooling, basis, spectra)
    if own_shape and not own_volume:
        _bring_to_one_volume(inner, mass, cholesky, turned, spectra)
    elif not own_shape and not own_volume:
        _average(spectra, mass)
    elif not own_shape:
        _bring_to_one_shape(inner, mass, cholesky, turned, spectra)
    if turned:
        _put_together(basis, own_axes, spectra, cholesky, inner)


@inlined_in_order
def is_finite(inner, diagonal):
    """Says whether all is, and keeps the diagonal only, where asked to; what is not becomes NaN."""
    K, D = inner.shape[:2]
    finite = True
    for k in range(K):
        for i in range(D):
            for j in range(D):
                finite &= math.isfinite(inner[k, i, j])
                if diagonal and i != j:
                    inner[k, i, j] = 0.0
    for k in range(0 if finite else K):
        for i in range(D):
            for j in range(D):
                inner[k, i, j] = math.nan
    return finite


@inlined_in_order
def _bring_to_one_volume(inner, mass, cholesky, turned, spectra):
    """EVI and EVV, in closed form: the volumes of the S_k become their mean; and EVE, where they are those of
    variances along the axes."""
    K, D = spectra.shape
    volumes, left = empty(K), empty(D * D).reshape((D, D))
    s = 0.0
    total = 0.0
    for k in range(K):
        if turned:
            of_old, of_new = 0.0, 0.0
            for i in range(D):
                of_new += math.log(spectra[k, i])
        else:
            of_old, of_new = _log_volume(cholesky[k]), _log_determinant(inner[k], left)
        volumes[k] = math.exp((of_old + of_new) / D)
        s += mass[k] * volumes[k]
        total += mass[k]
    for k in range(K):
        scale = s / total / volumes[k]
        for i in range(D):
            spectra[k, i] *= scale
            for j in range(D):
                inner[k, i, j] *= scale


@inlined_in_order
def _bring_to_one_shape(inner, mass, cholesky, turned, spectra):
    """VEI and VEE, and VEV of variances along the axes."""
    K, D = spectra.shape
    volumes = empty(K)
    for k in range(K):
        volumes[k] = math.exp(_log_volume(cholesky[k]) / D)
        if turned:
            for i in range(D):
                for j in range(D):
                    inner[k, i, j] = spectra[k, i] / volumes[k] if i == j else 0.0
    _make_proportional(inner, mass)
    if turned:
        for k in range(K):
            for i in range(D):
                spectra[k, i] = volumes[k] * inner[k, i, i]


@entry
def common_axes(cholesky):
    """Eigenvectors, in columns, that covariances with these factors have in common, shape (D, D)."""
    K, D = cholesky.shape[:2]
    axes, inside = empty(D * D).reshape((D, D)), empty(K * D * D).reshape((K, D, D))
    mass, by_shape = empty(K), empty(K * D).reshape((K, D))
    half = empty(2 * D * D).reshape((2, D, D))
    for k in range(K):
        mass[k] = 1.0
    for job in range(2):
        kind = _see_common(job, cholesky, cholesky, axes, inside, half)
        rotate_to_diagonal(inside, mass, axes, kind, by_shape)
    return axes


@inlined_in_order
def _see_along_axes(inner, mass, cholesky, pooling, basis, spectra):
    """Fill the axes of each component, or those of all, the first in `basis`, and the variances along them.

    Axes of their own come in the order of increasing variances.
    """
    K, D = spectra.shape
    inside, half = empty(K * D * D).reshape((K, D, D)), empty(2 * D * D).reshape((2, D, D))
    by_shape, ones = empty(K * D).reshape((K, D)), empty(K)
    own = pooling & OWN_AXES != 0
    for k in range(K):
        ones[k] = 1.0
    for job in range(K if own else 3):
        axes, kind = basis[job if own else 0], ALONE
        if own:
            make_identity(axes)
            _see(axes, cholesky[job], inner[job], True, half, inside[0])
        else:
            kind = _see_common(job, cholesky, inner, axes, inside, half)
            if job == 2 and not pooling & OWN_VOLUME:
                kind = ONE_VOLUME
        rotate_to_diagonal(inside, mass if job == 2 else ones, axes, kind, by_shape)
        if own:
            for i in range(D):
                spectra[job, i] = inside[0, i, i]
            _sort(spectra[job], axes)
    if not own:
        for k in range(K):
            for i in range(D):
                spectra[k, i] = inside[k, i, i]


@inlined_in_order
def _see_common(job, cholesky, inner, axes, inside, half):
    """Fill what is to be made diagonal in one of three turns; returns what axes are sought for.

    First a mean of the old covariances with unequal weights, in which no two variances are alike but by
    chance; then each of them, of which the axes are common; then what the new ones are made of.
    """
    K, D = inside.shape[:2]
    if job == 0:
        make_identity(axes)
    for k in range(K):
        _see(axes, cholesky[k], inner[k], job == 2, half, inside[k])
    if job > 0:
        return OWN_VOLUMES
    for k in range(K):
        trace = 0.0
        for i in range(D):
            trace += inside[k, i, i]
        weight = (0.5 + (k + 1) * GOLDEN % 1.0) / trace
        for i in range(D):
            for j in range(D):
                inside[0, i, j] = weight * inside[k, i, j] + (inside[0, i, j] if k > 0 else 0.0)
    return ALONE


@inlined_in_order
def _see(axes, L, middle, has_middle, half, inside):
    """Fill D' L M L' D, or D' L L' D."""
    D = L.shape[0]
    for p in range(D):
        for j in range(D):
            s = 0.0
            for i in range(j, D):
                s += axes[i, p] * L[i, j]
            half[0, p, j] = s
    for p in range(D):
        for j in range(D):
            s = half[0, p, j]
            if has_middle:
                s = 0.0
                for i in range(D):
                    s += half[0, p, i] * middle[i, j]
            half[1, p, j] = s
    for p in range(D):
        for q in range(p + 1):
            s = 0.0
            for j in range(D):
                s += half[1, p, j] * half[0, q, j]
            inside[p, q] = s
            inside[q, p] = s


@inlined_in_order
def _sort(values, vectors):
    """By increasing values."""
    D = values.shape[0]
    for a in range(1, D):
        for b in range(a, 0, -1):
            if values[b - 1] <= values[b]:
                break
            values[b - 1], values[b] = values[b], values[b - 1]
            for i in range(D):
                vectors[i, b - 1], vectors[i, b] = vectors[i, b], vectors[i, b - 1]


@inlined_in_order
def _average(spectra, mass):
    """EEV: all get the mean."""
    K, D = spectra.shape
    for i in range(D):
        s = 0.0
        total = 0.0
        for k in range(K):
            s += mass[k] * spectra[k, i]
            total += mass[k]
        for k in range(K):
            spectra[k, i] = s / total


@inlined_in_order
def _log_volume(L):
    """log |L L'|."""
    s = 0.0
    for i in range(L.shape[0]):
        s += 2.0 * math.log(L[i, i])
    return s


@inlined_in_order
def _log_determinant(matrix, left):
    """Of the size of the determinant, by elimination."""
    D = matrix.shape[0]
    total = 0.0
    for i in range(D):
        for j in range(D):
            left[i, j] = matrix[i, j]
    for j in range(D):
        total += math.log(abs(left[j, j]))
        for i in range(j + 1, D):
            c = left[i, j] / left[j, j]
            for m in range(j + 1, D):
                left[i, m] -= c * left[j, m]
    return total


@inlined_in_order
def _put_together(basis, own_axes, spectra, cholesky, inner):
    """Fill L^-1 D A D' L'^-1."""
    K, D = spectra.shape
    half = empty(D * D).reshape((D, D))
    for k in range(K):
        axes, L = basis[k if own_axes else 0], cholesky[k]
        for c in range(D):
            root = math.sqrt(spectra[k, c])
            for i in range(D):
                s = axes[i, c] * root
                for j in range(i):
                    s -= L[i, j] * half[j, c]
                half[i, c] = s / L[i, i]
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for c in range(D):
                    s += half[i, c] * half[j, c]
                inner[k, i, j] = s
                inner[k, j, i] = s


@inlined_in_order
def _make_proportional(matrices, mass):
    """VEI and VEE, and VEV of variances along the axes: the best t_k C for matrices (K, D, D), in place.

    In the coordinates of old covariances that were proportional C is still the same for all, and t_k = 1 is
    where their volumes were.
    """
    K, D = matrices.shape[:2]
    volumes, size = empty(K), 1.0
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
        size = math.exp(invert(common, inverse) / D)
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
                matrices[k, i, j] = volumes[k] * common[i, j] / size
                matrices[k, j, i] = matrices[k, i, j]


@inlined_in_order
def invert(matrix, inverse):
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


@inlined_in_order
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
