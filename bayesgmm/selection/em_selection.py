"""`EMSelection`: families and numbers of components by the criteria of EM, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

import pandas as pd

from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.overview import panel, table_in_html
from bayesgmm.support.arguments import check_choice
from bayesgmm.wording import Reason
from bayesgmm.wording.selection import CRITERIA

__all__ = ["ACCEPTED", "EM_CRITERIA", "FAILED", "SPURIOUS", "Choice", "EMSelection", "preferred"]

# Smaller is better of all.
EM_CRITERIA = ("bic", "icl", "aic")
ACCEPTED, SPURIOUS, FAILED = "accepted", "spurious", "failed"
# A difference of BIC that is not worth more than a bare mention (Kass and Raftery 1995, section 3.2).
HARDLY = 2.0
# Rows of the table that are printed.
MOST_SHOWN = 5


class Choice(NamedTuple):
    """A covariance family with a number of components."""

    covariance_type: str
    n_components: int


@dataclass(frozen=True, eq=False)
class EMSelection:
    """Mixtures of several families and numbers of components, fitted by EM and held against each other.

    Attributes
    ----------
    table : DataFrame
        One row a ``covariance_type`` and number of components, ``n_components``: ``log_likelihood``,
        ``n_parameters``, ``bic``, ``icl``, ``aic`` (smaller is better) and ``verdict``: "accepted";
        "spurious" where every maximum found has a component with hardly more rows than its covariance needs,
        and much tighter than the data; "failed" where a component collapses in all, or the rows do not
        suffice. The last two have no say, and the numbers of "failed" are missing.
    best : dict of Choice
        The family and number that "bic", "icl" and "aic" prefer, ``(covariance_type, n_components)``.
    best_model_ : EMGaussianMixture or None
        The fit that BIC prefers; None where no fit is accepted.
    failures : dict of str
        By family and number, why there is none.
    coinciding : tuple of (str, str)
        Families left out, since with one column they are the same as another, which is told.
    set_aside : dict of float
        By family and number, where a maximum with a higher log-likelihood was found but looks spurious, how
        much higher it is; told where a criterion would prefer it.
    """

    table: pd.DataFrame
    best: Mapping[str, Choice]
    best_model_: EMGaussianMixture | None
    failures: Mapping[Choice, str] = field(default_factory=dict)
    coinciding: tuple[tuple[str, str], ...] = ()
    set_aside: Mapping[Choice, float] = field(default_factory=dict)

    def wide(self, criterion: str = "bic") -> pd.DataFrame:
        """A criterion by number of components, a column each family; missing where a fit has no say.

        Parameters
        ----------
        criterion : str, default "bic"
            A column of numbers of ``table``.
        """
        names = [name for name in self.table.columns if name != "verdict"]
        check_choice(criterion, "criterion", names)
        values = self.table[criterion].where(self.table["verdict"] == ACCEPTED)
        families = self.table.index.unique("covariance_type")
        return values.unstack("covariance_type").reindex(columns=families)

    @property
    def ranking(self) -> pd.DataFrame:
        """The rows of the table that have a say, by increasing BIC."""
        accepted = self.table[self.table["verdict"] == ACCEPTED]
        return accepted.drop(columns="verdict").sort_values("bic", kind="stable")

    @property
    def verdict(self) -> str:
        """Which family and number each criterion prefers, and what has no say, in sentences."""
        return " ".join(map(str, self.findings))

    @property
    def findings(self) -> list[Reason]:
        """The same as codes and numbers."""
        if not self.best:
            return [Reason("no_fit_accepted"), *self._about_no_say(), *self._about_coinciding()]
        chosen: dict[Choice, list[str]] = {}
        for name, choice in self.best.items():
            chosen.setdefault(choice, []).append(name)
        preferred = Reason(
            "families_preferred",
            {
                "families": [c.covariance_type for c in chosen],
                "ks": [c.n_components for c in chosen],
                "criteria": list(chosen.values()),
            },
        )
        return [
            preferred,
            *self._about_rivals(),
            *self._about_largest(),
            *self._about_set_aside(),
            *self._about_no_say(),
            *self._about_coinciding(),
        ]

    def _about_rivals(self) -> list[Reason]:
        ranking = self.ranking["bic"]
        near = [Choice(*at) for at in ranking.index[1:][ranking[1:] - ranking.iloc[0] < HARDLY]]
        values = {"families": [c.covariance_type for c in near], "ks": [c.n_components for c in near]}
        return [Reason("hardly_worse", {**values, "most": HARDLY})] if near else []

    def _about_largest(self) -> list[Reason]:
        ks = self.table.index.unique("n_components")
        k = self.best["bic"].n_components
        return [Reason("largest_number_tried", {"k": k})] if len(ks) > 1 and k == ks.max() else []

    def _about_set_aside(self) -> list[Reason]:
        at_best = {name: self.table.loc[choice, name] for name, choice in self.best.items()}
        found = []
        for at, row in self.ranking.iterrows():
            gain = self.set_aside.get(Choice(*at), 0.0)
            if gain and any(row[name] - 2 * gain < value for name, value in at_best.items()):
                found.append((*at, gain))
        columns = zip(("families", "ks", "gains"), zip(*found, strict=True), strict=False)
        return [Reason("spurious_set_aside", dict(columns))] if found else []

    def _about_no_say(self) -> list[Reason]:
        counts = self.table["verdict"].value_counts()
        codes = (("fits_spurious", SPURIOUS), ("fits_failed", FAILED))
        n = len(self.table)
        return [Reason(code, {"n": counts[grade], "of": n}) for code, grade in codes if grade in counts]

    def _about_coinciding(self) -> list[Reason]:
        by_kept: dict[str, list[str]] = {}
        for name, kept in self.coinciding:
            by_kept.setdefault(kept, []).append(name)
        return [
            Reason("families_coincide", {"kept": kept, "names": names}) for kept, names in by_kept.items()
        ]

    def __str__(self) -> str:
        best = self.ranking.head(MOST_SHOWN).to_string(float_format=lambda v: f"{v:.2f}")
        wide = self.wide().to_string(float_format=lambda v: f"{v:.1f}", na_rep="")
        return "\n\n".join([self.verdict, *([best] if self.best else []), CRITERIA["bic"], wide])

    def _repr_html_(self) -> str:
        best, wide = self.ranking.head(MOST_SHOWN).reset_index().round(2), self.wide().round(1)
        shown = [table_in_html(best.set_index(["covariance_type", "n_components"])), table_in_html(wide)]
        return panel(f"<p>{escape(self.verdict)}</p>", shown[0], f"<p>{CRITERIA['bic']}</p>", shown[1])


def preferred(table: pd.DataFrame) -> dict[str, Choice]:
    """Family and number with the smallest value of each criterion, of those that have a say."""
    accepted = table[table["verdict"] == ACCEPTED]
    if not len(accepted):
        return {}
    found = {name: accepted[name].idxmin() for name in EM_CRITERIA}
    return {name: Choice(family, int(k)) for name, (family, k) in found.items()}
