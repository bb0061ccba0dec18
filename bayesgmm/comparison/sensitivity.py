"""How far the posterior would move with a slightly weaker or stronger prior or likelihood."""

from typing import TYPE_CHECKING

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr

from bayesgmm.mixture.draws import parameter_draws
from bayesgmm.posterior.verdict import label_free_quantities

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["sensitivity_table"]


def sensitivity_table(bayes: "BayesGaussianMixture") -> pd.DataFrame:
    """Power-scaling sensitivity of label-free quantities and, where names may be read, of parameters.

    Kallioinen, Paananen, Buerkner and Vehtari (2024), Detecting and diagnosing prior and likelihood sensitivity with power-scaling; by ArviZ.

    Returns
    -------
    DataFrame
        One row a quantity: ``prior`` and ``likelihood``, the sensitivities, and ``diagnosis``, empty where there is nothing to say.
    """
    tree = bayes.posterior_
    posterior = tree["posterior"].dataset
    total = tree["sample_stats"]["total_log_likelihood"]
    quantities = label_free_quantities(posterior, total.to_numpy(), tree["em"]["means"].to_numpy())
    quantities = _varying(quantities)
    blocks = [quantities.to_dataset().rename(value="label_free", parameter="quantity")]
    if bayes.verdict_.ok:
        blocks.append(
            _varying(parameter_draws(posterior))
            .rename("named")
            .rename(parameter="named_parameter")
            .to_dataset()
        )
    log_prior = tree["log_prior"].dataset
    log_densities = [v.to_numpy().reshape(*total.shape, -1).sum(axis=2) for v in log_prior.data_vars.values()]
    whole = np.sum(log_densities, axis=0)
    coords = {d: posterior[d] for d in ("chain", "draw")}
    scaled = xr.DataTree.from_dict(
        {
            "posterior": xr.merge([b.assign_coords(coords) for b in blocks]),
            "log_likelihood": xr.Dataset({"x": (("chain", "draw"), total.to_numpy())}, coords=coords),
            "log_prior": xr.Dataset({"prior": (("chain", "draw"), whole)}, coords=coords),
        }
    )
    table = azs.psense_summary(scaled)
    table.index = [_name(str(i)) for i in table.index]
    table["diagnosis"] = table["diagnosis"].replace("✓", "")
    return table.rename_axis("quantity")


def _varying(quantities: xr.DataArray) -> xr.DataArray:
    """Without constants, such as the weight of a single component: they have no sensitivity."""
    return quantities[..., np.ptp(quantities.to_numpy(), axis=(0, 1)) > 0]


def _name(label: str) -> str:
    """Without the name of the variable that ArviZ puts before it."""
    for variable in ("label_free", "named"):
        if label.startswith(f"{variable}["):
            return label[len(variable) + 1 : -1]
    return label
