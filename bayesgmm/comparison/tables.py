"""The tables of a comparison."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from bayesgmm import density
from bayesgmm.params import MixtureParams
from bayesgmm.posterior.draws import mean_params, parameter_draws

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["assignment_table", "log_likelihood_summary", "parameter_table"]

INTERVAL = (0.025, 0.975)


def parameter_table(bayes: "BayesGaussianMixture") -> pd.DataFrame:
    """EM estimate, posterior mean, sd and central 95 % interval of each parameter; see ``Comparison.parameters``."""
    posterior = bayes.posterior_["posterior"].dataset
    draws = parameter_draws(posterior)
    flat = draws.to_numpy().reshape(-1, draws.sizes["parameter"])
    em = em_values(bayes.em_.params_, posterior)
    mean, sd = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    lower, upper = np.quantile(flat, INTERVAL, axis=0)
    # A single weight is one in EM and in every draw.
    difference = np.divide(em - mean, sd, out=np.zeros_like(mean), where=sd > 0)
    return pd.DataFrame(
        {
            "em": em,
            "mean": mean,
            "sd": sd,
            "lower": lower,
            "upper": upper,
            "difference": difference,
            "inside": (em >= lower) & (em <= upper) | (sd == 0),
        },
        index=pd.Index(draws["parameter"].to_numpy(), name="parameter"),
    )


def em_values(params: MixtureParams, posterior: xr.Dataset) -> np.ndarray:
    """The EM estimate in the order of :func:`bayesgmm.posterior.draws.parameter_draws`, shape (P,)."""
    single = {
        "weights": params.weights,
        "means": params.means,
        "stds": params.stds,
        "corr_chol": params.corr_chol,
    }
    dims = {name: posterior[name].dims[2:] for name in single if name in posterior}
    # Where components share a value, EM's components agree on it, too.
    shared = {name for name, d in dims.items() if "cluster" not in d}
    values = {name: (dims[name], single[name][0] if name in shared else single[name]) for name in dims}
    if "feature" not in dims["stds"]:
        values["stds"] = (dims["stds"], params.stds[:, 0])
    coords = {name: posterior[name] for name in ("cluster", "feature")}
    dataset = xr.Dataset(values, coords=coords).expand_dims(chain=[0], draw=[0])
    return parameter_draws(dataset).to_numpy()[0, 0]


def assignment_table(bayes: "BayesGaussianMixture") -> pd.DataFrame:
    """Each observation's probabilities under EM and under the posterior; see ``Comparison.assignments``."""
    rows = bayes.posterior_["observed_data"]["x"].to_numpy()
    em = density.responsibilities(rows, bayes.em_.params_)
    membership, sd = bayes.membership_, bayes.membership_sd_
    label = em.argmax(axis=1)
    at = np.arange(len(rows)), label
    return pd.DataFrame(
        {
            "em_label": label,
            "bayes_label": membership.argmax(axis=1),
            "em_probability": em[at],
            "bayes_probability": membership[at],
            "sd": sd[at],
            "difference": em[at] - membership[at],
            "largest_difference": np.abs(em - membership).max(axis=1),
        },
        index=pd.RangeIndex(len(rows), name="obs"),
    )


def log_likelihood_summary(bayes: "BayesGaussianMixture") -> pd.Series:
    """Total log-likelihood at the EM estimate and along the draws."""
    draws = bayes.log_likelihood_draws_
    rows = bayes.posterior_["observed_data"]["x"].to_numpy()
    at_mean = mean_params(bayes.posterior_["posterior"].dataset)
    lower, upper = np.quantile(draws, INTERVAL)
    return pd.Series(
        {
            "em": bayes.em_.log_likelihood_,
            "mean": draws.mean(),
            "sd": draws.std(ddof=1),
            "lower": lower,
            "upper": upper,
            "largest": draws.max(),
            "at_posterior_mean": density.log_likelihood_per_obs(rows, at_mean).sum(),
        },
        name="log_likelihood",
    )
