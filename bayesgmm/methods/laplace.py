"""Method "laplace": weighted draws from the Gaussian at the posterior mode, and the check of the weights."""

from dataclasses import dataclass, replace

from bayesgmm.errors import ParameterError
from bayesgmm.methods.elsewhere import ElsewhereCheck, empty_expected, empty_seen, known_modes
from bayesgmm.methods.importance import FEWEST_DRAWS, sample_laplace
from bayesgmm.methods.method import Drawn, Method, Problem
from bayesgmm.methods.settings import Settings
from bayesgmm.support.sentences import count
from bayesgmm.wording import Reason

__all__ = ["LAPLACE", "ImportanceCheck", "LaplaceMethod"]


@dataclass(frozen=True)
class ImportanceCheck(ElsewhereCheck):
    """Of draws that were weighted rather than sampled.

    Parameters
    ----------
    pareto_k : float
        Shape of the tail of the weights.
    largest_k : float
        How large it may be.
    importance_ess : float
        Effective sample size of the weighted draws.
    start_shares, empty_expected, empty_seen
        As of any draws that are made at some modes.
    """

    pareto_k: float
    largest_k: float
    importance_ess: float

    is_weighted = True

    @property
    def ess(self) -> float:
        """Effective sample size of the weighted draws."""
        return self.importance_ess

    def faults(self, needed: int) -> list[Reason]:
        """Whether the Gaussian fits, and the weights leave enough draws."""
        out = []
        # A tail that could not be fitted is no good sign either.
        if not self.pareto_k < self.largest_k:
            out.append(Reason("gaussian_does_not_fit", {"pareto_k": self.pareto_k, "wanted": self.largest_k}))
        if self.importance_ess < needed:
            values = {"ess": self.importance_ess, "wanted": needed}
            out.append(Reason("too_few_weighted_draws", values))
        return out

    def doubts(self) -> list[Reason]:
        """What a single Gaussian has left out."""
        return self.missed("modes_beside_gaussian")

    def grounds(self, r_hat: float, ess: float, wanted: float) -> Reason:
        """That the Gaussian fits; R-hat has nothing to say of independent draws."""
        values = {"pareto_k": self.pareto_k, "wanted": self.largest_k, "ess": self.importance_ess}
        return Reason("gaussian_fits", values)

    def rows(self) -> list[tuple[str, str]]:
        """The shape of the weights, and what they leave."""
        return [
            (f"Pareto k of the weights (below {self.largest_k:.2f} is wanted)", f"{self.pareto_k:.2f}"),
            ("effective sample size of the weighted draws", f"{self.importance_ess:.0f}"),
        ]


class LaplaceMethod(Method):
    """Importance resampling from the Laplace approximation: quick, and right only where its check says so."""

    name = "laplace"
    title = "draws from the Gaussian at the posterior mode, weighted and checked"
    story = (
        "drawn from through the Gaussian at its mode: proposals from it are weighted by the ratio of the "
        "densities, the largest weights are smoothed, and draws are taken in proportion"
    )
    check_type = ImportanceCheck

    def check(self, settings: Settings) -> None:
        """Refuse fewer draws than have a tail to fit."""
        total = settings.draws * settings.chains
        if total < FEWEST_DRAWS:
            raise ParameterError(
                f'method="laplace" needs at least {FEWEST_DRAWS} draws in all for its check; got {total} '
                f"(draws={settings.draws} times chains={settings.chains}).",
                needed=FEWEST_DRAWS,
                draws=settings.draws,
                chains=settings.chains,
            )

    def draw(self, problem: Problem) -> Drawn:
        """The mode that holds most of the posterior, its curvature, and draws in proportion to their
        weights."""
        target, settings = problem.target, problem.settings
        with problem.steps.step("posterior mode"):
            modes = known_modes(problem)
            expected = empty_expected(problem, modes)
        with problem.steps.step("weighted draws"):
            found = sample_laplace(
                target,
                modes[0].approximation,
                draws=settings.draws,
                chains=settings.chains,
                cores=settings.cores,
                seed=problem.seeds.draws,
                clock=problem.clock,
            )
        drawn = self.drawn(problem, found.q, stats={"logp": found.log_posterior})
        check = ImportanceCheck(
            found.pareto_k,
            found.largest_k,
            found.ess,
            start_shares=(modes[0].share,),
            empty_expected=expected,
            empty_seen=empty_seen(problem, drawn),
        )
        return replace(drawn, check=check)

    def described(self, settings: Settings) -> list[tuple[str, str]]:
        """Batches of weighted draws."""
        batches = count(settings.chains, "batch", "batches")
        return [
            (
                "Posterior draws",
                f"{batches} of {settings.draws} draws from the Gaussian at the mode, by weight",
            )
        ]


LAPLACE = LaplaceMethod()
