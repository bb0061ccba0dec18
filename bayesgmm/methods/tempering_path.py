"""The path of densities from the initial mixture to the posterior, in compiled code.

At inverse temperature beta the density is initial^(1 - beta) posterior^beta of mixtures with sorted
components.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.target import log_posterior
from bayesgmm.mixture.coordinates import Layout, blocks
from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import entry, inlined

__all__ = [
    "InitialComponents",
    "Particles",
    "TemperingPath",
    "densities",
    "initial_log_density",
    "is_sorted",
    "log_choices",
]

Array = NDArray[np.float64]

# Log densities of components of the initial mixture this far below that of the nearest do not count.
OUT_OF_SIGHT = 40.0
BLOCK = 12


class InitialComponents(NamedTuple):
    """The initial mixture's t distributions.

    Centres (M, n), inverses (M, n, n) of the factors of their scale matrices, log constants (M,), degrees of
    freedom.
    """

    centres: Array
    inverses: Array
    constants: Array
    nu: float


class TemperingPath(NamedTuple):
    """The density at one point of the path: posterior, inverse temperature, initial mixture.

    Components are sorted by the projection of their means on `direction`, shape (D,).
    """

    X: Array
    sample_weight: Array
    packed_prior: Array
    layout: Layout
    beta: float
    initial: InitialComponents
    direction: Array


class Particles(NamedTuple):
    """Vectors q and the gradients of the path's log density, shape (S, n), and both log densities there,
    shape (S,)."""

    q: Array
    gradient: Array
    log_posterior: Array
    log_initial: Array


@inlined
def _distance(m, first, last, centres, inverses, q, whitened):
    """Squared length of the entries from first to last of what component m of the initial mixture whitens q
    to."""
    total = 0.0
    for i in range(first, last):
        z = 0.0
        for j in range(i + 1):
            z += inverses[m, i, j] * (q[j] - centres[m, j])
        whitened[m, i] = z
        total += z * z
    return total


@inlined
def initial_log_density(q, initial, by_component, whitened, gradient):
    """Log density of the initial mixture, its gradient, and the log densities of its components: minus
    infinity for those that are out of sight, since most are, and a part of the distance tells."""
    centres, inverses, constants, nu = initial
    M, P = centres.shape
    some = min(P, BLOCK)
    nearest, largest = 0, -np.inf
    for m in range(M):
        whitened[m, P] = _distance(m, 0, some, centres, inverses, q, whitened)
        at_most = constants[m] - 0.5 * (nu + P) * math.log1p(whitened[m, P] / nu)
        if at_most > largest:
            nearest, largest = m, at_most
    whitened[nearest, P] += _distance(nearest, some, P, centres, inverses, q, whitened)
    largest = constants[nearest] - 0.5 * (nu + P) * math.log1p(whitened[nearest, P] / nu)
    by_component[nearest] = largest
    sight = largest - OUT_OF_SIGHT
    for m in range(M):
        if m == nearest:
            continue
        furthest = nu * math.expm1(2.0 * (constants[m] - sight) / (nu + P))
        done = some
        while done < P and whitened[m, P] < furthest:
            last = min(P, done + BLOCK)
            whitened[m, P] += _distance(m, done, last, centres, inverses, q, whitened)
            done = last
        by_component[m] = -np.inf
        if whitened[m, P] < furthest:
            by_component[m] = constants[m] - 0.5 * (nu + P) * math.log1p(whitened[m, P] / nu)
            largest = max(largest, by_component[m])
    total = 0.0
    for m in range(M):
        total += math.exp(by_component[m] - largest)
    for i in range(P):
        gradient[i] = 0.0
    for m in range(M):
        share = math.exp(by_component[m] - largest) / total
        if share > 1e-12:
            slope = -share * (nu + P) / (nu + whitened[m, P])
            for i in range(P):
                s = slope * whitened[m, i]
                for j in range(i + 1):
                    gradient[j] += s * inverses[m, i, j]
    return largest + math.log(total)


@inlined
def log_choices(by_component, softness, out):
    """Fill the log probability of choosing each component of the initial mixture: its density to a small
    power."""
    largest = by_component[0]
    for m in range(len(by_component)):
        largest = max(largest, by_component[m])
    total = 0.0
    for m in range(len(by_component)):
        out[m] = softness * (by_component[m] - largest)
        total += math.exp(out[m])
    log_total = math.log(total)
    for m in range(len(by_component)):
        out[m] -= log_total


@inlined
def is_sorted(q, path):
    """Whether the components of q are in order."""
    means = blocks(q, path.layout).means
    last = -np.inf
    for k in range(len(means)):
        key = 0.0
        for i in range(len(path.direction)):
            key += path.direction[i] * means[k, i]
        if key < last:
            return False
        last = key
    return True


@entry
def densities(particles, path):
    """Fill the log densities of posterior and initial mixture of each particle, and the gradient of the
    path's."""
    M, P = path.initial.centres.shape
    beta = path.beta
    by_component, whitened, other = empty(M), empty(M * (P + 1)).reshape((M, P + 1)), empty(P)
    for s in range(len(particles.q)):
        q, gradient = particles.q[s], particles.gradient[s]
        log_prior, log_likelihood = log_posterior(
            q, path.X, path.sample_weight, path.packed_prior, 1.0, gradient
        )
        particles.log_posterior[s] = log_prior + log_likelihood
        particles.log_initial[s] = initial_log_density(q, path.initial, by_component, whitened, other)
        for i in range(P):
            gradient[i] = beta * gradient[i] + (1.0 - beta) * other[i]
