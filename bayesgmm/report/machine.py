"""`numbers`: what a report says, for programs."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesgmm.methods import METHODS, find
from bayesgmm.report.names import Shortener
from bayesgmm.report.summary import stand_in, summarise
from bayesgmm.rows.labels import text
from bayesgmm.rows.rows import Rows
from bayesgmm.support.json_values import as_json

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.comparison.partitioning import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["numbers"]

FORMAT_VERSION = 2
SETTINGS = ("draws", "tune", "chains", "target_accept", "covariance_type")
# What EM says of its own components holds whatever the posterior's labels are worth.
OF_EM = ("parameter", "component", "shape", "em", "em_se")


def numbers(
    bayes: "BayesGaussianMixture", result: "Comparison", part: "Partition | None" = None
) -> dict[str, Any]:
    """The sentences, tables and provenance of a report, as what JSON knows: null stands for what is no
    number.

    Tables are lists of rows, except ``assignments``, which has a list a column. Where ``verdict.ok`` is
    false, whatever describes single components of the posterior is null, and ``partition`` stands in for it.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    result : Comparison
        ``compare(bayes)``.
    part : Partition, optional
        ``partition(bayes)``, if it is at hand; it is needed, and made, only where component-wise summaries
        must not be used.

    Returns
    -------
    dict
        With the keys

        * ``format_version``: 2; it grows when a key goes or changes its meaning;
        * ``n_observations``, ``total_weight`` (the sum of the rows' weights), ``n_features``,
          ``n_components``, ``features``;
        * ``summary``: ``headline``, ``reasons``, ``warning``, ``grounds`` and ``points`` of the page in
          sentences, and under ``findings`` the same as ``code`` and ``values``, with ``misfit``, where the
          mixture does not describe the data, apart from the headline;
        * ``source``: the file that the rows are from, or null;
        * ``row_names``: what the rows are called, numbers or text, or null where they are numbered from 0;
        * ``verdict``: ``ok``, ``reasons`` in sentences and, in the same order, as ``findings`` (``code`` and
          ``values``), ``exploration``, and the numbers behind it: R-hat and effective sample sizes; what the
          method says of its draws, such as ``divergences`` of chains, ``pareto_k`` of weighted draws and
          ``beta``, the inverse temperature, of tempered ones, null elsewhere; the ``labelling`` diagnostics;
        * ``comparison``: the verdict of the comparison in sentences, and ``comparison_findings`` the same as
          ``code`` and ``values``;
        * ``log_evidence``: estimate and standard error, or null;
        * ``modes``: of the posterior, where they are known, or null;
        * ``em``: of the baseline ``converged``, ``status``, ``n_iter``, and ``maxima``, one row each; and
          ``no_maximum``, where the likelihood has none, as ``code`` and ``values``, or null;
        * ``compared_em``: the EM fit that is held against the posterior, the baseline or one that was handed
          in;
        * ``better_maximum``: whether a better maximum than its is ``known``, the ``gain`` in log-likelihood,
          ``whose`` it is ("baseline", "draw", or "own"), and the log-likelihoods behind that, as in
          ``BetterMaximum``;
        * ``ci_prob``: the mass of the intervals;
        * ``log_likelihood``, ``scores``, ``predictive``: of the data, of rows left out, of replicated data
          sets (``replicated``: the 2.5, 50 and 97.5 % quantiles);
        * ``parameters``, ``shapes``, ``joint``, ``assignments``: EM against the posterior, as in
          :func:`compare`, with ``prior_shift`` and ``decided_by`` of each parameter: whether the data or the
          prior made the difference;
        * ``partition``: ``labels`` of all rows, ``expected_loss`` and ``radius`` of the credible ball over
          ``rows``, or null where component-wise summaries are identifiable;
        * ``settings``, ``prior``, ``prior_given``, ``predictive_seed``, ``seed_entropy``, ``created_by``,
          ``versions``, ``python``, ``data_sha256``: how to make the fit again.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, compare, datasets
    >>> bayes = BayesGaussianMixture(1, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.galaxies().X)
    >>> found = numbers(bayes, compare(bayes))
    >>> found["n_observations"], found["log_likelihood"]["em"] == bayes.em_.log_likelihood_
    (82, True)
    """
    fit, ok, made = bayes.fit_, bayes.verdict_.ok, bayes.fit_.provenance
    features, k, part = fit.names, fit.draws.n_components, part or stand_in(bayes)
    summary = summarise(bayes, result, part)
    content = {
        "format_version": FORMAT_VERSION,
        "n_observations": len(result.assignments),
        "total_weight": bayes.rows_.total_weight,
        "n_features": len(features),
        "n_components": k,
        "features": features,
        "summary": summary.told(Shortener(())) | {"findings": summary.to_json()},
        "source": bayes.rows_.source or None,
        "row_names": _row_names(bayes.rows_),
        "verdict": _verdict(bayes),
        "comparison": result.verdict,
        "comparison_findings": [finding.to_json() for finding in result.findings],
        "log_evidence": None if bayes.log_evidence_ is None else list(bayes.log_evidence_),
        "modes": None if fit.modes is None else _records(fit.modes.table),
        "em": {
            "converged": bayes.em_.converged_,
            "status": str(bayes.em_.status_),
            "n_iter": bayes.em_.n_iter_,
            "no_maximum": None if fit.no_maximum is None else fit.no_maximum.to_json(),
            "maxima": _records(bayes.em_.modes_),
        },
        "compared_em": _compared_em(result),
        "better_maximum": result.better_maximum.to_json(),
        "ci_prob": result.ci_prob,
        "log_likelihood": result.log_likelihood.to_dict() | ({} if ok else {"at_posterior_mean": None}),
        "scores": {name: value for name, value in vars(result.scores).items() if name != "table"},
        "predictive": [
            {
                "name": c.name,
                "observed": c.observed,
                "replicated": np.quantile(c.replicated, (0.025, 0.5, 0.975)),
                "p_value": c.p_value,
                "mc_error": c.mc_error,
                "em_p_value": c.em_p_value,
            }
            for c in result.predictive
        ],
        "parameters": _records(result.parameters.reset_index(), ok),
        "shapes": _records(result.shapes.reset_index(), ok),
        "joint": {"distance": result.joint.distance, "share": result.joint.share} if ok else None,
        "assignments": result.assignments.to_dict("list") if ok else None,
        "partition": None if part is None else _partition(part),
        "settings": _settings(bayes),
        "prior": fit.prior.describe(features, k, fit.covariance_type),
        "prior_given": fit.prior_given,
        "predictive_seed": made.predictive_seed,
        "seed_entropy": made.seed_entropy,
        "created_by": made.created_by,
        "versions": made.versions,
        "python": made.python,
        "data_sha256": fit.rows.sha256,
    }
    return as_json(content)


def _compared_em(result: "Comparison") -> dict[str, Any]:
    em = result.em
    return {
        "is_baseline": result.sides.is_baseline,
        "covariance_type": em.covariance_type,
        "log_likelihood": em.log_likelihood_,
        "converged": em.converged_,
        "weights": em.weights_,
        "means": em.means_,
        "covariances": em.covariances_,
    }


def _row_names(rows: Rows) -> list[Any] | None:
    if rows.is_numbered:
        return None
    names = rows.index
    return names.tolist() if names.dtype.kind in "iuf" else [text(name) for name in names]


def _settings(bayes: "BayesGaussianMixture") -> dict[str, Any]:
    fit = bayes.fit_
    return {
        "method": fit.method,
        "method_reason": bayes.method_reason_,
        **{name: getattr(fit.settings, name) for name in SETTINGS},
        "prior": repr(fit.prior),
        "random_state": fit.provenance.random_state,
    }


def _verdict(bayes: "BayesGaussianMixture") -> dict[str, Any]:
    verdict, labelling = bayes.verdict_, bayes.verdict_.labelling
    return {
        "ok": verdict.ok,
        "label_free_ok": verdict.label_free_ok,
        "reasons": [str(reason) for reason in verdict.reasons],
        "findings": [reason.to_json() for reason in verdict.reasons],
        "exploration": verdict.exploration,
        "r_hat": verdict.components.r_hat,
        "effective_sample_size": verdict.components.ess,
        "label_free_r_hat": verdict.label_free.r_hat,
        "label_free_effective_sample_size": verdict.label_free.ess,
        "labelling": vars(labelling),
        "nearly_tied": labelling.nearly_tied,
        # What methods say of their draws; null for what is not said of these.
        **dict.fromkeys(number for name in METHODS for number in find(name).check_type.names()),
        **verdict.check.numbers(),
    }


def _partition(part: "Partition") -> dict[str, Any]:
    return {
        "loss": part.loss,
        "labels": part.labels.tolist(),
        "rows": part.rows.tolist(),
        "expected_loss": part.expected_loss,
        "radius": part.ball.radius,
        "em_inside": part.em_inside,
        "kmeans_inside": part.kmeans_inside,
    }


def _records(table: pd.DataFrame, ok: bool = True) -> list[dict[Any, Any]]:
    """The rows of a table; where labels are ambiguous, with null for what the posterior says of
    components."""
    rows = table.to_dict("records")
    return rows if ok else [{name: v if name in OF_EM else None for name, v in row.items()} for row in rows]
