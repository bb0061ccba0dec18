"""The tables of a comparison."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesgmm.errors import BayesGMMError
from bayesgmm.mixture import density
from bayesgmm.mixture.coordinates import unconstrained
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.posterior.memberships import membership_intervals

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = [
    "JointDistance",
    "assignment_table",
    "joint_distance",
    "log_likelihood_summary",
    "parameter_table",
]

INTERVAL = (0.025, 0.975)


def parameter_table(bayes: "BayesGaussianMixture") -> pd.DataFrame:
    """EM estimate, posterior mean, sd and central 95 % interval of each parameter; see ``Comparison.parameters``."""
    draws = bayes.fit_.draws
    flat = draws.parameter_values.reshape(-1, len(draws.parameters))
    em = em_draw(bayes).parameter_values[0, 0]
    mean, sd = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    lower, upper = np.quantile(flat, INTERVAL, axis=0)
    # A single weight is one in EM and in every draw.
    difference = np.divide(em - mean, sd, out=np.zeros_like(mean), where=sd > 0)
    return pd.DataFrame(
        {
            "em": em,
            "em_se": _standard_errors(bayes),
            "mean": mean,
            "sd": sd,
            "lower": lower,
            "upper": upper,
            "difference": difference,
            "inside": (em >= lower) & (em <= upper) | (sd == 0),
        },
        index=pd.Index([p.label(bayes.fit_.names) for p in draws.parameters], name="parameter"),
    )


def _standard_errors(bayes: "BayesGaussianMixture") -> np.ndarray:
    """EM's standard errors by the observed information, in the order of the parameters; NaN where it has none."""
    parameters = bayes.fit_.draws.parameters
    try:
        found = bayes.em_.standard_errors(bayes.rows_)
    except BayesGMMError:
        return np.full(len(parameters), np.nan)
    errors = []
    for p in parameters:
        of_kind = getattr(found, p.kind)
        # Where components or features share a value, all of them hold its error.
        at = (p.component or 0, *p.features)
        errors.append(of_kind[at + (0,) * (of_kind.ndim - len(at))])
    return np.array(errors)


def em_draw(bayes: "BayesGaussianMixture") -> MixtureDraws:
    """EM's estimate as a single draw, in the shapes of the posterior's."""
    return MixtureDraws.single(bayes.em_.params_, bayes.fit_.covariance_type)


@dataclass(frozen=True)
class JointDistance:
    """How far EM's estimate lies from the middle of the posterior, all parameters together.

    Attributes
    ----------
    distance : float
        Mahalanobis distance of the estimate under the posterior, in the unconstrained coordinates.
    share : float
        Of the draws, how many lie nearer; the 95 % region holds the estimate where it is below 0.95. Both are NaN where there are
        fewer than two draws for each parameter.
    """

    distance: float
    share: float

    @property
    def inside(self) -> bool:
        """Whether the estimate lies inside the 95 % region."""
        return self.share < 0.95


def joint_distance(bayes: "BayesGaussianMixture") -> JointDistance:
    """Of EM's estimate; meaningless where components cannot be told apart."""
    # Standardisation is linear in these coordinates, and distances do not change.
    q = unconstrained(bayes.fit_.draws.values)
    q = q.reshape(-1, q.shape[-1])
    if len(q) <= 2 * q.shape[1]:
        return JointDistance(float("nan"), float("nan"))
    at = unconstrained(em_draw(bayes).values)[0, 0]
    away = q - q.mean(axis=0)
    whiten = np.linalg.pinv(np.linalg.cholesky(np.cov(q.T) + 1e-12 * np.diag(q.var(axis=0))))
    own = np.linalg.norm(away @ whiten.T, axis=1)
    distance = float(np.linalg.norm(whiten @ (at - q.mean(axis=0))))
    return JointDistance(distance, float((own < distance).mean()))


def assignment_table(bayes: "BayesGaussianMixture") -> pd.DataFrame:
    """Each observation's probabilities under EM and under the posterior; see ``Comparison.assignments``."""
    rows = bayes.rows_.values
    em = density.responsibilities(rows, bayes.em_.params_)
    membership, sd = bayes.membership_, bayes.membership_sd_
    intervals = membership_intervals(
        bayes.rows_, *bayes.fit_.draws.stacked, n_threads=bayes.fit_.settings.cores
    )
    label = em.argmax(axis=1)
    at = np.arange(len(rows)), label
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
        index=bayes.rows_.index,
    )


def log_likelihood_summary(bayes: "BayesGaussianMixture") -> pd.Series:
    """Total log-likelihood, with the weights of the rows, at the EM estimate and along the draws."""
    draws, rows = bayes.log_likelihood_draws_, bayes.rows_
    at_mean = bayes.fit_.draws.mean_params
    lower, upper = np.quantile(draws, INTERVAL)
    return pd.Series(
        {
            "em": bayes.em_.log_likelihood_,
            "mean": draws.mean(),
            "sd": draws.std(ddof=1),
            "lower": lower,
            "upper": upper,
            "largest": draws.max(),
            "at_posterior_mean": rows.total(density.log_likelihood_per_obs(rows.values, at_mean)),
        },
        name="log_likelihood",
    )
