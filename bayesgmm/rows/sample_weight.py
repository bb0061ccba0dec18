"""Checks of the weights of rows."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.errors import DataError
from bayesgmm.rows.checks import UNMASKING
from bayesgmm.rows.labels import quoted
from bayesgmm.support.arguments import check_unmasked

__all__ = ["check_sample_weight", "check_total_weight"]

Array = NDArray[np.float64]

# Beyond these, EM's sums of weights meet its floors, or lose the single rows.
SMALLEST_TOTAL, LARGEST_TOTAL = 1e-6, 1e15


def check_sample_weight(sample_weight: Any, n: int, index: pd.Index | None = None) -> Array:
    """Weights of the rows, shape (N,), or an empty array where every row counts once; `index` has the rows'
    names for the message."""
    if sample_weight is None:
        return np.empty(0)
    check_unmasked(sample_weight, "sample_weight", DataError, UNMASKING)
    try:
        w = np.asarray(sample_weight)
        if w.dtype.kind not in "biuf":
            w = w.astype(object)
        w = w.astype(np.float64)
    # Objects convert themselves, and may raise anything.
    except Exception:
        raise DataError("sample_weight must hold real numbers, one per row.") from None
    if w.ndim == 0:
        w = np.full(n, float(w))
    if w.shape != (n,):
        raise DataError(
            f"sample_weight must have one value per row, shape ({n},); got shape {w.shape}.",
            expected=(n,),
            shape=w.shape,
        )
    if not np.all(np.isfinite(w)) or np.any(w < 0):
        row = int(np.flatnonzero(~np.isfinite(w) | (w < 0))[0])
        name = row if index is None else quoted(index[row], index)
        raise DataError(f"sample_weight must be finite and not negative; row {name} has {w[row]}.", row=row)
    with np.errstate(over="ignore"):
        total = w.sum()
    if not np.isfinite(total):
        raise DataError("sample_weight sums to infinity; rescale it.", total=float(total))
    if total <= 0:
        raise DataError(
            "sample_weight is zero for every row, so that nothing is left to fit.", total=float(total)
        )
    if not SMALLEST_TOTAL <= total <= LARGEST_TOTAL:
        raise DataError(
            f"sample_weight sums to {total:.3g}, and EM can use a sum from {SMALLEST_TOTAL:g} to "
            f"{LARGEST_TOTAL:g}; a row of weight 3 counts as three rows: multiply the weights accordingly.",
            total=float(total),
        )
    # Ones are no weights, to the last bit.
    return np.empty(0) if (w == 1.0).all() else w


def check_total_weight(total: float) -> None:
    """Refuse weights that claim fewer than two rows: no posterior of a covariance could be made of these."""
    if total < 2.0:
        raise DataError(
            f"sample_weight sums to {total:.3g}, which is fewer than two rows; a row of weight 3 counts as "
            "three rows: multiply the weights accordingly.",
            total=total,
        )
