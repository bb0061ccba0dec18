"""The shapes of clusters in three numbers each: how large, how long, how turned."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.comparison.sides import Sides

__all__ = ["shape_table"]

Array = NDArray[np.float64]

ALL = ("volume", "axis ratio", "orientation", "turn")
ROUNDING = np.finfo(float).eps


def shape_table(sides: Sides) -> pd.DataFrame:
    """Volume, axis ratio and orientation of each component's covariance; see ``Comparison.shapes``.

    Spherical covariances have no axes, and those of diagonal ones are the features': they have no
    orientation.

    After Banfield and Raftery (1993), Model-based Gaussian and non-Gaussian clustering, section 2: volume is
    the root of the determinant, and the axes are the covariance's eigenvectors.
    """
    em, family = sides.em.params_, sides.fit.draws.family
    described = ALL if family.has_correlations else ALL[: 2 if family.by_feature else 1]
    draws = sides.fit.draws.covariances
    draws = draws.reshape(-1, *draws.shape[2:])
    rows = []
    for k in range(em.n_components):
        single, many = em.covariances[k], draws[:, k]
        for name, (at_em, of_draws) in _shapes(single, many).items():
            if name not in described:
                continue
            lower, upper = np.quantile(of_draws, sides.ends)
            rows.append((k, name, at_em, of_draws.mean(), of_draws.std(ddof=1), lower, upper))
    columns = ["component", "shape", "em", "mean", "sd", "lower", "upper"]
    table = pd.DataFrame(rows, columns=columns)
    inside = (table["em"] >= table["lower"]) & (table["em"] <= table["upper"])
    # A turn from EM's axis has no sign, and EM has none.
    table["inside"] = inside.astype("boolean").mask(table["shape"] == "turn")
    return table.set_index(["component", "shape"])


def _shapes(em: Array, draws: Array) -> dict[str, tuple[float, Array]]:
    """Of one component: each shape at EM's covariance (D, D) and at the draws' (S, D, D)."""
    (values, axes), (of_draws, axes_of_draws) = np.linalg.eigh(em), np.linalg.eigh(draws)
    volume, volumes = (np.exp(0.5 * np.linalg.slogdet(c)[1]) for c in (em, draws))
    found = {"volume": (float(volume), volumes)}
    if len(em) == 1:
        return found
    # Of all but flat ones the smallest eigenvalue is rounding.
    found["axis ratio"] = (
        float(np.sqrt(values[-1] / max(values[0], ROUNDING * values[-1]))),
        np.sqrt(of_draws[:, -1] / np.maximum(of_draws[:, 0], ROUNDING * of_draws[:, -1])),
    )
    if len(em) == 2:
        angle, angles = (np.degrees(np.arctan2(a[..., 1, -1], a[..., 0, -1])) for a in (axes, axes_of_draws))
        # An axis has no ends: angles differ by less than 90 degrees from EM's.
        found["orientation"] = (float(_wrapped(angle)), _wrapped(angle) + _wrapped(angles - angle))
    else:
        cosine = np.abs(np.einsum("i,si->s", axes[:, -1], axes_of_draws[:, :, -1]))
        found["turn"] = (0.0, np.degrees(np.arccos(np.minimum(cosine, 1.0))))
    return found


def _wrapped(degrees: Array) -> Array:
    """The same axis, between -90 and 90 degrees."""
    return (np.asarray(degrees) + 90.0) % 180.0 - 90.0
