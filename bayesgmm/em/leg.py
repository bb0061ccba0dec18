"""A leg of an EM run on few rows, compiled as a whole: there a pass costs less than the way to it and back.

The steps and the rules are those of :class:`bayesgmm.em.run.Walk`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.squarem import squarem
from bayesgmm.em.steps import advance_apart, advance_on_few
from bayesgmm.support.compilation import entry

__all__ = ["CONVERGED", "DECREASED", "DEGENERATE", "PAUSED", "ROUNDING", "Leg", "Place", "Rules", "leg"]

Array = NDArray[np.float64]

# Sums of many terms are known to this relative precision.
ROUNDING = 1e-13
PAUSED, CONVERGED, DEGENERATE, DECREASED = 0, 1, 2, 3


class Rules(NamedTuple):
    """Of a whole run."""

    K: int
    D: int
    pooling: int
    floor: float
    ends_at_floor: bool
    accelerate: bool
    tol: float
    mass: float


class Place(NamedTuple):
    """Where a run stands: a state and the one that a step leads to, the log-likelihood at the first, what the
    last steps let expect of further gain, and how many times in a row that was nothing."""

    state: Array
    ahead: Array
    log_likelihood: float
    to_come: float
    calm: int


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
def leg(X, sample_weight, place, rules, most, pause, trace, apart=None):
    """Go on from a place; its two states are moved on the spot.

    Parameters
    ----------
    X, sample_weight : ndarrays
    place : Place
    rules : Rules
    most : int
        Passes that there may be.
    pause : int
        After so many no step begins.
    trace : ndarray
        For the log-likelihoods on the way.
    apart : None or ndarray, shape (0,)
        Not None for families that constrain volume, shape and axes apart. Code is compiled for the one or the
        other, so that nobody waits for both.

    Returns
    -------
    tuple
        As :class:`Leg`.
    """
    K, D, pooling, floor, ends_at_floor, accelerate, tol, mass = rules
    state, ahead, log_likelihood, to_come, calm = place
    candidate, beyond, before = state.copy(), state.copy(), state.copy()
    n_passes = n_values = 0
    held, smallest, status, jumps = False, np.inf, PAUSED, False
    while jumps or n_passes < min(most, pause):
        if not jumps:
            candidate[:] = ahead
        if apart is None:
            value, mass_ahead, held_ahead = advance_on_few(
                X, sample_weight, candidate, K, D, pooling, floor, beyond
            )
        else:
            # A jump leads out of the family, and back to what is nearest.
            near = state if jumps else apart
            value, mass_ahead, held_ahead = advance_apart(
                X, sample_weight, candidate, near, (K, D, pooling, floor), beyond
            )
        n_passes += 1
        gain = value - log_likelihood
        # Beyond the floor a jump finds what no step comes back from without a loss.
        if jumps and not (gain >= 0.0 and not held_ahead):
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
        if held and ends_at_floor:
            status = DEGENERATE
            break
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
        # Where nothing is gained at all another step would tell no more.
        if calm >= 2 or gain <= ROUNDING * size:
            status = CONVERGED
            break
        jumps = accelerate and far and calm == 0 and n_passes < most
    return status, log_likelihood, held, smallest, to_come, calm, n_passes, n_values
