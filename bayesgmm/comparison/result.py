"""`compare`: one object with the tables and the sentences."""

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from bayesgmm.comparison import tables
from bayesgmm.comparison.clusterings import checked_labels, clustering_table
from bayesgmm.comparison.predictive import PredictiveCheck, pit_table, predictive_checks
from bayesgmm.comparison.scores import PredictiveScores, predictive_scores
from bayesgmm.comparison.sensitivity import sensitivity_table
from bayesgmm.comparison.shapes import shape_table
from bayesgmm.overview import panel, table_in_html
from bayesgmm.posterior.memberships import SURE

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
    verdict : str
        The whole in plain sentences.
    components_readable : bool
        Whether the verdict on the fit allows component-wise reading; where it does not, parameters, joint, assignments and shapes
        compare names that mean nothing.
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
    verdict: str
    components_readable: bool
    bayes: "BayesGaussianMixture" = field(repr=False)
    labels: NDArray[np.int32] | None = field(repr=False, default=None)

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
    sentences = [str(bayes.verdict_)]
    if bayes.verdict_.ok:
        sentences += [_parameter_sentence(parameters, joint), _assignment_sentence(assignments)]
    else:
        sentences.append(
            "Parameters, memberships and shapes are not compared one by one, since names do not hold; what follows does not depend on them."
        )
    sentences += [_likelihood_sentence(log_likelihood), str(scores), *_other_sentences(bayes, checks)]
    return Comparison(
        parameters,
        joint,
        assignments,
        shape_table(bayes),
        scores,
        log_likelihood,
        checks,
        " ".join(sentences),
        bayes.verdict_.ok,
        bayes,
        true,
    )


def _other_sentences(bayes: "BayesGaussianMixture", checks: tuple[PredictiveCheck, ...]) -> list[str]:
    sentences = []
    if bayes.em_.modes_["spurious"].iloc[0]:
        sentences.append(
            "The EM maximum looks spurious: a component has hardly more rows than its covariance has parameters, and is much "
            "tighter than the data; use fewer components."
        )
    odd = [c for c in checks if min(c.p_value, 1 - c.p_value) < 0.025]
    sentences.append(
        f"None of {len(checks)} checks tells replicated data sets from the data."
        if not odd
        else f"Replicated data sets differ from the data in {len(odd)} of {len(checks)} checks: "
        + ", ".join(f"{c.name} (p = {c.p_value:.3f})" for c in odd)
        + f"; about {0.05 * len(checks):.0f} would by chance."
    )
    return sentences


def _parameter_sentence(parameters: pd.DataFrame, joint: tables.JointDistance) -> str:
    n, inside = len(parameters), int(parameters["inside"].sum())
    worst = parameters["difference"].abs().idxmax()
    where = (
        f"the largest difference is {abs(parameters.loc[worst, 'difference']):.1f} posterior sds, at {worst}"
    )
    together = (
        f"Taken together the estimate lies {'inside' if joint.inside else 'outside'} the 95 % region "
        f"({100 * joint.share:.0f} % of the draws are nearer to its middle)."
    )
    if inside == n:
        return f"All {n} EM estimates lie inside their 95 % posterior intervals; {where}. {together}"
    return f"{n - inside} of {n} EM estimates lie outside their 95 % posterior intervals; {where}. {together}"


def _assignment_sentence(assignments: pd.DataFrame) -> str:
    moved = int((assignments["em_label"] != assignments["bayes_label"]).sum())
    unsure = assignments["largest_difference"] > 0.1
    return (
        f"EM and the posterior assign {len(assignments) - moved} of {len(assignments)} observations alike; for "
        f"{int(unsure.sum())} their probabilities differ by more than 0.1 "
        f"(by {assignments['largest_difference'].max():.2f} at the most). EM is surer than 95 % of "
        f"{int((assignments['em_probability'] >= SURE).sum())} observations, the posterior of "
        f"{int((assignments['bayes_probability'] >= SURE).sum())}."
    )


def _likelihood_sentence(log_likelihood: pd.Series) -> str:
    em, largest = log_likelihood["em"], log_likelihood["largest"]
    if largest > em + 1e-6 * max(abs(em), 1.0):
        return (
            f"A posterior draw has a higher log-likelihood ({largest:.2f}) than the EM fit ({em:.2f}): EM has missed the "
            "global maximum, or stayed away from a degenerate one."
        )
    return (
        f"No draw exceeds EM's log-likelihood of {em:.2f} (draws: {log_likelihood['mean']:.2f} on average)."
    )
