"""The particles of a run: weighed, resampled and moved from one inverse temperature to the next."""

import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods import moves, proposals
from bayesgmm.methods.initial_mixture import DEGREES_OF_FREEDOM, InitialMixture
from bayesgmm.methods.resampling import systematic
from bayesgmm.methods.tempering_path import InitialComponents, Particles, TemperingPath, densities

__all__ = ["InParts", "Population", "path_of"]

Array = NDArray[np.float64]

# An inverse temperature is chosen such that the weights of the particles are worth this share of them.
EFFECTIVE_SHARE = 0.8
REPLACEMENTS_PER_SWEEP = 2
TARGET_ACCEPT = 0.8
FIRST_STEP, LONGEST_STEP = 0.4, 1.5
TRAJECTORY = 1.5
# Components of the initial mixture are chosen by their density to this power: in many dimensions the nearest
# would be the only one otherwise.
SOFTNESS = 0.1
STATE = (
    "q",
    "log_evidence",
    "ancestor",
    "log_posterior",
    "log_initial",
    "gradient",
    "steps",
    "beta",
    "betas",
    "acceptance",
    "replaced",
)


@dataclass
class Population:
    """The particles of a run, and all that its moves have learned."""

    target: Target
    initial: InitialMixture
    rng: np.random.Generator
    in_parts: "InParts"
    q: Array
    log_evidence: float
    ancestor: NDArray[np.intp]
    log_posterior: Array
    log_initial: Array
    gradient: Array
    prior_piece: tuple[Array, Array]
    steps: Array
    beta: float = 0.0
    betas: list[float] = field(default_factory=list)
    acceptance: list[float] = field(default_factory=list)
    replaced: list[float] = field(default_factory=list)
    _accepted: list[float] = field(default_factory=list)
    _replaced: list[float] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        target: Target,
        initial: InitialMixture,
        size: int,
        rng: np.random.Generator,
        in_parts: "InParts",
    ) -> "Population":
        """Draws of the initial mixture."""
        k = target.n_components
        q, sorted_share = initial.draw(size, target.coordinates, rng)
        # The initial mixture stands for one order of the components, and is normalised over all space.
        constant = math.log(sorted_share) + float(gammaln(k + 1))
        found = cls(
            target=target,
            initial=initial,
            rng=rng,
            in_parts=in_parts,
            q=q,
            log_evidence=constant,
            ancestor=np.arange(size),
            log_posterior=np.empty(size),
            log_initial=np.empty(size),
            gradient=np.empty_like(q),
            prior_piece=proposals.prior_piece(target, rng),
            steps=np.full(len(initial.weights), FIRST_STEP),
        )
        found._evaluate()
        lost = ~np.isfinite(found.log_posterior)
        if lost.mean() > 0.9:
            raise SamplingError(
                f"The log posterior is not finite at {int(lost.sum())} of {size} draws around its modes; "
                "the prior may be too wide for the data, or the data have extreme values.",
                lost=int(lost.sum()),
                draws=size,
            )
        found.log_posterior[lost] = -1e300
        return found

    def advance(self) -> None:
        """Go to the next inverse temperature, weigh the particles and resample them."""
        ratios = self.log_posterior - self.log_initial
        step = _next_step(ratios, 1.0 - self.beta)
        self.beta = 1.0 if step == 1.0 - self.beta else self.beta + step
        log_weights = step * ratios
        self.log_evidence += float(logsumexp(log_weights) - math.log(len(ratios)))
        weights = np.exp(log_weights - log_weights.max())
        taken = _resampled(weights, ratios, self.rng)
        self.q = np.ascontiguousarray(self.q[taken])
        self.ancestor = self.ancestor[taken]
        self._evaluate()

    def sweep(self) -> None:
        """A trajectory and some replacements of each particle."""
        size, n = self.q.shape
        rng = self.rng
        lengths = np.column_stack(
            [np.exp(0.25 * rng.standard_normal(size)), TRAJECTORY * rng.uniform(0.5, 1.3, size)]
        )
        pushes = moves.Pushes(lengths, rng.random((size, 2)), rng.standard_normal((size, n)))
        outcome = moves.Outcome(np.empty(size, np.int64), np.empty(size), np.empty(size))
        metrics, path = moves.Metrics(self.initial.factors, self.steps, SOFTNESS), self._path()
        self.in_parts(
            lambda part: moves.trajectories(
                self._particles(part), path, metrics, _part(pushes, part), _part(outcome, part)
            ),
            size,
        )
        self._adapt(outcome.components, outcome.accepted)
        self._accepted.append(float(outcome.moved.mean()))
        if self.target.n_components > 1:
            self._replace()

    def close_stage(self) -> None:
        """Note what the stage was like."""
        self.betas.append(self.beta)
        self.acceptance.append(float(np.mean(self._accepted)))
        self.replaced.append(float(np.mean(self._replaced)) if self._replaced else 0.0)
        self._accepted, self._replaced = [], []

    def state(self) -> dict[str, NDArray[Any]]:
        """All that changes from stage to stage, between two of them."""
        numbers = {name: np.array(getattr(self, name)) for name in STATE}
        return {**numbers, "rng": np.array(json.dumps(self.rng.bit_generator.state))}

    def resume(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go to where :meth:`state` was taken of a population that had begun like this one."""
        for name in STATE:
            kind, value = type(getattr(self, name)), state[name]
            setattr(self, name, value if kind is np.ndarray else kind(value.tolist()))
        self.rng.bit_generator.state = json.loads(str(state["rng"]))

    def _adapt(self, components: NDArray[np.int64], accepted: Array) -> None:
        counts = np.bincount(components, minlength=len(self.steps))
        sums = np.bincount(components, accepted, minlength=len(self.steps))
        mean = (sums + TARGET_ACCEPT) / (counts + 1)
        self.steps = np.minimum(self.steps * np.exp(mean - TARGET_ACCEPT), LONGEST_STEP)

    def _replace(self) -> None:
        """Proposals for one half of the particles are made of the other half."""
        size, k = len(self.q), self.target.n_components
        halves = slice(0, size // 2), slice(size // 2, size)
        for here, there in (halves, halves[::-1]):
            kernels = proposals.kernels(self.target, self.q[there], self.beta, self.prior_piece, self.rng)
            n = len(self.q[here])
            for _ in range(REPLACEMENTS_PER_SWEEP):
                c, p = kernels.centres.shape
                chosen = np.column_stack([self.rng.integers(k, size=n), self.rng.integers(c, size=n)])
                normals = self.rng.standard_normal((n, p))
                choices = moves.Choices(chosen, normals, np.log(self.rng.random(n)))
                accepted = np.empty(n)
                self.in_parts(self._replacement(here, kernels, choices, accepted), n)
                self._replaced.append(float(accepted.mean()))

    def _replacement(
        self, here: slice, kernels: moves.Kernels, choices: moves.Choices, accepted: Array
    ) -> Callable[[slice], None]:
        own, path = self.target.coordinates.own, self._path()

        def move(part: slice) -> None:
            particles = self._particles(slice(here.start + part.start, here.start + part.stop))
            moves.replacements(particles, path, own, kernels, _part(choices, part), accepted[part])

        return move

    def _evaluate(self) -> None:
        path = self._path()
        self.in_parts(lambda part: densities(self._particles(part), path), len(self.q))

    def _particles(self, part: slice) -> Particles:
        return _part(Particles(self.q, self.gradient, self.log_posterior, self.log_initial), part)

    def _path(self) -> TemperingPath:
        return path_of(self.target, self.initial, self.beta)


@dataclass(frozen=True)
class InParts:
    """Shares out the particles of a run among threads, where there are more cores than runs."""

    pool: ThreadPoolExecutor
    threads: int

    def __call__(self, function: Callable[[slice], None], size: int) -> None:
        """Call the function with consecutive slices of 0 to size."""
        ends = np.linspace(0, size, self.threads + 1).astype(int).tolist()
        parts = [slice(*both) for both in pairwise(ends)]
        if len(parts) == 1:
            function(parts[0])
        else:
            list(self.pool.map(function, parts))


def path_of(target: Target, initial: InitialMixture, beta: float) -> TemperingPath:
    """The path from the initial mixture to the posterior at one inverse temperature, as compiled code reads
    it."""
    r = initial
    components = InitialComponents(r.centres, r.inverses, r.log_constants, DEGREES_OF_FREEDOM)
    return TemperingPath(
        target.rows,
        target.sample_weight,
        target.packed_prior,
        target.coordinates.layout,
        beta,
        components,
        r.direction,
    )


def _part[T: tuple[Any, ...]](arrays: T, part: slice) -> T:
    """The same of some of the particles."""
    kind: Any = type(arrays)
    return kind(*(a[part] for a in arrays))


def _next_step(ratios: Array, most: float) -> float:
    """The largest step of the inverse temperature at which the weights are worth enough particles."""
    needed = EFFECTIVE_SHARE * len(ratios)
    if _effective(most * ratios) >= needed:
        return most
    low, high = -80.0, math.log(most)
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _effective(math.exp(middle) * ratios) < needed:
            high = middle
        else:
            low = middle
    return math.exp(low)


def _effective(log_weights: Array) -> float:
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def _resampled(weights: Array, keys: Array, rng: np.random.Generator) -> NDArray[np.intp]:
    """Indices of as many particles in proportion to the weights, in random order.

    Systematic resampling of particles sorted by what they are weighed by: of particles alike, as many copies
    as their weights ask for.
    """
    order = np.argsort(keys, kind="stable")
    return rng.permutation(order[systematic(weights[order], len(weights), rng)])
