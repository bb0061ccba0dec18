"""One climb: EM steps from a start until the total log-likelihood stops rising.

The M step never forms a covariance. In the coordinates z = L^-1 (x - mu) of the old parameters the
new covariance is A = S2 / S0 - m m' with m = S1 / S0; with A = G G' the new Cholesky factor is L G.
Near the maximum A is close to the identity, so that ill-conditioned covariances cost no accuracy.
"""

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bayesgmm.compilation import entry, inlined
from bayesgmm.kernels import accumulate

__all__ = ["Climb", "Status", "climb"]

Array = NDArray[np.float64]

# A component whose smallest conditional standard deviation is below this share of its column's
# has collapsed onto a point, a line or a plane: the likelihood is unbounded there.
COLLAPSED = 1e-5


class Status(Enum):
    """How a climb ended; the value is the message."""

    CONVERGED = "converged: the log-likelihood has stopped rising"
    OUT_OF_ITERATIONS = (
        "out of iterations: the log-likelihood was still rising; increase max_iter or loosen tol"
    )
    DEGENERATE = (
        "degenerate: a component collapsed onto a few points, where the likelihood has no upper bound; "
        "use fewer components or more data"
    )
    DECREASED = (
        "decreased: the log-likelihood fell by more than rounding explains; "
        "the data may be too ill-conditioned"
    )


_STATUSES = (Status.CONVERGED, Status.OUT_OF_ITERATIONS, Status.DEGENERATE, Status.DECREASED)


@dataclass(frozen=True)
class Climb:
    """Where one climb ended: parameters in the coordinates of the data it was given.

    ``log_likelihood`` belongs to exactly these parameters; ``trace`` holds the total
    log-likelihood before each step and at the end, shape (n_iter + 1,).
    """

    status: Status
    log_weights: Array
    means: Array
    cholesky: Array
    trace: Array

    @property
    def log_likelihood(self) -> float:
        """Total log-likelihood at the parameters."""
        return float(self.trace[-1])

    @property
    def n_iter(self) -> int:
        """Number of EM steps taken."""
        return len(self.trace) - 1

    @property
    def rate(self) -> float:
        """Ratio of the last two gains, an estimate of EM's linear rate of convergence."""
        gains = np.diff(self.trace[-3:])
        return float(gains[1] / gains[0]) if len(gains) == 2 and gains[0] > 0 else 0.0


def climb(
    X: Array,
    sample_weight: Array,
    log_weights: Array,
    means: Array,
    cholesky: Array,
    *,
    max_iter: int,
    tol: float,
) -> Climb:
    """Climb from the given parameters.

    Stops when the gain that is still to come, estimated from the last two gains by Aitken's
    formula, falls below `tol` times the log-likelihood's size (McLachlan and Peel 2000, Finite Mixture Models,
    section 2.11).

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Data whose columns have standard deviations near one.
    sample_weight : ndarray, shape (N,) or (0,)
    log_weights, means, cholesky : ndarrays, shapes (K,), (K, D), (K, D, D)
        The start. Not written to.
    max_iter : int
    tol : float
        Relative tolerance on the total log-likelihood.
    """
    log_weights, means, cholesky = log_weights.copy(), means.copy(), cholesky.copy()
    trace = np.empty(max_iter + 1)
    code, steps = _climb(X, sample_weight, log_weights, means, cholesky, tol, trace)
    return Climb(_STATUSES[code], log_weights, means, cholesky, trace[: steps + 1].copy())


@entry
def _climb(X, sample_weight, log_weights, means, cholesky, tol, trace):
    """Overwrite the parameters by those of the climb's end; returns status and number of steps."""
    total_weight = float(X.shape[0]) if sample_weight.shape[0] == 0 else sample_weight.sum()
    last_gain = np.inf
    for step in range(trace.shape[0]):
        log_likelihood, s0, s1, s2 = accumulate(X, sample_weight, log_weights, means, cholesky)
        trace[step] = log_likelihood
        scale = max(abs(log_likelihood), total_weight)
        if not math.isfinite(log_likelihood):
            return 2, step
        if step > 0:
            gain = log_likelihood - trace[step - 1]
            if gain < -1e-11 * scale:
                return 3, step
            if gain <= tol * scale and _gain_to_come(gain, last_gain) <= tol * scale:
                return 0, step
            last_gain = gain
        if step == trace.shape[0] - 1:
            return 1, step
        if not maximise(s0, s1, s2, total_weight, log_weights, means, cholesky):
            return 2, step
    return 1, trace.shape[0] - 1


@inlined
def _gain_to_come(gain, last_gain):
    """Aitken's estimate of the rest of a geometric series, from its last two terms."""
    if gain <= 0.0:
        return 0.0
    if gain >= last_gain:
        return np.inf
    return gain * gain / (last_gain - gain)


@entry
def maximise(s0, s1, s2, total_weight, log_weights, means, cholesky):
    """The M step, in place; False, with the parameters as they were, if a component collapses."""
    K, D = means.shape
    new_cholesky = np.zeros((K, D, D))
    inner = np.empty((D, D))
    for k in range(K):
        if not s0[k] > 1e-8:
            return False
        for i in range(D):
            for j in range(i + 1):
                inner[i, j] = s2[k, i, j] / s0[k] - (s1[k, i] / s0[k]) * (s1[k, j] / s0[k])
        if not _cholesky_inplace(inner):
            return False
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for m in range(j, i + 1):
                    s += cholesky[k, i, m] * inner[m, j]
                new_cholesky[k, i, j] = s
            if not new_cholesky[k, i, i] > COLLAPSED:
                return False
    for k in range(K):
        for i in range(D):
            s = 0.0
            for j in range(i + 1):
                s += cholesky[k, i, j] * s1[k, j]
            means[k, i] += s / s0[k]
        for i in range(D):
            # Element by element: a slice assignment would bring seconds of compilation with it.
            for j in range(i + 1):
                cholesky[k, i, j] = new_cholesky[k, i, j]
        log_weights[k] = math.log(s0[k] / total_weight)
    return True


@inlined
def _cholesky_inplace(a):
    """Replace the lower half of a by its Cholesky factor; False if it is not positive definite."""
    D = a.shape[0]
    for i in range(D):
        for j in range(i + 1):
            s = a[i, j]
            for m in range(j):
                s -= a[i, m] * a[j, m]
            if i == j:
                if not s > 0.0:
                    return False
                a[i, i] = math.sqrt(s)
            else:
                a[i, j] = s / a[j, j]
    return True
