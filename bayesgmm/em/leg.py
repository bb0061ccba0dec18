"""A leg of an EM run on few rows, compiled as a whole: there a pass costs less than the way to it and back.

The steps and the rules are those of :class:`bayesgmm.em.run.Walk`.
"""

from typing import NamedTuple

import numpy as np

from bayesgmm.em.squarem import squarem
from bayesgmm.em.steps import _advance
from bayesgmm.support.compilation import entry

__all__ = ["CONVERGED", "DECREASED", "DEGENERATE", "PAUSED", "ROUNDING", "Leg", "leg"]

# Sums of many terms are known to this relative precision.
ROUNDING = 1e-13
PAUSED, CONVERGED, DEGENERATE, DECREASED = 0, 1, 2, 3


class Leg(NamedTuple):
    """How a leg ended, and what it has come to."""

    status: int
    log_likelihood: float
    held: bool
    smallest_mass: float
    to_come: float
    calm: int
    n_passes: int
    n_values: int


@entry
def leg(
    X,
    sample_weight,
    state,
    ahead,
    K,
    D,
    pooling,
    floor,
    log_likelihood,
    to_come,
    calm,
    accelerate,
    most,
    pause,
    tol,
    mass,
    trace,
):
    """Go on from a state, and the one that a step from it leads to; both are moved in place.

    Parameters
    ----------
    log_likelihood : float
        At the state.
    to_come : float
        What the last steps let expect of further gain.
    calm : int
        How many times in a row that was nothing.
    accelerate : bool
    most : int
        Passes that there may be.
    pause : int
        After so many no step begins.
    tol, mass : float
        Relative tolerance, and the total weight of the rows.
    trace : ndarray
        For the log-likelihoods on the way.

    Returns
    -------
    tuple
        As :class:`Leg`.
    """
    candidate, beyond, before = state.copy(), state.copy(), state.copy()
    n_passes = n_values = 0
    held, smallest, status, jumps = False, np.inf, PAUSED, False
    while jumps or n_passes < min(most, pause):
        if not jumps:
            candidate[:] = ahead
        value, mass_ahead, held_ahead = _advance(
            X, sample_weight, candidate, K, D, pooling, floor, beyond
        )
        n_passes += 1
        gain = value - log_likelihood
        if jumps and not gain >= 0.0:
            jumps = False
            continue
        if not np.isfinite(value):
            status = DEGENERATE
            break
        if gain < -1e-10 * max(abs(log_likelihood), mass):
            status = DECREASED
            break
        before[:] = state
        state[:] = candidate
        ahead[:] = beyond
        log_likelihood, held, smallest = value, held_ahead, mass_ahead
        trace[n_values] = value
        n_values += 1
        if jumps:
            jumps = False
            continue
        gain, size = max(gain, 0.0), max(abs(value), mass)
        if not accelerate and gain > tol * size:
            calm = 0
            continue
        rate, far = squarem(before, state, ahead, K, D, candidate)
        # A gain the size of rounding says nothing of the rate.
        to_come = gain * rate**2 / max(1.0 - rate**2, 1e-12) if gain > ROUNDING * size else 0.0
        calm = calm + 1 if max(gain, to_come) <= tol * size else 0
        if calm >= 2:
            status = CONVERGED
            break
        jumps = accelerate and far and n_passes < most
    return status, log_likelihood, held, smallest, to_come, calm, n_passes, n_values
