"""The sentences at the top of a report, for a reader who is not a statistician."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesgmm.comparison import partition
from bayesgmm.plots.forest import is_odd, p_text
from bayesgmm.posterior.memberships import SURE
from bayesgmm.report.wording import Name, Wording, listed, quantities
from bayesgmm.support.sentences import count
from bayesgmm.wording.reasons import PAGE

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
    headline : str
    reasons : list of str
        Why the components must not be read one by one; empty where they may.
    warning : str
        What the reader has to know of the rest, where there are reasons; empty otherwise.
    grounds : str
        Why the components may be read one by one, where they may; empty otherwise.
    points : list of str
    """

    headline: str
    reasons: list[str]
    warning: str
    grounds: str
    points: list[str]


def summarise(
    bayes: "BayesGaussianMixture",
    result: "Comparison",
    wording: Wording,
    names: Sequence[Name],
    part: "Partition | None",
) -> Summary:
    """Find the sentences; those about single components only where the verdict allows them, and else those about `part`."""
    ok, k = bayes.verdict_.ok, _k(bayes)
    points = [_agreement(result)] if ok and k > 1 else []
    points += [_parameters(bayes, result, names)] if ok else []
    points += [_modes(bayes)] if "modes" in bayes.posterior_ and k > 1 else []
    points += [] if part is None else [_partition(part)]
    points += [_likelihood(result), _checks(result), _starts(bayes)]
    return Summary(
        headline=wording(_headline(bayes, result) if ok else _size(bayes)),
        reasons=[wording(str(r)) for r in bayes.verdict_.reasons],
        warning="" if ok else _warning(bayes),
        grounds=_grounds(bayes) if ok else "",
        points=[wording(p) for p in points],
    )


def stand_in(bayes: "BayesGaussianMixture") -> "Partition | None":
    """The partition that is shown in place of groups that must not be read; None where they may, or where there is one."""
    return None if bayes.verdict_.ok or _k(bayes) == 1 else partition(bayes)


def _k(bayes: "BayesGaussianMixture") -> int:
    return int(bayes.em_.params_.n_components)


def _size(bayes: "BayesGaussianMixture") -> str:
    n, d = bayes.rows_.values.shape
    return f"A mixture of {count(_k(bayes), 'group')} was fitted to {count(n, 'observation')} of {count(d, 'feature')}."


def _headline(bayes: "BayesGaussianMixture", result: "Comparison") -> str:
    n = len(result.assignments)
    if _k(bayes) == 1:
        return f"1 group: all {count(n, 'observation')} belong to it, so that there is nothing to assign."
    sure = int((bayes.membership_.max(axis=1) > SURE).sum())
    alike = int((result.assignments["em_label"] == result.assignments["bayes_label"]).sum())
    of = f"all {n}" if alike == n else f"{alike} of {n}"
    by_em = int((result.assignments["em_probability"] > SURE).sum())
    which = f"all {n}" if sure == n else f"{sure} of {n}"
    return (
        f"Given {_k(bayes)} groups, {which} observations are surely assigned (posterior probability above {SURE}; EM calls {by_em} sure); "
        f"EM and Bayes agree on the group of {of} observations."
    )


def _warning(bayes: "BayesGaussianMixture") -> str:
    left_out = (
        "Left out for that reason: the sizes and places of the groups, who belongs to which, and the tables and figures of "
        "the parameters. What is shown below does not depend on which group is called which."
    )
    if bayes.verdict_.label_free_ok:
        return left_out
    return f"{left_out} But the draws may miss a part of the posterior even so: take it as preliminary."


def _grounds(bayes: "BayesGaussianMixture") -> str:
    grounds = bayes.verdict_.grounds.sentence(PAGE)
    if _k(bayes) == 1:
        return grounds
    tied = bayes.verdict_.certificate.nearly_tied
    share = "fewer than 1 %" if 0 < tied < 0.01 else f"{100 * tied:.0f} %"
    return f"{grounds} Two groups could exchange their names in {share} of the draws."


def _agreement(result: "Comparison") -> str:
    size = result.assignments["largest_difference"]
    differing, n = int((size > 0.1).sum()), len(size)
    whom = f"For {differing} of {n} observations" if differing else f"For none of the {n} observations do"
    return f"{whom} the probabilities of EM and Bayes differ by more than 0.1; the largest difference is {size.max():.3f}."


def _modes(bayes: "BayesGaussianMixture") -> str:
    """How many ways there are to place the groups, and what each holds."""
    found = bayes.mode_map_
    if found.n_modes == 1:
        return f"Of the posterior's modes one holds {100 * found.table['share'][0]:.0f} % of it, and no other holds 2 %."
    shares = listed([f"{100 * s:.0f} %" for s in found.table["share"]])
    return f"There are {found.n_modes} ways to place the groups that the data support: they hold {shares} of the posterior."


def _partition(part: "Partition") -> str:
    """What is left where the groups must not be read: it depends on no names."""
    sizes = listed([str(n) for n in np.bincount(part.labels)])
    held = {
        (True, True): "EM's partition and that of k-means",
        (True, False): "EM's partition, but not that of k-means",
        (False, True): "that of k-means, but not EM's partition",
        (False, False): "neither EM's partition nor that of k-means",
    }[part.em_inside, part.kmeans_inside]
    return (
        f"As one partition for all draws, whatever the groups are called: {count(part.n_clusters, 'cluster')} of {sizes} rows. "
        f"The partitions that the posterior leaves open around it (its 95 % ball) include {held}."
    )


def _parameters(bayes: "BayesGaussianMixture", result: "Comparison", names: Sequence[Name]) -> str:
    table = result.parameters
    inside, n = int(table["inside"].sum()), len(table)
    size = table["difference"].abs().to_numpy()
    what, component = quantities(bayes.posterior_["posterior"].dataset, names)[int(size.argmax())]
    whose = "all components" if component == "all" else f"component {component}"
    share = f"All {n}" if inside == n else f"{inside} of {n}"
    return (
        f"{share} EM estimates lie inside their 95 % posterior intervals; the largest difference is "
        f"{size.max():.1f} posterior standard deviations, in the {what.short} of {whose}."
    )


def _likelihood(result: "Comparison") -> str:
    s = result.log_likelihood
    if s["largest"] > s["em"] + 1e-6 * max(abs(s["em"]), 1.0):
        return (
            f"A posterior draw has a higher log-likelihood ({s['largest']:.2f}) than the EM fit ({s['em']:.2f}): EM has "
            "missed the global maximum, or stayed away from a degenerate one."
        )
    return f"EM's log-likelihood is {s['em']:.2f}; no posterior draw exceeds it (their average is {s['mean']:.2f})."


def _checks(result: "Comparison") -> str:
    n = len(result.predictive)
    odd = [f"{c.name} (p {_equals(p_text(c))})" for c in result.predictive if is_odd(c)]
    if not odd:
        return f"Data sets simulated from the fitted mixture look like the data in all {n} checks."
    return (
        f"Data sets simulated from the fitted mixture look like the data in {n - len(odd)} of {n} checks; "
        f"they differ in {listed(odd)}."
    )


def _equals(p: str) -> str:
    return p if p[0] in "<>" else f"= {p}"


def _starts(bayes: "BayesGaussianMixture") -> str:
    modes = bayes.em_.modes_
    starts, best = int(modes["n_starts"].sum()), int(modes["n_starts"].iloc[0])
    climbed = f"{count(starts, 'EM start')} that {'was' if starts == 1 else 'were'} climbed to the end"
    if len(modes) == 1:
        found = (
            f"All of the {climbed} led to one maximum."
            if starts > 1
            else f"The {climbed} gave the maximum that was kept."
        )
    else:
        kinds = (
            (int((modes["status"] == "degenerate").sum()), "degenerate and not to be used"),
            (int(modes["spurious"].iloc[1:].sum()), "likely spurious"),
        )
        told = [f"{n} of them {kind}" for n, kind in kinds if n]
        aside = f", {listed(told)}" if told else ""
        others = "1 other was" if len(modes) == 2 else f"{len(modes) - 1} others were"
        found = f"{best} of the {climbed} led to the maximum that was kept; {others} found{aside}."
    ended = "" if bayes.em_.converged_ else f" EM ended {bayes.em_.status_}."
    suspect = (
        " That maximum looks spurious: one of its groups has hardly more observations than its spread has parameters, and is much "
        "tighter than the data; fewer groups would be safer."
        if modes["spurious"].iloc[0]
        else ""
    )
    return f"{found}{ended}{suspect}"
