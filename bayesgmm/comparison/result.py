"""`compare`: one object with the tables and the sentences."""

import weakref
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesgmm.comparison import findings, tables
from bayesgmm.comparison.better import BetterMaximum, better_maximum
from bayesgmm.comparison.clusterings import checked_labels, clustering_table
from bayesgmm.comparison.extent import Extent, rows_checked
from bayesgmm.comparison.predictive import PredictiveCheck, pit_table, predictive_checks
from bayesgmm.comparison.scores import PredictiveScores, predictive_scores
from bayesgmm.comparison.sensitivity import sensitivity_table
from bayesgmm.comparison.shapes import shape_table
from bayesgmm.comparison.sides import CI_PROB, Sides
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.overview import panel, table_in_html
from bayesgmm.results import check_fit
from bayesgmm.support.arguments import check_flag, check_kind
from bayesgmm.support.progress import Steps
from bayesgmm.wording import Reason

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Comparison", "at_hand", "check_comparison", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """EM against the posterior.

    Attributes
    ----------
    parameters : DataFrame
        One row a parameter: ``em`` and its standard error ``em_se`` by the observed information (it may be
        too small where components overlap: see ``em.standard_errors(X).sure``), ``mean``,
        ``sd``, ``lower``, ``upper`` (central interval of mass ``ci_prob``), ``difference`` (EM minus
        posterior mean, in posterior sds), ``inside`` (EM lies in the interval), ``prior_shift`` (how far the
        prior has moved the mean, in posterior sds, by power scaling), ``decided_by`` ("data", "prior" or
        "both": who made the difference between EM and the posterior, or holds both where they are; see
        :mod:`bayesgmm.posterior.decided`).
    joint : JointDistance
        Mahalanobis distance of EM's estimate, all parameters together, and the share of draws that lie
        nearer.
    assignments : DataFrame
        One row an observation: ``em_label``, ``bayes_label``, ``em_probability`` and ``bayes_probability`` of
        the component that EM gives it, ``sd``, ``lower`` and ``upper`` of the latter between draws,
        ``difference``, ``largest_difference`` over components, ``overconfident`` (EM gives 0.95 or more, the
        posterior less).
    shapes : DataFrame
        Of each component's covariance: ``volume`` (root of the determinant), ``axis ratio`` (longest to
        shortest), and the longest axis's ``orientation`` in degrees from the first feature or, with more than
        two features, its ``turn`` from EM's.
    scores : PredictiveScores
        How well rows that were left out are predicted, by the posterior and by EM.
    log_likelihood : Series
        ``em``, and ``mean``, ``sd``, ``lower``, ``upper``, ``largest`` of the draws, and
        ``at_posterior_mean``.
    predictive : tuple of PredictiveCheck
        Posterior predictive checks.
    better_maximum : BetterMaximum
        Whether a higher maximum of the likelihood is known than the one that the EM fit stands at, and by how
        much.
    extent : Extent
        How many rows and draws were looked at: all where rows are few.
    components_readable : bool
        Whether the verdict on the fit allows component-wise summaries; where it does not, parameters, joint,
        assignments and shapes compare components whose labels mean nothing.
    bayes : BayesGaussianMixture
    sides : Sides
        What the tables are made of.
    labels : ndarray of int or None
        True labels, where they were given.
    """

    parameters: pd.DataFrame
    joint: tables.JointDistance
    assignments: pd.DataFrame
    shapes: pd.DataFrame
    scores: PredictiveScores
    log_likelihood: pd.Series
    better_maximum: BetterMaximum
    predictive: tuple[PredictiveCheck, ...]
    extent: Extent
    components_readable: bool
    bayes: "BayesGaussianMixture" = field(repr=False)
    sides: Sides = field(repr=False)
    labels: NDArray[np.int32] | None = field(repr=False, default=None)

    @property
    def em(self) -> EMGaussianMixture:
        """The EM fit that was held against the posterior, its components in the posterior's order."""
        return self.sides.em

    @property
    def ci_prob(self) -> float:
        """Mass of the intervals."""
        return self.sides.ci_prob

    @property
    def findings(self) -> tuple[Reason, ...]:
        """What the comparison has found, as codes and numbers."""
        of_components = (*self.deciders, *self.about_estimates, findings.about_assignments(self.assignments))
        label_free_ok = self.sides.fit.verdict.label_free_ok
        not_compared = (Reason("components_not_compared", {"label_free_ok": label_free_ok}),)
        return (
            *self._misfit,
            *self._no_maximum,
            *(of_components if self.components_readable else not_compared),
            self.better_maximum.finding,
            self.scores.finding,
            *findings.about_maximum(self.sides),
            findings.about_replications(self.predictive),
            *findings.about_extent(self.extent),
        )

    @property
    def about_estimates(self) -> tuple[Reason, ...]:
        """How many of EM's estimates lie inside their intervals; nothing where the likelihood has no maximum,
        since they are no standard then."""
        if self.no_maximum is not None:
            return ()
        return (findings.about_estimates(self.sides.fit, self.parameters, self.joint),)

    @property
    def deciders(self) -> tuple[Reason, ...]:
        """Whether data or prior made the difference where EM and the posterior differ: that the prior sets
        some parameters comes first. Nothing where the likelihood has no maximum, or component-wise summaries
        are not identifiable."""
        if self.no_maximum is not None or not self.components_readable:
            return ()
        return tuple(findings.about_deciders(self.sides, self.parameters))

    @property
    def no_maximum(self) -> Reason | None:
        """That the likelihood has no maximum, where that is so, and what it means."""
        return self.sides.no_maximum

    @property
    def _no_maximum(self) -> tuple[Reason, ...]:
        return () if self.no_maximum is None else (self.no_maximum,)

    @property
    def misfit(self) -> Reason | None:
        """That the mixture does not describe the data, where more predictive checks fail than chance allows;
        it is the first of the findings then."""
        return findings.about_misfit(self.predictive)

    @property
    def _misfit(self) -> tuple[Reason, ...]:
        return () if self.misfit is None else (self.misfit,)

    @property
    def verdict(self) -> str:
        """The whole in plain sentences: that the mixture does not describe the data, where that is so, the
        verdict on the fit, and what the comparison has found."""
        misfit = self._misfit
        return " ".join(map(str, (*misfit, self.bayes.verdict_, *self.findings[len(misfit) :])))

    @cached_property
    def clusterings(self) -> pd.DataFrame:
        """The posterior's partition, EM's labels and k-means: clusters, adjusted Rand index and variation of
        information (bits) with the first, and where true labels were given, with these; and the log loss of
        posterior memberships and EM's responsibilities. Made when first asked for."""
        return clustering_table(self.bayes, self.sides, self.labels)

    @cached_property
    def pit(self) -> pd.DataFrame:
        """Of each row and feature, the posterior predictive probability of a smaller value: uniform between 0
        and 1 where the model fits, the more in the middle the more the rows have shaped the posterior. Made
        when first asked for."""
        return pit_table(self.sides.fit)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """What a slightly weaker or stronger prior or likelihood would change; see :func:`sensitivity_table`.
        Made when first asked for."""
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
            else "<p>The table of parameters is in <code>.parameters</code>; it is not shown, because it "
            "would mislead.</p>"
        )
        return panel(f"<p>{escape(self.verdict)}</p>", table)


def check_comparison(result: object, of: object = None, *, name: str = "result") -> None:
    """Refuse what is no comparison, or one of another fit than `of`, where that is given.

    Raises
    ------
    ParameterError
    """
    check_kind(result, name, Comparison, "a Comparison, which compare(bayes) makes")
    if of is not None and isinstance(result, Comparison) and result.bayes is not of:
        raise ParameterError(
            f"{name} must be compare(bayes) of the same fit; got that of another one.", name=name
        )


def compare(
    bayes: "BayesGaussianMixture",
    labels: ArrayLike | None = None,
    *,
    em: Any = None,
    ci_prob: float = CI_PROB,
    progressbar: bool = False,
) -> Comparison:
    """Hold an EM fit against the posterior of the same model and data.

    Of more than some thousand rows, what is asked of every row and draw is asked of a part of them:
    ``Comparison.extent`` tells of how many.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    labels : array_like, shape (N,), optional
        True labels of the rows, which clusterings are held against.
    em : EMGaussianMixture, sklearn.mixture.GaussianMixture or MixtureParams, optional
        A fit of the user's own, by whatever program, to be held against the posterior in place of the
        baseline ``bayes.em_``: a fitted estimator or the bare numbers, with as many components, in the units
        of the same columns. Its covariances may be of a smaller family than the posterior's, such as "diag"
        for "full", but not of a larger one. Its components are matched to the
        posterior's by the rows that they share. ``Comparison.better_maximum`` says whether EM has stopped at
        the best maximum known.
    ci_prob : float, default 0.95
        Mass of the central posterior intervals.
    progressbar : bool, default False
        Show progress on a terminal or in a notebook.

    Returns
    -------
    Comparison

    Raises
    ------
    ParameterError
        Where `bayes` is no fit by full Bayes, there are not as many labels as rows, `em` is not fitted or
        cannot be held against this posterior, or `ci_prob` does not lie between 0 and 1.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> from bayesgmm import BayesGaussianMixture, compare, datasets
    >>> X = datasets.faithful().X
    >>> bayes = BayesGaussianMixture(2, draws=250, random_state=0, progressbar=False).fit(X)
    >>> result = compare(bayes)
    >>> bool(result.parameters.inside.all())
    True
    >>> compare(bayes, em=GaussianMixture(2, random_state=0).fit(X)).better_maximum.known
    False
    """
    check_fit(bayes)
    check_flag(progressbar, "progressbar")
    true = checked_labels(labels, len(bayes.rows_))
    sides = Sides.of(bayes, em, ci_prob)
    with Steps(enabled=progressbar) as steps:
        with steps.step("estimates beside the posterior"):
            parameters, shapes = tables.parameter_table(sides), shape_table(sides)
        with steps.step("memberships of each row"):
            assignments = tables.assignment_table(sides)
        with steps.step("leave-one-out"):
            scores = predictive_scores(sides)
        with steps.step("replicated data sets"):
            checks = predictive_checks(sides)
    result = Comparison(
        parameters=parameters,
        joint=tables.joint_distance(sides),
        assignments=assignments,
        shapes=shapes,
        scores=scores,
        log_likelihood=tables.log_likelihood_summary(sides),
        better_maximum=better_maximum(sides),
        predictive=checks,
        extent=_extent(sides, scores),
        components_readable=bayes.verdict_.ok,
        bayes=bayes,
        sides=sides,
        labels=true,
    )
    if sides.is_baseline and ci_prob == CI_PROB and true is None:
        _LATEST[bayes] = weakref.ref(result)
    return result


def _extent(sides: Sides, scores: PredictiveScores) -> Extent:
    fit = sides.fit
    repeated = len(fit.rows.repeated)
    return Extent(
        n_rows=len(fit.rows.counting),
        n_draws=len(fit.draws.stacked.means),
        n_repeated=repeated,
        rows_left_out=scores.n_rows,
        rows_left_out_of_em=len(scores.table),
        rows_checked=rows_checked(repeated),
        draws_of_intervals=len(sides.some_draws.means),
    )


# Of each estimator its latest comparison with all defaults, for as long as someone holds it.
_LATEST: "weakref.WeakKeyDictionary[BayesGaussianMixture, weakref.ref[Comparison]]" = (
    weakref.WeakKeyDictionary()
)


def at_hand(bayes: "BayesGaussianMixture") -> Comparison | None:
    """What ``compare(bayes)`` has given for the same draws, where someone still holds it: a report need not
    compare again."""
    known = _LATEST.get(bayes)
    result = None if known is None else known()
    return result if result is not None and result.sides.fit.labels is bayes.fit_.labels else None
