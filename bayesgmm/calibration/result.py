"""`CalibrationCheck`: what refits say of a fit, in two tables and a few sentences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from bayesgmm.calibration.ranks import LEVEL, p_values, smallest_p, smallest_p_if_uniform
from bayesgmm.calibration.refit import AMONG, MAKERS, SCORED, Refit, Score
from bayesgmm.fit import Fit
from bayesgmm.overview import panel, table_in_html
from bayesgmm.wording import Reason

__all__ = ["CalibrationCheck"]

# Of a mean difference: outside by chance in 1 of 100 checks.
STANDARD_ERRORS, ROUNDING = 2.6, 1e-9
# Fewer refits show gross faults only.
FEW = 20


@dataclass(frozen=True, eq=False)
class CalibrationCheck:
    """Refits of simulated rows, held against what they were simulated from.

    Attributes
    ----------
    ok : bool
        Whether all ranks are uniform and memberships as sure as they are right, within the error of so many
        refits.
    ranks : DataFrame
        One row a quantity: ``refits`` that have ranked it, ``mean_rank`` from 0 to 1 (0.5 where the posterior
        is right; above, it lies too low), ``p`` of uniform ranks, ``inside`` (the band that holds all
        quantities of a right posterior in 99 % of checks).
    memberships : DataFrame
        Of pairs of simulated rows (whether they share a component) and of simulated rows (which they are of),
        by posterior and by EM: mean ``confidence`` and ``accuracy``, their ``difference`` and its standard
        error ``se`` between refits.
    findings : tuple of Reason
        The same as codes and numbers; ``str(check)`` tells them.
    refits : tuple of Refit
        What each has shown.
    """

    ranks: pd.DataFrame
    memberships: pd.DataFrame
    refits: tuple[Refit, ...]

    @classmethod
    def of(cls, refits: Sequence[Refit], fit: Fit) -> "CalibrationCheck":
        """Put refits together; those of which nothing may be read count as well, since leaving them out would
        bias the ranks."""
        return cls(_ranks(refits), _memberships(refits, len(fit.rows)), tuple(refits))

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the posterior of such data."""
        return bool(self.ranks["inside"].all()) and self._memberships_ok

    @property
    def _memberships_ok(self) -> bool:
        table = self.memberships
        by_posterior = table[table["by"] == "posterior"]
        return bool(
            (by_posterior["difference"].abs() <= STANDARD_ERRORS * by_posterior["se"] + ROUNDING).all()
        )

    @property
    def findings(self) -> tuple[Reason, ...]:
        """What the refits say, the worst first."""
        outside = self.ranks.index[~self.ranks["inside"]].tolist()
        n = len(self.refits)
        found = []
        if outside:
            found.append(Reason("ranks_not_uniform", {"quantities": tuple(outside), "n": n}))
        elif len(self.ranks):
            found.append(Reason("ranks_uniform", {"n_quantities": len(self.ranks), "n": n}))
        found += [self._about(what) for what in SCORED if what in set(self.memberships["of"])]
        for outcome in ("failed", "refused", "components refused"):
            times = sum(refit.outcome == outcome for refit in self.refits)
            if times:
                found.append(Reason(f"refits_{outcome.replace(' ', '_')}", {"n": times, "of": n}))
        return (*found, *([Reason("few_refits", {"n": n})] if n < FEW else []))

    def _about(self, what: str) -> Reason:
        of = self.memberships[self.memberships["of"] == what].set_index("by")
        posterior, em = of.loc["posterior"], of.loc["em"]
        off = abs(posterior["difference"]) > STANDARD_ERRORS * posterior["se"] + ROUNDING
        values = {
            "confidence": posterior["confidence"],
            "accuracy": posterior["accuracy"],
            "se": posterior["se"],
            "em_confidence": em["confidence"],
            "em_accuracy": em["accuracy"],
            "off": bool(off),
        }
        return Reason(f"confidence_of_{what}", values)

    def to_json(self) -> dict[str, Any]:
        """Numbers and sentences as JSON has them."""
        return {
            "ok": self.ok,
            "findings": [{**reason.to_json(), "text": str(reason)} for reason in self.findings],
            "ranks": self.ranks.reset_index().to_dict("records"),
            "memberships": self.memberships.to_dict("records"),
            "outcomes": {
                outcome: sum(refit.outcome == outcome for refit in self.refits)
                for outcome in sorted({refit.outcome for refit in self.refits})
            },
        }

    def __str__(self) -> str:
        return " ".join(map(str, self.findings))

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(str(reason))}</p>" for reason in self.findings)
        return panel(told, table_in_html(self.memberships), table_in_html(self.ranks))


def _ranks(refits: Sequence[Refit]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for refit in refits for name in refit.ranks))
    rng = np.random.default_rng(0)
    if_uniform: dict[int, Any] = {}
    rows = []
    for name in names:
        ranks = np.array([refit.ranks[name] for refit in refits if name in refit.ranks])
        n = len(ranks)
        if n not in if_uniform:
            if_uniform[n] = smallest_p_if_uniform(n, AMONG + 1, rng)
        p = float(p_values(smallest_p(ranks, AMONG + 1), if_uniform[n]))
        rows.append((n, float(ranks.mean() / AMONG), p))
    table = pd.DataFrame(rows, index=pd.Index(names, name="quantity"), columns=["refits", "mean_rank", "p"])
    return table.assign(inside=table["p"] >= (1 - LEVEL) / max(1, len(table)))


def _memberships(refits: Sequence[Refit], n_rows: int) -> pd.DataFrame:
    """Of simulated rows, `n_rows` in each refit."""
    rows = []
    for what in SCORED:
        scored: list[dict[str, Score]] = [getattr(refit, what) for refit in refits if getattr(refit, what)]
        for maker in MAKERS if scored else ():
            scores = np.array([score[maker] for score in scored])
            confidence, accuracy = scores.mean(axis=0)
            n, differences = len(scores), scores[:, 0] - scores[:, 1]
            # Refits without an error would otherwise have none: as many rows that are right with this
            # confidence, one by one, is the least that there can be.
            least = confidence * (1 - confidence) / n_rows
            se = math.sqrt(max(differences.var(ddof=1) if n > 1 else 0.0, least) / n)
            rows.append((what, maker, n, confidence, accuracy, confidence - accuracy, se))
    columns = ["of", "by", "refits", "confidence", "accuracy", "difference", "se"]
    return pd.DataFrame(rows, columns=columns)
