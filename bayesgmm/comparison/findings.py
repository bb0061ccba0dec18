"""What a comparison finds, as codes and numbers; the room `wording` has the sentences."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from bayesgmm.comparison.predictive import PredictiveCheck
from bayesgmm.comparison.tables import JointDistance
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.wording import Reason

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = [
    "about_assignments",
    "about_estimates",
    "about_likelihood",
    "about_maximum",
    "about_replications",
    "quantities",
]

# Between probabilities: what counts as a difference.
LARGE_DIFFERENCE = 0.1
# By rounding alone a draw may exceed EM's log-likelihood by this share of it.
ROUNDING = 1e-6


def about_estimates(posterior: xr.Dataset, parameters: pd.DataFrame, joint: JointDistance) -> Reason:
    """How many of EM's estimates lie inside their intervals, and where the largest difference is."""
    size = parameters["difference"].abs().to_numpy()
    worst = int(size.argmax())
    features = [str(f) for f in posterior["feature"].to_numpy()]
    quantity, component = quantities(posterior, features)[worst]
    return Reason(
        "estimates",
        {
            "n": len(parameters),
            "inside": int(parameters["inside"].sum()),
            "largest": float(size[worst]),
            "at": str(parameters.index[worst]),
            "quantity": quantity,
            "component": component,
            "joint_inside": joint.inside,
            # There is none with fewer than two draws for each parameter.
            "joint_share": None if math.isnan(joint.share) else joint.share,
        },
    )


def about_assignments(assignments: pd.DataFrame) -> Reason:
    """How many rows EM and the posterior assign alike, and of how many they are certain."""
    size = assignments["largest_difference"]
    return Reason(
        "assignments",
        {
            "n": len(assignments),
            "alike": int((assignments["em_label"] == assignments["bayes_label"]).sum()),
            "differing": int((size > LARGE_DIFFERENCE).sum()),
            "largest": float(size.max()),
            "above_by_em": int((assignments["em_probability"] > CERTAIN).sum()),
            "above_by_posterior": int((assignments["bayes_probability"] > CERTAIN).sum()),
            "threshold": CERTAIN,
        },
    )


def about_likelihood(log_likelihood: pd.Series) -> Reason:
    """Whether a draw has a higher log-likelihood than EM."""
    em, largest = float(log_likelihood["em"]), float(log_likelihood["largest"])
    if largest > em + ROUNDING * max(abs(em), 1.0):
        return Reason("draw_exceeds_em", {"em": em, "largest": largest})
    return Reason("no_draw_exceeds_em", {"em": em, "mean": float(log_likelihood["mean"])})


def about_maximum(bayes: "BayesGaussianMixture") -> list[Reason]:
    """Whether EM's maximum looks spurious."""
    return [Reason("spurious_maximum")] if bayes.em_.modes_["spurious"].iloc[0] else []


def about_replications(checks: tuple[PredictiveCheck, ...]) -> Reason:
    """Which predictive checks tell replicated data sets from the data."""
    odd = [check for check in checks if check.odd]
    if not odd:
        return Reason("replications_alike", {"n": len(checks)})
    return Reason(
        "replications_differ",
        {
            "n": len(checks),
            "names": tuple(check.name for check in odd),
            "p_values": tuple(check.p_value for check in odd),
            "n_replications": len(odd[0].replicated),
        },
    )


def quantities(posterior: xr.Dataset, features: Sequence[str]) -> list[tuple[str, str]]:
    """What each row of the parameter table is ("mean of waiting"), and of which component ("0", or "all"), in its order.

    Parameters
    ----------
    posterior : Dataset
        Its dimensions tell what the components have each and what all of them share.
    features : sequence of str
        Their names, as they are to be told.
    """
    out = []
    for variable, kind in (("weights", "weight"), ("means", "mean"), ("stds", "sd")):
        own = [f"{kind} of {f}" for f in features] if "feature" in posterior[variable].dims else [kind]
        out += [(quantity, c) for c in _components(posterior, variable) for quantity in own]
    if "corr_chol" in posterior:
        own = [f"correlation of {a} and {b}" for a, b in combinations(features, 2)]
        out += [(quantity, c) for c in _components(posterior, "corr_chol") for quantity in own]
    return out


def _components(posterior: xr.Dataset, variable: str) -> list[str]:
    shared = "cluster" not in posterior[variable].dims
    return ["all"] if shared else [str(c) for c in range(posterior.sizes["cluster"])]
