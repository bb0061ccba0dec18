"""Climbs of the log posterior from mixtures made at random, to modes that no maximum of EM's leads to."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.target import Target
from bayesgmm.methods.laplace_approximation import optimised
from bayesgmm.mixture.coordinates import Coordinates, unconstrained
from bayesgmm.support.clock import Clock
from bayesgmm.support.threads import shared

__all__ = ["climb", "comparable", "distinct_ends", "in_order_along", "is_same_mode", "random_mixtures"]

Array = NDArray[np.float64]

RANDOM_STARTS = 120
# Of their components, standard deviations in units of the data's.
TIGHTEST, WIDEST = 0.03, 0.8
# Two optimisations ended at the same mode when their log posteriors are this close, and so are the points.
SAME_MODE = 0.02
# How close points are, where optimisations have not been run to the last digit.
ROUGHLY = 0.5
# Steps of all climbs, and how many of them then go on to their ends.
FIRST_STEPS, MOST_STEPS, MOST_FINISHED = 30, 400, 24
# In log posterior behind the best.
FURTHEST = 15.0
# In the target's coordinates, and in log posterior, of points that may be on the way to one mode.
NEAR, AS_HIGH = 0.3, 5.0


def climb(
    target: Target, rng: np.random.Generator, cores: int, clock: Clock | None = None
) -> list[tuple[Array, float]]:
    """Ends of climbs from random mixtures, as vectors of the target's coordinates, and the log posteriors
    there; the highest first.

    All take some steps, and the highest of those that have come to different places then go on. Ends far
    below the best are left out: they would have to be wider by a factor of a million to matter.

    Parameters
    ----------
    target : Target
    rng : numpy.random.Generator
    cores : int
        Threads; the result does not depend on it.
    clock : Clock, optional

    Raises
    ------
    SamplingError
        Where a clock's time has passed before.
    """

    def steps(most: int, q: Array) -> tuple[Array, float]:
        to_needles = most > FIRST_STEPS
        return optimised(target, q, tolerance=1e-9, iterations=most, clock=clock, to_needles=to_needles)

    in_order = comparable(target)

    def reached(most: int, starts: Sequence[Array]) -> list[tuple[Array, float]]:
        ends = sorted(shared(partial(steps, most), starts, cores), key=lambda end: -end[1])
        return [(in_order(q), value) for q, value in ends if value > -1e299]

    places = _at_different_places(reached(FIRST_STEPS, list(random_mixtures(target, rng))))
    ends = distinct_ends(reached(MOST_STEPS, places))
    return [(q, value) for q, value in ends if value > ends[0][1] - FURTHEST]


def _at_different_places(reached: Sequence[tuple[Array, float]]) -> list[Array]:
    """Some of the points, the highest first: none that is on the way to where one before it is.

    Most climbs lead to the highest mode, and would leave no place for others.
    """
    kept: list[tuple[Array, float]] = []
    for q, value in reached:
        if all(np.abs(q - other).max() > NEAR or v - value > AS_HIGH for other, v in kept):
            kept.append((q, value))
    return [q for q, _ in kept[:MOST_FINISHED]]


def comparable(target: Target) -> Callable[[Array], Array]:
    """Puts components in one order, where their order does not matter to the prior."""
    if not target.resolved_prior.is_exchangeable:
        return lambda q: q
    return partial(in_order_along, target.coordinates, np.eye(target.shape[1])[0])


def distinct_ends(
    ends: Iterable[tuple[Array, float]], known: Sequence[tuple[Array, float]] = ()
) -> list[tuple[Array, float]]:
    """Of ends of optimisations, components in one order, those that are finite, where none before them is and
    none that is known."""
    found: list[tuple[Array, float]] = []
    for end in ends:
        is_there = -1e299 < end[1] < math.inf
        if is_there and not any(is_same_mode(end, other, ROUGHLY) for other in [*known, *found]):
            found.append(end)
    return found


def random_mixtures(target: Target, rng: np.random.Generator) -> Array:
    """Means at random rows, and standard deviations from tight to wide, without correlations; shape (S, n).

    Some modes have a component that is tight in one direction, and are found by few starts.
    """
    k, d = target.shape
    s = RANDOM_STARTS
    rows = np.stack([rng.choice(len(target.rows), k, replace=len(target.rows) < k) for _ in range(s)])
    means = target.filled_rows[rows] + 0.02 * rng.standard_normal((s, k, d))
    stds = np.exp(rng.uniform(math.log(TIGHTEST), math.log(WIDEST), (s, k, d)))
    alike = np.exp(rng.uniform(math.log(WIDEST / 4), math.log(WIDEST), (s, k, 1)))
    stds = np.where(np.arange(s)[:, None, None] % 3 == 0, alike, stds)
    values = {"weights": rng.dirichlet(np.full(k, 5.0), s), "means": means}
    values["stds"] = target.family.std_values(stds)
    if target.family.has_correlations:
        shape = target.family.shapes(k, d)["corr_chol"]
        values["corr_chol"] = np.broadcast_to(np.eye(d), (s, *shape))
    return unconstrained(values, target.family)


def in_order_along(coordinates: Coordinates, direction: Array, q: Array) -> Array:
    """The same mixture, with components sorted by the projection of their means on a direction."""
    return coordinates.sorted_along(direction, q[None])[0][0]


def is_same_mode(first: tuple[Array, float], second: tuple[Array, float], nearness: float = 0.1) -> bool:
    """Whether the ends of two optimisations, points with sorted components and their log posteriors, are of
    one mode.

    The same value is not enough: modes of data with a symmetry mirror each other.
    """
    return abs(first[1] - second[1]) < SAME_MODE and bool(np.abs(first[0] - second[0]).max() < nearness)
