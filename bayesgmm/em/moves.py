"""Moves that lead out of the basin of a maximum.

Ueda, Nakano, Ghahramani and Hinton (2000), SMEM algorithm for mixture models, section 3: EM can neither take
a component from where it is not needed, nor divide one elsewhere, without the likelihood falling in between.
Pernkopf and Bouchaffra (2005), Genetic-based EM algorithm for learning Gaussian mixture models, section 3.2:
what two runs have found apart may be put together.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.problem import Problem
from bayesgmm.em.starts import start_of_responsibilities
from bayesgmm.em.steps import State, Sums, maximise, standard_state

__all__ = ["crossed", "moved"]

Array = NDArray[np.float64]

# The part of a divided component's rows that goes to one side.
SMALLEST_SIDE = 0.05


def moved(problem: Problem, state: State, rng: np.random.Generator) -> State:
    """A start elsewhere: a component at random gives its rows to the others, and another is divided.

    Parameters
    ----------
    problem : Problem
    state : State
        A maximum of two components or more.
    rng : numpy.random.Generator
    """
    r = problem.responsibilities(state)
    k = r.shape[1]
    given_up = int(rng.integers(k))
    others = np.delete(np.arange(k), given_up)
    rest = r[:, others]
    total = rest.sum(axis=1, keepdims=True)
    # Rows that no other component explains go to all alike.
    rest = np.where(total > 1e-12, rest / np.maximum(total, 1e-12), 1 / (k - 1))
    mass = rest.sum(axis=0)
    chosen = int(rng.choice(k - 1, p=mass / mass.sum()))
    divided = int(others[chosen])
    side = _side(problem.X, state, divided, rest[:, chosen], rng)
    r[:, others] = rest
    r[:, given_up] = np.where(side, rest[:, chosen], 0.0)
    r[:, divided] = np.where(side, 0.0, rest[:, chosen])
    return start_of_responsibilities(problem, r)


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


def _side(X: Array, state: State, component: int, mass: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Rows on one side of a plane through a component, across its longest axis or in any direction."""
    factor, centred = state.cholesky[component], X - state.means[component]
    if rng.random() < 0.5:
        along = centred @ np.linalg.eigh(factor @ factor.T)[1][:, -1]
    else:
        along = centred @ np.linalg.solve(factor.T, rng.normal(size=X.shape[1]))
    order = np.argsort(along)
    below = np.cumsum(mass[order]) / mass.sum()
    part = rng.uniform(SMALLEST_SIDE, 1 - SMALLEST_SIDE)
    side = np.empty(len(X), dtype=bool)
    side[order] = below > part
    return side
