"""Criteria for the number of components: what each says of a fit, and which number it prefers.

A criterion is a column of ``COLUMNS``, a value in ``_row``, and a name in ``SMALLEST`` or ``LARGEST``.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesgmm.comparison.scores import LARGEST_K, leave_one_out
from bayesgmm.estimator import BayesGaussianMixture
from bayesgmm.methods.smc import widening
from bayesgmm.selection.likelihood_ratio import LikelihoodRatioTest
from bayesgmm.selection.occupied import occupied_counts

__all__ = ["UNUSABLE", "best_numbers", "criteria_table", "open_criteria"]

Array = NDArray[np.float64]

SIGNIFICANT = 0.05
# Criteria need less of the draws than a reading of quantiles does.
LARGEST_R_HAT, LARGEST_EVIDENCE_ERROR = 1.05, 0.5
ACCEPTED, LABEL_FREE, FEW_DRAWS, REFUSED, FAILED = (
    "accepted",
    "label-free only",
    "few draws",
    "refused",
    "failed",
)
USABLE = (ACCEPTED, LABEL_FREE, FEW_DRAWS)
UNUSABLE = (("posteriors_refused", REFUSED), ("posteriors_failed", FAILED))
# Whose smallest value is best, and whose largest.
SMALLEST, LARGEST = ("bic", "aic", "icl"), ("elpd_loo", "log_evidence")
COLUMNS = (
    "log_likelihood",
    "n_parameters",
    "bic",
    "aic",
    "icl",
    "lr_statistic",
    "lr_p_value",
    "elpd_loo",
    "elpd_se",
    "elpd_difference",
    "elpd_difference_se",
    "n_bad_k",
    "log_evidence",
    "log_evidence_se",
    "occupied",
)


def criteria_table(
    ks: list[int], fits: Mapping[int, BayesGaussianMixture], tests: Mapping[int, LikelihoodRatioTest]
) -> pd.DataFrame:
    """Every criterion of every fit, one row a number of components; see
    :class:`bayesgmm.selection.Selection`."""
    left_out = {k: leave_one_out(fit.fit_) for k, fit in fits.items()}
    graded = {k: _grade(fits[k]) if k in fits else FAILED for k in ks}
    usable = [k for k in ks if graded[k] in USABLE]
    best = max((left_out[k][0] for k in usable), key=lambda e: e.sum(), default=None)
    rows = [_row(k, fits.get(k), tests.get(k), left_out.get(k), best if k in usable else None) for k in ks]
    table = pd.DataFrame(rows, index=pd.Index(ks, name="n_components"))
    log_evidence = table.loc[usable, "log_evidence"]
    probability = np.exp(log_evidence - logsumexp(log_evidence)) if usable else log_evidence
    table.insert(table.columns.get_loc("occupied"), "probability", probability.reindex(ks))
    table["verdict"] = [graded[k] for k in ks]
    return table


def _grade(fit: BayesGaussianMixture) -> str:
    found = fit.verdict_
    if found.label_free_ok:
        return ACCEPTED if found.ok else LABEL_FREE
    if fit.log_evidence_ is None or fit.fit_.draws.n_chains < 2:
        return REFUSED
    # What is asked is whether runs scatter, however few they are.
    scatter = fit.log_evidence_[1] / widening(fit.fit_.draws.n_chains)
    settled = found.label_free.r_hat < LARGEST_R_HAT and scatter < LARGEST_EVIDENCE_ERROR
    return FEW_DRAWS if settled else REFUSED


def _row(
    k: int,
    fit: BayesGaussianMixture | None,
    test: LikelihoodRatioTest | None,
    left_out: tuple[Array, Array] | None,
    best: Array | None,
) -> dict[str, float]:
    row = dict.fromkeys(COLUMNS, np.nan)
    if fit is None or left_out is None:
        return row
    em, X, elpd = fit.em_, fit.rows_, left_out[0]
    if fit.fit_.no_maximum is None:
        of_em = {"log_likelihood": em.log_likelihood_, "bic": em.bic(X), "aic": em.aic(X), "icl": em.icl(X)}
        row |= of_em
    row |= {
        "n_parameters": em.n_parameters(),
        "elpd_loo": elpd.sum(),
        "elpd_se": np.sqrt(len(elpd)) * elpd.std(ddof=1),
        "n_bad_k": int((~(left_out[1] <= LARGEST_K)).sum()),
        "occupied": occupied_counts(fit).mean(),
    }
    if test is not None:
        row |= {"lr_statistic": test.statistic, "lr_p_value": test.p_value}
    if best is not None:
        away = elpd - best
        row |= {"elpd_difference": away.sum(), "elpd_difference_se": np.sqrt(len(away)) * away.std(ddof=1)}
    if fit.log_evidence_ is not None:
        row["log_evidence"], row["log_evidence_se"] = fit.log_evidence_
    return row


def best_numbers(table: pd.DataFrame) -> dict[str, int]:
    """The number of components that each criterion prefers, of those that have a say.

    A criterion prefers none where a neighbour of its best number could not be fitted: that one may be better.
    """
    unsettled = open_criteria(table)
    best = {name: _best(table, name) for name in (*SMALLEST, *LARGEST) if _say(table, name).any()}
    best = {name: k for name, k in best.items() if name not in unsettled}
    p, ks = table["lr_p_value"], list(table.index)
    k = ks[0]
    while k + 1 in ks and p[k + 1] <= SIGNIFICANT:
        k += 1
    # Without a test of one more the way up has not come to an end.
    if p.notna().any() and (k == ks[-1] or (k + 1 in ks and np.isfinite(p[k + 1]))):
        best["likelihood_ratio"] = k
    return best


def open_criteria(table: pd.DataFrame) -> dict[str, tuple[int, ...]]:
    """Criteria that prefer no number, with the neighbours of their best one that have no say."""
    found = {}
    for name in (*SMALLEST, *LARGEST):
        say = _say(table, name).to_numpy()
        if say.any():
            at = int(table.index.get_loc(_best(table, name)))
            missing = [i for i in (at - 1, at + 1) if 0 <= i < len(say) and not say[i]]
            if missing:
                found[name] = tuple(int(table.index[i]) for i in missing)
    return found


def _say(table: pd.DataFrame, name: str) -> pd.Series:
    """Whether each number of components has a say in a criterion."""
    has_value = table[name].notna()
    return has_value & table["verdict"].isin(USABLE) if name in LARGEST else has_value


def _best(table: pd.DataFrame, name: str) -> int:
    values = table[name].where(_say(table, name))
    return int(values.idxmin() if name in SMALLEST else values.idxmax())
