"""The fit by EM that a fit by Bayes starts from: a new one, or one that the user has prepared."""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.em.holding import hold_params
from bayesgmm.em.unbounded import is_without_maximum, kept_from_collapse, mark, no_maximum_of
from bayesgmm.errors import DegenerateFitError, ParameterError
from bayesgmm.mixture import density
from bayesgmm.mixture.families import family_of
from bayesgmm.mixture.matching import best_match
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.features import missing_of
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import check_integer
from bayesgmm.support.clock import Clock

__all__ = ["baseline", "check_prepared", "in_order_of"]

# How far the log-likelihood of the same data at the same estimate may differ, by rounding, relative to its
# size.
SAME_DATA = 1e-8


def check_prepared(em: Any, n_components: int, covariance_type: str) -> None:
    """Refuse an estimator for another model than that of the fit.

    Raises
    ------
    ParameterError
    """
    if em is None:
        return
    if not isinstance(em, EMGaussianMixture):
        raise ParameterError(
            f"em must be a bayesgmm.EMGaussianMixture or None; got {type(em).__name__}.",
            got=type(em).__name__,
        )
    numbers = check_integer(em.n_components, "n_components of em", 1), n_components
    families = family_of(em.covariance_type).name, covariance_type
    for name, (found, wanted) in (("n_components", numbers), ("covariance_type", families)):
        if found != wanted:
            raise ParameterError(
                f"em has {name}={found!r}, and the fit {name}={wanted!r}; give both the same.",
                name=name,
                em=found,
                fit=wanted,
            )


def baseline(
    prepared: EMGaussianMixture | None,
    rows: Rows,
    n_components: int,
    covariance_type: str,
    seed: np.random.SeedSequence,
    cores: int,
    clock: Clock | None = None,
) -> EMGaussianMixture:
    """A fitted estimator for the rows.

    Where no estimator is prepared and the likelihood has no maximum, it is kept from collapsing by a floor,
    and marked; see :mod:`bayesgmm.em.unbounded`.

    Parameters
    ----------
    prepared : EMGaussianMixture or None
        Of the user. One that is fitted is taken as it is; otherwise a copy is fitted with its settings, and
        with the seed and cores where it has none of its own.
    rows : Rows
    n_components, covariance_type
        Of the fit.
    seed : numpy.random.SeedSequence
    cores : int
    clock : Clock, optional
        After its time no further start is tried.

    Raises
    ------
    ParameterError
        Where the prepared estimator was fitted to other data.
    DegenerateFitError
        Where every start of the prepared one has collapsed, or columns are at fault.
    """
    if prepared is not None and hasattr(prepared, "params_"):
        _check_same_data(prepared, rows)
        # A later fit of the user's estimator must not change what was read off this one.
        return copy.copy(prepared)
    em = EMGaussianMixture(n_components, covariance_type=covariance_type)
    if prepared is not None:
        em = clone(prepared)
    em.set_params(missing=missing_of(rows))
    if em.random_state is None:
        em.set_params(random_state=np.random.default_rng(seed))
    if em.cores is None:
        em.set_params(cores=cores)
    clock = clock or Clock(None)
    try:
        return em.fit_within(rows, clock)
    except DegenerateFitError as error:
        if prepared is not None or not is_without_maximum(error):
            raise
        return kept_from_collapse(error, em, rows, seed, clock)


def in_order_of(em: EMGaussianMixture, membership: NDArray[np.float64], rows: Rows) -> EMGaussianMixture:
    """A copy whose components, also those of its other maxima, are in the order of memberships, shape (N, K),
    with which they share most of the rows' weight."""

    def reordered(params: MixtureParams) -> MixtureParams:
        weighted = density.responsibilities(rows.values, params)
        weighted = weighted * rows.weights[:, None] if len(rows.weights) else weighted
        return params.permuted(best_match(membership.T @ weighted))

    out = copy.copy(em)
    hold_params(out, reordered(em.params_))
    without = no_maximum_of(em)
    if without is not None:
        mark(out, without)
    out.mode_params_ = [reordered(params) for params in em.mode_params_]
    return out


def _check_same_data(em: EMGaussianMixture, rows: Rows) -> None:
    n_features = em.params_.n_features
    if n_features != rows.n_features:
        raise ParameterError(
            f"em was fitted to {n_features} column(s), and the data have {rows.n_features}; fit it to the "
            "same data, or hand it over before it is fitted.",
            em=n_features,
            fit=rows.n_features,
        )
    found = rows.total(density.log_likelihood_per_obs(rows.values, em.params_))
    if abs(found - em.log_likelihood_) > SAME_DATA * max(1.0, abs(found)):
        raise ParameterError(
            f"em was fitted to other data: its log-likelihood is {em.log_likelihood_:.6g}, and that of these "
            f"rows at its estimate {found:.6g}; fit it to the same data, or hand it over before it is "
            "fitted.",
            em=em.log_likelihood_,
            fit=found,
        )
