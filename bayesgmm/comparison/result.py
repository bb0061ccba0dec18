"""`compare`: one object with the tables and the sentences."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from bayesgmm.comparison import tables
from bayesgmm.comparison.predictive import PredictiveCheck, predictive_checks

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """EM against the posterior.

    Attributes
    ----------
    parameters : DataFrame
        One row a parameter: ``em``, ``mean``, ``sd``, ``lower``, ``upper`` (central 95 % interval), ``difference``
        (EM minus posterior mean, in posterior sds), ``inside`` (EM lies in the interval).
    assignments : DataFrame
        One row an observation: ``em_label``, ``bayes_label``, ``em_probability`` and ``bayes_probability`` of the
        component that EM gives it, ``sd`` of the latter between draws, ``difference``, ``largest_difference`` over components.
    log_likelihood : Series
        ``em``, and ``mean``, ``sd``, ``lower``, ``upper``, ``largest`` of the draws, and ``at_posterior_mean``.
    predictive : tuple of PredictiveCheck
        Posterior predictive checks.
    verdict : str
        The whole in plain sentences.
    components_readable : bool
        Whether the verdict on the fit allows component-wise reading.
    """

    parameters: pd.DataFrame
    assignments: pd.DataFrame
    log_likelihood: pd.Series
    predictive: tuple[PredictiveCheck, ...]
    verdict: str
    components_readable: bool

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


def compare(bayes: "BayesGaussianMixture") -> Comparison:
    """Hold the EM fit against the posterior of the same model and data.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, compare, datasets
    >>> X = datasets.faithful().X
    >>> bayes = BayesGaussianMixture(2, draws=250, random_state=0, progressbar=False).fit(X)
    >>> result = compare(bayes)
    >>> bool(result.parameters.inside.all())
    True
    """
    parameters = tables.parameter_table(bayes)
    assignments = tables.assignment_table(bayes)
    log_likelihood = tables.log_likelihood_summary(bayes)
    checks = predictive_checks(bayes)
    return Comparison(
        parameters,
        assignments,
        log_likelihood,
        checks,
        _verdict(bayes, parameters, assignments, log_likelihood, checks),
        bayes.verdict_.ok,
    )


def _verdict(
    bayes: "BayesGaussianMixture",
    parameters: pd.DataFrame,
    assignments: pd.DataFrame,
    log_likelihood: pd.Series,
    checks: tuple[PredictiveCheck, ...],
) -> str:
    sentences = [str(bayes.verdict_)]
    if bayes.verdict_.ok:
        sentences += [_parameter_sentence(parameters), _assignment_sentence(assignments)]
    sentences.append(_likelihood_sentence(log_likelihood))
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
        + "."
    )
    return " ".join(sentences)


def _parameter_sentence(parameters: pd.DataFrame) -> str:
    n, inside = len(parameters), int(parameters["inside"].sum())
    worst = parameters["difference"].abs().idxmax()
    where = (
        f"the largest difference is {abs(parameters.loc[worst, 'difference']):.1f} posterior sds, at {worst}"
    )
    if inside == n:
        return f"All {n} EM estimates lie inside their 95 % posterior intervals; {where}."
    return f"{n - inside} of {n} EM estimates lie outside their 95 % posterior intervals; {where}."


def _assignment_sentence(assignments: pd.DataFrame) -> str:
    moved = int((assignments["em_label"] != assignments["bayes_label"]).sum())
    unsure = assignments["largest_difference"] > 0.1
    return (
        f"EM and the posterior assign {len(assignments) - moved} of {len(assignments)} observations alike; for "
        f"{int(unsure.sum())} their probabilities differ by more than 0.1 "
        f"(by {assignments['largest_difference'].max():.2f} at the most)."
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
