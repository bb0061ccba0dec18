"""Where chains start: the posterior modes near given mixtures, as far as they matter."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from bayesgmm.bayes.component_priors import in_order_of_prior
from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods.climbs import climb, comparable, distinct_ends, is_same_mode, random_mixtures
from bayesgmm.methods.initial_mixture import log_evidence, log_share_of_empty, modes_from
from bayesgmm.methods.laplace_approximation import Laplace, laplace, optimised
from bayesgmm.methods.needles import SMALLEST_REST, is_drawable
from bayesgmm.methods.rounding import without_artefacts
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.support.clock import Clock

__all__ = ["MOST_STARTS", "Start", "find_starts", "share_beside_empty", "shared_out"]

Array = NDArray[np.float64]

MOST_STARTS = 8
# For curvatures of modes; the chains themselves take some ten times as many.
MOST_GRADIENTS = 6_000
# Of the posterior, by Laplace's method. One of four chains stands for a quarter of the posterior; a mode with
# less than a quarter of that is nearer to none.
SMALLEST_SHARE = 1 / 16
# Of a limited time, for modes beside the first.
OTHERS_SHARE = 0.5


@dataclass(frozen=True)
class Start:
    """A posterior mode and its share of the posterior, by Laplace's method."""

    approximation: Laplace
    share: float


def find_starts(
    target: Target,
    mixtures: Sequence[MixtureParams],
    climbed: Sequence[tuple[Array, float]] = (),
    clock: Clock | None = None,
    *,
    smallest_rest: float = SMALLEST_REST,
) -> list[Start]:
    """Optimise from each mixture, from the first in any case and from others while there is time; distinct
    modes with more than a small share, the largest first.

    Where the prior tells components apart, each mixture is taken in the order of its components that has the
    highest posterior density, and one at the prior's own means is tried beside them.

    Parameters
    ----------
    target : Target
    mixtures : sequence of MixtureParams
    climbed : sequence of pairs of an ndarray, shape (n,), and a float
        Ends of optimisations elsewhere and the log posteriors there.
    clock : Clock, optional
    smallest_rest : float
        Of the standard deviation of a column within a component, what others must leave at a start.

    Raises
    ------
    SamplingError
        Where the log posterior is not finite at the first mixture.
    """
    ordered = not target.resolved_prior.is_exchangeable
    mixtures = _in_order_of_prior(target, mixtures) if ordered else mixtures
    first = laplace(target, target.unconstrained(mixtures[0]), clock)
    found = [first]
    in_order = comparable(target)
    ends = [(in_order(first.mode), first.log_posterior)]
    # The draws themselves need time, too.
    clock = None if clock is None else clock.share(OTHERS_SHARE)
    try:
        others = _distinct_ends(target, mixtures[1:], climbed, ends, in_order, clock)
    except SamplingError:
        if clock is None or not clock.is_over:
            raise
        others = []
    for q, _ in others[: _most_curvatures(target)]:
        # The first is enough, where time is over or another is beyond what numbers can tell.
        with suppress(SamplingError):
            mode = laplace(target, q, clock)
            end = in_order(mode.mode), mode.log_posterior
            if not any(is_same_mode(end, other) for other in ends):
                found.append(mode)
                ends.append(end)
    found = without_artefacts(target, found)
    evidence = np.array([log_evidence(mode) for mode in found])
    shares = np.exp(evidence - evidence.max())
    shares /= shares.sum()
    # Of those that samplers cannot draw from only the share is known.
    can = np.array([is_drawable(target, mode.mode, smallest_rest) for mode in found])
    shares = np.where(can, shares, 0.0) if can.any() else shares
    order = np.argsort(-shares, kind="stable")
    kept = [Start(found[i], float(shares[i])) for i in order if shares[i] > SMALLEST_SHARE]
    return kept or [Start(found[order[0]], float(shares[order[0]]))]


def _most_curvatures(target: Target) -> int:
    """How many modes' curvature may be looked at beside the first's: each costs two gradients a parameter."""
    return int(np.clip(MOST_GRADIENTS // (2 * target.n_parameters), 1, MOST_STARTS - 1))


def _distinct_ends(
    target: Target,
    mixtures: Sequence[MixtureParams],
    climbed: Sequence[tuple[Array, float]],
    known: list[tuple[Array, float]],
    in_order: Callable[[Array], Array],
    clock: Clock | None,
) -> list[tuple[Array, float]]:
    """Ends of optimisations and their log posteriors, one of those that lead to the same place, and none
    where that is known: those from mixtures, then those of climbs, the highest first."""
    reached: list[tuple[Array, float]] = []
    for mixture in mixtures:
        if clock is not None and clock.is_over:
            break
        start = target.unconstrained(mixture)
        reached.append(optimised(target, start, tolerance=1e-9, iterations=400, clock=clock))
    ends = [*sorted(reached, key=lambda end: -end[1]), *climbed]
    return distinct_ends([(in_order(q), value) for q, value in ends], known)


def _in_order_of_prior(target: Target, mixtures: Sequence[MixtureParams]) -> list[MixtureParams]:
    """The mixtures in the prior's order, and a mixture at the prior's means as the second."""
    out = [in_order_of_prior(target, p) for p in mixtures]
    prior = target.prior.resolve(*target.shape, target.covariance_type)
    if "mean_loc" in prior.differing:
        pooled = np.average(out[0].covariances, axis=0, weights=out[0].weights)
        covariances = np.broadcast_to(pooled, out[0].covariances.shape)
        weights = prior.concentration / prior.concentration.sum()
        out.insert(1, MixtureParams(weights, prior.mean_loc, covariances))
    return out


def share_beside_empty(
    target: Target, starts: Sequence[Start], rng: np.random.Generator, cores: int, clock: Clock | None = None
) -> float:
    """Share of the posterior, by Laplace's method, where one of the components has no rows: modes of one
    component fewer, beside one of the prior's.

    Parameters
    ----------
    target : Target
        With a prior that treats all components alike.
    starts : sequence of Start
        The modes of all components, the largest first.
    rng : numpy.random.Generator
    cores : int
        Threads; the result does not depend on it.
    clock : Clock, optional

    Raises
    ------
    SamplingError
        Where a clock's time has passed before.
    """
    k, resolved = target.n_components, target.resolved_prior
    fewer = replace(target, n_components=k - 1, prior=target.prior.of_one_component)
    if k > 2:
        first = [q for q, _ in climb(fewer, rng, cores, clock)]
    else:
        first = list(random_mixtures(fewer, rng)[:1])
    modes = modes_from(fewer, first[: _most_curvatures(target)], np.eye(target.shape[1])[0], cores, clock)
    empty = logsumexp([log_evidence(m) for m in modes])
    empty += log_share_of_empty(resolved.concentrations, target.data.total_weight, k, 1)
    full = log_evidence(starts[0].approximation) - np.log(max(starts[0].share, 1e-300))
    return float(expit(empty - full))


def shared_out(chains: int, starts: Sequence[Start]) -> NDArray[np.int64]:
    """How many chains each start gets: one, and the others by share; those without come last."""
    shares = np.array([s.share for s in starts[:chains]])
    given = np.ones(len(shares), np.int64)
    for _ in range(chains - len(shares)):
        given[np.argmax(shares / given)] += 1
    return given
