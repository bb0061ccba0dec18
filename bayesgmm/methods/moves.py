"""Moves of particles along the path from the reference to the posterior, in compiled code.

At temperature b the density is reference^(1-b) posterior^b of mixtures with sorted components. Two kinds of moves
leave it as it is:

* :func:`trajectories`: Hamiltonian Monte Carlo (Neal 2011), with the metric of one of the reference's places, chosen at random
  in favour of near ones; the choice is part of the state, and its probability part of what is accepted or not;
* :func:`replacements`: a component is exchanged for a copy, slightly changed, of a component that another particle has, or for
  one from the prior: what gets from one mode to the next.
"""

import math

import numpy as np

from bayesgmm.bayes.target import log_posterior, log_posterior_alone, log_softmax
from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import entry, inlined

__all__ = ["densities", "replacements", "trajectories"]

MOST_STEPS = 12
# Log densities of places this far below that of the nearest do not count.
OUT_OF_SIGHT = 40.0
BLOCK = 12


@inlined
def _distance(m, first, last, centres, inverses, q, whitened):
    """Squared length of the entries from first to last of what place m whitens q to."""
    total = 0.0
    for i in range(first, last):
        z = 0.0
        for j in range(i + 1):
            z += inverses[m, i, j] * (q[j] - centres[m, j])
        whitened[m, i] = z
        total += z * z
    return total


@inlined
def _log_reference(q, centres, inverses, constants, nu, by_place, whitened, by_q):
    """Log density of the reference, its gradient, and the log densities of its places: minus infinity for those that are out of
    sight, since most are, and a part of the distance tells."""
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
    by_place[nearest] = largest
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
        by_place[m] = -np.inf
        if whitened[m, P] < furthest:
            by_place[m] = constants[m] - 0.5 * (nu + P) * math.log1p(whitened[m, P] / nu)
            largest = max(largest, by_place[m])
    total = 0.0
    for m in range(M):
        total += math.exp(by_place[m] - largest)
    for i in range(P):
        by_q[i] = 0.0
    for m in range(M):
        share = math.exp(by_place[m] - largest) / total
        if share > 1e-12:
            slope = -share * (nu + P) / (nu + whitened[m, P])
            for i in range(P):
                s = slope * whitened[m, i]
                for j in range(i + 1):
                    by_q[j] += s * inverses[m, i, j]
    return largest + math.log(total)


@inlined
def _log_choices(by_place, softness, out):
    """Fill the log probability of choosing each place: its density to a small power."""
    largest = by_place[0]
    for m in range(len(by_place)):
        largest = max(largest, by_place[m])
    total = 0.0
    for m in range(len(by_place)):
        out[m] = softness * (by_place[m] - largest)
        total += math.exp(out[m])
    log_total = math.log(total)
    for m in range(len(by_place)):
        out[m] -= log_total


@inlined
def _is_sorted(q, K, direction):
    D = len(direction)
    last = -np.inf
    for k in range(K):
        key = 0.0
        for i in range(D):
            key += direction[i] * q[K - 1 + k * D + i]
        if key < last:
            return False
        last = key
    return True


@entry
def densities(q, X, numbers, K, temperature, reference, log_posteriors, log_references, by_q):
    """Fill the log densities of posterior and reference of each particle, and the gradient of the path's."""
    centres, inverses, constants, nu = reference
    M, P = centres.shape
    by_place, whitened, other = empty(M), empty(M * (P + 1)).reshape((M, P + 1)), empty(P)
    for s in range(len(q)):
        log_prior, log_likelihood = log_posterior(q[s], X, numbers, K, 1.0, by_q[s])
        log_posteriors[s] = log_prior + log_likelihood
        log_references[s] = _log_reference(q[s], centres, inverses, constants, nu, by_place, whitened, other)
        for i in range(P):
            by_q[s, i] = temperature * by_q[s, i] + (1.0 - temperature) * other[i]


@entry
def trajectories(
    q,
    by_q,
    log_posteriors,
    log_references,
    X,
    numbers,
    K,
    temperature,
    reference,
    factors,
    direction,
    steps,
    lengths,
    softness,
    uniforms,
    momenta,
    places,
    accepted,
    moved,
):
    """One trajectory of each particle.

    Parameters
    ----------
    q, by_q, log_posteriors, log_references
        The particles, as :func:`densities` has filled them; changed in place.
    steps : float64 array, shape (M,)
        Step size in the metric of each place.
    lengths : float64 array, shape (S, 2)
        Factor of the step size, and the length of the trajectory in units of the metric.
    uniforms : float64 array, shape (S, 2)
        Random numbers for the choice of a place and for acceptance.
    momenta : float64 array, shape (S, n)
        Standard normal; overwritten.
    places, accepted, moved : arrays, shape (S,)
        Filled with the place whose metric was used, what the energy's error leaves of acceptance (steps are adapted to it), and
        whether the particle moved: it does not where its components end out of order.
    """
    centres, inverses, constants, nu = reference
    M, P = centres.shape
    by_place, whitened, choices = empty(M), empty(M * (P + 1)).reshape((M, P + 1)), empty(M)
    q1, by_q1, other = empty(P), empty(P), empty(P)
    for s in range(len(q)):
        _log_reference(q[s], centres, inverses, constants, nu, by_place, whitened, other)
        _log_choices(by_place, softness, choices)
        m, total = 0, 0.0
        for i in range(M):
            total += math.exp(choices[i])
            m = i
            if uniforms[s, 0] < total:
                break
        places[s] = m
        accepted[s] = 0.0
        moved[s] = 0.0
        W = factors[m]
        p = momenta[s]
        step = steps[m] * lengths[s, 0]
        n_steps = min(max(round(lengths[s, 1] / step), 1), MOST_STEPS)
        energy = temperature * log_posteriors[s] + (1.0 - temperature) * log_references[s]
        energy += choices[m]
        for i in range(P):
            energy -= 0.5 * p[i] * p[i]
            q1[i] = q[s, i]
            by_q1[i] = by_q[s, i]
        posterior, log_reference, finite = 0.0, 0.0, True
        for n in range(n_steps + 1):
            kick = step if 0 < n < n_steps else 0.5 * step
            for i in range(P):
                pull = kick * by_q1[i]
                for j in range(i + 1):
                    p[j] += pull * W[i, j]
            if n == n_steps:
                break
            for i in range(P):
                along = 0.0
                for j in range(i + 1):
                    along += W[i, j] * p[j]
                q1[i] += step * along
            log_prior, log_likelihood = log_posterior(q1, X, numbers, K, 1.0, by_q1)
            posterior = log_prior + log_likelihood
            if not math.isfinite(posterior):
                finite = False
                break
            # At the end of the path the reference matters for the choice of a metric only.
            if temperature < 1.0 or n == n_steps - 1:
                log_reference = _log_reference(
                    q1, centres, inverses, constants, nu, by_place, whitened, other
                )
                for i in range(P):
                    by_q1[i] = temperature * by_q1[i] + (1.0 - temperature) * other[i]
        if not finite:
            continue
        gain = temperature * posterior + (1.0 - temperature) * log_reference - energy
        _log_choices(by_place, softness, choices)
        gain += choices[m]
        for i in range(P):
            gain -= 0.5 * p[i] * p[i]
        if not math.isfinite(gain):
            continue
        accepted[s] = min(1.0, math.exp(min(gain, 0.0)))
        if uniforms[s, 1] < accepted[s] and _is_sorted(q1, K, direction):
            moved[s] = 1.0
            log_posteriors[s] = posterior
            log_references[s] = log_reference
            for i in range(P):
                q[s, i] = q1[i]
                by_q[s, i] = by_q1[i]


@inlined
def _log_kernels(theta, centres, inverses, precisions, constants, D, scratch):
    """Log density, without a constant, of the mixture of normals that components are proposed from."""
    C, p = centres.shape
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
def _sort(q, K, direction, own, keys, order, out):
    """Fill `out` with the mixture's components sorted."""
    D = len(direction)
    last = 0.0
    for k in range(K - 1):
        last -= q[k]
    for k in range(K):
        keys[k] = 0.0
        for i in range(D):
            keys[k] += direction[i] * q[own[k, i]]
        at = k
        while at > 0 and keys[order[at - 1]] > keys[k]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = k
    for i in range(len(q)):
        out[i] = q[i]
    for k in range(K):
        j = order[k]
        if k < K - 1:
            out[k] = q[j] if j < K - 1 else last
        for i in range(own.shape[1]):
            out[own[k, i]] = q[own[j, i]]


@entry
def replacements(
    q,
    by_q,
    log_posteriors,
    log_references,
    X,
    numbers,
    K,
    temperature,
    reference,
    direction,
    own,
    kernels,
    chosen,
    normals,
    log_uniforms,
    accepted,
):
    """One component of each particle exchanged for one from a mixture of normal kernels.

    A component is theta = (logit of its weight, its own coordinates). The other weights keep their proportions. In the
    coordinates (theta, proportions) the density is that by q times w_j (1 - w_j)^(K-1) / prod_k w_k, and a constant.

    Parameters
    ----------
    own : int64 array, shape (K, p - 1)
        From ``own_coordinates``.
    kernels : tuple
        Centres (C, p), factors (C, D, D) of the means' part and standard deviations (C, p) of the rest, the inverses of both, and
        the log of each kernel's constant.
    chosen : int64 array, shape (S, 2)
        Which component, and which kernel.
    normals : float64 array, shape (S, p)
    log_uniforms, accepted : float64 arrays, shape (S,)
    """
    centres, inverses, constants, nu = reference
    theta_centres, factors, stds, theta_inverses, precisions, theta_constants = kernels
    M, P = centres.shape
    D, p = X.shape[1], theta_centres.shape[1]
    by_place, whitened = empty(M), empty(M * (P + 1)).reshape((M, P + 1))
    q1, q2, by_q1, other = empty(P), empty(P), empty(P), empty(P)
    new = empty(K)
    theta, theta1 = empty(p), empty(p)
    scratch, keys, order = empty(len(theta_centres)), empty(K), np.empty(K, np.int64)
    by_row = empty(len(X))
    # No density of the reference or of the kernels is above these.
    highest = math.log(M) + constants.max()
    highest_kernel = math.log(len(theta_constants)) + theta_constants.max()
    for s in range(len(q)):
        accepted[s] = 0.0
        j, c = chosen[s, 0], chosen[s, 1]
        old = log_softmax(q[s], K)
        rest = math.log(max(-math.expm1(old[j]), 1e-300))
        theta[0] = old[j] - rest
        for i in range(p - 1):
            theta[1 + i] = q[s, own[j, i]]
        for i in range(p):
            theta1[i] = theta_centres[c, i] + stds[c, i] * normals[s, i]
        for i in range(D):
            theta1[1 + i] = theta_centres[c, 1 + i]
            for k in range(i + 1):
                theta1[1 + i] += factors[c, i, k] * normals[s, 1 + k]
        if abs(theta1[0]) > 300.0:
            continue
        new_rest = -math.log1p(math.exp(theta1[0]))
        gain = (K - 1) * (new_rest - rest) + new_rest + theta1[0] - old[j]
        mean = 0.0
        for k in range(K):
            new[k] = new_rest + theta1[0] if k == j else old[k] - rest + new_rest
            gain -= new[k] - old[k]
            mean += new[k] / K
        for i in range(P):
            q1[i] = q[s, i]
        for k in range(K - 1):
            q1[k] = new[k] - mean
        for i in range(p - 1):
            q1[own[j, i]] = theta1[1 + i]
        _sort(q1, K, direction, own, keys, order, q2)
        posterior = log_posterior_alone(q2, X, numbers, K, by_row, by_q1)
        if not math.isfinite(posterior):
            continue
        gain += temperature * (posterior - log_posteriors[s])
        # Nearly all proposals are refused, and by far: bounds tell, before the rest is computed.
        at_most = gain + (1.0 - temperature) * (highest - log_references[s]) + highest_kernel
        proposed = theta_constants[c]
        for i in range(p):
            proposed -= 0.5 * normals[s, i] * normals[s, i]
        if log_uniforms[s] >= at_most - proposed:
            continue
        log_reference = _log_reference(q2, centres, inverses, constants, nu, by_place, whitened, other)
        gain += (1.0 - temperature) * (log_reference - log_references[s])
        gain += _log_kernels(theta, theta_centres, theta_inverses, precisions, theta_constants, D, scratch)
        gain -= _log_kernels(theta1, theta_centres, theta_inverses, precisions, theta_constants, D, scratch)
        if log_uniforms[s] < gain:
            log_posterior(q2, X, numbers, K, 1.0, by_q1)
            accepted[s] = 1.0
            log_posteriors[s] = posterior
            log_references[s] = log_reference
            for i in range(P):
                q[s, i] = q2[i]
                by_q[s, i] = temperature * by_q1[i] + (1.0 - temperature) * other[i]
