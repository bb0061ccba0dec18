"""What each method of sampling draws, in one form."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesgmm.bayes.target import Target
from bayesgmm.methods.importance import sample_laplace
from bayesgmm.methods.initial_mixture import Reference, find_reference
from bayesgmm.methods.laplace_approximation import laplace
from bayesgmm.methods.starts import find_starts, shared_out
from bayesgmm.methods.tempering import FEWEST_PARTICLES, TemperedDraws, sample_smc
from bayesgmm.methods.whitened_nuts import sample_nuts
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.support.progress import Steps

__all__ = ["Drawn", "by_laplace", "by_nuts", "by_smc", "seconds_of_tempering", "tempering_reference"]

Array = NDArray[np.float64]

# Of evaluations of the posterior that tempering has needed for each particle, on data sets of all kinds.
EVALUATIONS_PER_PARTICLE = 250
SECONDS_PER_TERM = 3e-9
PILOTS_SHARE = 0.2


@dataclass(frozen=True)
class Drawn:
    """Parameters and statistics with leading axes (chain, draw), what the method says of itself, and further groups."""

    method: str
    values: dict[str, Array]
    stats: dict[str, NDArray[Any]]
    attrs: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, xr.Dataset] = field(default_factory=dict)


def by_nuts(
    target: Target,
    mixtures: Sequence[MixtureParams],
    settings: Mapping[str, int],
    target_accept: float,
    seed: np.random.SeedSequence,
    steps: Steps,
) -> Drawn:
    """Chains from the posterior modes that matter, each in the coordinates of its own."""
    chains, draws, tune = settings["chains"], settings["draws"], settings["tune"]
    with steps.step("posterior modes"):
        starts = find_starts(target, mixtures)
        given = shared_out(chains, starts)
    per_chain = draws + tune
    runs, done = [], 0
    with steps.step("sampling", total=chains * per_chain) as progress:
        for start, n in zip(starts[: len(given)], given, strict=True):

            def report(finished: int, _total: int, divergences: int, before: int = done) -> None:
                progress(before + finished, chains * per_chain, divergences)

            runs.append(
                sample_nuts(
                    target,
                    start.approximation,
                    draws=draws,
                    tune=tune,
                    chains=int(n),
                    cores=settings["cores"],
                    seed=seed,
                    target_accept=target_accept,
                    progress=report,
                )
            )
            done += int(n) * per_chain
    stats = {
        name: np.concatenate([r.stats[name] for r in runs])
        for name in runs[0].stats
        if all(name in r.stats for r in runs)
    }
    q = np.concatenate([r.q for r in runs])
    return Drawn("nuts", target.constrained(q), stats, {"start_shares": [s.share for s in starts]})


def by_laplace(
    target: Target,
    params: MixtureParams,
    settings: Mapping[str, int],
    seed: np.random.SeedSequence,
    steps: Steps,
) -> Drawn:
    """Weighted draws from the Gaussian at the posterior mode near EM's estimate."""
    with steps.step("posterior mode"):
        approximation = laplace(target, target.unconstrained(params))
    sizes = {k: settings[k] for k in ("draws", "chains", "cores")}
    with steps.step("weighted draws"):
        found = sample_laplace(target, approximation, **sizes, seed=seed)
    checks = {"pareto_k": found.pareto_k, "largest_k": found.largest_k, "importance_ess": found.ess}
    return Drawn("laplace", target.constrained(found.q), {"logp": found.log_posterior}, checks)


def tempering_reference(
    target: Target,
    mixtures: Sequence[MixtureParams],
    settings: Mapping[str, int],
    seed: np.random.SeedSequence,
    steps: Steps,
    max_time: float | None = None,
) -> Reference:
    """The places that climbs have found, fitted to what a small run of tempering from them draws, if it is done in time."""
    began = time.monotonic()
    place_seed, run_seed = seed.spawn(2)
    with steps.step("places of the posterior"):
        reference = find_reference(target, mixtures, np.random.default_rng(place_seed), settings["cores"])
    small = {**settings, "draws": max(FEWEST_PARTICLES, settings["draws"] // 4)}
    # Of a limited time most is for the draws.
    limit = None if max_time is None else max(0.0, max_time - (time.monotonic() - began)) * PILOTS_SHARE
    pilot = _runs("pilot", target, reference, small, run_seed, steps, limit)
    return reference.refitted(np.concatenate(list(pilot.q))) if pilot.finished else reference


def by_smc(
    target: Target,
    reference: Reference,
    settings: Mapping[str, int],
    seed: np.random.SeedSequence,
    steps: Steps,
    *,
    thin: int = 1,
    max_time: float | None = None,
) -> tuple[Drawn, TemperedDraws]:
    """Tempering from a reference; `thin` particles are moved for each that is kept."""
    moved = {**settings, "draws": thin * settings["draws"]}
    found = _runs("tempering", target, reference, moved, seed, steps, max_time)
    stats = {"logp": found.log_posterior[:, ::thin], "ancestor": found.ancestor[:, ::thin].astype(np.int64)}
    reached = min(t[-1] if len(t) else 0.0 for t in found.betas)
    attrs: dict[str, Any] = {"temperature": float(reached)}
    log_evidence = np.full(settings["chains"], np.nan)
    if found.finished:
        # In the user's units.
        log_evidence = found.log_evidence - len(target.rows) * np.log(target.scale).sum()
        attrs["log_evidence"], attrs["log_evidence_se"] = _mean_evidence(log_evidence)
    kept = target.constrained(found.q[:, ::thin])
    groups = {"tempering": _tempering_dataset(found, log_evidence)}
    return Drawn("smc", kept, stats, attrs, groups), found


def _runs(
    title: str,
    target: Target,
    reference: Reference,
    settings: Mapping[str, int],
    seed: np.random.SeedSequence,
    steps: Steps,
    max_time: float | None,
) -> TemperedDraws:
    chains = settings["chains"]
    with steps.step(title, total=1000 * chains) as progress:
        return sample_smc(
            target,
            reference,
            draws=settings["draws"],
            chains=chains,
            cores=settings["cores"],
            seed=seed,
            max_time=max_time,
            progress=progress,
        )


def seconds_of_tempering(target: Target, settings: Mapping[str, int]) -> float:
    """Roughly how long a first run of tempering takes on two cores.

    A count and not a measurement: what a fit does must not depend on the machine or its load.
    """
    (k, d), n = target.shape, len(target.rows)
    evaluation = 2e-6 + SECONDS_PER_TERM * n * k * (1 + d + d * d / 8)
    return EVALUATIONS_PER_PARTICLE * settings["draws"] * settings["chains"] * evaluation / 2


def _mean_evidence(log_evidence: Array) -> tuple[float, float]:
    """Log of the mean over runs, and its standard error from their scatter."""
    runs = len(log_evidence)
    mean = float(logsumexp(log_evidence) - np.log(runs))
    if runs == 1:
        return mean, float("nan")
    return mean, float(np.exp(log_evidence - mean).std(ddof=1) / np.sqrt(runs))


def _tempering_dataset(found: TemperedDraws, log_evidence: Array) -> xr.Dataset:
    stages = max(len(t) for t in found.betas)

    def padded(values: list[Array]) -> Array:
        out = np.full((len(values), stages), np.nan)
        for row, v in zip(out, values, strict=True):
            row[: len(v)] = v
        return out

    by_stage = {
        "temperature": found.betas,
        "acceptance": found.acceptance,
        "replaced": found.replaced,
    }
    variables: dict[str, Any] = {name: (("chain", "stage"), padded(v)) for name, v in by_stage.items()}
    variables["log_evidence"] = ("chain", log_evidence)
    return xr.Dataset(variables, coords={"chain": np.arange(len(found.q)), "stage": np.arange(stages)})
