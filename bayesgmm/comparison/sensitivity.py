"""How far the posterior would move with a slightly weaker or stronger prior or likelihood."""

import warnings
from typing import TYPE_CHECKING

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr

from bayesgmm.errors import DataError
from bayesgmm.posterior.verdict import named_quantities

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["sensitivity_table"]

# ArviZ's: how large a sensitivity is that says something, and what it says.
LARGE = 0.05
CONFLICT, STRONG_PRIOR = "potential prior-data conflict", "potential strong prior / weak likelihood"
DIGITS, DIGITS_KEPT = 3, 15


def sensitivity_table(bayes: "BayesGaussianMixture") -> pd.DataFrame:
    """Power-scaling sensitivity of label-free quantities and, where component-wise summaries are
    identifiable, of parameters.

    Kallioinen, Paananen, Buerkner and Vehtari (2024), Detecting and diagnosing prior and likelihood
    sensitivity with power-scaling; by ArviZ.

    Returns
    -------
    DataFrame
        One row a quantity: ``prior`` and ``likelihood``, the sensitivities, and ``diagnosis``, empty where
        there is nothing to say.
    """
    fit, total = bayes.fit_, bayes.log_likelihood_draws_
    quantities = {"label_free": fit.label_free.varying}
    if bayes.verdict_.ok:
        quantities["named"] = named_quantities(fit.draws, fit.names).varying
    sampled = ("chain", "draw")
    coords: dict[str, object] = {d: np.arange(n) for d, n in zip(sampled, total.shape, strict=True)}
    variables = {name: ((*sampled, f"{name}_quantity"), q.values) for name, q in quantities.items()}
    labels = {f"{name}_quantity": list(q.labels) for name, q in quantities.items()}
    scaled = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(variables, coords=coords | labels),
            "log_likelihood": xr.Dataset({"x": (sampled, total)}, coords=coords),
            "log_prior": xr.Dataset({"prior": (sampled, fit.log_prior_draws)}, coords=coords),
        }
    )
    table = _summary(scaled)
    table.index = [_name(str(i)) for i in table.index]
    return table.rename_axis("quantity")


def _summary(scaled: xr.DataTree) -> pd.DataFrame:
    """ArviZ's two sensitivities, with ArviZ's diagnosis.

    The diagnosis is made here, since ArviZ prints links beside its own.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Number of tail draws")
            table = azs.psense_summary(scaled, threshold=np.inf, round_to=DIGITS_KEPT)
    except (ValueError, IndexError, UserWarning) as error:
        # Of its smoothing, which needs a tail of five draws that are not all the same.
        raise DataError(
            f"The draws do not tell what another prior would change, since their log densities have no tail "
            f"({error}); increase draws.",
            reason=str(error),
        ) from None
    prior, likelihood = (table[name] >= LARGE for name in ("prior", "likelihood"))
    table["diagnosis"] = np.select([prior & likelihood, prior], [CONFLICT, STRONG_PRIOR], "")
    return table.round(DIGITS)


def _name(label: str) -> str:
    """Without the name of the variable that ArviZ puts before it."""
    for variable in ("label_free", "named"):
        if label.startswith(f"{variable}["):
            return label[len(variable) + 1 : -1]
    return label
