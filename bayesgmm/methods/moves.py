"""Moves of particles that leave a density of the path as it is, in compiled code.

Two kinds of moves:

* :func:`trajectories`: Hamiltonian Monte Carlo (Neal 2011), with the metric of one of the initial mixture's
  components, chosen at random in favour of near ones; the choice is part of the state, and its probability
  part of what is accepted or not;
* :func:`replacements`: a component is exchanged for a copy, slightly changed, of a component that another
  particle has, or for one from the prior: what gets from one mode to the next.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.target import log_posterior, log_posterior_alone
from bayesgmm.methods.tempering_path import initial_log_density, is_sorted, log_choices
from bayesgmm.mixture.coordinates import log_weights_of, put_log_weights, put_ordered
from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import entry, inlined

__all__ = ["Choices", "Kernels", "Metrics", "Outcome", "Pushes", "replacements", "trajectories"]

Array = NDArray[np.float64]

MOST_STEPS = 12


class Metrics(NamedTuple):
    """Of each component of the initial mixture: factor of its scale matrix (M, n, n) and step size (M,).

    Components of the initial mixture are chosen by their density to the power `softness`.
    """

    factors: Array
    steps: Array
    softness: float


class Pushes(NamedTuple):
    """What is random in trajectories.

    Factor of the step size, and length of the trajectory in units of the metric, shape (S, 2); uniform
    numbers for the choice of a component and for acceptance, shape (S, 2); standard normal momenta, shape (S,
    n), overwritten.
    """

    lengths: Array
    uniforms: Array
    momenta: Array


class Outcome(NamedTuple):
    """What became of trajectories, shape (S,) each.

    The component of the initial mixture whose metric was used, what the energy's error leaves of acceptance
    (steps are adapted to it), and whether the particle moved: it does not where its components end out of
    order.
    """

    components: NDArray[np.int64]
    accepted: Array
    moved: Array


class Kernels(NamedTuple):
    """Normal kernels that components are proposed from, by :meth:`Coordinates.pieces`.

    Centres (C, p), factors (C, D, D) of the means' part and standard deviations (C, p) of the rest, the
    inverses of both, and the log of each kernel's constant.
    """

    centres: Array
    factors: Array
    stds: Array
    inverses: Array
    precisions: Array
    constants: Array


class Choices(NamedTuple):
    """What is random in replacements.

    Which component, and which kernel, shape (S, 2); standard normal numbers, shape (S, p); log of uniform
    numbers, shape (S,).
    """

    chosen: NDArray[np.int64]
    normals: Array
    log_uniforms: Array


@inlined
def _chosen(log_probabilities, uniform):
    """The first of the components whose cumulative probability exceeds the uniform number."""
    m, total = 0, 0.0
    for i in range(len(log_probabilities)):
        total += math.exp(log_probabilities[i])
        m = i
        if uniform < total:
            break
    return m


@inlined
def _kick(momentum, gradient, W, step):
    """Change the momentum by the gradient, in the metric of W W'."""
    for i in range(len(momentum)):
        pull = step * gradient[i]
        for j in range(i + 1):
            momentum[j] += pull * W[i, j]


@inlined
def _drift(q, momentum, W, step):
    """Move q along the momentum."""
    for i in range(len(q)):
        along = 0.0
        for j in range(i + 1):
            along += W[i, j] * momentum[j]
        q[i] += step * along


@entry
def trajectories(particles, path, metrics, pushes, outcome):
    """One trajectory of each particle, and what became of it.

    Parameters
    ----------
    particles : Particles
        As :func:`densities` has filled them; changed in place.
    path : TemperingPath
    metrics : Metrics
    pushes : Pushes
    outcome : Outcome
        Filled.
    """
    beta, initial, softness = path.beta, path.initial, metrics.softness
    M, P = initial.centres.shape
    by_component, whitened, choices = empty(M), empty(M * (P + 1)).reshape((M, P + 1)), empty(M)
    q1, gradient1, other = empty(P), empty(P), empty(P)
    for s in range(len(particles.q)):
        initial_log_density(particles.q[s], initial, by_component, whitened, other)
        log_choices(by_component, softness, choices)
        m = _chosen(choices, pushes.uniforms[s, 0])
        outcome.components[s] = m
        outcome.accepted[s] = 0.0
        outcome.moved[s] = 0.0
        W = metrics.factors[m]
        p = pushes.momenta[s]
        step = metrics.steps[m] * pushes.lengths[s, 0]
        n_steps = min(max(round(pushes.lengths[s, 1] / step), 1), MOST_STEPS)
        energy = beta * particles.log_posterior[s] + (1.0 - beta) * particles.log_initial[s]
        energy += choices[m]
        for i in range(P):
            energy -= 0.5 * p[i] * p[i]
            q1[i] = particles.q[s, i]
            gradient1[i] = particles.gradient[s, i]
        posterior, log_initial, finite = 0.0, 0.0, True
        for n in range(n_steps + 1):
            kick = step if 0 < n < n_steps else 0.5 * step
            _kick(p, gradient1, W, kick)
            if n == n_steps:
                break
            _drift(q1, p, W, step)
            log_prior, log_likelihood = log_posterior(
                q1, path.X, path.sample_weight, path.packed_prior, 1.0, gradient1
            )
            posterior = log_prior + log_likelihood
            if not math.isfinite(posterior):
                finite = False
                break
            # At the end of the path the initial mixture matters for the choice of a metric only.
            if beta < 1.0 or n == n_steps - 1:
                log_initial = initial_log_density(q1, initial, by_component, whitened, other)
                for i in range(P):
                    gradient1[i] = beta * gradient1[i] + (1.0 - beta) * other[i]
        if not finite:
            continue
        gain = beta * posterior + (1.0 - beta) * log_initial - energy
        log_choices(by_component, softness, choices)
        gain += choices[m]
        for i in range(P):
            gain -= 0.5 * p[i] * p[i]
        if not math.isfinite(gain):
            continue
        outcome.accepted[s] = min(1.0, math.exp(min(gain, 0.0)))
        if pushes.uniforms[s, 1] < outcome.accepted[s] and is_sorted(q1, path):
            outcome.moved[s] = 1.0
            particles.log_posterior[s] = posterior
            particles.log_initial[s] = log_initial
            for i in range(P):
                particles.q[s, i] = q1[i]
                particles.gradient[s, i] = gradient1[i]


@inlined
def _log_kernels(theta, kernels, scratch):
    """Log density, without a constant, of the mixture of normals that components are proposed from."""
    centres, factors, _, inverses, precisions, constants = kernels
    (C, p), D = centres.shape, factors.shape[1]
    largest = -np.inf
    for c in range(C):
        value = constants[c]
        for i in range(p):
            if i == 0 or i > D:
                z = (theta[i] - centres[c, i]) * precisions[c, i]
                value -= 0.5 * z * z
        for i in range(D):
            z = 0.0
            for j in range(i + 1):
                z += inverses[c, i, j] * (theta[1 + j] - centres[c, 1 + j])
            value -= 0.5 * z * z
        scratch[c] = value
        largest = max(largest, value)
    if largest == -np.inf:
        return largest
    total = 0.0
    for c in range(C):
        total += math.exp(scratch[c] - largest)
    return largest + math.log(total)


@inlined
def _sort(q, direction, own, keys, order, out):
    """Fill `out` with the mixture's components sorted."""
    for k in range(len(own)):
        keys[k] = 0.0
        # A component's mean comes first of what it owns.
        for i in range(len(direction)):
            keys[k] += direction[i] * q[own[k, i]]
        at = k
        while at > 0 and keys[order[at - 1]] > keys[k]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = k
    put_ordered(q, order, own, out)


@inlined
def _propose(kernels, c, normals, theta):
    """Fill a piece drawn from kernel c."""
    D = kernels.factors.shape[1]
    for i in range(len(theta)):
        theta[i] = kernels.centres[c, i] + kernels.stds[c, i] * normals[i]
    for i in range(D):
        theta[1 + i] = kernels.centres[c, 1 + i]
        for k in range(i + 1):
            theta[1 + i] += kernels.factors[c, i, k] * normals[1 + k]


@entry
def replacements(particles, path, own, kernels, choices, accepted):
    """One component of each particle exchanged for one from a mixture of normal kernels.

    A component is theta = (logit of its weight, its own coordinates). The other weights keep their
    proportions. In the coordinates (theta, proportions) the density is that by q times w_j (1 - w_j)^(K-1) /
    prod_k w_k, and a constant.

    Parameters
    ----------
    particles : Particles
        As :func:`densities` has filled them; changed in place.
    path : TemperingPath
    own : int64 array, shape (K, p - 1)
        ``Coordinates.own``.
    kernels : Kernels
    choices : Choices
    accepted : float64 array, shape (S,)
        Filled.
    """
    initial, beta, K = path.initial, path.beta, path.layout.n_components
    M, P = initial.centres.shape
    p = kernels.centres.shape[1]
    by_component, whitened = empty(M), empty(M * (P + 1)).reshape((M, P + 1))
    q1, q2, gradient1, other, new = empty(P), empty(P), empty(P), empty(P), empty(K)
    theta, theta1 = empty(p), empty(p)
    scratch, keys, order = empty(len(kernels.centres)), empty(K), np.empty(K, np.int64)
    log_density = empty(len(path.X))
    # No density of the initial mixture or of the kernels is above these.
    highest = math.log(M) + initial.constants.max()
    highest_kernel = math.log(len(kernels.constants)) + kernels.constants.max()
    for s in range(len(particles.q)):
        accepted[s] = 0.0
        q, normals = particles.q[s], choices.normals[s]
        j, c = choices.chosen[s, 0], choices.chosen[s, 1]
        old = log_weights_of(q, K)
        rest = math.log(max(-math.expm1(old[j]), 1e-300))
        theta[0] = old[j] - rest
        for i in range(p - 1):
            theta[1 + i] = q[own[j, i]]
        _propose(kernels, c, normals, theta1)
        if abs(theta1[0]) > 300.0:
            continue
        new_rest = -math.log1p(math.exp(theta1[0]))
        gain = (K - 1) * (new_rest - rest) + new_rest + theta1[0] - old[j]
        for k in range(K):
            new[k] = new_rest + theta1[0] if k == j else old[k] - rest + new_rest
            gain -= new[k] - old[k]
        for i in range(P):
            q1[i] = q[i]
        put_log_weights(new, q1)
        for i in range(p - 1):
            q1[own[j, i]] = theta1[1 + i]
        _sort(q1, path.direction, own, keys, order, q2)
        posterior = log_posterior_alone(
            q2, path.X, path.sample_weight, path.packed_prior, log_density, gradient1
        )
        if not math.isfinite(posterior):
            continue
        gain += beta * (posterior - particles.log_posterior[s])
        # Nearly all proposals are refused, and by far: bounds tell, before the rest is computed.
        at_most = gain + (1.0 - beta) * (highest - particles.log_initial[s]) + highest_kernel
        proposed = kernels.constants[c]
        for i in range(p):
            proposed -= 0.5 * normals[i] * normals[i]
        if choices.log_uniforms[s] >= at_most - proposed:
            continue
        log_initial = initial_log_density(q2, initial, by_component, whitened, other)
        gain += (1.0 - beta) * (log_initial - particles.log_initial[s])
        gain += _log_kernels(theta, kernels, scratch)
        gain -= _log_kernels(theta1, kernels, scratch)
        if choices.log_uniforms[s] < gain:
            log_posterior(q2, path.X, path.sample_weight, path.packed_prior, 1.0, gradient1)
            accepted[s] = 1.0
            particles.log_posterior[s] = posterior
            particles.log_initial[s] = log_initial
            for i in range(P):
                particles.q[s, i] = q2[i]
                particles.gradient[s, i] = beta * gradient1[i] + (1.0 - beta) * other[i]
