"""`compare`: one object with the tables and the sentences."""

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from bayesgmm.comparison import findings, tables
from bayesgmm.comparison.clusterings import checked_labels, clustering_table
from bayesgmm.comparison.predictive import PredictiveCheck, pit_table, predictive_checks
from bayesgmm.comparison.scores import PredictiveScores, predictive_scores
from bayesgmm.comparison.sensitivity import sensitivity_table
from bayesgmm.comparison.shapes import shape_table
from bayesgmm.overview import panel, table_in_html
from bayesgmm.wording import Reason

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """EM against the posterior.

    Attributes
    ----------
    parameters : DataFrame
        One row a parameter: ``em`` and its standard error ``em_se`` by the observed information, ``mean``, ``sd``, ``lower``, ``upper``
        (central 95 % interval), ``difference`` (EM minus posterior mean, in posterior sds), ``inside`` (EM lies in the interval).
    joint : JointDistance
        Mahalanobis distance of EM's estimate, all parameters together, and the share of draws that lie nearer.
    assignments : DataFrame
        One row an observation: ``em_label``, ``bayes_label``, ``em_probability`` and ``bayes_probability`` of the
        component that EM gives it, ``sd``, ``lower`` and ``upper`` of the latter between draws, ``difference``, ``largest_difference`` over
        components, ``overconfident`` (EM gives 0.95 or more, the posterior less).
    shapes : DataFrame
        Of each component's covariance: ``volume`` (root of the determinant), ``axis ratio`` (longest to shortest), and the longest axis's
        ``orientation`` in degrees from the first feature or, with more than two features, its ``turn`` from EM's.
    scores : PredictiveScores
        How well rows that were left out are foreseen, by the posterior and by EM.
    log_likelihood : Series
        ``em``, and ``mean``, ``sd``, ``lower``, ``upper``, ``largest`` of the draws, and ``at_posterior_mean``.
    predictive : tuple of PredictiveCheck
        Posterior predictive checks.
    findings : tuple of Reason
        What the comparison has found, as codes and numbers.
    components_readable : bool
        Whether the verdict on the fit allows component-wise reading; where it does not, parameters, joint, assignments and shapes
        compare components whose labels mean nothing.
    bayes : BayesGaussianMixture
    labels : ndarray of int or None
        True labels, where they were given.
    """

    parameters: pd.DataFrame
    joint: tables.JointDistance
    assignments: pd.DataFrame
    shapes: pd.DataFrame
    scores: PredictiveScores
    log_likelihood: pd.Series
    predictive: tuple[PredictiveCheck, ...]
    findings: tuple[Reason, ...]
    components_readable: bool
    bayes: "BayesGaussianMixture" = field(repr=False)
    labels: NDArray[np.int32] | None = field(repr=False, default=None)

    @property
    def verdict(self) -> str:
        """The whole in plain sentences: the verdict on the fit, and what the comparison has found."""
        return " ".join(map(str, (self.bayes.verdict_, *self.findings)))

    @cached_property
    def clusterings(self) -> pd.DataFrame:
        """The posterior's partition, EM's labels and k-means: clusters, adjusted Rand index and variation of information (bits) with the
        first, and where true labels were given, with these; and the log loss of posterior memberships and EM's responsibilities. Made when
        first asked for."""
        return clustering_table(self.bayes, self.labels)

    @cached_property
    def pit(self) -> pd.DataFrame:
        """Of each row and feature, the posterior predictive probability of a smaller value: uniform between 0 and 1 where the model fits, the
        more in the middle the more the rows have shaped the posterior. Made when first asked for."""
        return pit_table(self.bayes)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """What a slightly weaker or stronger prior or likelihood would change; see :func:`sensitivity_table`. Made when first asked for."""
        return sensitivity_table(self.bayes)

    def __str__(self) -> str:
        table = (
            self.parameters.to_string(float_format=lambda v: f"{v:.4g}")
            if self.components_readable
            else "(The table of parameters is in .parameters; it is not shown, because it would mislead.)"
        )
        return "\n\n".join(
            [
                self.verdict,
                table,
                "Log-likelihood: " + ", ".join(f"{k} {v:.2f}" for k, v in self.log_likelihood.items()),
            ]
        )

    def _repr_html_(self) -> str:
        table = (
            table_in_html(self.parameters)
            if self.components_readable
            else "<p>The table of parameters is in <code>.parameters</code>; it is not shown, because it would mislead.</p>"
        )
        return panel(f"<p>{escape(self.verdict)}</p>", table)


def compare(bayes: "BayesGaussianMixture", labels: ArrayLike | None = None) -> Comparison:
    """Hold the EM fit against the posterior of the same model and data.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    labels : array_like, shape (N,), optional
        True labels of the rows, which clusterings are held against.

    Returns
    -------
    Comparison

    Raises
    ------
    ParameterError
        Where there are not as many labels as rows.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, compare, datasets
    >>> X = datasets.faithful().X
    >>> bayes = BayesGaussianMixture(2, draws=250, random_state=0, progressbar=False).fit(X)
    >>> result = compare(bayes)
    >>> bool(result.parameters.inside.all())
    True
    """
    check_is_fitted(bayes)
    true = checked_labels(labels, len(bayes.rows_))
    parameters = tables.parameter_table(bayes)
    joint = tables.joint_distance(bayes)
    assignments = tables.assignment_table(bayes)
    scores = predictive_scores(bayes)
    log_likelihood = tables.log_likelihood_summary(bayes)
    checks = predictive_checks(bayes)
    return Comparison(
        parameters,
        joint,
        assignments,
        shape_table(bayes),
        scores,
        log_likelihood,
        checks,
        _findings(bayes, parameters, joint, assignments, log_likelihood, scores, checks),
        bayes.verdict_.ok,
        bayes,
        true,
    )


def _findings(
    bayes: "BayesGaussianMixture",
    parameters: pd.DataFrame,
    joint: tables.JointDistance,
    assignments: pd.DataFrame,
    log_likelihood: pd.Series,
    scores: PredictiveScores,
    checks: tuple[PredictiveCheck, ...],
) -> tuple[Reason, ...]:
    found = [Reason("components_not_compared")]
    if bayes.verdict_.ok:
        found = [
            findings.about_estimates(bayes, parameters, joint),
            findings.about_assignments(assignments),
        ]
    found += [findings.about_likelihood(log_likelihood), scores.finding, *findings.about_maximum(bayes)]
    return (*found, findings.about_replications(checks))
