"""Method "nuts": chains of the No-U-Turn sampler from the posterior modes that matter."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats as laws

from bayesgmm.errors import SamplingError
from bayesgmm.methods.check import MethodCheck
from bayesgmm.methods.climbs import climb
from bayesgmm.methods.method import Drawn, Method, Problem
from bayesgmm.methods.needles import with_needles
from bayesgmm.methods.raw_draws import RawDraws
from bayesgmm.methods.settings import Settings
from bayesgmm.methods.starts import MOST_STARTS, Start, find_starts, share_beside_empty, shared_out
from bayesgmm.methods.whitened_nuts import sample_nuts
from bayesgmm.support.checkpoints import Checkpoints
from bayesgmm.support.clock import Clock
from bayesgmm.support.sentences import count
from bayesgmm.wording import Reason

__all__ = ["NUTS", "Nuts", "NutsCheck"]

# Betancourt (2016), Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo; the bound is
# Stan's.
SMALLEST_BFMI = 0.3
LARGEST_SHARE_OF_DEEPEST_TREES = 0.01
LARGEST_UNSEEN_SHARE = 0.1
# Of a limited time, for looking elsewhere.
SEARCHS_SHARE = 0.1
# A component is said to have no rows where its weight is below this quantile of those that have none.
QUANTILE_OF_EMPTY = 0.99


@dataclass(frozen=True)
class NutsCheck(MethodCheck):
    """What the sampler says of itself.

    Parameters
    ----------
    divergences : int
        Number of divergent transitions.
    smallest_bfmi : float
        The smallest energy fraction (E-BFMI) of a chain.
    share_at_largest_depth : float
        Share of the draws whose tree reached the largest depth.
    start_shares : tuple of float
        Of the modes that chains started from, the share of the posterior by Laplace's method, among all modes
        that were found.
    draws_wanted : int
        Draws of each chain that were asked for, where ``max_time`` passed before they were made; else 0.
    draws_made : int
        Draws of each chain then.
    empty_expected, empty_seen : float
        Share of the posterior where a component has no rows, by Laplace's method, and of the draws.
    """

    divergences: int = 0
    smallest_bfmi: float = math.inf
    share_at_largest_depth: float = 0.0
    start_shares: tuple[float, ...] = ()
    draws_wanted: int = 0
    draws_made: int = 0
    empty_expected: float = 0.0
    empty_seen: float = 0.0

    @classmethod
    def of(cls, stats: Mapping[str, NDArray[Any]], starts: list[Start], wanted: int) -> "NutsCheck":
        """From the sampler's statistics, each of shape (chain, draw), the starts, and the number of draws of
        each chain that was asked for."""
        energy = stats["energy"]
        # A chain that went astray may have an energy beyond all numbers, which is no energy fraction at all.
        with np.errstate(all="ignore"):
            spread = energy.var(axis=1, ddof=1)
            moved = np.square(np.diff(energy, axis=1)).mean(axis=1)
            fractions = np.nan_to_num(moved / np.where(spread > 0, spread, 1.0))
        made = energy.shape[1]
        cut_short = (wanted, made) if made < wanted else (0, 0)
        return cls(
            int(stats["diverging"].sum()),
            float(fractions.min()),
            float(stats["maxdepth_reached"].mean()),
            tuple(start.share for start in starts),
            *cut_short,
        )

    @property
    def unseen_share(self) -> float:
        """Share of the posterior, by Laplace's method, of modes that were found and no chain started from."""
        return 1.0 - sum(self.start_shares) if self.start_shares else 0.0

    def doubts(self) -> list[Reason]:
        """One reason for each fault of the sampler."""
        out = []
        if self.draws_wanted:
            numbers = {"n": self.draws_made, "wanted": self.draws_wanted}
            out.append(Reason("draws_cut_short", numbers))
        if self.divergences:
            out.append(Reason("transitions_diverged", {"n": self.divergences}))
        if self.smallest_bfmi < SMALLEST_BFMI:
            values = {"bfmi": self.smallest_bfmi, "wanted": SMALLEST_BFMI}
            out.append(Reason("low_energy_fraction", values))
        if self.unseen_share > LARGEST_UNSEEN_SHARE:
            out.append(Reason("modes_without_chains", {"share": self.unseen_share}))
        if self.empty_expected - self.empty_seen > LARGEST_UNSEEN_SHARE:
            shares = {"expected": self.empty_expected, "seen": self.empty_seen}
            out.append(Reason("empty_component_unseen", shares))
        if self.share_at_largest_depth > LARGEST_SHARE_OF_DEEPEST_TREES:
            out.append(Reason("trajectories_cut_off", {"share": self.share_at_largest_depth}))
        return out

    def rows(self) -> list[tuple[str, str]]:
        """The sampler's figures."""
        return [
            ("divergent transitions", str(self.divergences)),
            ("smallest E-BFMI of a chain", f"{self.smallest_bfmi:.2f}"),
            (
                "trajectories cut off at the largest tree depth",
                f"{100 * self.share_at_largest_depth:.1f} %",
            ),
        ]


class Nuts(Method):
    """Chains from the posterior modes that matter by Laplace's method, of those that EM's maxima lead to."""

    name = "nuts"
    title = "chains of the No-U-Turn sampler"
    heading = "Chains of the sampler"
    story = "drawn from by the No-U-Turn sampler"
    check_type = NutsCheck
    has_chains = True

    def draw(self, problem: Problem) -> Drawn:
        """Starts, then all chains of each start."""
        settings = problem.settings
        with problem.steps.step("posterior modes"):
            starts = _starts(problem)
            given = shared_out(settings.chains, starts)
            expected = _share_beside_empty(problem, starts)
        total = settings.chains * (settings.draws + settings.tune)
        with problem.steps.step("sampling", total=total) as progress:
            runs: list[RawDraws] = []
            done = 0
            for i, (start, n) in enumerate(zip(starts[: len(given)], given, strict=True)):

                def report(finished: int, _total: int, divergences: int, before: int = done) -> None:
                    progress(before + finished, total, divergences)

                # Chains that are still to come get their part of the time.
                part = int(n) / (settings.chains - done // (settings.draws + settings.tune))
                kept = problem.checkpoints.within(f"nuts-{i}")
                runs.append(_run(problem, start, int(n), report, problem.clock.share(part), kept))
                done += int(n) * (settings.draws + settings.tune)
        made = min(r.q.shape[1] for r in runs)
        runs = [r.cut(made) for r in runs]
        stats = {
            name: np.concatenate([r.stats[name] for r in runs])
            for name in runs[0].stats
            if all(name in r.stats for r in runs)
        }
        found = self.drawn(problem, np.concatenate([r.q for r in runs]), stats=stats)
        with np.errstate(all="ignore"):
            if not np.isfinite(found.draws.covariances).all():
                raise SamplingError("A chain went to covariances beyond all numbers.")
        check = NutsCheck.of(stats, starts[: len(given)], settings.draws)
        check = replace(check, empty_expected=expected, empty_seen=_share_of_empty(problem, found))
        return replace(found, check=check)

    def described(self, settings: Settings) -> list[tuple[str, str]]:
        """Chains, draws, warm-up and the acceptance that was aimed at."""
        chains = (
            f"{count(settings.chains, 'chain')} of {settings.draws} draws after {settings.tune} of warm-up"
        )
        return [("Posterior draws", chains), ("Target acceptance", f"{settings.target_accept:g}")]


def _starts(problem: Problem) -> list[Start]:
    """The modes that matter, of those that EM's maxima, needles and, while there is time, climbs lead to."""
    target, em = problem.target, problem.em
    mixtures, climbed = [*em.mode_params_[:MOST_STARTS], *with_needles(target, em.params_)], []
    if problem.settings.n_components > 1:
        rng = np.random.default_rng(problem.seeds.climbs)
        with suppress(SamplingError):
            climbed = climb(target, rng, problem.settings.cores, problem.clock.share(SEARCHS_SHARE))
    return find_starts(target, mixtures, climbed, problem.clock)


def _share_of_empty(problem: Problem, found: Drawn) -> float:
    """Of the draws, in which a component has no rows, by its weight."""
    k, n, prior = problem.settings.n_components, problem.target.data.total_weight, problem.prior
    if k == 1:
        return 0.0
    a = float(prior.concentrations[0])
    bound = laws.beta.ppf(QUANTILE_OF_EMPTY, a, n + a * (k - 1))
    return float((found.draws.weights.min(axis=-1) < bound).mean())


def _share_beside_empty(problem: Problem, starts: Sequence[Start]) -> float:
    """Of the posterior, where a component has no rows; 0 where it is not known."""
    if problem.settings.n_components == 1 or not problem.prior.is_exchangeable:
        return 0.0
    rng = np.random.default_rng(problem.seeds.climbs)
    with suppress(SamplingError):
        clock = problem.clock.share(SEARCHS_SHARE)
        return share_beside_empty(problem.target, starts, rng, problem.settings.cores, clock)
    return 0.0


def _run(
    problem: Problem, start: Start, chains: int, report: Any, clock: Clock, checkpoints: Checkpoints
) -> RawDraws:
    settings = problem.settings
    return sample_nuts(
        problem.target,
        start.approximation,
        draws=settings.draws,
        tune=settings.tune,
        chains=chains,
        cores=settings.cores,
        seed=problem.seeds.draws,
        target_accept=settings.target_accept,
        progress=report,
        clock=clock,
        checkpoints=checkpoints,
    )


NUTS = Nuts()
