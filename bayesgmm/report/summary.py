"""What stands at the top of a report, as codes and numbers; the room `wording` has the sentences."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesgmm.comparison import findings, partition
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.report.names import Shortener
from bayesgmm.wording import Reason
from bayesgmm.wording.reasons import PAGE
from bayesgmm.wording.rows import about_missing

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.comparison.partitioning import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["Summary", "stand_in", "summarise"]


@dataclass(frozen=True)
class Summary:
    """What is said before anything is shown.

    Attributes
    ----------
    headline : Reason
    reasons : tuple of Reason
        Why component-wise summaries must not be used; empty where they may.
    warning : Reason or None
        What the reader has to know of the rest, where there are reasons.
    grounds : tuple of Reason
        Why component-wise summaries are identifiable, where they are; empty otherwise.
    points : tuple of Reason
        Where the likelihood has no maximum, that comes first.
    misfit : Reason or None
        That the mixture does not describe the data, which stands before the headline.
    """

    headline: Reason
    reasons: tuple[Reason, ...]
    warning: Reason | None
    grounds: tuple[Reason, ...]
    points: tuple[Reason, ...]
    misfit: Reason | None = None

    def told(self, shorten: Shortener) -> dict[str, Any]:
        """In words for the page, by the same names: strings, and lists of them."""
        return {
            "headline": " ".join(_told(r, shorten) for r in (self.misfit, self.headline) if r is not None),
            "reasons": [_told(r, shorten) for r in self.reasons],
            "warning": "" if self.warning is None else _told(self.warning, shorten),
            "grounds": " ".join(_told(g, shorten) for g in self.grounds),
            "points": [_told(p, shorten) for p in self.points],
        }

    def to_json(self) -> dict[str, Any]:
        """Codes and values, by the same names."""
        return {
            "misfit": None if self.misfit is None else self.misfit.to_json(),
            "headline": self.headline.to_json(),
            "reasons": [r.to_json() for r in self.reasons],
            "warning": None if self.warning is None else self.warning.to_json(),
            "grounds": [g.to_json() for g in self.grounds],
            "points": [p.to_json() for p in self.points],
        }


def _told(reason: Reason, shorten: Shortener) -> str:
    return shorten(reason.sentence(PAGE))


def summarise(bayes: "BayesGaussianMixture", result: "Comparison", part: "Partition | None") -> Summary:
    """Find what is to be said; of single components only where the verdict allows it, and else of `part`."""
    verdict, k = bayes.verdict_, _k(bayes)
    missing = about_missing(bayes.rows_)
    points = [reason for reason in (result.no_maximum, missing) if reason is not None]
    if verdict.ok:
        points += result.deciders
        points += [findings.about_assignments(result.assignments)] if k > 1 else []
        points += result.about_estimates
    modes = bayes.fit_.modes
    if modes is not None and k > 1:
        points.append(Reason("mode_shares", {"shares": modes.table["share"].to_list()}))
    points += [] if part is None else [_about_partition(part)]
    points += [
        result.better_maximum.finding,
        findings.about_replications(result.predictive),
        *findings.about_extent(result.extent),
        _about_starts(bayes),
    ]
    return Summary(
        _headline(bayes, result) if verdict.ok else _size(bayes),
        tuple(verdict.reasons),
        None if verdict.ok else Reason("components_left_out", {"label_free_ok": verdict.label_free_ok}),
        _grounds(bayes) if verdict.ok else (),
        tuple(points),
        result.misfit,
    )


def stand_in(bayes: "BayesGaussianMixture") -> "Partition | None":
    """The partition that is shown in place of groups that must not be read; None where they may, or where
    there is one."""
    return None if bayes.verdict_.ok or _k(bayes) == 1 else partition(bayes)


def _k(bayes: "BayesGaussianMixture") -> int:
    return int(bayes.em_.params_.n_components)


def _size(bayes: "BayesGaussianMixture") -> Reason:
    n, d = bayes.rows_.values.shape
    return Reason("fitted", {"k": _k(bayes), "n": n, "d": d})


def _headline(bayes: "BayesGaussianMixture", result: "Comparison") -> Reason:
    n, table = len(result.assignments), result.assignments
    if _k(bayes) == 1:
        return Reason("one_component", {"n": n})
    return Reason(
        "memberships",
        {
            "k": _k(bayes),
            "n": n,
            "above": int((bayes.membership_.max(axis=1) > CERTAIN).sum()),
            "above_by_em": int((table["em_probability"] > CERTAIN).sum()),
            "alike": int((table["em_label"] == table["bayes_label"]).sum()),
            "threshold": CERTAIN,
        },
    )


def _grounds(bayes: "BayesGaussianMixture") -> tuple[Reason, ...]:
    grounds = bayes.verdict_.grounds
    if _k(bayes) == 1:
        return (grounds,)
    return grounds, bayes.verdict_.labelling.grounds


def _about_partition(part: "Partition") -> Reason:
    """What is left where the groups must not be read: it does not depend on labels."""
    sizes = np.bincount(part.labels)
    values = {"sizes": sizes, "em_inside": part.em_inside, "kmeans_inside": part.kmeans_inside}
    return Reason("one_partition", values)


def _about_starts(bayes: "BayesGaussianMixture") -> Reason:
    """What became of EM's starts."""
    modes = bayes.em_.modes_
    return Reason(
        "em_starts",
        {
            "starts": int(modes["n_starts"].sum()),
            "best": int(modes["n_starts"].iloc[0]),
            "n_maxima": len(modes),
            "degenerate": int((modes["status"] == "degenerate").sum()),
            "spurious": int(modes["spurious"].iloc[1:].sum()),
            "ended": "" if bayes.em_.converged_ else str(bayes.em_.status_),
            # Of a maximum that there is only by a floor more is told.
            "kept_is_spurious": bool(modes["spurious"].iloc[0]) and bayes.fit_.no_maximum is None,
        },
    )
