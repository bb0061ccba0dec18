"""`Selection`: every criterion for the number of components in one table, and how far they disagree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from bayesgmm.overview import panel, table_in_html
from bayesgmm.selection.criteria import UNUSABLE, open_criteria
from bayesgmm.selection.occupied import Occupied
from bayesgmm.wording import Reason

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Selection"]


@dataclass(frozen=True, eq=False)
class Selection:
    """Mixtures with several numbers of components, held against each other.

    Attributes
    ----------
    table : DataFrame
        One row a number of components. Of EM: ``log_likelihood``, ``n_parameters``, ``bic``, ``aic``, ``icl``
        (smaller is better), and ``lr_statistic`` and ``lr_p_value`` of the bootstrap likelihood-ratio test
        against one component less. Of the posterior: ``elpd_loo`` and ``elpd_se``; ``elpd_difference`` to the
        best and its standard error ``elpd_difference_se``; ``n_bad_k``, rows whose Pareto k is above 0.7;
        ``log_evidence`` and ``log_evidence_se``; ``probability`` of this number, those that have a say being
        equally likely before the data; ``occupied``, the posterior mean number of components that have rows.
        ``verdict``: "accepted", "label-free only", "few draws" (enough for these criteria, not for its
        quantiles), "refused" or "failed"; the last two have no say in what the posterior prefers.
    best : dict of int
        The number that each criterion prefers, of those that have a say. A criterion is left out where a
        neighbour of its best number has none: that one may be better. Criteria of the likelihood have no say
        where it has no maximum.
    occupied : Occupied or None
        Of the overfitted fit, where it was asked for.
    fits : dict of BayesGaussianMixture
        By number of components, of those that could be fitted.
    failures : dict of str
        By number of components, why the others could not.
    """

    table: pd.DataFrame
    best: Mapping[str, int]
    occupied: Occupied | None
    fits: Mapping[int, "BayesGaussianMixture"]
    failures: Mapping[int, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Which number each criterion prefers, and how far they disagree, in sentences."""
        return " ".join(map(str, self.findings))

    @property
    def findings(self) -> list[Reason]:
        """The same as codes and numbers."""
        chosen: dict[int, list[str]] = {}
        for name, k in self.best.items():
            chosen.setdefault(k, []).append(name)
        ks = sorted(chosen)
        preferred = Reason("criteria_prefer", {"ks": ks, "criteria": [chosen[k] for k in ks]})
        found = [
            *([preferred] if ks else []),
            *self._about_open(),
            *self._about_maxima(),
            *self._about_rows_left_out(),
            *self._about_evidence(),
            *self._about_failures(),
        ]
        return found if self.occupied is None else [*found, *self.occupied.findings]

    def _about_open(self) -> list[Reason]:
        """Which criteria prefer nothing, for want of which numbers."""
        by_missing: dict[tuple[int, ...], list[str]] = {}
        for name, missing in open_criteria(self.table).items():
            by_missing.setdefault(missing, []).append(name)
        return [Reason("preference_open", {"which": names, "ks": ks}) for ks, names in by_missing.items()]

    def _about_maxima(self) -> list[Reason]:
        """With which numbers the likelihood has no maximum."""
        ks = [k for k, fit in self.fits.items() if fit.fit_.no_maximum is not None]
        return [Reason("likelihood_without_maximum", {"ks": ks})] if ks else []

    def _about_rows_left_out(self) -> list[Reason]:
        if "elpd_loo" not in self.best:
            return []
        t, best, out = self.table, self.best["elpd_loo"], []
        near = t.index[(t["elpd_difference"].abs() <= 2 * t["elpd_difference_se"]) & (t.index < best)]
        if len(near):
            out.append(Reason("within_two_errors", {"k": int(near[0]), "best": best}))
        n_bad = int(t.loc[best, "n_bad_k"])
        return [*out, Reason("leave_one_out_unreliable", {"n_rows": n_bad, "k": best})] if n_bad else out

    def _about_evidence(self) -> list[Reason]:
        if "log_evidence" not in self.best:
            none_accepted = "log_evidence" not in open_criteria(self.table)
            return [Reason("no_posterior_accepted")] if none_accepted else []
        k, t = self.best["log_evidence"], self.table
        likely = Reason("probability_of_number", {"k": k, "probability": float(t.loc[k, "probability"])})
        if k == t.index[-1] and len(t) > 1:
            return [likely, Reason("largest_number_tried", {"k": k})]
        return [likely]

    def _about_failures(self) -> list[Reason]:
        graded = ((code, self.table.index[self.table["verdict"] == grade]) for code, grade in UNUSABLE)
        return [Reason(code, {"ks": ks}) for code, ks in graded if len(ks)]

    def __str__(self) -> str:
        return f"{self.verdict}\n\n{self._shown.to_string(float_format=lambda v: f'{v:.4g}')}"

    def _repr_html_(self) -> str:
        return panel(f"<p>{escape(self.verdict)}</p>", table_in_html(self._shown))

    @property
    def _shown(self) -> pd.DataFrame:
        return self.table.drop(columns=["n_parameters", "elpd_se"])
