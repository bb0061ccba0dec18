"""How far estimates spread: what both ways to standard errors come to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spread"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Standard errors as bare arrays, and what is to be told of the replications behind them."""

    weights: Array
    means: Array
    stds: Array
    correlations: Array
    n_replications: int = 0
    n_failed: int = 0
    alignment: float | None = None
