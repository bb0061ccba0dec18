"""Labelling diagnostics: whether other ways of relabelling agree, and whether components are K kinds."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.matching import Permutations
from bayesgmm.posterior.relabel import (
    Relabelling,
    Responsibilities,
    by_parameters,
    iterative_ecr,
    stephens,
)
from bayesgmm.wording import Reason

__all__ = [
    "LabellingDiagnostics",
    "diagnose_labelling",
    "labelling_by_prior",
    "non_permutation_rate",
    "same_labels",
]

Array = NDArray[np.float64]

SMALLEST_AGREEMENT = 0.95
LARGEST_NON_PERMUTATION_RATE = 0.05
# Of a group, in units of the standard deviation of all components together.
SMALLEST_SD = 1e-3


@dataclass(frozen=True)
class LabellingDiagnostics:
    """What speaks for and against the labels of the components.

    Parameters
    ----------
    agreement : dict
        For each other method of relabelling the share of draws that it labels as the fit does. The methods
        begin at the fit's labels and look at 2,000 rows at the most; where several labellings
        are locally best they favour the fit's. Where labels are those of the prior, the one entry "prior":
        the probability that it gives the labels of the draws, given their components.
    nearly_tied : float
        Share of draws whose label assignment is ambiguous: two components could exchange their labels at next
        to no cost.
    non_permutation_rate : float
        Share of draws whose components are not of K different kinds; see :func:`non_permutation_rate`.
    switches : tuple of int
        How often the labels of each chain switched.
    """

    agreement: dict[str, float]
    nearly_tied: float
    non_permutation_rate: float
    switches: tuple[int, ...]

    @property
    def by_prior(self) -> float | None:
        """Where labels are those of the prior, the probability that it gives the labels of the draws; None
        where draws were relabelled."""
        return self.agreement.get(PRIOR)

    @property
    def grounds(self) -> Reason:
        """What labels rest on."""
        if self.by_prior is not None:
            return Reason("labels_of_the_prior", {"share": 1 - self.by_prior})
        return Reason("labels_exchangeable", {"share": self.nearly_tied})

    @property
    def reasons(self) -> list[Reason]:
        """What speaks against component-wise summaries; empty where nothing does."""
        if self.by_prior is not None:
            # Which component is which is no matter of the data then, but of the prior alone.
            share = 1 - self.by_prior
            sure = share <= 1 - SMALLEST_AGREEMENT
            return [] if sure else [Reason("prior_leaves_labels_open", {"share": share})]
        out = []
        if self.nearly_tied > 1 - SMALLEST_AGREEMENT:
            out.append(Reason("labels_nearly_tied", {"share": self.nearly_tied}))
        out += [
            Reason("labels_differ", {"method": method, "share": 1 - share})
            for method, share in self.agreement.items()
            if share < SMALLEST_AGREEMENT
        ]
        if self.non_permutation_rate > LARGEST_NON_PERMUTATION_RATE:
            out.append(Reason("components_of_one_kind", {"share": self.non_permutation_rate}))
        return out


# Stands for a method where labels are those of the prior.
PRIOR = "prior"
METHODS = ("iterative ECR", "Stephens", "parameters")


def diagnose_labelling(
    responsibilities: Responsibilities, mean: Array, parameters: Array, relabelling: Relabelling
) -> LabellingDiagnostics:
    """Compare a relabelling with those of other methods.

    Parameters
    ----------
    responsibilities : Responsibilities
        Of the draws as relabelled.
    mean : ndarray, shape (N, K)
        Their mean over draws.
    parameters : ndarray, shape (S, K, P)
        Of the relabelled draws' components.
    relabelling : Relabelling
        For its margins and switches.

    Notes
    -----
    O(S N K^2 + S K^3) for each of the few iterations that the methods need when they start where they end.
    """
    s, k = parameters.shape[:2]
    switches = tuple(int(n) for n in relabelling.n_switches)
    if k == 1:
        return LabellingDiagnostics(dict.fromkeys(METHODS, 1.0), 0.0, 0.0, switches)
    start = np.tile(np.arange(k), (s, 1))
    found = {
        "iterative ECR": iterative_ecr(responsibilities, start, mean),
        "Stephens": stephens(responsibilities, start, mean),
        "parameters": by_parameters(parameters, start),
    }
    return LabellingDiagnostics(
        {method: same_labels(start, p) for method, p in found.items()},
        relabelling.nearly_tied,
        non_permutation_rate(parameters),
        switches,
    )


def labelling_by_prior(share: float, parameters: Array, relabelling: Relabelling) -> LabellingDiagnostics:
    """Of draws whose labels are those of the prior.

    Parameters
    ----------
    share : float
        Probability that the prior gives the labels of the draws.
    parameters : ndarray, shape (S, K, P)
        Of the draws' components.
    relabelling : Relabelling
    """
    switches = tuple(int(n) for n in relabelling.n_switches)
    rate = non_permutation_rate(parameters) if parameters.shape[1] > 1 else 0.0
    return LabellingDiagnostics({PRIOR: share}, relabelling.nearly_tied, rate, switches)


def same_labels(first: Permutations, second: Permutations) -> float:
    """Share of draws that two relabellings, shape (S, K), label alike, up to one permutation for all."""
    # between[s, k]: which of the first's labels the second's label k is.
    between = np.take_along_axis(np.argsort(first, axis=1), second, axis=1)
    return Counter(map(bytes, between)).most_common(1)[0][1] / len(first)


def non_permutation_rate(parameters: Array) -> float:
    """Share of draws whose components are not of K different kinds.

    A variant of the rate of Fruehwirth-Schnatter (2011), Dealing with label switching under model
    uncertainty. There the components of all draws are clustered afresh; here each belongs to that one of the
    K groups of relabelled components whose normal density, with a standard deviation for each parameter, is
    largest. O(S K^2 P).

    Parameters
    ----------
    parameters : ndarray, shape (S, K, P)
        Of the relabelled draws' components.
    """
    s, k, _ = parameters.shape
    spread = parameters.std(axis=(0, 1))
    points = parameters / np.where(spread > 0, spread, 1.0)
    # A parameter that does not vary within a group is taken to vary a little.
    centre, sd = points.mean(axis=0), np.maximum(points.std(axis=0), SMALLEST_SD)
    densities = np.empty((s, k, k))
    for c in range(k):
        densities[..., c] = -0.5 * (((points - centre[c]) / sd[c]) ** 2).sum(axis=-1) - np.log(sd[c]).sum()
    labels = densities.argmax(axis=-1)
    return float((np.sort(labels, axis=1) != np.arange(k)).any(axis=1).mean())
