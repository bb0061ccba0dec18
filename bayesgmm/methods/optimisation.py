"""Optimisation of the log posterior in compiled code: a search for modes runs it hundreds of times, on all
cores."""

import math

import numpy as np

from bayesgmm.bayes.target import log_posterior
from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import entry, inlined

__all__ = ["maximise"]

MEMORY = 10
# Of the line search: least rise and flattening, as shares of the slope at its beginning.
LEAST_RISE, FLATTENING = 1e-4, 0.9
MOST_TRIALS = 40
ROUNDING = 1e-15


@inlined
def _turn(direction, moves, turns, curvatures, along, known):
    """Turn the gradient into a direction of ascent, by what the last of `known` steps have told (algorithm
    7.4)."""
    for back in range(min(known, MEMORY)):
        at = (known - 1 - back) % MEMORY
        along[at] = np.dot(moves[at], direction) / curvatures[at]
        direction -= along[at] * turns[at]
    if known > 0:
        at = (known - 1) % MEMORY
        direction *= curvatures[at] / np.dot(turns[at], turns[at])
    for back in range(min(known, MEMORY) - 1, -1, -1):
        at = (known - 1 - back) % MEMORY
        direction += (along[at] - np.dot(turns[at], direction) / curvatures[at]) * moves[at]


@entry
def maximise(q, X, sample_weight, packed_prior, beta, tolerance, small_gradient, most_steps):
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.5), steps by bisection until the weak Wolfe
    conditions hold.

    Parameters
    ----------
    q : float64 array, shape (n,)
        Where to begin; changed in place.
    X, sample_weight, packed_prior, beta
        As for ``log_posterior``.
    tolerance : float
        A relative gain below it ends the optimisation.
    small_gradient : float
        So does a gradient whose entries are all smaller.
    most_steps : int

    Returns
    -------
    value : float
        Log posterior at the end; not finite if it was not at the beginning.
    """
    n = len(q)
    gradient, direction = empty(n), empty(n)
    q1, gradient1 = empty(n), empty(n)
    moves, turns = empty(MEMORY * n).reshape((MEMORY, n)), empty(MEMORY * n).reshape((MEMORY, n))
    curvatures, along = empty(MEMORY), empty(MEMORY)
    log_prior, log_likelihood = log_posterior(q, X, sample_weight, packed_prior, beta, gradient)
    value = log_prior + beta * log_likelihood
    if not math.isfinite(value):
        return value
    known = 0
    for _step in range(most_steps):
        steepest = 0.0
        for i in range(n):
            steepest = max(steepest, abs(gradient[i]))
            direction[i] = gradient[i]
        if steepest <= small_gradient:
            break
        _turn(direction, moves, turns, curvatures, along, known)
        slope = np.dot(direction, gradient)
        if not slope > 0.0:
            if known == 0:
                break
            known = 0
            continue
        length = 1.0 if known > 0 else min(1.0, 1.0 / math.sqrt(slope))
        low, high, new, found = 0.0, np.inf, value, False
        for _trial in range(MOST_TRIALS):
            for i in range(n):
                q1[i] = q[i] + length * direction[i]
            log_prior, log_likelihood = log_posterior(q1, X, sample_weight, packed_prior, beta, gradient1)
            new = log_prior + beta * log_likelihood
            if not new >= value + LEAST_RISE * length * slope - ROUNDING * abs(value):
                high = length
            elif np.dot(gradient1, direction) > FLATTENING * slope:
                low = length
            else:
                found = True
                break
            length = 0.5 * (low + high) if math.isfinite(high) else 2.0 * length
        if not found:
            # What has been learned of curvature may be wrong here; the gradient is not.
            if known == 0:
                break
            known = 0
            continue
        gain = new - value
        at = known % MEMORY
        for i in range(n):
            moves[at, i] = q1[i] - q[i]
            turns[at, i] = gradient[i] - gradient1[i]
            q[i], gradient[i] = q1[i], gradient1[i]
        curvatures[at] = np.dot(moves[at], turns[at])
        known = known + 1 if curvatures[at] > 0.0 else 0
        value = new
        if gain <= tolerance * max(abs(value), 1.0):
            break
    return value
