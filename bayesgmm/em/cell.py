"""One covariance family with one number of components, among many that are searched at once; and what such a
search begins from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.hunt import LOOSE, Hunt
from bayesgmm.em.maxima import SAME_MAXIMUM, Contender
from bayesgmm.em.moves import divided, given_up
from bayesgmm.em.plan import Plan
from bayesgmm.em.problem import Problem, params_of, state_of
from bayesgmm.em.run import Walk
from bayesgmm.em.starts import MIXED, start_of_clusters
from bayesgmm.em.steps import State
from bayesgmm.em.units import Units
from bayesgmm.mixture.params import MixtureParams

__all__ = ["FIRST", "Cell", "Partition", "Search"]

Array = NDArray[np.float64]

# Passes after which starts are compared; after which a first run ends at the latest, and any of the sweep.
FEW_PASSES, SOME_PASSES, MOST_PASSES = 6, 60, 300
# Relative tolerance of first runs.
FIRST = 1e-5
# Starts that are followed beyond these, where the first come to nothing that is to be trusted.
MOST_FOLLOWED = 3


@dataclass(frozen=True, eq=False)
class Search:
    """What the cells of a family have in common.

    Attributes
    ----------
    name : str
    whole : Problem
        On all rows.
    problem : Problem
        On the rows that are searched.
    units : Units
        Of its coordinates.
    products : ndarray, shape (N, D * D)
        Of each row's features; families with the same coordinates share it, and the rows.
    """

    name: str
    whole: Problem
    problem: Problem
    units: Units
    products: Array


class Partition:
    """Responsibilities from which runs begin, shape (N, K), and the clusters that they make."""

    def __init__(self, responsibilities: Array) -> None:
        self.responsibilities = responsibilities
        self._clusters: dict[int, tuple[Array, Array, Array]] = {}

    @cached_property
    def key(self) -> bytes:
        """The same for hard partitions that differ in what clusters are called: of each row the first of its
        cluster."""
        labels = self.responsibilities.argmax(axis=1)
        first = (labels[:, None] == np.arange(self.responsibilities.shape[1])).argmax(axis=0)
        return first[labels].tobytes()

    def start(self, search: Search) -> State:
        """One M step of a family."""
        at = id(search.products)
        if at not in self._clusters:
            self._clusters[at] = self._summed(search)
        return start_of_clusters(search.problem, *self._clusters[at])

    def _summed(self, search: Search) -> tuple[Array, Array, Array]:
        X, w, r = search.problem.X, search.problem.sample_weight, self.responsibilities
        r = r * w[:, None] if len(w) else r
        mass = np.maximum(r.sum(axis=0), 1e-300)
        centres = r.T @ X / mass[:, None]
        # Cancels where clusters are tight; what a start is shrunk towards is larger by far.
        products = (r.T @ search.products).reshape(len(mass), X.shape[1], X.shape[1])
        return mass, centres, products - mass[:, None, None] * centres[:, :, None] * centres[:, None, :]


class Cell:
    """A family with a number of components, and the best maximum known of it.

    Parameters
    ----------
    search : Search
    n_components : int

    Attributes
    ----------
    best : Contender or None
    spurious : Contender or None
        The highest that looks spurious, of those that were followed.
    n_moves : int
        Made so far.
    """

    def __init__(self, search: Search, n_components: int) -> None:
        self.search, self.n_components = search, n_components
        self.best: Contender | None = None
        self.spurious: Contender | None = None
        self._tried: set[bytes] = set()
        self._hunted = 0
        self.n_moves = 0

    @property
    def is_found(self) -> bool:
        """Whether a mixture is known that has not collapsed."""
        return self.best is not None and not self.best.is_collapsed

    @property
    def is_sound(self) -> bool:
        """Whether it is not spurious either."""
        return self.is_found and not any(self._best.rank[:2])

    @property
    def is_carried(self) -> bool:
        """Whether it has been brought from a part of the rows to all."""
        return self.best is not None and self.best.walk.problem is not self.search.problem

    @property
    def _best(self) -> Contender:
        assert self.best is not None
        return self.best

    @property
    def log_likelihood(self) -> float:
        """Of all rows, in the units of the data, at the best maximum; estimated where a part of the rows was
        searched, and minus infinity where only collapsed mixtures are known."""
        if not self.is_found:
            return -np.inf
        total = self.search.whole.total_weight
        share = self._best.walk.problem.total_weight / total
        return self._best.walk.value / share - self.search.whole.log_volume(self.search.units)

    @property
    def n_parameters(self) -> int:
        """Free parameters."""
        return self.search.problem.family.n_parameters(self.n_components, len(self.search.units.shift))

    def is_below_one_within(self, other: "Cell") -> bool:
        """Whether a smaller family, all of whose mixtures this one has, has come to a higher maximum."""
        if not self.search.problem.family.contains(other.search.problem.family):
            return False
        close = SAME_MAXIMUM * self._best.walk.size if self.is_found else 0.0
        return other.is_sound and other.log_likelihood > self.log_likelihood + close

    @property
    def bic(self) -> float:
        """Bayesian information criterion; smaller is better."""
        return self.n_parameters * float(np.log(self.search.whole.total_weight)) - 2 * self.log_likelihood

    @property
    def aic(self) -> float:
        """Akaike information criterion; smaller is better."""
        return 2 * self.n_parameters - 2 * self.log_likelihood

    @property
    def icl(self) -> float:
        """Integrated completed likelihood, BIC and twice the entropy of the assignments; smaller is
        better."""
        problem, state = self._best.walk.problem, self._best.walk.state
        r, w = problem.responsibilities(state), problem.sample_weight
        by_row = -np.sum(r * np.log(np.where(r > 0, r, 1.0)), axis=1)
        entropy = float(w @ by_row if len(w) else by_row.sum())
        return self.bic + 2 * entropy * self.search.whole.total_weight / problem.total_weight

    @property
    def params(self) -> MixtureParams:
        """The mixture at the best maximum, in the units of the data."""
        return self.search.units.of_data(params_of(self._best.walk.state))

    @cached_property
    def _last(self) -> dict[int, Partition]:
        return {}

    @property
    def end(self) -> Partition:
        """The partition at the best maximum."""
        state = self._best.walk.state
        if id(state) not in self._last:
            self._last.clear()
            self._last[id(state)] = Partition(self.search.problem.responsibilities(state))
        return self._last[id(state)]

    def divided(self, most: int) -> list[Partition]:
        """See :func:`bayesgmm.em.moves.divided`."""
        return [Partition(r) for r in divided(self.search.problem, self._best.walk.state, most)]

    def given_up(self, most: int) -> list[Partition]:
        """See :func:`bayesgmm.em.moves.given_up`."""
        return [Partition(r) for r in given_up(self.search.problem, self._best.walk.state, most)]

    def offer(self, starts: Iterable[Partition], tol: float, followed: int = 1) -> bool:
        """Begin from partitions, from none of them twice.

        Parameters
        ----------
        starts : iterable of Partition
        tol : float
            To which runs go that look best after a few passes.
        followed : int
            Number of these that come to a maximum that is to be trusted.

        Returns
        -------
        bool
            Whether something better was found.
        """
        runners = [self._begun(start, tol) for start in starts if self._is_new(start)]
        better, sound = False, 0
        for runner in sorted(runners, key=lambda c: -c.walk.value)[: followed + MOST_FOLLOWED]:
            if self._is_behind(runner):
                continue
            runner.go(SOME_PASSES if tol >= FIRST else MOST_PASSES, tol)
            better |= self._keep(runner)
            sound += not any(runner.rank[:2])
            if sound == followed:
                break
        return better

    def begin(self, params: MixtureParams, tol: float, most_passes: int) -> bool:
        """Begin from a mixture.

        Parameters
        ----------
        params : MixtureParams
            Of the family, in the units of the data.
        tol : float
        most_passes : int

        Returns
        -------
        bool
            Whether something better was found.
        """
        problem = self.search.problem if self.best is None else self.best.walk.problem
        runner = Contender(Walk(problem, state_of(self.search.units.of_em(params))), tol)
        runner.go(most_passes, tol)
        return self._keep(runner)

    def _keep(self, runner: Contender) -> bool:
        """Keep a run if it is the best, and if it is the highest that looks spurious; says whether it is the
        best."""
        self._note([runner])
        if self.best is not None and runner.rank >= self.best.rank:
            return False
        self.best = runner
        return True

    def _note(self, runners: Iterable[Contender]) -> None:
        for runner in runners:
            known = -np.inf if self.spurious is None else self.spurious.walk.value
            if not runner.is_collapsed and runner.walk.value > known and runner.mode.spurious:
                self.spurious = runner

    def _begun(self, start: Partition, tol: float) -> Contender:
        runner = Contender(Walk(self.search.problem, start.start(self.search)), tol)
        runner.go(FEW_PASSES, tol)
        return runner

    def _is_new(self, start: Partition) -> bool:
        if start.key in self._tried:
            return False
        self._tried.add(start.key)
        return True

    def _is_behind(self, runner: Contender) -> bool:
        """Whether a run is not about to come to more than is known."""
        return self.is_sound and runner.is_under_way and runner.hope < self._best.walk.value

    def hunt(self, most_in_vain: int, seed: Sequence[int]) -> bool:
        """Go on by moves from the best, unless as many have been made in vain before.

        Parameters
        ----------
        most_in_vain : int
            Moves in a row that find nothing better, after which it ends.
        seed : sequence of int
            Of the moves; further ones of the same cell are others.

        Returns
        -------
        bool
            Whether something better was found.
        """
        if not self.is_found or self.n_components == 1 or most_in_vain <= self._hunted:
            return False
        before = self._best
        before.go(MOST_PASSES, LOOSE)
        plan = Plan(self.n_components, MIXED, None, MOST_PASSES, LOOSE)
        rng = np.random.default_rng([*seed, self._hunted])
        hunt = Hunt(self.search.problem, self.search.whole, plan, rng)
        self.best, self._hunted = hunt.go_on(before, most_in_vain), most_in_vain
        self.n_moves += hunt.n_moves
        self._note(hunt.found)
        return not self.best.is_at(before)

    def finish(self, tol: float, most_passes: int) -> None:
        """Bring the best to a tolerance, on all rows also where a part of them was searched, and what is
        higher but looks spurious, which then may no longer.

        Parameters
        ----------
        tol : float
        most_passes : int
            Of each of the two.
        """
        if not self.is_found:
            return
        self.best = self._finished(self._best, tol, most_passes)
        spurious, self.spurious = self.spurious, None
        if spurious is not None and spurious.walk.value > self._best.walk.value:
            self._keep(self._finished(spurious, tol, most_passes))

    def _finished(self, runner: Contender, tol: float, most_passes: int) -> Contender:
        if runner.walk.problem is not self.search.whole:
            runner = Contender(Walk(self.search.whole, runner.walk.state), tol)
        runner.go(most_passes, tol)
        return runner

    @property
    def set_aside(self) -> float:
        """How much higher the log-likelihood is at a maximum that was set aside since it looks spurious; 0
        where there is none."""
        if self.spurious is None or not self.is_sound or self.spurious.is_collapsed:
            return 0.0
        higher = self.spurious.walk.value - self._best.walk.value
        return higher if higher > SAME_MAXIMUM * self._best.walk.size else 0.0
