"""Who decided, data or prior: how far the prior moves the posterior of each parameter, and whether that is
why it lies elsewhere than EM's estimate.

With the prior's density raised to a power a, the posterior mean of a parameter moves, at a = 1, by its
covariance with the log prior density: power scaling, as in Kallioinen, Paananen, Buerkner and Vehtari (2024),
Detecting and diagnosing prior and likelihood sensitivity with power-scaling. That covariance in posterior sds
is the *shift*: how far the prior has moved the mean, to first order. A prior that is wide where the posterior
lies has the same density at all draws, and its shift is zero.

The curvature of the log prior density along the parameter tells which *share* of the posterior's precision is
the prior's. In a normal model, where the likelihood alone has its mean at EM's estimate, EM's difference from
the posterior mean, the shift and the share are bound by |shift| = (1 - share) |difference|. So

* where EM and the posterior mean lie a posterior sd apart or more, the **prior** made the difference if its
  shift leads away from EM and is at least half of it, or if its share is at least half; **both** did if the
  shift is a quarter of it, and the **data** if less: the likelihood is skewed then, so that its maximum lies
  away from most of its mass;
* where they lie closer, the **data** decided, unless the prior has a shift of a posterior sd or a share of a
  half, and EM lies where it does in spite of that: **both**.

Two standard errors of Monte Carlo are taken off the shift and the share first. Where a parameter is held by
the prior, its shift does not tell what became of the others for that; of those that differ none is left to
the data alone then.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.wording import Reason

__all__ = ["Pull", "about_prior", "decided_by", "pull_of_prior", "quantities", "set_by_prior"]

Array = NDArray[np.float64]

# In posterior sds: from where on EM and the posterior differ, and the prior has moved the posterior.
FAR = 1.0
# Of the difference, or of the precision: what makes it the prior's, and the prior's as well.
MOST, SOME = 0.5, 0.25
STANDARD_ERRORS = 2.0


class Pull(NamedTuple):
    """What the prior does to each parameter's posterior; shape (P,) each.

    ``shift`` is how far it has moved the mean, in posterior sds, and ``share`` which part of the precision
    it gives; ``shift_error`` and ``share_error`` are their standard errors. NaN of what never changes.
    """

    shift: Array
    share: Array
    shift_error: Array
    share_error: Array

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether at least half of the precision is the prior's."""
        return self.share - STANDARD_ERRORS * self.share_error >= MOST

    @property
    def sure_shift(self) -> Array:
        """The shift that is left when its error is taken off."""
        left = np.maximum(np.abs(self.shift) - STANDARD_ERRORS * self.shift_error, 0.0)
        return np.asarray(np.sign(self.shift) * left)


def pull_of_prior(values: Array, log_prior: Array, effective_draws: float) -> Pull:
    """Regress the log prior density of the draws on each parameter and its square.

    Parameters
    ----------
    values : ndarray, shape (S, P)
    log_prior : ndarray, shape (S,)
        Of all variables together.
    effective_draws : float
        What the draws are worth in independent ones.
    """
    sd = values.std(axis=0)
    z = (values - values.mean(axis=0)) / np.where(sd > 0, sd, np.nan)
    away = log_prior - log_prior.mean()
    n, z2 = len(z), z**2
    shift, square = away @ z / n, away @ z2 / n
    skew = np.einsum("sp,sp->p", z2, z) / n
    # What is left of the square's variance when the parameter itself is known; none where there are two
    # values only.
    left = np.einsum("sp,sp->p", z2, z2) / n - 1 - skew**2
    left = np.where(left > 1e-6, left, np.inf)
    error = away.std() / np.sqrt(max(effective_draws, 1.0))
    no_nan = np.where(sd > 0, 0.0, np.nan)
    share_error = 2 * error / np.sqrt(left) + no_nan
    return Pull(shift, -2 * (square - skew * shift) / left + no_nan, error + no_nan, share_error)


def decided_by(difference: Array, pull: Pull) -> NDArray[np.str_]:
    """Who decided of each parameter: "data", "prior" or "both"; "" of what never changes, and where draws are
    too few to tell.

    Parameters
    ----------
    difference : ndarray, shape (P,)
        EM's estimate less the posterior mean, in posterior sds.
    pull : Pull
    """
    size, shift = np.abs(difference), pull.sure_shift
    differ = size >= FAR
    away_from_em = np.where(shift * difference < 0, np.abs(shift), 0.0)
    prior = differ & (pull.holds | (away_from_em >= MOST * size))
    some = (prior & pull.holds).any() | (away_from_em >= SOME * size)
    both = np.where(differ, some, pull.holds | (np.abs(shift) >= FAR))
    # As many errors as this are as much as what they are held against.
    unknown = ~(STANDARD_ERRORS * pull.shift_error < MOST * np.maximum(size, FAR))
    return np.select([unknown, prior, both], ["", "prior", "both"], "data")


def set_by_prior(difference: Array, pull: Pull) -> NDArray[np.bool_]:
    """Of which parameters it is to be told first that the prior sets them, in conflict with the data: the
    prior made the difference, and has moved the posterior by a posterior sd or holds it."""
    far = pull.holds | (np.abs(pull.sure_shift) >= FAR)
    return (decided_by(difference, pull) == "prior") & far


def about_prior(draws: MixtureDraws, names: Sequence[str], em: MixtureDraws, pull: Pull) -> Reason | None:
    """That the prior, not the data, sets some parameters, those first that it has moved the farthest; None
    where it sets none.

    Parameters
    ----------
    draws : MixtureDraws
    names : sequence of str
        Of the features.
    em : MixtureDraws
        EM's estimate as a single draw, in the shapes of the posterior's.
    pull : Pull
        Of these draws.
    """
    values, estimates = draws.parameter_values, em.parameter_values[0, 0]
    mean, sd = values.mean(axis=(0, 1)), values.reshape(-1, values.shape[-1]).std(axis=0, ddof=1)
    difference = np.divide(estimates - mean, sd, out=np.zeros_like(mean), where=sd > 0)
    found = np.flatnonzero(set_by_prior(difference, pull))
    if not found.size:
        return None
    found = found[np.argsort(-np.abs(difference[found]), kind="stable")]
    what = quantities(draws, names)
    return Reason(
        "prior_decides",
        {
            "quantities": [what[i][0] for i in found],
            "owners": [what[i][1] for i in found],
            "estimates": estimates[found],
            "posterior_means": mean[found],
            "posterior_sds": sd[found],
        },
    )


_KINDS = {"weights": "weight", "means": "mean", "stds": "sd", "correlations": "correlation"}


def quantities(draws: MixtureDraws, features: Sequence[str]) -> list[tuple[str, str]]:
    """What each parameter is ("mean of waiting"), and of which component ("0", or "all"), in their order.

    Parameters
    ----------
    draws : MixtureDraws
    features : sequence of str
        Their names, as they are to be told.
    """
    out = []
    for parameter in draws.parameters:
        of = " and ".join(features[j] for j in parameter.features)
        owner = "all" if parameter.component is None else str(parameter.component)
        out.append((f"{_KINDS[parameter.kind]}{' of ' * bool(of)}{of}", owner))
    return out
