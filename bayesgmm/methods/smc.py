"""Method "smc": tempering from many modes to the posterior, repeated where its verdict refuses it."""

import math
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logsumexp

from bayesgmm.bayes.prior_draws import log_seen
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.target import Target
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import BayesGMMError, ParameterError
from bayesgmm.methods.ancestry import ancestral_ess
from bayesgmm.methods.check import SMALLEST_ESS_PER_CHAIN, MethodCheck
from bayesgmm.methods.effort import seconds_of_evaluation
from bayesgmm.methods.initial_mixture import InitialMixture, find_initial_mixture
from bayesgmm.methods.method import Assessment, Drawn, Method, Problem
from bayesgmm.methods.needles import is_beyond_drawing, with_needles
from bayesgmm.methods.settings import Settings
from bayesgmm.methods.tempering import FEWEST_PARTICLES, TemperedDraws, sample_smc
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.support.checkpoints import Checkpoints
from bayesgmm.support.clock import Clock
from bayesgmm.support.sentences import count, listed
from bayesgmm.wording import Reason

__all__ = ["SMC", "Smc", "TemperingCheck", "seconds_of_tempering", "widening"]

Array = NDArray[np.float64]

FEWEST_ANCESTORS = 20
# Particles for each draw that is kept, at the most.
MOST_PARTICLES = 6
# Of a limited time, what the pilot run may take.
PILOTS_SHARE = 0.2
# Of evaluations of the posterior that tempering has needed for each particle, on data sets of all kinds.
EVALUATIONS_PER_PARTICLE = 400
# What a strategy may take for a first run, in seconds; a second may take several times as long.
LONGEST_TEMPERING = 120


@dataclass(frozen=True)
class TemperingCheck(MethodCheck):
    """Of draws that were tempered.

    Parameters
    ----------
    beta : float
        The inverse temperature that all runs have reached; 1 is the posterior.
    n_ancestors : int
        How many ancestors among the first particles the draws of a run have, at least.
    """

    beta: float
    n_ancestors: int

    def knows_shares(self, agree: bool) -> bool:
        """Whether the posterior was reached; on the way particles go from mode to mode."""
        return self.beta == 1.0

    def faults(self, needed: int) -> list[Reason]:
        """Whether the posterior was reached, and by particles of enough ancestors."""
        if self.beta < 1.0:
            return [Reason("tempering_stopped", {"beta": self.beta})]
        if self.n_ancestors < FEWEST_ANCESTORS:
            return [Reason("too_few_ancestors", {"n": self.n_ancestors, "wanted": FEWEST_ANCESTORS})]
        return []

    def grounds(self, r_hat: float, ess: float, wanted: float) -> Reason:
        """That independent runs agree."""
        return Reason("runs_agree", {"r_hat": r_hat, "ess": ess, "wanted": wanted})

    def effective_sizes(self, values: Array, stats: Mapping[str, NDArray[Any]]) -> Array:
        """By the ancestors of the draws."""
        return ancestral_ess(values, stats["ancestor"])

    def rows(self) -> list[tuple[str, str]]:
        """How far the runs went."""
        return [("inverse temperature reached, of 1", f"{self.beta:.3g}")]


class Smc(Method):
    """Independent runs of tempering from a mixture that knows the modes that optimisations have found."""

    name = "smc"
    title = "independent runs of tempering"
    story = (
        "drawn from by tempering: particles begin at a mixture of t distributions around all modes that "
        "optimisation from EM’s maxima and from random mixtures has found, and are weighed, resampled and "
        "moved from there to the posterior, in independent runs"
    )
    check_type = TemperingCheck
    groups = ("tempering",)

    def check(self, settings: Settings) -> None:
        """Refuse too few particles."""
        if settings.draws < FEWEST_PARTICLES:
            raise ParameterError(
                f'method="smc" needs at least {FEWEST_PARTICLES} draws, which are the particles of a run; '
                f"got draws={settings.draws}.",
                needed=FEWEST_PARTICLES,
                draws=settings.draws,
            )

    def check_prior(self, prior: ResolvedPrior) -> None:
        """Refuse a prior that tells components apart: moves exchange them."""
        if not prior.is_exchangeable:
            raise ParameterError(
                'method="smc" needs a prior that treats all components alike; this one tells them apart by '
                f"{listed(prior.differing)}. Give what holds for all components, or use method='nuts'.",
                differing=prior.differing,
            )

    def obstacle(self, problem: Problem) -> Reason | None:
        """What keeps a strategy from tempering: what it cannot work with, or how long it would take."""
        seconds = seconds_of_tempering(problem.target, problem.settings)
        if not problem.prior.is_exchangeable:
            return Reason("components_not_alike")
        if problem.settings.draws < FEWEST_PARTICLES:
            return Reason("too_few_draws_to_temper", {"wanted": FEWEST_PARTICLES})
        if problem.clock.is_over:
            return Reason("no_time_to_temper")
        if seconds > LONGEST_TEMPERING:
            return Reason("tempering_takes_long", {"minutes": seconds / 60})
        return None

    def draw(self, problem: Problem) -> Drawn:
        """By tempering; where that is not enough, again with more particles, from where these went."""
        settings, clock = problem.settings, problem.clock
        # A limited time is for one run.
        repeats = settings.repeats if settings.max_time is None and settings.chains > 1 else 0
        em_seed, initial_seed, *run_seeds = problem.seeds.tempering.spawn(3 + repeats)
        initial = _initial_mixture(problem, em_seed, initial_seed, clock)
        thin = 1
        for left, seed in zip(range(repeats, -1, -1), run_seeds, strict=True):
            kept_at = problem.checkpoints.within(f"tempering-{repeats - left}")
            found = _runs("tempering", problem, initial, thin * settings.draws, seed, clock.left, kept_at)
            kept = self._kept(problem, found, thin)
            verdict = problem.judge(kept)
            if verdict.label_free_ok or not left or is_beyond_drawing(verdict.reasons):
                break
            initial = initial.refitted(np.concatenate(list(found.q)))
            thin = min(MOST_PARTICLES, thin * _more_particles(verdict, settings.chains))
        return kept

    def _kept(self, problem: Problem, found: TemperedDraws, thin: int) -> Drawn:
        """One in `thin` particles as draws, and what the runs say of the evidence."""
        ancestor = found.ancestor[:, ::thin].astype(np.int64)
        reached = min(t[-1] if len(t) else 0.0 for t in found.betas)
        check = TemperingCheck(float(reached), min(len(np.unique(run)) for run in ancestor))
        evidence = np.full(problem.settings.chains, np.nan)
        if found.finished:
            # In the user's units, and of a prior that adds up to one.
            target = problem.target
            evidence = (
                found.log_evidence
                - target.log_volume
                - log_seen(target.resolved_prior, target.covariance_type)
            )
        return self.drawn(
            problem,
            found.q[:, ::thin],
            stats={"logp": found.log_posterior[:, ::thin], "ancestor": ancestor},
            check=check,
            log_evidence=_mean_evidence(evidence) if found.finished else None,
            groups={"tempering": _stages(found, evidence)},
        )

    def described(self, settings: Settings) -> list[tuple[str, str]]:
        """Runs and draws."""
        runs = f"{count(settings.chains, 'independent run')} of tempering, {settings.draws} draws of each"
        return [("Posterior draws", runs)]


SMC = Smc()


def seconds_of_tempering(target: Target, settings: Settings) -> float:
    """Roughly how long a first run of tempering takes on two cores."""
    evaluation = seconds_of_evaluation(len(target.rows), *target.shape)
    return EVALUATIONS_PER_PARTICLE * settings.draws * settings.chains * evaluation / 2


def _initial_mixture(
    problem: Problem, em_seed: np.random.SeedSequence, seed: np.random.SeedSequence, clock: Clock
) -> InitialMixture:
    """A mixture of t distributions around the modes that optimisations have found.

    It is fitted to what a small run of tempering from them draws, if that is done in time.
    """
    settings = problem.settings
    mixtures = [
        *problem.em.mode_params_,
        *_smaller_mixtures(problem, em_seed),
        *with_needles(problem.target, problem.em.params_),
    ]
    initial_seed, run_seed = seed.spawn(2)
    with problem.steps.step("initial mixture"):
        rng = np.random.default_rng(initial_seed)
        initial = find_initial_mixture(problem.target, mixtures, rng, settings.cores, clock)
    # Of a limited time most is for the draws.
    limit = None if clock.left is None else clock.left * PILOTS_SHARE
    particles = max(FEWEST_PARTICLES, settings.draws // 4)
    kept_at = problem.checkpoints.within("tempering-pilot")
    pilot = _runs("pilot", problem, initial, particles, run_seed, limit, kept_at)
    return initial.refitted(np.concatenate(list(pilot.q))) if pilot.finished else initial


def _smaller_mixtures(problem: Problem, seed: np.random.SeedSequence) -> list[MixtureParams]:
    """Maxima of the likelihood with one component fewer: modes look like them where one is not needed."""
    settings = problem.settings
    if settings.n_components == 1:
        return []
    em = EMGaussianMixture(
        settings.n_components - 1,
        covariance_type=settings.covariance_type,
        random_state=np.random.default_rng(seed),
        missing=settings.missing,
        cores=settings.cores,
    )
    # Those that look spurious warn in a fit of their own.
    with warnings.catch_warnings(), suppress(BayesGMMError):
        warnings.simplefilter("ignore")
        return list(em.fit_within(problem.rows, problem.clock).mode_params_)
    return []


def _runs(
    title: str,
    problem: Problem,
    initial: InitialMixture,
    particles: int,
    seed: np.random.SeedSequence,
    max_time: float | None,
    checkpoints: Checkpoints,
) -> TemperedDraws:
    chains = problem.settings.chains
    with problem.steps.step(title, total=1000 * chains) as progress:
        return sample_smc(
            problem.target,
            initial,
            draws=particles,
            chains=chains,
            cores=problem.settings.cores,
            seed=seed,
            max_time=max_time,
            progress=progress,
            checkpoints=checkpoints,
        )


def _more_particles(found: Assessment, n_chains: int) -> int:
    """How many times the particles of a run that was not enough the next one should have."""
    needed = SMALLEST_ESS_PER_CHAIN * n_chains
    return min(3, max(2, math.ceil(1.5 * needed / max(found.label_free.ess, 1.0))))


def _mean_evidence(log_evidence: Array) -> tuple[float, float]:
    """Log of the mean over runs, and its standard error from their scatter.

    Few runs tell little of their scatter: the error is widened by as much as the quantiles of Student's t are
    wider than the normal's, so that 1.96 of it make an interval of 95 %.
    """
    runs = len(log_evidence)
    mean = float(logsumexp(log_evidence) - np.log(runs))
    if runs == 1:
        return mean, float("nan")
    return mean, widening(runs) * float(np.exp(log_evidence - mean).std(ddof=1) / np.sqrt(runs))


def widening(runs: int) -> float:
    """By how much Student's t makes an interval of 95 % wider than the normal distribution does, where its
    scatter is that of so many runs."""
    return float(stats.t.ppf(0.975, runs - 1) / stats.norm.ppf(0.975))


def _stages(found: TemperedDraws, log_evidence: Array) -> xr.Dataset:
    """What each stage of each run was like, for ``posterior_``."""
    stages = max(len(t) for t in found.betas)

    def padded(values: list[Array]) -> Array:
        out = np.full((len(values), stages), np.nan)
        for row, v in zip(out, values, strict=True):
            row[: len(v)] = v
        return out

    by_stage = {
        "beta": found.betas,
        "acceptance": found.acceptance,
        "replaced": found.replaced,
    }
    variables: dict[str, Any] = {name: (("chain", "stage"), padded(v)) for name, v in by_stage.items()}
    variables["log_evidence"] = ("chain", log_evidence)
    return xr.Dataset(variables, coords={"chain": np.arange(len(found.q)), "stage": np.arange(stages)})
