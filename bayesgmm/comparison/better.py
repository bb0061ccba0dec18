"""Whether a higher maximum of the likelihood is known than the one that an EM fit stands at."""

from dataclasses import dataclass

import numpy as np

from bayesgmm.em import EMGaussianMixture
from bayesgmm.fit import Fit
from bayesgmm.wording import Reason

__all__ = ["BetterMaximum", "better_maximum"]

# Log-likelihoods are the same when they differ by less than this, per unit of their size: above the tolerance of an EM
# run, and far below what a person would call a gain.
ALIKE = 1e-6
BASELINE, DRAW, OWN = "baseline", "draw", "own"


@dataclass(frozen=True)
class BetterMaximum:
    """The log-likelihood of an EM fit, beside the highest that are known for the same rows.

    Parameters
    ----------
    log_likelihood : float
        Of the fit.
    reached : float
        That EM leads to from the fit; the same where it had converged.
    baseline : float
        At the highest maximum that EM from many starts has found and that is neither degenerate nor spurious; minus
        infinity where there is none.
    draw : float
        The largest of the posterior's draws.
    spurious : bool
        Whether the maximum that EM leads to from the fit is degenerate or looks spurious.
    n_parameters, n_parameters_of_posterior : int
        Free parameters of the fit, which may be of a smaller covariance family, and of the model.
    """

    log_likelihood: float
    reached: float
    baseline: float
    draw: float
    spurious: bool
    n_parameters: int
    n_parameters_of_posterior: int

    @property
    def highest(self) -> float:
        """The highest log-likelihood that is known; that of a draw is a bound for a maximum beside it."""
        return max(self.baseline, self.draw, self.log_likelihood, self.reached)

    @property
    def whose(self) -> str:
        """Where it is known from: "baseline", a "draw", or the fit's "own" maximum, which comes first where it is as high."""
        if not _higher(max(self.baseline, self.draw), self.reached):
            return OWN
        return BASELINE if not _higher(self.draw, self.baseline) else DRAW

    @property
    def same_family(self) -> bool:
        """Whether the fit has as many free parameters as the model; of fewer it cannot be told what is lost by the maximum."""
        return self.n_parameters == self.n_parameters_of_posterior

    @property
    def known(self) -> bool:
        """Whether a better maximum is known than the one that EM leads to from the fit."""
        return self.same_family and self.whose != OWN

    @property
    def gain(self) -> float:
        """By how much the log-likelihood of the fit lies below the highest that is known."""
        return self.highest - self.log_likelihood

    @property
    def converged(self) -> bool:
        """Whether the fit stands at a maximum, of whatever height."""
        return not _higher(self.reached, self.log_likelihood)

    @property
    def finding(self) -> Reason:
        """What there is to say of it."""
        em, values = self.log_likelihood, {"em": self.log_likelihood, "gain": self.gain}
        if not self.same_family:
            more = self.n_parameters_of_posterior - self.n_parameters
            return Reason("em_of_smaller_family", {**values, "highest": self.highest, "n_more": more})
        if self.known:
            others = {"highest": self.highest, "whose": self.whose}
            return Reason("better_maximum_known", {**values, **others, "reached": self.reached})
        if not self.converged:
            end = {"reached": self.reached, "spurious": self.spurious}
            return Reason("maximum_not_reached", {**values, **end})
        known = max(self.baseline, self.draw)
        if _higher(em, known):
            return Reason("maximum_above_known", {"em": em, "known": known, "spurious": self.spurious})
        return Reason("highest_maximum_known", {"em": em})


def better_maximum(fit: Fit, em: EMGaussianMixture) -> BetterMaximum:
    """Hold an EM fit against the maxima and the draws of a fit by Bayes of the same rows.

    Parameters
    ----------
    fit : Fit
    em : EMGaussianMixture
        The baseline, or one that was handed in; see :func:`bayesgmm.em.handed_in.fitted_at`.
    """
    k, d = fit.draws.n_components, fit.draws.n_features
    return BetterMaximum(
        log_likelihood=em.log_likelihood_,
        reached=max(em.log_likelihood_, float(em.modes_["log_likelihood"].iloc[0])),
        baseline=_highest_maximum(fit.em),
        draw=float(fit.labels.log_likelihood.max()),
        spurious=bool(em.modes_["spurious"].iloc[0]) or em.regularised_,
        n_parameters=em.n_parameters(),
        n_parameters_of_posterior=fit.draws.family.n_parameters(k, d),
    )


def _highest_maximum(em: EMGaussianMixture) -> float:
    """The maxima come with the most trustworthy first."""
    first = em.modes_.iloc[0]
    return -np.inf if first["spurious"] or em.regularised_ else float(first["log_likelihood"])


def _higher(a: float, b: float) -> bool:
    """Whether a log-likelihood is higher than another by more than two runs of EM to the same maximum differ."""
    return a > b + ALIKE * max(abs(a), 1.0)
