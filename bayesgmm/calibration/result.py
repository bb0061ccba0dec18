"""`CalibrationCheck`: what refits say of a fit, in two tables and a few sentences."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bayesgmm.calibration.ranks import LEVEL, p_values, smallest_p, smallest_p_if_uniform
from bayesgmm.calibration.refit import AMONG, MAKERS, SCORED, Refit, Score, n_simulated
from bayesgmm.fit import Fit
from bayesgmm.overview import panel, table_in_html
from bayesgmm.wording import Reason

__all__ = ["CalibrationCheck"]

# A difference of confidence and accuracy is off by chance in 1 of 100 checks; what rounding leaves of it.
CHANCE, ROUNDING = 0.01, 1e-9
# Of the refits, what may have ended with an error.
MOST_FAILED = 0.1
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
        error ``se`` between refits, ``off`` (by more than chance has in 1 of 100 checks).
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
        """Put refits together: what the verdict on a refit refuses is left out, as a user would. Whether it
        refuses depends on rows, not on what they were simulated from, so that this biases no ranks."""
        return cls(_ranks(refits), _memberships(refits, n_simulated(fit.rows)), tuple(refits))

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the posterior of such data."""
        enough = len(self.ranks) > 0 and self._outcomes["failed"] <= MOST_FAILED * len(self.refits)
        by_posterior = self.memberships[self.memberships["by"] == "posterior"]
        return bool(enough and self.ranks["inside"].all() and not by_posterior["off"].any())

    @property
    def _outcomes(self) -> Counter[str]:
        return Counter(refit.outcome for refit in self.refits)

    @property
    def findings(self) -> tuple[Reason, ...]:
        """What the refits say, the worst first."""
        outside = self.ranks.index[~self.ranks["inside"]].tolist()
        n = len(self.refits)
        found = []
        if self._outcomes["failed"]:
            found.append(Reason("refits_failed", {"n": self._outcomes["failed"], "of": n}))
        if outside:
            found.append(Reason("ranks_not_uniform", {"quantities": tuple(outside), "n": n}))
        elif len(self.ranks):
            found.append(Reason("ranks_uniform", {"n_quantities": len(self.ranks), "n": n}))
        found += [self._about(what) for what in SCORED if what in set(self.memberships["of"])]
        for outcome in ("refused", "components refused"):
            if self._outcomes[outcome]:
                code = f"refits_{outcome.replace(' ', '_')}"
                found.append(Reason(code, {"n": self._outcomes[outcome], "of": n}))
        return (*found, *([Reason("few_refits", {"n": n})] if n < FEW else []))

    def _about(self, what: str) -> Reason:
        of = self.memberships[self.memberships["of"] == what].set_index("by")
        posterior, em = of.loc["posterior"], of.loc["em"]
        values = {
            "confidence": posterior["confidence"],
            "accuracy": posterior["accuracy"],
            "se": posterior["se"],
            "em_confidence": em["confidence"],
            "em_accuracy": em["accuracy"],
            "off": bool(posterior["off"]),
        }
        return Reason(f"confidence_of_{what}", values)

    def to_json(self) -> dict[str, Any]:
        """Numbers and sentences as JSON has them."""
        return {
            "ok": self.ok,
            "findings": [{**reason.to_json(), "text": str(reason)} for reason in self.findings],
            "ranks": self.ranks.reset_index().to_dict("records"),
            "memberships": self.memberships.to_dict("records"),
            "outcomes": dict(sorted(self._outcomes.items())),
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
        p = float(p_values(smallest_p(ranks, AMONG + 1), if_uniform[n], AMONG + 1))
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
            difference = confidence - accuracy
            # Of the pairs and the rows: each in half of the cases that there may be.
            bound = stats.t.isf(CHANCE / 4, max(n - 1, 1)) * se + ROUNDING
            rows.append((what, maker, n, confidence, accuracy, difference, se, abs(difference) > bound))
    columns = ["of", "by", "refits", "confidence", "accuracy", "difference", "se", "off"]
    return pd.DataFrame(rows, columns=columns)
