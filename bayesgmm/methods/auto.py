"""Strategy "auto": NUTS, and tempering where that is not enough. It draws nothing itself."""

from dataclasses import replace

from bayesgmm.errors import SamplingError
from bayesgmm.methods.method import Drawn, Method, Problem
from bayesgmm.methods.needles import about_needle, is_beyond_drawing
from bayesgmm.methods.nuts import NUTS
from bayesgmm.methods.smc import SMC
from bayesgmm.wording import Reason

__all__ = ["AUTO", "Auto"]


class Auto(Method):
    """Chooses among methods, and says why."""

    name = "auto"
    title = "chains of the No-U-Turn sampler, or tempering where these are not enough"

    def draw(self, problem: Problem) -> Drawn:
        """By NUTS, or by tempering where chains disagree or labels cannot be trusted."""
        try:
            first = NUTS.draw(problem)
        except SamplingError as error:
            return self._without_chains(problem, error)
        verdict = problem.judge(first)
        if verdict.ok or problem.settings.chains < 2 or is_beyond_drawing(verdict.reasons):
            return first
        why = verdict.reasons[0]
        obstacle = SMC.obstacle(problem)
        if obstacle is None:
            try:
                second = SMC.draw(problem)
            except SamplingError as error:
                obstacle = Reason("tempering_failed", {"error": str(error)})
            else:
                again = problem.judge(second)
                better = again.label_free_ok or not verdict.label_free_ok
                if second.check.knows_shares(again.label_free_ok) and better:
                    return replace(second, reason=Reason("tempered_after_nuts", {"why": why}))
                obstacle = Reason("tempering_was_worse", {"why": again.reasons[0]})
        return replace(first, reason=Reason("nuts_kept", {"obstacle": obstacle, "why": why}))

    @staticmethod
    def _without_chains(problem: Problem, error: SamplingError) -> Drawn:
        """By tempering where the chains have failed, if there is nothing against it."""
        beyond = about_needle(problem.target, problem.em.params_)
        if beyond is not None:
            raise SamplingError(f"{error} {beyond}") from error
        if problem.clock.is_over or SMC.obstacle(problem) is not None:
            raise error
        return replace(SMC.draw(problem), reason=Reason("tempered_instead", {"error": str(error)}))


AUTO = Auto()
