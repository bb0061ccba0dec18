"""Method "nuts": chains of the No-U-Turn sampler from the posterior modes that matter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import SamplingError
from bayesgmm.methods.elsewhere import ElsewhereCheck, empty_expected, empty_seen, known_modes
from bayesgmm.methods.method import Drawn, Method, Problem
from bayesgmm.methods.raw_draws import RawDraws
from bayesgmm.methods.settings import Settings
from bayesgmm.methods.starts import Start, shared_out
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


@dataclass(frozen=True)
class NutsCheck(ElsewhereCheck):
    """What the sampler says of itself.

    Parameters
    ----------
    divergences : int
        Number of divergent transitions.
    smallest_bfmi : float
        The smallest energy fraction (E-BFMI) of a chain.
    share_at_largest_depth : float
        Share of the draws whose tree reached the largest depth.
    draws_wanted : int
        Draws of each chain that were asked for, where ``max_time`` passed before they were made; else 0.
    draws_made : int
        Draws of each chain then.
    start_shares, empty_expected, empty_seen
        As of any draws that are made at some modes.
    """

    divergences: int = 0
    smallest_bfmi: float = math.inf
    share_at_largest_depth: float = 0.0
    draws_wanted: int = 0
    draws_made: int = 0

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
            *cut_short,
            start_shares=tuple(start.share for start in starts),
        )

    def knows_shares(self, agree: bool) -> bool:
        """Whether chains from several modes agree, which they do where they go from one to the other."""
        return agree and len(self.start_shares) > 1 and not self.doubts()

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
        out += self.missed("modes_without_chains")
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
    """Chains from the posterior modes that matter by Laplace's method, of those that EM's maxima and climbs
    from random mixtures lead to."""

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
            starts = known_modes(problem)
            given = shared_out(settings.chains, starts)
            expected = empty_expected(problem, starts)
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
        check = replace(check, empty_expected=expected, empty_seen=empty_seen(problem, found))
        return replace(found, check=check)

    def described(self, settings: Settings) -> list[tuple[str, str]]:
        """Chains, draws, warm-up and the acceptance that was aimed at."""
        chains = (
            f"{count(settings.chains, 'chain')} of {settings.draws} draws after {settings.tune} of warm-up"
        )
        return [("Posterior draws", chains), ("Target acceptance", f"{settings.target_accept:g}")]


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
