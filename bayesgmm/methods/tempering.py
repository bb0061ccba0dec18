"""Tempering: particles from a reference that knows modes to the posterior, and the evidence on the way.

Sequential Monte Carlo (Del Moral, Doucet and Jasra 2006, Sequential Monte Carlo samplers, section 3) along
reference^(1 - beta) posterior^beta: each inverse temperature beta is as far from the last as the particles' weights allow, particles are resampled
by their weights and moved. A single chain cannot get from one mode to another that is far away; here all modes that were found are
there from the beginning, and the weights tell how much of the posterior each holds.

Runs share the reference and nothing else: their disagreement tells the error, given the modes that the reference knows.
"""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods import moves
from bayesgmm.methods.initial_mixture import DEGREES_OF_FREEDOM, Reference
from bayesgmm.methods.tempering_path import Particles, Places, TemperingPath, densities
from bayesgmm.mixture.coordinates import unconstrained
from bayesgmm.support.threads import shared

__all__ = ["FEWEST_PARTICLES", "TemperedDraws", "sample_smc"]

Array = NDArray[np.float64]

FEWEST_PARTICLES = 100
# An inverse temperature is chosen such that the weights of the particles are worth this share of them.
EFFECTIVE_SHARE = 0.5
SWEEPS = 3
# Particles that were resampled last get more, since they are the draws.
LAST_SWEEPS = 4
REPLACEMENTS_PER_SWEEP = 2
TARGET_ACCEPT = 0.8
FIRST_STEP, LONGEST_STEP = 0.4, 1.5
TRAJECTORY = 1.5
# Places are chosen by their density to this power: in many dimensions the nearest would be the only one otherwise.
SOFTNESS = 0.1
KERNELS = 200
KERNEL_WIDTH = 1.2
# Of the components proposed, how many come from the prior.
FROM_PRIOR = 0.2
PRIOR_DRAWS = 2000
MOST_STAGES = 500


@dataclass(frozen=True)
class TemperedDraws:
    """Draws of equal weight from each run, and what the runs say of the evidence.

    Parameters
    ----------
    q : ndarray, shape (run, particle, n)
        Components of each draw are sorted.
    log_posterior : ndarray, shape (run, particle)
    ancestor : ndarray of int, shape (run, particle)
        Which of the run's first particles each draw descends from.
    log_evidence : ndarray, shape (run,)
        In standardised coordinates, all K! orders of the components counted.
    betas : list of ndarrays
        Of each run, one number a stage; the last is 1 unless time was short.
    acceptance, replaced : list of ndarrays
        Share of trajectories that moved their particle, and share of replaced components, one number a stage.
    """

    q: Array
    log_posterior: Array
    ancestor: NDArray[np.intp]
    log_evidence: Array
    betas: list[Array]
    acceptance: list[Array]
    replaced: list[Array]

    @property
    def finished(self) -> bool:
        """Whether every run has reached the posterior."""
        return all(len(t) and t[-1] == 1.0 for t in self.betas)


def sample_smc(
    target: Target,
    reference: Reference,
    *,
    draws: int,
    chains: int,
    cores: int,
    seed: np.random.SeedSequence,
    max_time: float | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> TemperedDraws:
    """Independent runs of tempering from the reference to the posterior.

    Parameters
    ----------
    target : Target
        With a prior that treats all components alike.
    reference : Reference
    draws, chains : int
        Particles of a run, and runs.
    cores : int
        Threads; the draws do not depend on it.
    seed : numpy.random.SeedSequence
    max_time : float, optional
        Seconds after which each run ends with the inverse temperature it has finished.
    progress : callable, optional
        Called with thousandths of the way to the posterior, summed over runs.

    Raises
    ------
    SamplingError
        Where the log posterior is finite at too few draws of the reference.
    """
    stop = threading.Event()
    deadline = math.inf if max_time is None else time.monotonic() + max_time
    done = [0] * chains
    threads = max(1, cores // chains)

    def run(item: tuple[int, np.random.SeedSequence]) -> _Population:
        i, own_seed = item

        def report(beta: float) -> None:
            if progress is not None:
                done[i] = round(1000 * beta)
                progress(sum(done), 1000 * chains, 0)

        with ThreadPoolExecutor(threads) as pool:
            start = _Population.start(
                target, reference, draws, np.random.default_rng(own_seed), _InParts(pool, threads)
            )
            return _tempered(start, lambda: stop.is_set() or time.monotonic() > deadline, report)

    def run_or_stop(item: tuple[int, np.random.SeedSequence]) -> _Population:
        # A run that fails, or an interrupt, which reaches the calling thread only, ends the others at their next stage.
        try:
            return run(item)
        except BaseException:
            stop.set()
            raise

    try:
        found = shared(run_or_stop, list(enumerate(seed.spawn(chains))), min(cores, chains))
    except BaseException:
        stop.set()
        raise
    return TemperedDraws(
        np.stack([p.q for p in found]),
        np.stack([p.log_posterior for p in found]),
        np.stack([p.ancestor for p in found]),
        np.array([p.log_evidence for p in found]),
        *([np.array(getattr(p, name)) for p in found] for name in ("betas", "acceptance", "replaced")),
    )


def _tempered(
    particles: "_Population", is_late: Callable[[], bool], report: Callable[[float], None]
) -> "_Population":
    """Move the particles to the posterior, or as far as time allows."""
    while particles.beta < 1.0 and not is_late():
        if len(particles.betas) >= MOST_STAGES:
            raise SamplingError(
                f"Tempering stands at an inverse temperature of {particles.beta:.3g} after {MOST_STAGES} stages; "
                "the prior may be too wide for the data.",
                beta=particles.beta,
                stages=MOST_STAGES,
            )
        particles.advance()
        for _ in range(LAST_SWEEPS if particles.beta == 1.0 else SWEEPS):
            particles.sweep()
        particles.close_stage()
        report(particles.beta)
    return particles


@dataclass
class _Population:
    """The particles of a run, and all that its moves have learned."""

    target: Target
    reference: Reference
    rng: np.random.Generator
    in_parts: "_InParts"
    q: Array
    log_evidence: float
    ancestor: NDArray[np.intp]
    log_posterior: Array
    log_reference: Array
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
        reference: Reference,
        size: int,
        rng: np.random.Generator,
        in_parts: "_InParts",
    ) -> "_Population":
        """Draws of the reference."""
        k = target.n_components
        q, sorted_share = reference.draw(size, target.coordinates, rng)
        # The reference stands for one order of the components, and is normalised over all space.
        constant = math.log(sorted_share) + float(gammaln(k + 1))
        found = cls(
            target=target,
            reference=reference,
            rng=rng,
            in_parts=in_parts,
            q=q,
            log_evidence=constant,
            ancestor=np.arange(size),
            log_posterior=np.empty(size),
            log_reference=np.empty(size),
            gradient=np.empty_like(q),
            prior_piece=_prior_piece(target, rng),
            steps=np.full(len(reference.weights), FIRST_STEP),
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
        ratios = self.log_posterior - self.log_reference
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
        metrics, path = moves.Metrics(self.reference.factors, self.steps, SOFTNESS), self._path()
        self.in_parts(
            lambda part: moves.trajectories(
                self._particles(part), path, metrics, _part(pushes, part), _part(outcome, part)
            ),
            size,
        )
        self._adapt(outcome.places, outcome.accepted)
        self._accepted.append(float(outcome.moved.mean()))
        if self.target.n_components > 1:
            self._replace()

    def close_stage(self) -> None:
        """Note what the stage was like."""
        self.betas.append(self.beta)
        self.acceptance.append(float(np.mean(self._accepted)))
        self.replaced.append(float(np.mean(self._replaced)) if self._replaced else 0.0)
        self._accepted, self._replaced = [], []

    def _adapt(self, places: NDArray[np.int64], accepted: Array) -> None:
        counts = np.bincount(places, minlength=len(self.steps))
        sums = np.bincount(places, accepted, minlength=len(self.steps))
        mean = (sums + TARGET_ACCEPT) / (counts + 1)
        self.steps = np.minimum(self.steps * np.exp(mean - TARGET_ACCEPT), LONGEST_STEP)

    def _replace(self) -> None:
        """Proposals for one half of the particles are made of the other half."""
        size, k = len(self.q), self.target.n_components
        halves = slice(0, size // 2), slice(size // 2, size)
        for here, there in (halves, halves[::-1]):
            kernels = _kernels(self.target, self.q[there], self.beta, self.prior_piece, self.rng)
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
        return _part(Particles(self.q, self.gradient, self.log_posterior, self.log_reference), part)

    def _path(self) -> TemperingPath:
        return path_of(self.target, self.reference, self.beta)


@dataclass(frozen=True)
class _InParts:
    """Where there are more cores than runs, the particles of a run are shared out among threads of its own."""

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


def path_of(target: Target, reference: Reference, beta: float) -> TemperingPath:
    """The path from the reference to the posterior at one inverse temperature, as compiled code reads it."""
    r = reference
    places = Places(r.centres, r.inverses, r.log_constants, DEGREES_OF_FREEDOM)
    return TemperingPath(
        target.rows, target.packed_prior, target.coordinates.layout, beta, places, r.direction
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

    Systematic resampling of particles sorted by what they are weighed by: of particles alike, as many copies as their weights ask
    for.
    """
    order = np.argsort(keys, kind="stable")
    ends = np.cumsum(weights[order])
    points = (np.arange(len(weights)) + rng.random()) / len(weights) * ends[-1]
    places = np.minimum(np.searchsorted(ends, points, side="right"), len(weights) - 1)
    return rng.permutation(order[places])


def _prior_piece(target: Target, rng: np.random.Generator) -> tuple[Array, Array]:
    """Median and variance of a component under the prior, shape (p,) each."""
    q = unconstrained(draw_prior(target.resolved_prior, target.covariance_type, PRIOR_DRAWS, rng))
    pieces = target.coordinates.pieces(q).reshape(PRIOR_DRAWS * target.n_components, -1)
    # Priors that reach very far have draws beyond all numbers.
    pieces = pieces[np.isfinite(pieces).all(axis=1)]
    if len(pieces) < FEWEST_PARTICLES:
        raise SamplingError("Most draws of the prior are not finite; it is too wide to temper with.")
    return np.median(pieces, axis=0), pieces.var(axis=0) + 1e-6


def _kernels(
    target: Target, q: Array, beta: float, prior_piece: tuple[Array, Array], rng: np.random.Generator
) -> moves.Kernels:
    """Normal kernels around components of the particles, as wide as their rows leave them, and some as wide as the prior.

    The precision of a component's parameters given who belongs to it: for the mean n / Sigma, for the logarithm of a standard
    deviation 2 n, for an entry of M n over the squared length of its row; each beside the prior's.
    """
    (k, d), family, at = target.shape, target.family, target.coordinates.piece_parts
    centre, variance = prior_piece
    pieces = target.coordinates.pieces(q).reshape(len(q) * k, -1)
    some = rng.choice(len(pieces), min(KERNELS, len(pieces)), replace=False)
    n_prior = max(1, int(FROM_PRIOR * len(some)))
    draws, components = np.divmod(some, k)
    theta = pieces[some]
    weight = 1 / (1 + np.exp(-theta[:, at.logit]))
    # The part of the data that the likelihood's power stands for.
    n = beta * len(target.rows) * weight
    cholesky, lengths = _factors_of(q[draws], components, target)
    precision = np.tile(1 / variance, (len(theta), 1))
    precision[:, at.logit] += n * (1 - weight)
    precision[:, at.log_stds] += 2 * n[:, None] * (1 if family.by_feature else d)
    if family.own_correlations:
        rows = np.tril_indices(d, -1)[0]
        precision[:, at.below] += n[:, None] / lengths[:, rows] ** 2
    inverse = np.linalg.inv(cholesky)
    of_mean = n[:, None, None] * np.swapaxes(inverse, 1, 2) @ inverse
    of_mean[:, np.arange(d), np.arange(d)] += 1 / variance[at.means]
    # A factor of the inverse without forming it: columns that nearly add up would make that fail.
    upper = np.linalg.qr(np.linalg.inv(np.linalg.cholesky(of_mean))).R
    upper *= np.sign(np.diagonal(upper, axis1=1, axis2=2))[:, :, None]
    factors = KERNEL_WIDTH * np.swapaxes(upper, 1, 2)
    stds = KERNEL_WIDTH / np.sqrt(precision)
    theta[:n_prior], stds[:n_prior] = centre, np.sqrt(variance)
    factors[:n_prior] = np.diag(np.sqrt(variance[at.means]))
    inverses = np.linalg.inv(factors)
    constants = -np.log(np.delete(stds, at.means, axis=1)).sum(axis=1)
    constants += np.log(np.diagonal(inverses, axis1=1, axis2=2)).sum(axis=1)
    return moves.Kernels(theta, factors, stds, inverses, 1 / stds, constants)


def _factors_of(q: Array, components: NDArray[np.intp], target: Target) -> tuple[Array, Array]:
    """Cholesky factor of one component's covariance of each vector, shape (S, D, D), and lengths of the rows of its M."""
    (k, d), family = target.shape, target.family
    values, s = target.coordinates.constrained(q), np.arange(len(q))
    stds = family.all_stds(values["stds"], k, d)[s, components]
    if not family.has_correlations:
        return stds[:, :, None] * np.eye(d), np.ones((len(q), d))
    corr = family.all_factors(values["corr_chol"], k, d)[s, components]
    return stds[:, :, None] * corr, 1 / np.diagonal(corr, axis1=1, axis2=2)
