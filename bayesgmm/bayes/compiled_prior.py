"""The log prior as compiled code: its numbers in one array, and its value and gradient at a vector q.

For the map from q to correlations the LKJ density (Lewandowski, Kurowicka and Joe 2009) and the log Jacobian
add up to (D + 2 eta - 1) sum_i log C_ii + constant: row i contributes D - i + 2 eta - 2 from the density and
i + 1 from the Jacobian.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from bayesgmm.bayes.common_scales import CommonLaw, CommonScale, student_kernel
from bayesgmm.bayes.log_laws import (
    FORMS,
    shape_constant,
    shape_kernel,
    volume_constant,
    volume_kernel,
    volume_law,
)
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.resolution import add_correlation_visibility, correlation_bounds, std_bounds
from bayesgmm.bayes.rotation import put_rotated_gradient, rotated
from bayesgmm.bayes.std_priors import CODES, MOST_NUMBERS, add_log_density
from bayesgmm.mixture.coordinates import Coordinates, Layout, blocks, mixture_of
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.std_numbers import add_by_log_std, std_part_places
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import inlined

__all__ = ["lkj_log_normaliser", "log_prior_at", "packed", "unpacked"]

Array = NDArray[np.float64]


class PriorNumbers(NamedTuple):
    """A prior as compiled code reads it: arrays of shape (K,), (K D,) of means, and (D,), numbers of standard
    deviations (MOST_NUMBERS, P), which begin again after P of these, and the sum of all that does not depend
    on q.

    Where standard deviations have volumes and shapes, the first two of these numbers are those of their
    `LogLaw`, of the given form and power, and those of the volumes are apart. With a common scale (form
    COMMON) they are those of `CommonLaw.of_parts`, and `volume_first` is the location of log volumes.
    """

    layout: Layout
    std_family: int
    lkj_eta: float
    log_normaliser: float
    form: int
    power: float
    volume_first: float
    volume_second: float
    concentration: Array
    mixed: Array
    mean_loc: Array
    mean_scale: Array
    std_numbers: Array
    std_bounds: Array
    correlation_bounds: Array
    rotation: Array


# One array instead of nine arguments: handing these to compiled code would cost as much as the prior's
# density.
_IN_LAYOUT = len(Layout._fields)
# The form of a law with a common scale, after those of `LogLaw`.
COMMON = len(FORMS)
_HEADER = _IN_LAYOUT + 9


def packed(prior: ResolvedPrior, coordinates: Coordinates, rotation: Array) -> Array:
    """The array that :func:`unpacked` reads; a rotation (D, D), or (0, 0) where there is none."""
    normaliser = _log_normaliser(prior, coordinates.family)
    normaliser += coordinates.n_components * float(np.log(np.diagonal(rotation)).sum())
    header = [*coordinates.layout, CODES[prior.std_family], prior.lkj_eta, normaliser]
    law, d = [0.0] * 4, prior.n_features
    given = _std_numbers(prior, coordinates)
    numbers = np.zeros((MOST_NUMBERS, given.shape[1]))
    numbers[: len(given)] = given
    if coordinates.layout.n_volumes:
        of_stds = prior.std_law
        if isinstance(of_stds, CommonLaw):
            location, away, *alike = of_stds.of_parts()
            law = [COMMON, 1.0, location, 0.0]
            numbers = np.stack([away, *(np.full(d, v) for v in alike)])
        else:
            of_volumes = volume_law(of_stds)
            law = [of_stds.form, of_stds.power, float(of_volumes.first), float(of_volumes.second)]
            numbers[0], numbers[1] = of_stds.first, of_stds.second
    means = prior.mean_loc.ravel(), prior.mean_scale.ravel()
    a = std_bounds(prior.resolution, coordinates.family.by_feature)
    others = numbers.ravel(), a, correlation_bounds(prior.resolution, prior.mean_scale)
    mixed = prior.mixed, _mixed_constants(prior)
    lengths = [len(prior.mixed), numbers.shape[1]]
    return np.concatenate(
        [header, law, lengths, prior.concentration, *means, *others, *mixed, rotation.ravel()]
    )


def _std_numbers(prior: ResolvedPrior, coordinates: Coordinates) -> Array:
    """The numbers of standard deviations, shape (n, P), in the order of these."""
    family, n = coordinates.family, len(prior.std_numbers)
    if coordinates.layout.n_volumes:
        return prior.shared_std_numbers
    if isinstance(prior.std_record, CommonScale):
        return np.array([family.of_stds(v) for v in prior.shared_std_numbers]).reshape(n, -1)
    return family.std_values(prior.std_numbers).reshape(n, -1)


@inlined
def unpacked(packed):
    """The numbers of a packed prior, arrays as views."""
    K, D = int(packed[0]), int(packed[1])
    layout = Layout(K, D, int(packed[2]), int(packed[3]), int(packed[4]), int(packed[5]), int(packed[6]))
    at = _IN_LAYOUT
    loc = _HEADER + K
    scale = loc + K * D
    numbers = scale + K * D
    P = int(packed[at + 8])
    visibility = numbers + MOST_NUMBERS * P
    correlations = visibility + D
    mixed = correlations + D
    rotation = mixed + 2 * int(packed[at + 7])
    turns = D if len(packed) > rotation else 0
    return PriorNumbers(
        layout,
        int(packed[at]),
        packed[at + 1],
        packed[at + 2],
        int(packed[at + 3]),
        packed[at + 4],
        packed[at + 5],
        packed[at + 6],
        packed[_HEADER:loc],
        packed[mixed:rotation].reshape((2, int(packed[at + 7]))),
        packed[loc:scale],
        packed[scale:numbers],
        packed[numbers:visibility].reshape((MOST_NUMBERS, P)),
        packed[visibility:correlations],
        packed[correlations:mixed],
        packed[rotation:].reshape((turns, turns)),
    )


def _log_normaliser(prior: ResolvedPrior, family: CovarianceFamily) -> float:
    """Sum of the constants of all priors, and of the simplex transform's Jacobian."""
    k, d = prior.mean_loc.shape
    a = prior.concentration
    # The simplex transform's Jacobian is K prod pi: hence the log K here, and exponents a_k for a_k - 1.
    dirichlet = math.log(k) + (0.0 if len(prior.mixed) else gammaln(a.sum()) - gammaln(a).sum())
    normal = -np.log(prior.mean_scale).sum() - 0.5 * k * d * math.log(2 * math.pi)
    correlations = family.n_correlations(k) * lkj_log_normaliser(d, prior.lkj_eta)
    return float(dirichlet + normal + _std_constant(prior, family) + correlations)


def _mixed_constants(prior: ResolvedPrior) -> Array:
    """Logs of the share and of the constant of each Dirichlet distribution of a mixture, shape (M,)."""
    k, a = len(prior.concentration), prior.mixed
    return gammaln(k * a) - k * gammaln(a) - math.log(max(len(a), 1))


def _std_constant(prior: ResolvedPrior, family: CovarianceFamily) -> float:
    """Sum of what the kernels of standard deviations leave out."""
    (k, d), record = prior.mean_loc.shape, prior.std_record
    volumes, shapes = family.std_parts(k)
    if volumes:
        law = prior.std_law
        if isinstance(law, CommonLaw):
            return law.constant_of_parts((volumes, shapes)) + shapes * math.log(d)
        return volumes * volume_constant(volume_law(law)) + shapes * (shape_constant(law) + math.log(d))
    if isinstance(record, CommonScale):
        n = k if family.by_component else 1
        return float(np.sum(family.of_stds(record.log_constant(n, *prior.shared_std_numbers))))
    return float(np.sum(family.std_values(record.log_constant(*prior.std_numbers))))


def lkj_log_normaliser(n: int, eta: float) -> float:
    """Log of the constant of the LKJ density of an n x n correlation matrix's Cholesky factor.

    Lewandowski, Kurowicka and Joe (2009), eq. 16 and 17.
    """
    total = 0.0
    for i in range(1, n):
        b = eta + 0.5 * (n - 1 - i)
        total -= (2 * eta - 2 + n - i) * (n - i) * math.log(2) + (n - i) * betaln(b, b)
    return total


@inlined
def log_prior_at(q, prior, mixture, gradient):
    """Log prior with Jacobians; fills `gradient`. Where coordinates are turned, the prior is that of the
    mixture before; see `rotation`."""
    at, there, by = q, mixture, gradient
    if len(prior.rotation) > 0:
        at, by = rotated(q, mixture, prior.rotation, prior.layout), empty(len(q))
        there = mixture_of(at, prior.layout)
    value = _log_prior_unturned(at, prior, there, by)
    if len(prior.rotation) > 0:
        put_rotated_gradient(by, there, mixture, prior.rotation, prior.layout, gradient)
    return value


@inlined
def _log_prior_unturned(q, prior, mixture, gradient):
    K, D = mixture.means.shape
    at_q, by = blocks(q, prior.layout), blocks(gradient, prior.layout)
    value = prior.log_normaliser

    # Dirichlet times the Jacobian K prod pi: exponents a_k on pi_k.
    concentration, log_weights = prior.concentration, mixture.log_weights
    if prior.mixed.shape[1] > 0:
        density, alike = _mixed_dirichlet(prior.mixed, log_weights)
        value += density
        total = K * alike
        for k in range(K - 1):
            by.logits[k] = total * (math.exp(log_weights[K - 1]) - math.exp(log_weights[k]))
    else:
        total = concentration.sum()
        last = concentration[K - 1] - total * math.exp(log_weights[K - 1])
        for k in range(K):
            value += concentration[k] * log_weights[k]
            if k < K - 1:
                by.logits[k] = concentration[k] - total * math.exp(log_weights[k]) - last

    means, by_means = at_q.means.reshape(K * D), by.means.reshape(K * D)
    for at in range(K * D):
        z = (means[at] - prior.mean_loc[at]) / prior.mean_scale[at]
        value -= 0.5 * z * z
        by_means[at] = -z / prior.mean_scale[at]

    if prior.layout.n_volumes > 0:
        value += _log_prior_of_parts(at_q.log_stds, prior, by.log_stds)
    else:
        value = add_log_density(prior.std_family, value, at_q.log_stds, prior.std_numbers, by.log_stds)

    power = D + 2.0 * prior.lkj_eta - 1.0
    for c in range(len(at_q.below)):
        at = 0
        for i in range(1, D):
            value -= power * math.log(mixture.lengths[c, i])
            for _ in range(i):
                by.below[c, at] = -power * at_q.below[c, at] / (mixture.lengths[c, i] * mixture.lengths[c, i])
                at += 1
    if prior.std_bounds.max() > 0.0:
        value = _add_log_visibility(value, prior, mixture, gradient)
    return value


@inlined
def _mixed_dirichlet(mixed, log_weights):
    """Log density of weights under a mixture of concentrations, and the one concentration that has the same
    slope there."""
    at = log_weights.sum()
    largest, total, alike = -math.inf, 0.0, 0.0
    for m in range(mixed.shape[1]):
        largest = max(largest, mixed[1, m] + mixed[0, m] * at)
    for m in range(mixed.shape[1]):
        share = math.exp(mixed[1, m] + mixed[0, m] * at - largest)
        total += share
        alike += share * mixed[0, m]
    return largest + math.log(total), alike / total


@inlined
def _add_log_visibility(value, prior, mixture, gradient):
    """`value` plus the logs of the factors for what can be seen; see `resolution`."""
    layout, by = prior.layout, blocks(gradient, prior.layout)
    K, D = layout.n_components, layout.n_features
    for k in range(K if layout.std_by_component > 0 else 1):
        for i in range(D if layout.std_by_feature > 0 else 1):
            t = prior.std_bounds[i] / (mixture.stds[k, i] * mixture.stds[k, i])
            value -= t * t * t * t
            add_by_log_std(by.log_stds, layout, k, i, 8.0 * t * t * t * t)
    by_factor = zeros(D * D).reshape((D, D))
    for c in range(len(by.below)):
        factor = mixture.corr_chol[c]
        value = add_correlation_visibility(value, factor, prior.correlation_bounds, by_factor)
        at = 0
        for i in range(1, D):
            # As in `add_gradient_by_cholesky`: C_ij = M_ij / |M_i|.
            along = 0.0
            for j in range(i + 1):
                along += by_factor[i, j] * factor[i, j]
            for j in range(i):
                by.below[c, at] += (by_factor[i, j] - factor[i, j] * along) / mixture.lengths[c, i]
                at += 1
    return value


@inlined
def _log_prior_of_parts(log_stds, prior, gradient):
    """Log prior of volumes and shapes without constants; fills `gradient`."""
    if prior.form == COMMON:
        return _log_prior_of_common_parts(log_stds, prior, gradient)
    layout, last = prior.layout, prior.layout.n_features - 1
    value = 0.0
    for k in range(layout.n_volumes):
        density, slope = volume_kernel(
            prior.form, prior.power, prior.volume_first, prior.volume_second, log_stds[k]
        )
        value += density
        gradient[k] = slope
    log_shape, slopes = empty(last + 1), empty(last + 1)
    first, second = prior.std_numbers[0], prior.std_numbers[1]
    for k in range(layout.n_shapes):
        _, start = std_part_places(layout, k)
        log_shape[last] = 0.0
        for i in range(last):
            log_shape[i] = log_stds[start + i]
            log_shape[last] -= log_stds[start + i]
        value += shape_kernel(prior.form, prior.power, first, second, log_shape, slopes)
        for i in range(last):
            gradient[start + i] = slopes[i] - slopes[last]
    return value


@inlined
def _log_prior_of_common_parts(log_stds, prior, gradient):
    """The same with a common scale."""
    layout, numbers = prior.layout, prior.std_numbers
    V, S, D = layout.n_volumes, layout.n_shapes, layout.n_features
    common, own, df = numbers[1, 0], numbers[2, 0], numbers[3, 0]
    away, slopes = empty(V).reshape((V, 1)), empty(V).reshape((V, 1))
    for k in range(V):
        away[k, 0] = log_stds[k] - prior.volume_first
    value = student_kernel(away, common, own, df, 1, slopes)
    for k in range(V):
        gradient[k] = slopes[k, 0]
    if D == 1:
        return value
    away, slopes = empty(S * D).reshape((S, D)), empty(S * D).reshape((S, D))
    for k in range(S):
        _, start = std_part_places(layout, k)
        away[k, D - 1] = -numbers[0, D - 1]
        for i in range(D - 1):
            away[k, i] = log_stds[start + i] - numbers[0, i]
            away[k, D - 1] -= log_stds[start + i]
    value += student_kernel(away, common, own, df, D - 1, slopes)
    for k in range(S):
        _, start = std_part_places(layout, k)
        for i in range(D - 1):
            gradient[start + i] = slopes[k, i] - slopes[k, D - 1]
    return value
