"""Mclust's families written out in free numbers, slowly: volumes, shapes and rotations one by one."""

import numpy as np
from scipy.linalg import expm, logm

LETTERS = ("VEI", "EVI", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV")
# The family that is none of mclust's.
ONE_CORRELATION = "tied_corr"


def counts(name, k, d):
    """Of volumes, shapes and orientations."""
    return [{"E": 1, "V": k, "I": 0}[letter] for letter in name]


def size(name, k, d):
    if name == ONE_CORRELATION:
        return k * d + d * (d - 1) // 2
    volumes, shapes, axes = counts(name, k, d)
    return volumes + shapes * (d - 1) + axes * d * (d - 1) // 2


def covariances_of(name, x, k, d):
    """Covariances (K, D, D) of free numbers: log volumes, log shapes but for the last, and the entries of
    skew matrices whose exponentials are the orientations; or log standard deviations, and of rows below a
    diagonal of ones, which make correlations when they are divided by their lengths."""
    if name == ONE_CORRELATION:
        stds, rows = np.exp(np.asarray(x)[: k * d]).reshape(k, d), np.eye(d)
        rows[np.tril_indices(d, -1)] = x[k * d :]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return stds[:, :, None] * (rows @ rows.T) * stds[:, None, :]
    (volumes, shapes, axes), pairs = counts(name, k, d), np.tril_indices(d, -1)
    v, a, r = np.split(np.asarray(x), [volumes, volumes + shapes * (d - 1)])
    a, r = a.reshape(shapes, d - 1), r.reshape(axes, len(pairs[0]))
    out = np.empty((k, d, d))
    for j in range(k):
        free = a[j % shapes] if shapes else np.zeros(d - 1)
        shape = np.append(free, -free.sum())
        skew = np.zeros((d, d))
        skew[pairs] = r[j % axes] if axes else 0.0
        rotation = expm(skew - skew.T)
        out[j] = np.exp(v[j % volumes]) * (rotation * np.exp(shape)) @ rotation.T
    return out


def numbers_of(name, covariances):
    """Free numbers of covariances that are of the family."""
    if name == ONE_CORRELATION:
        stds = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        factor = np.linalg.cholesky(covariances[0] / np.outer(stds[0], stds[0]))
        rows = factor / np.diag(factor)[:, None]
        return np.concatenate([np.log(stds).ravel(), rows[np.tril_indices(len(rows), -1)]])
    (k, d, _), pairs = covariances.shape, np.tril_indices(covariances.shape[1], -1)
    volumes, shapes, axes = counts(name, k, d)
    # No two axes of this mean are alike.
    mean = sum((j + 1) * c for j, c in enumerate(covariances))
    bases = []
    for c in covariances:
        basis = np.eye(d) if axes == 0 else np.linalg.eigh(c if axes == k else mean)[1]
        basis[:, 0] *= np.sign(np.linalg.det(basis))
        bases.append(basis)
    logs = np.log([np.diag(b.T @ c @ b) for b, c in zip(bases, covariances, strict=True)])
    sizes = logs.mean(axis=1)
    skew = [logm(b).real[pairs] for b in bases[:axes]]
    parts = [sizes[:volumes], (logs - sizes[:, None])[:shapes, :-1], skew]
    return np.concatenate([np.ravel(p) for p in parts])


def is_of(name, covariances, tol=1e-8):
    """Whether covariances (K, D, D) are of the family, by what it says of eigenvalues and eigenvectors."""
    k, d, _ = covariances.shape
    if name == ONE_CORRELATION:
        stds = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        correlations = covariances / stds[:, :, None] / stds[:, None, :]
        return bool(np.allclose(correlations, correlations[0], rtol=tol, atol=tol))
    volumes = np.linalg.det(covariances) ** (1 / d)
    shapes = covariances / volumes[:, None, None]
    spectra = np.linalg.eigvalsh(shapes)
    volume, shape, axes = name
    close = {"rtol": tol, "atol": tol}
    good = volume != "E" or np.allclose(volumes, volumes[0], **close)
    if axes == "I":
        diagonals = np.diagonal(shapes, axis1=1, axis2=2)
        good &= np.allclose(shapes, diagonals[:, :, None] * np.eye(d), **close)
        good &= shape != "I" or np.allclose(shapes, np.eye(d), **close)
        return bool(good and (shape != "E" or np.allclose(diagonals, diagonals[0], **close)))
    good &= shape != "E" or np.allclose(spectra, spectra[0], **close)
    # Matrices have the same eigenvectors where they commute.
    good &= axes != "E" or all(np.allclose(a @ b, b @ a, **close) for a in shapes for b in shapes)
    return bool(good and (shape + axes != "EE" or np.allclose(shapes, shapes[0], **close)))
