"""The posterior mode near a start, and the curvature there: what NUTS is preconditioned with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods.optimisation import maximise
from bayesgmm.mixture.coordinates import blocks
from bayesgmm.support.clock import Clock

__all__ = ["Laplace", "laplace", "optimised"]

Array = NDArray[np.float64]

# Directions in which the posterior of standardised data is flatter are treated as this flat: a whitening that
# trusts a nearly zero curvature would send the first trajectories far away.
SMALLEST_CURVATURE = 0.3
STEP = 1e-4
# A component narrower than so many steps needs shorter ones of its mean.
FEWEST_STEPS = 100
# Between two looks at a clock.
STEPS_AT_ONCE = 50
PARAMETERS_AT_ONCE = 100
SMALL_GRADIENT = 1e-6
# A saddle point is left along its steepest descent, this far, and optimisation starts again.
LEAP = 0.3
MOST_TRIES = 10
# L-BFGS does not come to the mode where a component is narrower than this against the data; Newton's steps
# then go on, while they gain more than this.
NARROW, SMALLEST_GAIN, MOST_NEWTON_STEPS = 1e-3, 1e-7, 25


@dataclass(frozen=True)
class Laplace:
    """A posterior mode and the Gaussian that matches the curvature there.

    ``whitening`` is a square root of the inverse Hessian of minus the log posterior, so that
    q = mode + whitening @ z turns the posterior near its mode into a standard normal; shapes (n,) and (n, n).
    """

    mode: Array
    whitening: Array
    log_posterior: float
    curvatures: Array


def laplace(target: Target, start: Array, clock: Clock | None = None) -> Laplace:
    """Optimise from `start` to a mode of the log posterior and measure its curvature.

    The mode is found by L-BFGS; the Hessian is made of central differences of the exact gradient, two
    evaluations a parameter.

    A start with a zero gradient may be a saddle point, such as that between two equal components; it is left
    along the direction of largest negative curvature.

    Raises
    ------
    SamplingError
        Where the log posterior is not finite at the start or around the mode, or a clock's time has passed
        before the curvature is known.
    """
    if not np.isfinite(target(start)[0]):
        raise SamplingError(
            "The log posterior is not finite at the EM estimate; the prior may exclude it. "
            "Check the prior's scales against the data's."
        )
    mode, value = optimised(target, start, clock=clock)
    for _ in range(MOST_TRIES):
        hessian = negative_hessian(target, mode, clock)
        if not np.isfinite(hessian).all():
            raise SamplingError("The log posterior is not finite all around one of its modes.")
        curvatures, directions = np.linalg.eigh(hessian)
        if curvatures[0] >= -SMALLEST_CURVATURE * 1e-3:
            break
        ends = [optimised(target, mode + side * LEAP * directions[:, 0], clock=clock) for side in (-1, 1)]
        mode, value = max(ends, key=lambda end: end[1])
    whitening = directions / np.sqrt(np.maximum(curvatures, SMALLEST_CURVATURE))
    return Laplace(mode, whitening, value, curvatures)


def optimised(
    target: Target,
    start: Array,
    tolerance: float = 1e-13,
    iterations: int = 2000,
    clock: Clock | None = None,
    *,
    to_needles: bool = True,
) -> tuple[Array, float]:
    """Where L-BFGS ends, and the log posterior there; minus infinity where the start has no density.

    Near a mode with a needle, a component that is far narrower than the data, Newton's method goes on from
    there, if it is to.

    Raises
    ------
    SamplingError
        Where a clock's time has passed before.
    """
    q = np.array(start, dtype=float)
    posterior = target.rows, target.sample_weight, target.packed_prior, target.beta
    if clock is None or clock.left is None:
        value = maximise(q, *posterior, tolerance, SMALL_GRADIENT, iterations)
        return _beyond(target, q, value, to_needles, clock)
    # Compiled code cannot look at a clock: it comes back between legs.
    value = -np.inf
    for _ in range(0, iterations, STEPS_AT_ONCE):
        before, value = (
            value,
            maximise(q, *posterior, tolerance, SMALL_GRADIENT, min(STEPS_AT_ONCE, iterations)),
        )
        if not value - before > tolerance * max(abs(value), 1.0):
            break
        if clock.is_over:
            raise SamplingError(
                "max_time had passed while the mode of the posterior was looked for; allow more time, or use "
                "fewer rows."
            )
    return _beyond(target, q, value, to_needles, clock)


def _beyond(
    target: Target, q: Array, value: float, to_needles: bool, clock: Clock | None
) -> tuple[Array, float]:
    """Where L-BFGS has ended, or Newton's steps from there, halved until they rise, if there is a needle that
    it is to go on to."""
    if not np.isfinite(value):
        return q, -np.inf
    if not to_needles or target.own_stds(q).min() > NARROW:
        return q, value
    for _ in range(MOST_NEWTON_STEPS):
        if clock is not None and clock.is_over:
            break
        hessian = negative_hessian(target, q, clock)
        if not np.isfinite(hessian).all():
            break
        curvatures, directions = np.linalg.eigh(hessian)
        along = directions.T @ target(q)[1] / np.maximum(np.abs(curvatures), SMALLEST_CURVATURE)
        step, new = directions @ along, -np.inf
        for _ in range(MOST_TRIES):
            new = target(q + step)[0]
            if new > value:
                break
            step = step / 2
        if not new > value + SMALLEST_GAIN:
            break
        q, value = q + step, new
    return q, value


def negative_hessian(target: Target, q: Array, clock: Clock | None = None) -> Array:
    """Minus the Hessian of the log posterior at q, shape (n, n), by differences of the gradient."""
    n, h, steps = len(q), np.empty((len(q), len(q))), _steps(target, q)
    for i, step in enumerate(steps):
        # Where there are few parameters this is done before anyone would look at a clock.
        if clock is not None and i % PARAMETERS_AT_ONCE == PARAMETERS_AT_ONCE - 1 and clock.is_over:
            raise SamplingError(
                f"max_time had passed when the curvature at the posterior mode was known for {i} of {n} "
                f"parameters; allow more time, or fewer parameters, as by covariance_type='diag'.",
                reached=i,
                wanted=n,
            )
        e = np.zeros(n)
        e[i] = step
        h[i] = (target(q - e)[1] - target(q + e)[1]) / (2 * step)
    return (h + h.T) / 2


def _steps(target: Target, q: Array) -> Array:
    """Of the differences, shape (n,)."""
    steps = np.full(len(q), STEP)
    means = blocks(steps, target.coordinates.layout).means
    means *= np.minimum(FEWEST_STEPS * target.own_stds(q), 1.0)
    return steps
