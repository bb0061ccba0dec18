"""What there is to say where the likelihood has no maximum, and whether the prior makes up for it."""

from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.propriety import power_at_zero
from bayesgmm.em import EMGaussianMixture
from bayesgmm.em.unbounded import NoMaximum, no_maximum_of
from bayesgmm.wording import Reason

__all__ = ["about_no_maximum"]

# Which prior leaves the posterior without a bound, too, if one does.
NONE, STDS, CORRELATIONS = "", "stds", "correlations"


def about_no_maximum(em: EMGaussianMixture, prior: ResolvedPrior, *, of_baseline: bool) -> Reason | None:
    """That the likelihood has no maximum; None where the baseline of a fit is an ordinary estimate.

    Parameters
    ----------
    em : EMGaussianMixture
        The baseline.
    prior : ResolvedPrior
    of_baseline : bool
        Whether the figures of EM that are told beside it are those of the baseline.
    """
    found = no_maximum_of(em)
    if found is None:
        return None
    return Reason(
        "no_maximum",
        {
            "k": em.params_.n_components,
            "n_starts": found.n_starts,
            "onto": found.onto,
            "floor": found.floor,
            "of_baseline": of_baseline,
            "unbounded_by": _unbounded_by(found, prior),
        },
    )


def _unbounded_by(found: NoMaximum, prior: ResolvedPrior) -> str:
    """Which prior fails to keep the posterior proper where EM has collapsed, see
    :mod:`bayesgmm.bayes.propriety`; empty where none does."""
    if prior.resolution.all():
        return NONE
    # Equal rows need the fewest; of lines and planes this errs on the side of caution.
    if found.by_correlations and found.n_held >= 2 * prior.lkj_eta + 1:
        return CORRELATIONS
    return NONE if power_at_zero(prior).min() > found.n_held - 1 else STDS
