"""What a comparison finds, as codes and numbers; the room `wording` has the sentences."""

import math

import numpy as np
import pandas as pd
from scipy.stats import binom

from bayesgmm.comparison.extent import Extent
from bayesgmm.comparison.predictive import PredictiveCheck
from bayesgmm.comparison.sides import Sides
from bayesgmm.comparison.tables import JointDistance
from bayesgmm.fit import Fit
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.posterior.decided import about_prior, quantities
from bayesgmm.wording import Reason

__all__ = [
    "about_assignments",
    "about_deciders",
    "about_estimates",
    "about_extent",
    "about_maximum",
    "about_misfit",
    "about_replications",
    "quantities",
]

# Between probabilities: what counts as a difference.
LARGE_DIFFERENCE = 0.1
# A check is odd by chance with at most the first probability; more odd ones than independent checks would
# have with the second speak against the mixture.
ODD_BY_CHANCE, MISFIT_BY_CHANCE = 0.05, 0.001


def about_estimates(fit: Fit, parameters: pd.DataFrame, joint: JointDistance) -> Reason:
    """How many of EM's estimates lie inside their intervals, and where the largest difference is."""
    size = parameters["difference"].abs().to_numpy()
    worst = int(size.argmax())
    quantity, component = quantities(fit.draws, fit.names)[worst]
    return Reason(
        "estimates",
        {
            "n": len(parameters),
            "inside": int(parameters["inside"].sum()),
            "by_prior": int(((parameters["decided_by"] == "prior") & ~parameters["inside"]).sum()),
            "pulled": bool((parameters["decided_by"] == "prior").any()),
            "largest": float(size[worst]),
            "at": str(parameters.index[worst]),
            "quantity": quantity,
            "component": component,
            "joint_inside": joint.inside,
            # There is none with fewer than two draws for each parameter.
            "joint_share": None if math.isnan(joint.share) else joint.share,
            "ci_prob": joint.ci_prob,
        },
    )


def about_deciders(sides: Sides, parameters: pd.DataFrame) -> list[Reason]:
    """Whether data or prior made the difference where EM and the posterior differ; see
    :mod:`bayesgmm.posterior.decided`. Of the data, and of both, where EM lies outside the interval."""
    fit = sides.fit
    conflict = about_prior(fit.draws, fit.names, sides.em_draw, fit.prior_pull)
    found = [] if conflict is None else [conflict]
    what, size = quantities(fit.draws, fit.names), parameters["difference"].abs().to_numpy()
    for code, who in (("data_decide", "data"), ("both_decide", "both")):
        which = np.flatnonzero((parameters["decided_by"] == who) & ~parameters["inside"])
        which = which[np.argsort(-size[which], kind="stable")]
        if len(which):
            values = {"quantities": [what[i][0] for i in which], "owners": [what[i][1] for i in which]}
            found.append(Reason(code, values | {"of_baseline": sides.is_baseline, "ci_prob": sides.ci_prob}))
    return found


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


def about_maximum(sides: Sides) -> list[Reason]:
    """Whether the maximum of the baseline looks spurious; of a fit that was handed in ``BetterMaximum``
    tells, and where there is no maximum ``no_maximum``."""
    spurious = sides.is_baseline and sides.no_maximum is None and sides.em.modes_["spurious"].iloc[0]
    return [Reason("spurious_maximum")] if spurious else []


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


def about_misfit(checks: tuple[PredictiveCheck, ...]) -> Reason | None:
    """Whether more predictive checks fail than chance allows, so that the mixture does not describe the data;
    None where they do not."""
    odd, n = sum(check.odd for check in checks), len(checks)
    allowed = int(binom.isf(MISFIT_BY_CHANCE, n, ODD_BY_CHANCE))
    if odd <= allowed:
        return None
    return Reason("data_not_described", {"n": n, "odd": odd, "allowed": allowed, "chance": MISFIT_BY_CHANCE})


def about_extent(extent: Extent) -> list[Reason]:
    """That rows or draws were looked at in part, where they were."""
    return [] if extent.is_whole else [extent.finding]
