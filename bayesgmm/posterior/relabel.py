"""Relabelling: give the components of every draw the labels that they have in a reference.

A posterior of a mixture does not change when components are renamed, so a chain may rename them along the
way. Four methods undo that, each by one assignment problem a draw; K! is never enumerated:

* :func:`ecr`, equivalence classes: the largest overlap of responsibilities with a fixed pivot, here EM's;
* :func:`iterative_ecr`: the same with the mean of the relabelled responsibilities as pivot, until nothing
  changes;
* :func:`stephens`: the smallest Kullback-Leibler divergence from that mean;
* :func:`by_parameters`: the nearest parameters.

A fit uses the first, since its labels are those of EM; what the others say is part of the labelling
diagnostics. Responsibilities of all draws are too large to keep. The methods ask a :class:`Responsibilities`
for what they need of them: sums over rows, and means over draws.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.matching import Permutations, assign

__all__ = [
    "DenseResponsibilities",
    "Relabelling",
    "Responsibilities",
    "by_parameters",
    "ecr",
    "iterative_ecr",
    "match",
    "stephens",
]

Array = NDArray[np.float64]

# A label assignment is ambiguous where exchanging two labels would cost less than this share of the rows that
# the two hold.
NEARLY_TIED = 0.02
MOST_ITERATIONS = 50
# Stands for the logarithm of a membership of zero: a draw that disagrees pays for it, but not infinitely.
SMALLEST_MEMBERSHIP = 1e-12


@dataclass(frozen=True)
class Relabelling:
    """For each draw, the permutation that labels its components as in the reference.

    Parameters
    ----------
    permutations : ndarray of int, shape (chain, draw, K)
        Component ``permutations[c, d, k]`` of the draw is the reference's component k.
    margins : ndarray, shape (chain, draw)
        What the cheapest exchange of two labels (not a cycle of more) would cost, as a share of the rows that
        these two components hold; infinite for K = 1. Where labels are those of the prior, by how much their
        probability is above that of the most probable others.
    """

    permutations: Permutations
    margins: Array

    @property
    def n_switches(self) -> NDArray[np.intp]:
        """How often the labels of each chain switched from one draw to the next, shape (chain,)."""
        changed = (np.diff(self.permutations, axis=1) != 0).any(axis=2)
        return changed.sum(axis=1)

    @property
    def nearly_tied(self) -> float:
        """Share of draws whose matching is nearly a tie."""
        return float((self.margins < NEARLY_TIED).mean())


class Responsibilities(Protocol):
    """The responsibilities r_s (N, K) of S draws, seen only through sums and means."""

    def overlaps(self, reference: Array) -> Array:
        """sum_n reference[n, j] r_s[n, k], shape (S, J, K), for a reference of shape (N, J)."""
        ...

    def mean(self, permutations: Permutations) -> Array:
        """Mean over draws of the responsibilities renamed by permutations (S, K), shape (N, K)."""
        ...


@dataclass(frozen=True)
class DenseResponsibilities:
    """Responsibilities held in one array, shape (S, N, K)."""

    values: Array

    def overlaps(self, reference: Array) -> Array:
        """See :class:`Responsibilities`."""
        return np.einsum("nj,snk->sjk", reference, self.values)

    def mean(self, permutations: Permutations) -> Array:
        """See :class:`Responsibilities`."""
        return np.take_along_axis(self.values, permutations[:, None, :], axis=2).mean(axis=0)


def match(overlap: Array) -> Relabelling:
    """Permutations that maximise the overlap with the reference.

    Parameters
    ----------
    overlap : ndarray, shape (chain, draw, K, K)
        Expected rows shared by reference component j and draw component k.

    Notes
    -----
    One linear assignment a draw, O(K^3) each.
    """
    chains, draws, k, _ = overlap.shape
    flat = overlap.reshape(-1, k, k)
    permutations = assign(flat)
    aligned = np.take_along_axis(flat, permutations[:, None, :], axis=2)
    margins = _exchange_margins(aligned)
    return Relabelling(permutations.reshape(chains, draws, k), margins.reshape(chains, draws))


def ecr(responsibilities: Responsibilities, pivot: Array) -> Permutations:
    """Permutations (S, K) of the largest overlap with the pivot's responsibilities, shape (N, K).

    Papastamoulis and Iliopoulos (2010), An artificial allocations based solution to the label switching
    problem, Journal of Computational and Graphical Statistics 19, with soft assignments in place of sampled
    ones. O(S N K^2 + S K^3).
    """
    return assign(responsibilities.overlaps(pivot))


def iterative_ecr(
    responsibilities: Responsibilities, start: Permutations, mean: Array | None = None
) -> Permutations:
    """ECR whose pivot is the mean of the relabelled responsibilities, repeated until no permutation changes.

    Rodriguez and Walker (2014), Label switching in Bayesian mixture models: deterministic relabeling
    strategies, Journal of Computational and Graphical Statistics 23, with soft assignments. O(S N K^2 + S
    K^3) an iteration.

    Parameters
    ----------
    responsibilities : Responsibilities
    start : ndarray of int, shape (S, K)
    mean : ndarray, shape (N, K), optional
        Of the responsibilities as `start` labels them, where it is known.
    """
    return _until_fixed(responsibilities.overlaps, responsibilities, start, mean)


def stephens(
    responsibilities: Responsibilities, start: Permutations, mean: Array | None = None
) -> Permutations:
    """Permutations of the smallest Kullback-Leibler divergence from the mean relabelled responsibilities.

    Stephens (2000), Dealing with label switching in mixture models, Journal of the Royal Statistical Society
    B 62, section 5: the divergence of a draw relabelled by p is a constant minus sum_nk r[n, p_k] log q[n,
    k]. O(S N K^2 + S K^3) an iteration.

    Parameters
    ----------
    responsibilities : Responsibilities
    start : ndarray of int, shape (S, K)
    mean : ndarray, shape (N, K), optional
        Of the responsibilities as `start` labels them, where it is known.
    """
    return _until_fixed(
        lambda q: responsibilities.overlaps(np.log(np.maximum(q, SMALLEST_MEMBERSHIP))),
        responsibilities,
        start,
        mean,
    )


def _until_fixed(
    gain_of: Callable[[Array], Array],
    responsibilities: Responsibilities,
    start: Permutations,
    mean: Array | None,
) -> Permutations:
    permutations = start
    for _ in range(MOST_ITERATIONS):
        found = assign(gain_of(responsibilities.mean(permutations) if mean is None else mean))
        if np.array_equal(found, permutations):
            break
        permutations, mean = found, None
    return permutations


def by_parameters(parameters: Array, start: Permutations) -> Permutations:
    """Permutations that bring each draw's parameters nearest to their means, repeated until none changes.

    Distances are Euclidean in units of the parameters' standard deviations between relabelled draws: k-means
    under the constraint that each draw has one component in each cluster, after Stephens (1997), Bayesian
    methods for mixtures of normal distributions. O(S K^2 P + S K^3) an iteration.

    Parameters
    ----------
    parameters : ndarray, shape (S, K, P)
    start : ndarray of int, shape (S, K)
    """
    permutations = start
    for _ in range(MOST_ITERATIONS):
        relabelled = np.take_along_axis(parameters, permutations[..., None], axis=1)
        centre, spread = relabelled.mean(axis=0), relabelled.std(axis=0)
        # A parameter that never varies between draws counts in its own units.
        scale = np.sqrt(np.mean(spread**2, axis=0))
        scaled = parameters / np.where(scale > 0, scale, 1.0)
        centre = centre / np.where(scale > 0, scale, 1.0)
        distance = ((scaled[:, None, :, :] - centre[None, :, None, :]) ** 2).sum(axis=3)
        found = assign(-distance)
        if np.array_equal(found, permutations):
            break
        permutations = found
    return permutations


def _exchange_margins(aligned: Array) -> Array:
    """Cost of the cheapest exchange of two names, per row that the two hold, shape (S,)."""
    k = aligned.shape[1]
    if k == 1:
        return np.full(len(aligned), np.inf)
    diagonal = np.diagonal(aligned, axis1=1, axis2=2)
    cost = diagonal[:, :, None] + diagonal[:, None, :] - aligned - np.swapaxes(aligned, 1, 2)
    held = aligned.sum(axis=2)
    i, j = np.triu_indices(k, 1)
    # Small components tie as large ones do: not for being small.
    return (cost[:, i, j] / np.maximum(held[:, i] + held[:, j], 1e-300)).min(axis=1)
