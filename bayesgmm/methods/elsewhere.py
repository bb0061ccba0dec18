"""What draws that do not go from mode to mode may have missed: other modes, and components without rows."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bayesgmm.errors import SamplingError
from bayesgmm.methods.check import MethodCheck
from bayesgmm.methods.climbs import climb
from bayesgmm.methods.method import Drawn, Problem
from bayesgmm.methods.needles import SMALLEST_REST, about_needle, with_needles
from bayesgmm.methods.starts import MOST_STARTS, Start, find_starts, share_beside_empty
from bayesgmm.wording import Reason

__all__ = ["ElsewhereCheck", "empty_expected", "empty_seen", "known_modes"]

LARGEST_UNSEEN_SHARE = 0.1
# Of a limited time, for looking elsewhere.
SEARCHS_SHARE = 0.1
# A component is said to have no rows where its weight is below this quantile of those that have none.
QUANTILE_OF_EMPTY = 0.99
# Where there is a needle, what other columns leave of a column's standard deviation where chains may start.
REST_OFF_NEEDLES = 1e-2


@dataclass(frozen=True, kw_only=True)
class ElsewhereCheck(MethodCheck):
    """Of draws that were made at some modes.

    Parameters
    ----------
    start_shares : tuple of float
        Of these modes, the share of the posterior by Laplace's method, among all modes that were found.
    empty_expected, empty_seen : float
        Share of the posterior where a component has no rows, by Laplace's method, and of the draws.
    """

    start_shares: tuple[float, ...] = ()
    empty_expected: float = 0.0
    empty_seen: float = 0.0

    @property
    def unseen_share(self) -> float:
        """Share of the posterior, by Laplace's method, of modes that were found and no draws are of."""
        return 1.0 - sum(self.start_shares) if self.start_shares else 0.0

    def missed(self, modes: str) -> list[Reason]:
        """What speaks against the draws.

        Parameters
        ----------
        modes : str
            Code of the reason that modes are missing.
        """
        out = []
        if self.unseen_share > LARGEST_UNSEEN_SHARE:
            out.append(Reason(modes, {"share": self.unseen_share}))
        if self.empty_expected - self.empty_seen > LARGEST_UNSEEN_SHARE:
            shares = {"expected": self.empty_expected, "seen": self.empty_seen}
            out.append(Reason("empty_component_unseen", shares))
        return out


def known_modes(problem: Problem) -> list[Start]:
    """The modes that matter, of those that EM's maxima, needles and, while there is time, climbs lead to."""
    target, em = problem.target, problem.em
    mixtures, climbed = [*em.mode_params_[:MOST_STARTS], *with_needles(target, em.params_)], []
    if problem.settings.n_components > 1:
        rng = np.random.default_rng(problem.seeds.climbs)
        with suppress(SamplingError):
            climbed = climb(target, rng, problem.settings.cores, problem.clock.share(SEARCHS_SHARE))
    # Chains from a place on the way up to a needle go astray.
    rest = SMALLEST_REST if about_needle(target, em.params_) is None else REST_OFF_NEEDLES
    return find_starts(target, mixtures, climbed, problem.clock, smallest_rest=rest)


def empty_expected(problem: Problem, modes: Sequence[Start]) -> float:
    """Share of the posterior where a component has no rows; 0 where it is not known."""
    if problem.settings.n_components == 1 or not problem.prior.is_exchangeable:
        return 0.0
    rng = np.random.default_rng(problem.seeds.climbs)
    with suppress(SamplingError):
        clock = problem.clock.share(SEARCHS_SHARE)
        return share_beside_empty(problem.target, modes, rng, problem.settings.cores, clock)
    return 0.0


def empty_seen(problem: Problem, found: Drawn) -> float:
    """Share of the draws in which a component has no rows, by its weight."""
    k, n, prior = problem.settings.n_components, problem.target.data.total_weight, problem.prior
    if k == 1:
        return 0.0
    a = float(prior.concentrations[0])
    bound = stats.beta.ppf(QUANTILE_OF_EMPTY, a, n + a * (k - 1))
    return float((found.draws.weights.min(axis=-1) < bound).mean())
