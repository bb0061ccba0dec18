"""Tempering: particles from an initial mixture that knows modes to the posterior, and the evidence on the
way.

Sequential Monte Carlo (Del Moral, Doucet and Jasra 2006, Sequential Monte Carlo samplers, section 3) along
initial^(1 - beta) posterior^beta: each inverse temperature beta is as far from the last as the particles'
weights allow, particles are resampled by their weights and moved. A single chain cannot get from one mode to
another that is far away; here all modes that were found are there from the beginning, and the weights tell
how much of the posterior each holds.

Runs share the initial mixture and nothing else: their disagreement tells the error, given the modes that the
initial mixture knows.
"""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods.initial_mixture import InitialMixture
from bayesgmm.methods.particles import InParts, Population
from bayesgmm.support.checkpoints import Checkpoints
from bayesgmm.support.threads import shared

__all__ = ["FEWEST_PARTICLES", "TemperedDraws", "sample_smc"]

Array = NDArray[np.float64]

FEWEST_PARTICLES = 100
SWEEPS = 3
# Particles that were resampled last get more, since they are the draws.
LAST_SWEEPS = 4
MOST_STAGES = 900
SECONDS_BETWEEN_CHECKPOINTS = 2.0


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
    initial: InitialMixture,
    *,
    draws: int,
    chains: int,
    cores: int,
    seed: np.random.SeedSequence,
    max_time: float | None = None,
    progress: Callable[[int, int, int], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> TemperedDraws:
    """Independent runs of tempering from the initial mixture to the posterior.

    Parameters
    ----------
    target : Target
        With a prior that treats all components alike.
    initial : InitialMixture
    draws, chains : int
        Particles of a run, and runs.
    cores : int
        Threads; the draws do not depend on it.
    seed : numpy.random.SeedSequence
    max_time : float, optional
        Seconds after which each run ends with the inverse temperature it has finished.
    progress : callable, optional
        Called with thousandths of the way to the posterior, summed over runs.
    checkpoints : Checkpoints, optional
        Where the last stage of each run is read, or kept, every few seconds.

    Raises
    ------
    SamplingError
        Where the log posterior is finite at too few draws of the initial mixture.
    """
    stop, kept = threading.Event(), checkpoints or Checkpoints()
    deadline = math.inf if max_time is None else time.monotonic() + max_time
    done = [0] * chains
    threads = max(1, cores // chains)

    def run(item: tuple[int, np.random.SeedSequence]) -> Population:
        i, own_seed = item

        def report(beta: float) -> None:
            if progress is not None:
                done[i] = round(1000 * beta)
                progress(sum(done), 1000 * chains, 0)

        with ThreadPoolExecutor(threads) as pool:
            start = Population.start(
                target, initial, draws, np.random.default_rng(own_seed), InParts(pool, threads)
            )
            resumed = kept.get(f"run-{i}", initial.centres)
            if resumed is not None:
                start.resume(resumed)
            keep = _Keeping(kept, f"run-{i}", initial.centres)
            return _tempered(start, lambda: stop.is_set() or time.monotonic() > deadline, report, keep)

    def run_or_stop(item: tuple[int, np.random.SeedSequence]) -> Population:
        # A run that fails, or an interrupt, which reaches the calling thread only, ends the others at their
        # next stage.
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


class _Keeping:
    """Keeps the particles of a run, not more often than every few seconds, and in the end."""

    def __init__(self, checkpoints: Checkpoints, name: str, tie: Array) -> None:
        self._checkpoints, self._name, self._tie = checkpoints, name, tie
        self._last = time.monotonic()

    def __call__(self, particles: Population) -> None:
        if particles.beta == 1.0 or time.monotonic() > self._last + SECONDS_BETWEEN_CHECKPOINTS:
            self._checkpoints.put(self._name, particles.state(), self._tie)
            self._last = time.monotonic()


def _tempered(
    particles: Population,
    is_late: Callable[[], bool],
    report: Callable[[float], None],
    keep: Callable[[Population], None],
) -> Population:
    """Move the particles to the posterior, or as far as time allows."""
    while particles.beta < 1.0 and not is_late():
        if len(particles.betas) >= MOST_STAGES:
            raise SamplingError(
                f"Tempering stands at an inverse temperature of {particles.beta:.3g} after {MOST_STAGES} "
                "stages; the prior may be too wide for the data.",
                beta=particles.beta,
                stages=MOST_STAGES,
            )
        particles.advance()
        for _ in range(LAST_SWEEPS if particles.beta == 1.0 else SWEEPS):
            particles.sweep()
        particles.close_stage()
        keep(particles)
        report(particles.beta)
    return particles
