"""A fitted estimator as labelled data, for files, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.em.holding import hold_params
from bayesgmm.em.unbounded import NoMaximum, mark, no_maximum_of
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.features import missing_of
from bayesgmm.rows.rows import Rows

__all__ = ["em_groups", "em_of_groups"]

_PARAMS = {
    "weights": ("cluster",),
    "means": ("cluster", "feature"),
    "covariances": ("cluster", "feature", "feature_bis"),
}
_STATE = {"log_likelihood": float, "converged": bool, "status": str, "n_iter": int, "regularised": bool}
# Of an ordinary estimate there is no such attribute.
_NO_MAXIMUM = "no_maximum"


def em_groups(em: EMGaussianMixture, coords: Mapping[str, Any]) -> dict[str, xr.Dataset]:
    """A fitted estimator: group ``em``, and its table of maxima, ``em_modes``.

    Parameters
    ----------
    em : EMGaussianMixture
    coords : mapping
        Of the dimensions cluster and feature.
    """
    arrays: dict[str, Any] = {name: (dims, getattr(em.params_, name)) for name, dims in _PARAMS.items()}
    for name, dims in _PARAMS.items():
        arrays[f"mode_{name}"] = (("mode", *dims), np.stack([getattr(p, name) for p in em.mode_params_]))
    arrays["log_likelihood_trace"] = ("iteration", em.log_likelihood_trace_)
    state = {name: getattr(em, f"{name}_") for name in _STATE}
    # Files know no truth values.
    state = {name: int(v) if isinstance(v, bool | np.bool_) else v for name, v in state.items()}
    marked = no_maximum_of(em)
    state |= {} if marked is None else {_NO_MAXIMUM: marked.to_text()}
    estimate = xr.Dataset(
        arrays,
        coords={**coords, "feature_bis": coords["feature"].to_numpy()},
        attrs=state | {"covariance_type": em.covariance_type},
    )
    return {"em": estimate, "em_modes": xr.Dataset.from_dataframe(em.modes_.rename_axis("mode"))}


def em_of_groups(
    estimate: xr.Dataset, modes: xr.Dataset, state: Mapping[Any, Any], rows: Rows
) -> EMGaussianMixture:
    """What :func:`em_groups` has labelled.

    Parameters
    ----------
    estimate, modes : Dataset
    state : mapping
        The attributes of the first.
    rows : Rows
        What it was fitted to.
    """
    text = state.get(_NO_MAXIMUM)
    marked = None if text is None else NoMaximum.from_text(str(text))
    family = str(state["covariance_type"])
    em = EMGaussianMixture(estimate.sizes["cluster"], covariance_type=family, missing=missing_of(rows))
    hold_params(em, MixtureParams(*(estimate[v].to_numpy() for v in _PARAMS)))
    for name, kind in _STATE.items():
        setattr(em, f"{name}_", kind(state[name]))
    em.log_likelihood_trace_ = estimate["log_likelihood_trace"].to_numpy()
    em.modes_ = modes.to_dataframe().rename_axis(None)
    em.mode_params_ = [
        MixtureParams(*(estimate[f"mode_{name}"][m].to_numpy() for name in _PARAMS))
        for m in range(len(em.modes_))
    ]
    em.n_features_in_ = estimate.sizes["feature"]
    if rows.named:
        em.feature_names_in_ = np.array(rows.names, dtype=object)
    if marked is not None:
        mark(em, marked)
        # As it was fitted, where its own family takes a floor.
        em.reg_covar = marked.floor if marked.family == family else 0.0
    return em
