"""The vector q in which samplers move, and all that is known of its layout: no other module reads q by
places.

A mixture in standardised coordinates is given by free numbers, in the order of the PyMC model's value
variables:

* K - 1 numbers for the weights: pi = softmax(q_1, ..., q_{K-1}, -sum q) (PyMC's simplex transform);
* K D means;
* logarithms of the family's distinct standard deviations; where components share only their volume or only
  their shape, log tau_ki = v_k + h_ki with sum_i h_ki = 0, of which first the distinct v, then D - 1 numbers
  for each distinct h, whose last entry is minus their sum;
* for each distinct correlation matrix the D (D - 1) / 2 entries below the diagonal of M, whose rows, with
  ones on the diagonal, become the rows of the Cholesky factor of the correlations when divided by their
  lengths.

`Coordinates` translates between q and arrays. The compiled functions below it do the same for one q at a
time; `blocks` cuts q, or a gradient by it, into named views.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.mixture.std_numbers import add_by_log_std, log_std, log_stds_of, numbers_of
from bayesgmm.support.allocation import APART, empty, piece, zeros
from bayesgmm.support.compilation import inlined

__all__ = [
    "Blocks",
    "Coordinates",
    "Layout",
    "Mixture",
    "add_gradient",
    "blocks",
    "log_weights_of",
    "mixture_of",
    "put_log_weights",
    "put_ordered",
    "unconstrained",
]

Array = NDArray[np.float64]

# A weight of zero has no logarithm; a start needs none that small.
SMALLEST_WEIGHT = 1e-10
# What is left of a weight of one, before its logarithm is taken.
SMALLEST_REST = 1e-300


class Layout(NamedTuple):
    """What the blocks of q depend on, as compiled code reads it: ``CovarianceFamily.strides`` and
    ``CovarianceFamily.std_parts``."""

    n_components: int
    n_features: int
    std_by_component: int
    std_by_feature: int
    corr_by_component: int
    n_volumes: int
    n_shapes: int


class Blocks(NamedTuple):
    """Views of a vector q, or of a gradient by q: shapes (K - 1,), (K, D), (n_stds,), (n_correlations, D (D -
    1) / 2)."""

    logits: Array
    means: Array
    log_stds: Array
    below: Array


class Mixture(NamedTuple):
    """The mixture at one q.

    Shapes (K,), (K, D), (K, D), (K, D, D), (K, D, D), and (K, D) for the lengths of the rows of M.
    """

    log_weights: Array
    means: Array
    stds: Array
    corr_chol: Array
    cholesky: Array
    lengths: Array


class PieceParts(NamedTuple):
    """Where in a component's piece, see :meth:`Coordinates.pieces`, its parts stand."""

    logit: int
    means: slice
    log_stds: slice
    below: slice


@dataclass(frozen=True)
class Coordinates:
    """Vectors q of mixtures of one shape.

    Parameters
    ----------
    n_components, n_features : int
        K and D.
    family : CovarianceFamily

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm.mixture.coordinates import Coordinates
    >>> from bayesgmm.mixture.families import family_of
    >>> coordinates = Coordinates(2, 1, family_of("diag"))
    >>> values = coordinates.constrained(np.zeros(coordinates.size))
    >>> values["weights"], values["stds"].ravel()
    (array([0.5, 0.5]), array([1., 1.]))
    """

    n_components: int
    n_features: int
    family: CovarianceFamily

    @cached_property
    def size(self) -> int:
        """Length of q."""
        return self.family.n_parameters(self.n_components, self.n_features)

    @cached_property
    def layout(self) -> Layout:
        """The same for compiled code."""
        k, d = self.n_components, self.n_features
        return Layout(k, d, *self.family.strides(d), *self.family.std_parts(k))

    @cached_property
    def _ends(self) -> tuple[int, int, int]:
        """Where weights, means and standard deviations end."""
        k, d = self.n_components, self.n_features
        means = k - 1 + k * d
        return k - 1, means, means + self.family.n_free_stds(k, d)

    @cached_property
    def own(self) -> NDArray[np.int64]:
        """Places of each component's own mean, log standard deviations and entries of M, shape (K, p), in
        this order.

        Weights are not among them, nor what components share.
        """
        k, d, family = self.n_components, self.n_features, self.family
        after_weights, after_means, after_stds = self._ends
        parts = [after_weights + np.arange(k * d).reshape(k, d)]
        if family.by_component:
            own = np.arange(*family.own_std_range(k, d))
            parts.append(after_means + own.reshape(k, len(own) // k))
        if family.own_correlations:
            below = d * (d - 1) // 2
            parts.append(after_stds + np.arange(k * below).reshape(k, below))
        return np.hstack(parts)

    def logits(self, q: Array) -> Array:
        """All K logits of the weights, which add up to zero, of vectors q, shape (..., K)."""
        free = q[..., : self._ends[0]]
        return np.concatenate([free, -free.sum(axis=-1, keepdims=True)], axis=-1)

    def means(self, q: Array) -> Array:
        """Means of vectors q, shape (..., K, D)."""
        start, end, _ = self._ends
        return q[..., start:end].reshape(*q.shape[:-1], self.n_components, self.n_features)

    def constrained(self, q: Array) -> dict[str, Array]:
        """Parameters of vectors q, shape (..., n), as the PyMC model names and shapes them.

        weights (..., K), means (..., K, D), and stds and corr_chol as ``CovarianceFamily.shapes`` says.
        """
        lead, d = q.shape[:-1], self.n_features
        shapes = self.family.shapes(self.n_components, d)
        of_weights = self.logits(q)
        weights = np.exp(of_weights - of_weights.max(axis=-1, keepdims=True))
        _, start, end = self._ends
        values = {
            "weights": weights / weights.sum(axis=-1, keepdims=True),
            "means": self.means(q),
            "stds": np.exp(log_stds_of(q[..., start:end], self.family, *self.layout[:2])).reshape(
                (*lead, *shapes["stds"])
            ),
        }
        if "corr_chol" in shapes:
            m = np.zeros((*lead, *shapes["corr_chol"]))
            rows, cols = np.tril_indices(d, -1)
            m[..., rows, cols] = q[..., end:].reshape(*m.shape[:-2], len(rows))
            m[..., np.arange(d), np.arange(d)] = 1.0
            values["corr_chol"] = m / np.sqrt((m**2).sum(axis=-1, keepdims=True))
        return values

    def unconstrained(self, params: MixtureParams) -> Array:
        """The vector q of a mixture of the family in standardised coordinates, shape (n,)."""
        return unconstrained(self.family.values(params), self.family)

    def permuted(self, q: Array, order: NDArray[np.intp]) -> Array:
        """Vectors q, shape (S, n), with component order[s, k] in place k."""
        out = q.copy()
        out[:, : self._ends[0]] = np.take_along_axis(self.logits(q), order, axis=1)[:, :-1]
        out[:, self.own] = np.take_along_axis(q[:, self.own], order[:, :, None], axis=1)
        return out

    def sorted_along(self, direction: Array, q: Array) -> tuple[Array, NDArray[np.intp]]:
        """Vectors q, shape (S, n), with components sorted by the projection of their means, and the orders,
        shape (S, K)."""
        order = np.argsort(self.means(q) @ direction, axis=1)
        return self.permuted(q, order), order

    def pieces(self, q: Array) -> Array:
        """The piece of every component of vectors q, shape (S, K, p): logit of its weight, and its own
        coordinates."""
        of_weights = self.logits(q)
        log_weights = of_weights - logsumexp(of_weights, axis=1, keepdims=True)
        rest = np.log(np.maximum(-np.expm1(log_weights), SMALLEST_REST))
        return np.concatenate([(log_weights - rest)[:, :, None], q[:, self.own]], axis=2)

    @property
    def piece_parts(self) -> PieceParts:
        """Where in a piece its parts stand."""
        after_means = 1 + self.n_features
        first, last = self.family.own_std_range(1, self.n_features)
        after_stds = after_means + last - first
        return PieceParts(0, slice(1, after_means), slice(after_means, after_stds), slice(after_stds, None))


def unconstrained(values: Mapping[str, Array], family: CovarianceFamily) -> Array:
    """The inverse of :meth:`Coordinates.constrained`: vectors q, shape (..., n), of arrays with any leading
    axes.

    What components share is read off the first.
    """
    log_weights = np.log(np.maximum(values["weights"], SMALLEST_WEIGHT))
    lead = log_weights.shape[:-1]
    parts = [
        (log_weights - log_weights.mean(axis=-1, keepdims=True))[..., :-1],
        values["means"],
        *numbers_of(np.log(values["stds"]), family),
    ]
    if "corr_chol" in values:
        factor = values["corr_chol"]
        rows, cols = np.tril_indices(factor.shape[-1], -1)
        parts.append(factor[..., rows, cols] / factor[..., rows, rows])
    return np.concatenate(
        [part.reshape(*lead, math.prod(part.shape[len(lead) :])) for part in parts], axis=-1
    )


@inlined
def blocks(q, layout):
    """The blocks of q, as views."""
    K, D = layout.n_components, layout.n_features
    after_means = K - 1 + K * D
    n_stds = 1 + layout.std_by_component * (K - 1) + layout.std_by_feature * (D - 1)
    if layout.n_volumes > 0:
        n_stds = layout.n_volumes + layout.n_shapes * (D - 1)
    below = D * (D - 1) // 2
    after_stds = after_means + n_stds
    n_correlations = 1 + layout.corr_by_component * (K - 1) if layout.corr_by_component >= 0 else 0
    return Blocks(
        q[: K - 1],
        q[K - 1 : after_means].reshape((K, D)),
        q[after_means:after_stds],
        q[after_stds : after_stds + n_correlations * below].reshape((n_correlations, below)),
    )


@inlined
def log_weights_of(q, K):
    """Log weights of the mixture, shape (K,)."""
    out = empty(K)
    last = 0.0
    for k in range(K - 1):
        out[k] = q[k]
        last -= q[k]
    out[K - 1] = last
    largest = out[0]
    for k in range(1, K):
        largest = max(largest, out[k])
    s = 0.0
    for k in range(K):
        s += math.exp(out[k] - largest)
    for k in range(K):
        out[k] -= largest + math.log(s)
    return out


@inlined
def put_log_weights(log_weights, q):
    """Put the logits of these weights into q."""
    K = len(log_weights)
    mean = 0.0
    for k in range(K):
        mean += log_weights[k] / K
    for k in range(K - 1):
        q[k] = log_weights[k] - mean


@inlined
def put_ordered(q, order, own, out):
    """Fill `out` with q, component order[k] in place k; `own` is that of :class:`Coordinates`."""
    K = len(order)
    last = 0.0
    for k in range(K - 1):
        last -= q[k]
    for i in range(len(q)):
        out[i] = q[i]
    for k in range(K):
        j = order[k]
        if k < K - 1:
            out[k] = q[j] if j < K - 1 else last
        for i in range(own.shape[1]):
            out[own[k, i]] = q[own[j, i]]


@inlined
def mixture_of(q, layout):
    """The mixture at q."""
    K, D = layout.n_components, layout.n_features
    at_q = blocks(q, layout)
    memory = zeros(K * D * (3 + 2 * D) + 4 * APART)
    means, at = piece(memory, 0, K * D)
    stds, at = piece(memory, at, K * D)
    lengths, at = piece(memory, at, K * D)
    corr_chol, at = piece(memory, at, K * D * D)
    cholesky, at = piece(memory, at, K * D * D)
    means, stds, lengths = means.reshape((K, D)), stds.reshape((K, D)), lengths.reshape((K, D))
    corr_chol, cholesky = corr_chol.reshape((K, D, D)), cholesky.reshape((K, D, D))
    for k in range(K):
        for i in range(D):
            means[k, i] = at_q.means[k, i]
            stds[k, i] = math.exp(log_std(at_q.log_stds, layout, k, i))
            s = 1.0
            if layout.corr_by_component >= 0:
                below = at_q.below[layout.corr_by_component * k]
                first = i * (i - 1) // 2
                for j in range(i):
                    m = below[first + j]
                    corr_chol[k, i, j] = m
                    s += m * m
            corr_chol[k, i, i] = 1.0
            lengths[k, i] = math.sqrt(s)
            for j in range(i + 1):
                corr_chol[k, i, j] /= lengths[k, i]
                cholesky[k, i, j] = stds[k, i] * corr_chol[k, i, j]
    return Mixture(log_weights_of(q, K), means, stds, corr_chol, cholesky, lengths)


@inlined
def add_gradient(mixture, by_log_weight, by_mean, by_cholesky, factor, layout, gradient):
    """Add `factor` times the gradient by q to `gradient`, from that by log weights, means and Cholesky
    factors."""
    K, D = layout.n_components, layout.n_features
    by = blocks(gradient, layout)
    # pi = softmax: d/d logit_k = S0_k - N pi_k, and the last logit is minus the sum of the others.
    total = by_log_weight.sum()
    last = by_log_weight[K - 1] - total * math.exp(mixture.log_weights[K - 1])
    for k in range(K - 1):
        by.logits[k] += factor * (by_log_weight[k] - total * math.exp(mixture.log_weights[k]) - last)
    for k in range(K):
        for i in range(D):
            by.means[k, i] += factor * by_mean[k, i]
            # L_ij = tau_i C_ij and C_ij = M_ij / |M_i|.
            along = 0.0
            for j in range(i + 1):
                along += by_cholesky[k, i, j] * mixture.corr_chol[k, i, j]
            add_by_log_std(by.log_stds, layout, k, i, factor * along * mixture.stds[k, i])
            if layout.corr_by_component >= 0:
                by_below = by.below[layout.corr_by_component * k]
                first = i * (i - 1) // 2
                for j in range(i):
                    across = by_cholesky[k, i, j] - mixture.corr_chol[k, i, j] * along
                    by_below[first + j] += factor * mixture.stds[k, i] * across / mixture.lengths[k, i]
