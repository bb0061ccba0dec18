"""The two sides of a comparison: a posterior, and the EM fit that is held against it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.comparison.extent import draws_for
from bayesgmm.em import EMGaussianMixture
from bayesgmm.em.handed_in import fitted_at, handed_in
from bayesgmm.fit import Fit
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import MixtureDraws, Stacked, evenly
from bayesgmm.mixture.matching import best_match
from bayesgmm.posterior.unbounded import about_no_maximum
from bayesgmm.support.arguments import check_share, interval_ends
from bayesgmm.wording import Reason

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["CI_PROB", "Sides"]

Array = NDArray[np.float64]

CI_PROB = 0.95


@dataclass(frozen=True, eq=False)
class Sides:
    """What all tables of a comparison are made of.

    Parameters
    ----------
    fit : Fit
    em : EMGaussianMixture
        With components in the order of the posterior's.
    ci_prob : float, default 0.95
        Of central intervals.
    """

    fit: Fit
    em: EMGaussianMixture
    ci_prob: float = CI_PROB

    @classmethod
    def of(cls, bayes: "BayesGaussianMixture", em: Any = None, ci_prob: float = CI_PROB) -> "Sides":
        """With the baseline, or with an EM fit of the user's own in its place.

        Parameters
        ----------
        bayes : BayesGaussianMixture
            A fitted one.
        em : EMGaussianMixture, sklearn.mixture.GaussianMixture or MixtureParams, optional
            See :func:`bayesgmm.em.handed_in.handed_in`.
        ci_prob : float, default 0.95

        Raises
        ------
        ParameterError
            Where `em` cannot be held against this posterior, or `ci_prob` is no share.
        """
        fit, share = bayes.fit_, check_share(ci_prob, "ci_prob")
        if em is None or em is fit.em:
            return cls(fit, fit.em, share)
        params, family = handed_in(em, fit.rows, fit.draws.n_components, fit.covariance_type)
        shared = density.responsibilities(fit.X, params).T @ fit.labels.membership
        params = params.permuted(best_match(shared.T))
        return cls(fit, fitted_at(params, fit.rows, family, fit.settings.cores), share)

    @property
    def is_baseline(self) -> bool:
        """Whether the EM fit is the one that the posterior was started from."""
        return self.em is self.fit.em

    @property
    def no_maximum(self) -> Reason | None:
        """That the likelihood of the posterior's model has no maximum for these data, where that is so: EM's
        figures are no standard for the posterior's then, nor the other way round."""
        return about_no_maximum(self.fit.em, self.fit.resolved_prior, of_baseline=self.is_baseline)

    @property
    def ends(self) -> tuple[float, float]:
        """Between which quantiles a central interval lies."""
        return interval_ends(self.ci_prob)

    @cached_property
    def responsibilities(self) -> Array:
        """EM's, shape (N, K)."""
        return density.responsibilities(self.fit.X, self.em.params_)

    @property
    def some_draws(self) -> Stacked:
        """The draws that intervals of every row's memberships are of: all, or evenly spaced ones where rows
        are many."""
        draws = self.fit.draws.stacked
        some = evenly(len(draws.means), draws_for(len(draws.means), self.responsibilities.size))
        return Stacked(*(a[some] for a in draws))

    @property
    def em_draw(self) -> MixtureDraws:
        """EM's estimate as a single draw, in the shapes of the posterior's."""
        return MixtureDraws.single(self.em.params_, self.fit.covariance_type)
