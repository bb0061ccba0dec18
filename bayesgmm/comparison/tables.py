"""The tables of a comparison."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.comparison.sides import CI_PROB, Sides
from bayesgmm.errors import BayesGMMError
from bayesgmm.mixture import density
from bayesgmm.mixture.coordinates import unconstrained
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.mixture.families import family_of
from bayesgmm.posterior.decided import decided_by
from bayesgmm.posterior.memberships import membership_intervals

__all__ = [
    "JointDistance",
    "assignment_table",
    "joint_distance",
    "log_likelihood_summary",
    "parameter_table",
]

Array = NDArray[np.float64]


def parameter_table(sides: Sides) -> pd.DataFrame:
    """EM estimate, posterior mean, sd and central interval of each parameter, and who decided; see
    ``Comparison.parameters``."""
    draws = sides.fit.draws
    flat = draws.parameter_values.reshape(-1, len(draws.parameters))
    em = sides.em_draw.parameter_values[0, 0]
    mean, sd = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    lower, upper = np.quantile(flat, sides.ends, axis=0)
    # A single weight is one in EM and in every draw.
    difference = np.divide(em - mean, sd, out=np.zeros_like(mean), where=sd > 0)
    return pd.DataFrame(
        {
            "em": em,
            "em_se": _standard_errors(sides),
            "mean": mean,
            "sd": sd,
            "lower": lower,
            "upper": upper,
            "difference": difference,
            "inside": (em >= lower) & (em <= upper) | (sd == 0),
            "prior_shift": np.nan_to_num(sides.fit.prior_pull.shift),
            "decided_by": decided_by(difference, sides.fit.prior_pull),
        },
        index=pd.Index([p.label(sides.fit.names) for p in draws.parameters], name="parameter"),
    )


def _standard_errors(sides: Sides) -> Array:
    """EM's standard errors by the observed information, in the order of the parameters; NaN where it has
    none."""
    parameters = sides.fit.draws.parameters
    try:
        found = sides.em.standard_errors(sides.fit.rows)
    except BayesGMMError:
        return np.full(len(parameters), np.nan)
    correlated, errors = family_of(sides.em.covariance_type).has_correlations, []
    for p in parameters:
        of_kind = getattr(found, p.kind)
        # Where components or features share a value, all of them hold its error.
        at = (p.component or 0, *p.features)
        fixed = p.kind == "correlations" and not correlated
        errors.append(np.nan if fixed else of_kind[at + (0,) * (of_kind.ndim - len(at))])
    return np.array(errors)


@dataclass(frozen=True)
class JointDistance:
    """How far EM's estimate lies from the middle of the posterior, all parameters together.

    Attributes
    ----------
    distance : float
        Mahalanobis distance of the estimate under the posterior, in the unconstrained coordinates.
    share : float
        Of the draws, how many lie nearer. Both are NaN where there are fewer than two draws for each
        parameter.
    ci_prob : float, default 0.95
        Of the region that holds the estimate where the share is below it.
    """

    distance: float
    share: float
    ci_prob: float = CI_PROB

    @property
    def inside(self) -> bool:
        """Whether the estimate lies inside the region."""
        return self.share < self.ci_prob


def joint_distance(sides: Sides) -> JointDistance:
    """Of EM's estimate; meaningless where components cannot be told apart."""
    # Standardisation is linear in these coordinates, and distances do not change.
    q = unconstrained(sides.fit.draws.values, sides.fit.draws.family)
    q = q.reshape(-1, q.shape[-1])
    if len(q) <= 2 * q.shape[1]:
        return JointDistance(float("nan"), float("nan"), sides.ci_prob)
    at = unconstrained(sides.em_draw.values, sides.em_draw.family)[0, 0]
    away = q - q.mean(axis=0)
    whiten = np.linalg.pinv(np.linalg.cholesky(np.cov(q.T) + 1e-12 * np.diag(q.var(axis=0))))
    own = np.linalg.norm(away @ whiten.T, axis=1)
    distance = float(np.linalg.norm(whiten @ (at - q.mean(axis=0))))
    return JointDistance(distance, float((own < distance).mean()), sides.ci_prob)


def assignment_table(sides: Sides) -> pd.DataFrame:
    """Each observation's probabilities under EM and under the posterior; see ``Comparison.assignments``."""
    fit, em = sides.fit, sides.responsibilities
    membership, sd = fit.labels.membership, fit.labels.membership_sd
    intervals = membership_intervals(
        fit.rows, *sides.some_draws, ci_prob=sides.ci_prob, n_threads=fit.settings.cores
    )
    label = em.argmax(axis=1)
    at = np.arange(len(em)), label
    return pd.DataFrame(
        {
            "em_label": label,
            "bayes_label": membership.argmax(axis=1),
            "em_probability": em[at],
            "bayes_probability": membership[at],
            "sd": sd[at],
            "lower": intervals.lower[at],
            "upper": intervals.upper[at],
            "difference": em[at] - membership[at],
            "largest_difference": np.abs(em - membership).max(axis=1),
            "overconfident": (em[at] >= CERTAIN) & (membership[at] < CERTAIN),
        },
        index=fit.rows.index,
    )


def log_likelihood_summary(sides: Sides) -> pd.Series:
    """Total log-likelihood, with the weights of the rows, at the EM estimate and along the draws."""
    fit, rows = sides.fit, sides.fit.rows
    draws, at_mean = fit.labels.log_likelihood, fit.draws.mean_params
    lower, upper = np.quantile(draws, sides.ends)
    return pd.Series(
        {
            "em": sides.em.log_likelihood_,
            "mean": draws.mean(),
            "sd": draws.std(ddof=1),
            "lower": lower,
            "upper": upper,
            "largest": draws.max(),
            "at_posterior_mean": rows.total(density.log_likelihood_per_obs(rows.values, at_mean)),
        },
        name="log_likelihood",
    )
