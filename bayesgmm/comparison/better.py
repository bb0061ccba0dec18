"""Whether a higher maximum of the likelihood is known than the one that an EM fit stands at."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesgmm.comparison.sides import Sides
from bayesgmm.em import EMGaussianMixture
from bayesgmm.wording import Reason

__all__ = ["BetterMaximum", "better_maximum"]

# Log-likelihoods are the same when they differ by less than this, per row and feature, which is their size
# where columns have standard deviations of about one: above the tolerance of an EM run, and far below what a
# person would call a gain.
ALIKE = 1e-6
JSON = ("known", "gain", "whose", "log_likelihood", "reached", "baseline", "draw", "same_family", "spurious")
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
        At the highest maximum that EM from many starts has found and that is neither degenerate nor spurious;
        minus infinity where there is none.
    draw, mean_draw : float
        The largest of the posterior's draws, and their mean.
    spurious : bool
        Whether the maximum that EM leads to from the fit is degenerate or looks spurious.
    n_parameters, n_parameters_of_posterior : int
        Free parameters of the fit, which may be of a smaller covariance family, and of the model.
    is_baseline : bool
        Whether the fit is the best of those from many starts, and not one that was handed in.
    size : float
        Total weight of the rows times number of features.
    has_maximum : bool, default True
        Whether the likelihood of the model has one, as far as EM from many starts can tell.
    """

    log_likelihood: float
    reached: float
    baseline: float
    draw: float
    mean_draw: float
    spurious: bool
    n_parameters: int
    n_parameters_of_posterior: int
    is_baseline: bool
    size: float
    has_maximum: bool = True

    @property
    def highest(self) -> float:
        """The highest log-likelihood that is known; that of a draw is a bound for a maximum beside it."""
        return max(self.baseline, self.draw, self.log_likelihood, self.reached)

    @property
    def whose(self) -> str:
        """Where it is known from: "baseline", a "draw", or the fit's "own" maximum, which comes first where
        it is as high."""
        if not self._higher(max(self.baseline, self.draw), self.reached):
            return OWN
        return BASELINE if not self._higher(self.draw, self.baseline) else DRAW

    @property
    def same_family(self) -> bool:
        """Whether the fit has as many free parameters as the model; of fewer it cannot be told what is lost
        by the maximum."""
        return self.n_parameters == self.n_parameters_of_posterior

    @property
    def known(self) -> bool:
        """Whether a better maximum is known than the one that EM leads to from the fit."""
        return self.has_maximum and self.same_family and self.whose != OWN

    @property
    def gain(self) -> float:
        """By how much the log-likelihood of the fit lies below the highest that is known."""
        return self.highest - self.log_likelihood

    @property
    def converged(self) -> bool:
        """Whether the fit stands at a maximum, of whatever height."""
        return not self._higher(self.reached, self.log_likelihood)

    @property
    def finding(self) -> Reason:
        """What there is to say of it."""
        if self.same_family and not self.has_maximum:
            values = {"em": self.log_likelihood, "mean": self.mean_draw, "largest": self.draw}
            return Reason("log_likelihoods_beside", values)
        return self._of_baseline if self.is_baseline else self._of_given

    @property
    def _of_baseline(self) -> Reason:
        em = self.log_likelihood
        if self.known:
            return Reason("draw_exceeds_em", {"em": em, "largest": self.draw})
        return Reason("no_draw_exceeds_em", {"em": em, "mean": self.mean_draw})

    @property
    def _of_given(self) -> Reason:
        em, known = self.log_likelihood, max(self.baseline, self.draw)
        values = {"em": em, "gain": self.gain}
        if not self.same_family:
            more = self.n_parameters_of_posterior - self.n_parameters
            return Reason("em_of_smaller_family", {**values, "highest": self.highest, "n_more": more})
        if self.known:
            others = {"highest": self.highest, "whose": self.whose, "reached": self.reached}
            return Reason("better_maximum_known", values | others)
        if not self.converged:
            end = {"reached": self.reached, "spurious": self.spurious}
            return Reason("maximum_not_reached", values | end)
        if self._higher(em, known):
            return Reason("maximum_above_known", {"em": em, "known": known, "spurious": self.spurious})
        return Reason("highest_maximum_known", {"em": em})

    def _higher(self, a: float, b: float) -> bool:
        """Whether a log-likelihood is higher than another by more than two runs of EM to the same maximum
        differ, whatever the units of the data."""
        return a > b + ALIKE * self.size

    def to_json(self) -> dict[str, Any]:
        """For programs: as ``known``, ``gain``, ``whose`` and the log-likelihoods behind them, with null for
        one that is not there."""
        values = {name: getattr(self, name) for name in JSON}
        return {n: None if isinstance(v, float) and not np.isfinite(v) else v for n, v in values.items()}


def better_maximum(sides: Sides) -> BetterMaximum:
    """Hold an EM fit against the maxima of the baseline and the draws of the posterior."""
    fit, em, draws = sides.fit, sides.em, sides.fit.labels.log_likelihood
    k, d = fit.draws.n_components, fit.draws.n_features
    return BetterMaximum(
        log_likelihood=em.log_likelihood_,
        reached=max(em.log_likelihood_, float(em.modes_["log_likelihood"].iloc[0])),
        baseline=_highest_maximum(fit.em),
        draw=float(draws.max()),
        mean_draw=float(draws.mean()),
        spurious=bool(em.modes_["spurious"].iloc[0]) or em.regularised_,
        n_parameters=em.n_parameters(),
        n_parameters_of_posterior=fit.draws.family.n_parameters(k, d),
        is_baseline=sides.is_baseline,
        size=fit.rows.total_weight * d,
        has_maximum=sides.no_maximum is None,
    )


def _highest_maximum(em: EMGaussianMixture) -> float:
    """The maxima come with the most trustworthy first."""
    first = em.modes_.iloc[0]
    return -np.inf if first["spurious"] or em.regularised_ else float(first["log_likelihood"])
