"""A baseline where the likelihood has no maximum: EM whose covariances are kept from collapsing by a floor.

A component that sits on equal rows, or on a plane of rows, makes the likelihood as large as one likes.
Where every start of EM ends so, there is no maximum-likelihood estimate. A posterior may exist even so, and
needs no more of EM than a mixture to begin at: that of EM with a floor, and a mark that says what it is.
"""

import dataclasses
import json
import warnings
from dataclasses import dataclass

import numpy as np

from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.em.holding import NO_MAXIMUM, hold_params
from bayesgmm.errors import DegenerateFitError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import family_of, nearest_families, uncorrelated_family
from bayesgmm.rows.rows import Rows
from bayesgmm.support.clock import Clock

__all__ = ["NoMaximum", "is_without_maximum", "kept_from_collapse", "mark", "no_maximum_of"]

# Smallest variance against that of the data, in any direction where the family allows: standard deviations of
# a hundredth. Larger ones would blur tight clusters, and far smaller ones let single rows win.
FLOOR = 1e-4


@dataclass(frozen=True)
class NoMaximum:
    """Why EM has a floor, and which.

    Parameters
    ----------
    n_starts : int
        Of EM without the floor, all of which have collapsed.
    onto : str
        What the best of them collapsed onto, in words.
    n_held : int
        How many rows that are.
    by_correlations : bool
        Whether correlations alone may make a covariance of theirs singular.
    family : str
        The covariance family that the floor was set in: that of the fit, or a smaller one where covariances
        that are kept at a floor one by one would leave that.
    floor : float
        As ``reg_covar`` of :class:`EMGaussianMixture`.
    """

    n_starts: int
    onto: str
    n_held: int
    by_correlations: bool
    family: str
    floor: float

    def to_text(self) -> str:
        """As files hold it."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "NoMaximum":
        """What :meth:`to_text` was made of."""
        return cls(**json.loads(text))


def no_maximum_of(em: EMGaussianMixture) -> NoMaximum | None:
    """The mark of an estimate where the likelihood has no maximum; None of an ordinary one."""
    found = getattr(em, NO_MAXIMUM, None)
    return found if isinstance(found, NoMaximum) else None


def mark(em: EMGaussianMixture, found: NoMaximum) -> None:
    """Set the mark on a fitted estimator; it has no standard errors then, and is held against no other."""
    setattr(em, NO_MAXIMUM, found)
    em.regularised_ = True


def is_without_maximum(error: DegenerateFitError) -> bool:
    """Whether an error of EM's says that all starts have collapsed, and not that the data are at fault."""
    return "onto" in error.details


def kept_from_collapse(
    error: DegenerateFitError, em: EMGaussianMixture, rows: Rows, seed: np.random.SeedSequence, clock: Clock
) -> EMGaussianMixture:
    """The estimate of EM with a floor, marked where the floor decides of it.

    Where the search with a floor has led to a maximum that the floor has no part in, that is one of the
    likelihood which all other starts have missed.

    Parameters
    ----------
    error : DegenerateFitError
        Of the estimator without a floor.
    em : EMGaussianMixture
        That estimator.
    rows : Rows
    seed : numpy.random.SeedSequence
        Of the starts.
    clock : Clock
    """
    family = family_of(em.covariance_type)
    within = _with_floor(family)
    held = EMGaussianMixture(em.n_components, covariance_type=within.name, reg_covar=FLOOR, cores=em.cores)
    held.set_params(random_state=np.random.default_rng(seed), missing=em.missing)
    with warnings.catch_warnings():
        # Of a floor that the user has not set.
        warnings.simplefilter("ignore")
        held.fit_within(rows, clock)
    if within is family and not held.regularised_:
        return held
    out = held if within is family else _taken_on(held, family)
    of = error.details
    mark(out, NoMaximum(of["n_starts"], of["onto"], of["n_held"], of["by_correlations"], within.name, FLOOR))
    return out


def _with_floor(family: CovarianceFamily) -> CovarianceFamily:
    """The family itself where its covariances may be kept at a floor, or the largest within it of which that
    is so."""
    if not family.has_own_m_step:
        return family
    return uncorrelated_family(family) if family.has_correlations else nearest_families(family)[0]


def _taken_on(held: EMGaussianMixture, family: CovarianceFamily) -> EMGaussianMixture:
    """The same estimate, as one of a larger family."""
    em = EMGaussianMixture(held.n_components, covariance_type=family.name, cores=held.cores)
    for name, value in vars(held).items():
        if name.endswith("_"):
            setattr(em, name, value)
    hold_params(em, held.params_)
    return em.set_params(missing=held.missing)
