"""`CorrelationCholesky`: Cholesky factors of correlation matrices as free numbers.

PyMC's own transform of ``pm.LKJCorr`` has an underscore in its name, which ``pm.compute_log_likelihood``
cannot strip, and its gradient pads arrays, which JAX refuses. The map here is the same up to the order of the
numbers.
"""

import numpy as np
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.tensor import TensorVariable

__all__ = ["CorrelationCholesky"]


class CorrelationCholesky(Transform):
    """Rows of unit length from free numbers, batched over leading axes.

    With v the D (D - 1) / 2 free numbers, filled row by row below a diagonal of ones,

        y = [[1, 0, 0], [v0, 1, 0], [v1, v2, 1]],    C_i = y_i / |y_i|,    so that v_ij = C_ij / C_ii.

    The map of row i = 0, 1, ... from its i free numbers to the i numbers left of the diagonal of C has the
    determinant |y_i|^-(i + 2), hence

        log |J| = -sum_i (i + 2) / 2 log(1 + sum_j v_ij^2).

    Parameters
    ----------
    n_features : int
        D, at least 2: a correlation matrix of one feature has no free number.
    """

    name = "cholcorr"
    ndim_supp = 1

    def __init__(self, n_features: int) -> None:
        d = int(n_features)
        self.below = np.tril_indices(d, -1)
        # Where each entry of y finds its number; the others point at number 0, and are masked.
        self.source = np.zeros((d, d), dtype=np.int64)
        self.source[self.below] = np.arange(len(self.below[0]))
        self.mask = np.tri(d, k=-1)
        self.identity = np.eye(d)
        self.exponents = 0.5 * np.arange(2, d + 2)

    def forward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Free numbers (..., D (D - 1) / 2) of factors (..., D, D)."""
        value = pt.as_tensor(value)
        i, j = self.below
        return value[..., i, j] / value[..., i, i]

    def backward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Factors (..., D, D) of free numbers (..., D (D - 1) / 2)."""
        below = self._below(value)
        return (below + self.identity) / pt.sqrt(self._squared_norms(below))[..., None]

    def log_jac_det(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Log determinant of the map from the free numbers to the entries below the diagonal, shape (...)."""
        return -(self.exponents * pt.log(self._squared_norms(self._below(value)))).sum(-1)

    def _below(self, value: TensorVariable) -> TensorVariable:
        # One gather with a constant index: fewer nodes to compile than writing entry after entry.
        return pt.as_tensor(value)[..., self.source] * self.mask

    def _squared_norms(self, below: TensorVariable) -> TensorVariable:
        return 1.0 + pt.sqr(below).sum(-1)
