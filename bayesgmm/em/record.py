"""An EM fit as labelled data sets, and back: what is stored beside the posterior."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.mixture.params import MixtureParams

__all__ = ["em_dataset", "em_from_dataset"]

_MODE_DIMS = {
    "weights": ("cluster",),
    "means": ("cluster", "feature"),
    "covariances": ("cluster", "feature", "feature_bis"),
}


def em_dataset(em: EMGaussianMixture, feature_names: Sequence[str]) -> dict[str, xr.Dataset]:
    """A fitted estimator as labelled data sets: group ``em``, and its table of modes, ``em_modes``."""
    names = list(feature_names)
    estimate = xr.Dataset(
        {
            "weights": ("cluster", em.weights_),
            "means": (("cluster", "feature"), em.means_),
            "covariances": (("cluster", "feature", "feature_bis"), em.params_.covariances),
            "log_likelihood_trace": ("iteration", em.log_likelihood_trace_),
        },
        coords={"cluster": np.arange(len(em.weights_)), "feature": names, "feature_bis": names},
        attrs={
            "log_likelihood": em.log_likelihood_,
            "converged": int(em.converged_),
            "status": em.status_,
            "n_iter": em.n_iter_,
            "regularised": int(em.regularised_),
            "covariance_type": em.covariance_type,
        },
    )
    modes = xr.Dataset.from_dataframe(em.modes_.rename_axis("mode"))
    for name, dims in _MODE_DIMS.items():
        estimate[f"mode_{name}"] = (("mode", *dims), np.stack([getattr(p, name) for p in em.mode_params_]))
    return {"em": estimate, "em_modes": modes}


def em_from_dataset(groups: Mapping[str, xr.Dataset]) -> EMGaussianMixture:
    """The estimator that :func:`em_dataset` was made of."""
    estimate = groups["em"]
    em = EMGaussianMixture(estimate.sizes["cluster"], covariance_type=str(estimate.attrs["covariance_type"]))
    em._set_params(MixtureParams(*(estimate[v].to_numpy() for v in ("weights", "means", "covariances"))))
    em.log_likelihood_ = float(estimate.attrs["log_likelihood"])
    em.converged_ = bool(estimate.attrs["converged"])
    em.status_ = str(estimate.attrs["status"])
    em.n_iter_ = int(estimate.attrs["n_iter"])
    em.regularised_ = bool(estimate.attrs["regularised"])
    em.log_likelihood_trace_ = estimate["log_likelihood_trace"].to_numpy()
    em.modes_ = groups["em_modes"].to_dataframe().rename_axis(None)
    em.mode_params_ = [
        MixtureParams(*(estimate[f"mode_{name}"][m].to_numpy() for name in _MODE_DIMS))
        for m in range(len(em.modes_))
    ]
    return em
