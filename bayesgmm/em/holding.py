"""What a fitted estimator holds of its estimate and of the maxima found, under scikit-learn's names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesgmm.em.maxima import Mode
from bayesgmm.em.problem import params_of
from bayesgmm.em.units import Units
from bayesgmm.mixture.families import family_of
from bayesgmm.mixture.params import MixtureParams

if TYPE_CHECKING:
    from bayesgmm.em.estimator import EMGaussianMixture

__all__ = ["NO_MAXIMUM", "hold_modes", "hold_params", "sorted_params"]

# The attribute of an estimator which says that the likelihood has no maximum; see `unbounded`.
NO_MAXIMUM = "no_maximum_"


def hold_params(em: "EMGaussianMixture", params: MixtureParams) -> None:
    """Set an estimator's estimate, in the units of the data."""
    em.params_, em._fitted_type = params, em.covariance_type
    # What an earlier fit was marked with.
    em.__dict__.pop(NO_MAXIMUM, None)
    # Plain arrays, as in scikit-learn; those of MixtureParams cannot be written to.
    em.weights_ = np.array(params.weights)
    em.means_ = np.array(params.means)
    em.covariances_ = family_of(em.covariance_type).compressed(params.covariances)


def hold_modes(
    em: "EMGaussianMixture",
    modes: Sequence[Mode],
    offset: float,
    units: Units,
    by: int | None = None,
) -> None:
    """Set an estimator's table of maxima, and the mixture at each.

    Parameters
    ----------
    em : EMGaussianMixture
    modes : sequence of Mode
        In standardised coordinates.
    offset : float
        What to add to their log-likelihoods for those of the data in its own units.
    units : Units
    by : int, optional
        See :func:`sorted_params`.
    """
    em.modes_ = pd.DataFrame(
        {
            "log_likelihood": [m.run.log_likelihood + offset for m in modes],
            "n_starts": [m.n_starts for m in modes],
            "smallest_weight": [float(np.exp(m.run.state.log_weights.min())) for m in modes],
            "smallest_eigenvalue": [m.smallest_eigenvalue for m in modes],
            "spurious": [m.spurious for m in modes],
            "tol": [m.tol for m in modes],
            "status": [m.run.status.value.split(":")[0] for m in modes],
        }
    )
    em.mode_params_ = [sorted_params(mode, units, by) for mode in modes]


def sorted_params(mode: Mode, units: Units, by: int | None = None) -> MixtureParams:
    """A maximum in the user's units, components in the order of decreasing weight or, where `by` is a
    feature's number, of increasing means of it."""
    params = units.of_data(params_of(mode.run.state))
    order = np.argsort(-params.weights if by is None else params.means[:, by], kind="stable")
    return params.permuted(order)
