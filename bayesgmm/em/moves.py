"""Moves that lead out of the basin of a maximum.

Ueda, Nakano, Ghahramani and Hinton (2000), SMEM algorithm for mixture models, section 3: EM can neither take
a component from where it is not needed, nor divide one elsewhere, without the likelihood falling in between.
Pernkopf and Bouchaffra (2005), Genetic-based EM algorithm for learning Gaussian mixture models, section 3.2:
what two runs have found apart may be put together.
"""

from collections.abc import Container
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.problem import Problem
from bayesgmm.em.starts import start_of_responsibilities
from bayesgmm.em.steps import State, Sums, maximise, standard_state

__all__ = ["Pair", "crossed", "divided", "given_up", "moved", "pair_at_random", "placed"]

Array = NDArray[np.float64]
# A component that is given up, and another that is divided.
Pair = tuple[int, int]

# The part of a divided component's rows that goes to one side.
SMALLEST_SIDE = 0.05
# A responsibility below has no logarithm worth having.
TINY = 1e-12


def pair_at_random(state: State, rng: np.random.Generator, barred: Container[Pair] = ()) -> Pair | None:
    """A component that gives its rows to the others, and another that is divided, in proportion to its
    weight; None where all pairs are barred."""
    weights = np.exp(state.log_weights)
    pairs = [p for p in permutations(range(len(weights)), 2) if p not in barred]
    if not pairs:
        return None
    chances = np.array([weights[divided] / max(1 - weights[left], TINY) for left, divided in pairs])
    return pairs[int(rng.choice(len(pairs), p=chances / chances.sum()))]


def moved(problem: Problem, state: State, pair: Pair, rng: np.random.Generator) -> State:
    """A start elsewhere: a component gives its rows to the others, and another is divided.

    Parameters
    ----------
    problem : Problem
    state : State
        A maximum of two components or more.
    pair : tuple of int
        The two components, as :func:`pair_at_random` chooses them.
    rng : numpy.random.Generator
        The plane across which the second is divided is at random.
    """
    r = problem.responsibilities(state)
    left, divided = pair
    others = np.delete(np.arange(r.shape[1]), left)
    rest = _without(r, left)
    chosen = divided - (divided > left)
    side = _side(problem.X, state, divided, rest[:, chosen], rng)
    r[:, others] = rest
    r[:, left] = np.where(side, rest[:, chosen], 0.0)
    r[:, divided] = np.where(side, 0.0, rest[:, chosen])
    return start_of_responsibilities(problem, r)


def placed(problem: Problem, state: State, left: int, rng: np.random.Generator) -> State:
    """A start elsewhere: a component gives its rows to the others, and takes those around a row at random,
    near by the measure of the component that holds that.

    Zhao, Hautamaki, Karkkainen and Franti (2012), Random swap EM algorithm for Gaussian mixture models,
    section 3, where only the mean is placed. A small component within another is found so.

    Parameters
    ----------
    problem : Problem
    state : State
        A maximum of two components or more.
    left : int
        The component.
    rng : numpy.random.Generator
        The row, and how many around it, are at random.
    """
    r = problem.responsibilities(state)
    n, row = len(r), int(rng.integers(len(r)))
    fewest = problem.family.fewest_rows(state.shape[1])
    m = int(np.exp(rng.uniform(np.log(min(fewest, n)), np.log(max(n / 2, fewest + 1)))))
    factor = state.cholesky[int(r[row].argmax())]
    z = np.linalg.solve(factor, (problem.X - problem.X[row]).T)
    near = np.argsort(np.einsum("dn,dn->n", z, z))[: max(m, 2)]
    rest = _without(r, left)
    rest[near] = 0.0
    taken = np.zeros(n)
    taken[near] = 1.0
    return start_of_responsibilities(problem, np.insert(rest, left, taken, axis=1))


def crossed(problem: Problem, state: State, other: State, rng: np.random.Generator) -> State:
    """A start of K components at random of the 2 K of two maxima.

    Parameters
    ----------
    problem : Problem
    state, other : State
    rng : numpy.random.Generator
    """
    k, d = state.shape
    taken = rng.permutation(2 * k)[:k]
    log_weights, means, cholesky = (
        np.concatenate([getattr(each, name) for each in (state, other)])[taken]
        for name in ("log_weights", "means", "cholesky")
    )
    # An M step makes covariances that belong together of those that do not.
    s0 = np.exp(log_weights)
    s2 = cholesky @ np.swapaxes(cholesky, 1, 2) + means[:, :, None] * means[:, None, :]
    sums = Sums(0.0, s0, s0[:, None] * means, s0[:, None, None] * s2)
    return maximise(sums, standard_state(k, d), problem.family.pooling, problem.floor)


def divided(problem: Problem, state: State, most: int) -> list[Array]:
    """Responsibilities with one component more, shape (N, K + 1) each: a component is divided across its
    longest axis.

    The components that describe their own rows worst come first (Ueda et al., equation 21).

    Parameters
    ----------
    problem : Problem
    state : State
    most : int
        Components of which each is divided in turn.
    """
    r = problem.responsibilities(state)
    own = r / np.maximum(r.sum(axis=0), TINY)
    # Log density under each component, but for what is the same for all rows of it.
    heights = np.log(np.maximum(r, TINY)) + problem.log_densities(state)[:, None] - state.log_weights
    misfit = np.sum(own * (np.log(np.maximum(own, TINY)) - heights), axis=0)
    found = []
    for j in np.argsort(-misfit)[:most]:
        along = (problem.X - state.means[j]) @ _longest_axis(state.cholesky[j])
        found.append(np.column_stack([r, np.where(along > 0, r[:, j], 0.0)]))
        found[-1][along > 0, j] = 0.0
    return found


def given_up(problem: Problem, state: State, most: int) -> list[Array]:
    """Responsibilities with one component less, shape (N, K - 1) each: a component gives its rows to the
    others.

    Those whose rows the others explain best come first.

    Parameters
    ----------
    problem : Problem
    state : State
        Of two components or more.
    most : int
        Components of which each is given up in turn.
    """
    r = problem.responsibilities(state)
    loss = -np.log(np.maximum(1 - r, TINY)).sum(axis=0)
    return [_without(r, int(j)) for j in np.argsort(loss)[:most]]


def _without(r: Array, component: int) -> Array:
    """Responsibilities of the other components; rows that none of them explains go to all alike."""
    rest = np.delete(r, component, axis=1)
    total = rest.sum(axis=1, keepdims=True)
    return np.where(total > TINY, rest / np.maximum(total, TINY), 1 / rest.shape[1])


def _side(X: Array, state: State, component: int, mass: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Rows on one side of a plane through a component, across its longest axis or in any direction."""
    factor, centred = state.cholesky[component], X - state.means[component]
    if rng.random() < 0.5:
        along = centred @ _longest_axis(factor)
    else:
        along = centred @ np.linalg.solve(factor.T, rng.normal(size=X.shape[1]))
    order = np.argsort(along)
    below = np.cumsum(mass[order]) / max(mass.sum(), TINY)
    part = rng.uniform(SMALLEST_SIDE, 1 - SMALLEST_SIDE)
    side = np.empty(len(X), dtype=bool)
    side[order] = below > part
    return side


def _longest_axis(factor: Array) -> Array:
    return np.asarray(np.linalg.eigh(factor @ factor.T)[1][:, -1])
