"""Sentences of the page, for a reader who is not a statistician, where they differ from the console's."""

from collections.abc import Sequence

from bayesgmm.support.sentences import count
from bayesgmm.support.sentences import listed as all_listed
from bayesgmm.wording import rows
from bayesgmm.wording.comparison import because_of_prior, estimates_inside
from bayesgmm.wording.numbers import p_value, percent
from bayesgmm.wording.reasons import worded, worded_for_page

__all__ = ["listed"]

MOST_LISTED = 6


def listed(items: Sequence[str]) -> str:
    """``a, b and c``; of many the first few, and how many more there are."""
    return all_listed(items, MOST_LISTED)


# What the page begins with.


@worded
def fitted(k: int, n: int, d: int) -> str:
    return (
        f"A mixture of {count(k, 'group')} was fitted to {count(n, 'observation')} of {count(d, 'feature')}."
    )


@worded
def one_component(n: int) -> str:
    if n == 1:
        return "1 group: the only observation belongs to it, so that there is nothing to assign."
    return f"1 group: all {n} observations belong to it, so that there is nothing to assign."


@worded
def memberships(k: int, n: int, above: int, above_by_em: int, alike: int, threshold: float) -> str:
    which, of = (
        f"all {count(n, 'observation')}" if some == n else f"{some} of {count(n, 'observation')}"
        for some in (above, alike)
    )
    has = "has" if above == 1 else "have"
    return (
        f"Given {count(k, 'group')}, {which} {has} a membership above {threshold} (with EM {above_by_em}); "
        f"EM and Bayes agree on the group of {of}."
    )


@worded
def components_left_out(label_free_ok: bool) -> str:
    left_out = (
        "Left out for that reason: the sizes and locations of the groups, which observations belong to "
        "which, and the tables and figures of the parameters. What is shown below does not depend on labels."
    )
    if label_free_ok:
        return left_out
    return f"{left_out} But the draws may miss a part of the posterior even so: take it as preliminary."


# Why component-wise summaries are identifiable.


@worded_for_page
def cells_missing(share: float, columns: tuple[str, ...], missing: tuple[int, ...]) -> str:
    return (
        f"{rows.cells_missing(share, columns, missing)} A figure of two features shows the observations that "
        "have both values."
    )


@worded_for_page
def chains_agree(r_hat: float, ess: float, wanted: float) -> str:
    return _agree("chains of the sampler", r_hat, ess, wanted)


@worded_for_page
def runs_agree(r_hat: float, ess: float, wanted: float) -> str:
    return _agree("runs of tempering", r_hat, ess, wanted)


def _agree(who: str, r_hat: float, ess: float, wanted: float) -> str:
    return (
        f"Independent {who} agree (largest R-hat {r_hat:.3f}, where below {wanted} is wanted; "
        f"smallest effective sample size {ess:.0f})."
    )


@worded_for_page
def gaussian_fits(pareto_k: float, wanted: float, ess: float) -> str:
    return (
        f"The Gaussian at the posterior's mode fits the posterior there: Pareto k is {pareto_k:.2f} (below "
        f"{wanted:.2f} is wanted), and the effective sample size of the weighted draws is {ess:.0f}. Whether "
        f"there are other modes they cannot tell."
    )


@worded
def labels_exchangeable(share: float) -> str:
    told = "fewer than 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
    return f"Two groups could exchange their labels in {told} of the draws."


@worded
def labels_of_the_prior(share: float) -> str:
    told = "less than 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
    return (
        f"The labels of the groups are those of the prior, which gives others {told} of the probability; "
        "the draws were not relabelled."
    )


# The points of the summary.


@worded_for_page
def assignments(
    n: int,
    alike: int,
    differing: int,
    largest: float,
    above_by_em: int,
    above_by_posterior: int,
    threshold: float,
) -> str:
    of = count(n, "observation")
    whom = f"For {differing} of {of}" if differing else f"For none of the {of} do"
    return (
        f"{whom} the probabilities of EM and Bayes differ by more than 0.1; the largest difference is "
        f"{largest:.3f}."
    )


@worded_for_page
def estimates(
    n: int,
    inside: int,
    by_prior: int,
    pulled: bool,
    largest: float,
    at: str,
    quantity: str,
    component: str,
    joint_inside: bool,
    joint_share: float | None,
    ci_prob: float,
) -> str:
    whose = "all components" if component == "all" else f"component {component}"
    if 1 < n != inside:
        interval = f"{percent(ci_prob)} posterior interval"
        lie = f"lies inside its {interval}" if inside == 1 else f"lie inside their {interval}s"
        share = f"{inside} of {n} EM estimates {lie}"
        if 0 < by_prior <= n - inside:
            other = "the other one does not" if n - inside == 1 else f"{n - inside} do not"
            share += f"; {other}{because_of_prior(n - inside, by_prior)}"
    else:
        share = estimates_inside(n, inside, ci_prob)
    return (
        f"{share}; the largest difference is {largest:.1f} posterior standard deviations, in the "
        f"{quantity} of {whose}."
    )


@worded
def mode_shares(shares: tuple[float, ...]) -> str:
    if len(shares) == 1:
        return f"Of the posterior's modes one holds {100 * shares[0]:.0f} % of it, and no other holds 2 %."
    told = listed([f"{100 * share:.0f} %" for share in shares])
    return (
        f"The posterior has {len(shares)} modes, which are ways to form the groups; they hold {told} of it."
    )


@worded
def one_partition(sizes: tuple[int, ...], em_inside: bool, kmeans_inside: bool) -> str:
    held = {
        (True, True): "EM's partition and that of k-means",
        (True, False): "EM's partition, but not that of k-means",
        (False, True): "that of k-means, but not EM's partition",
        (False, False): "neither EM's partition nor that of k-means",
    }[em_inside, kmeans_inside]
    rows = "row" if sizes == (1,) else "rows"
    return (
        f"As one partition for all draws, whatever the labels: {count(len(sizes), 'cluster')} of "
        f"{listed([str(size) for size in sizes])} {rows}. It has the smallest expected distance to the "
        f"partitions of all draws, and may be that of no mode. "
        f"The partitions that the posterior leaves open around it (its 95 % ball) include {held}."
    )


_BAYES = {
    "": "Bayes has an answer even so, since its prior keeps groups from becoming as tight as one likes.",
    "stds": "With this prior Bayes has no sound answer either: another one on standard deviations is needed.",
    "correlations": "With this prior Bayes has no sound answer either: groups of a simpler shape are needed, "
    "or such observations left out.",
}


@worded_for_page
def no_maximum(k: int, n_starts: int, onto: str, floor: float, of_baseline: bool, unbounded_by: str) -> str:
    runs = f"all {n_starts} EM runs" if n_starts > 1 else "the only EM run"
    figures = (
        f"EM's figures on this page are those with a floor, which keeps standard deviations above "
        f"{100 * floor**0.5:g} % of the data's, and depend on it: they are no standard for those of Bayes."
        if of_baseline
        else "The given EM fit is no maximum either, and no standard for Bayes."
    )
    return (
        f"EM has no answer with {count(k, 'group')} for these data: it found no maximum of the likelihood; "
        f"in {runs} that grew without bound, at best as a group closed in on {onto}. {figures} "
        f"{_BAYES[unbounded_by]}"
    )


@worded_for_page
def no_draw_exceeds_em(em: float, mean: float) -> str:
    return f"EM's log-likelihood is {em:.2f}; no posterior draw exceeds it (their average is {mean:.2f})."


@worded_for_page
def replications_alike(n: int) -> str:
    checks = "the one check" if n == 1 else f"all {n} checks"
    return f"Data sets simulated from the fitted mixture look like the data in {checks}."


@worded_for_page
def replications_differ(
    n: int, names: tuple[str, ...], p_values: tuple[float, ...], n_replications: int
) -> str:
    odd = []
    for name, p in zip(names, p_values, strict=True):
        told = p_value(p, n_replications)
        odd.append(f"{name} (p {told if told[0] in '<>' else f'= {told}'})")
    return (
        f"Data sets simulated from the fitted mixture look like the data in {n - len(names)} of "
        f"{count(n, 'check')}; they differ in {listed(odd)}."
    )


@worded_for_page
def data_not_described(n: int, odd: int, allowed: int, chance: float) -> str:
    return (
        f"The mixture does not describe the data: data sets simulated from it differ from the data in {odd} "
        f"of {count(n, 'check')}, far more than by chance."
    )


@worded
def em_starts(
    starts: int, best: int, n_maxima: int, degenerate: int, spurious: int, ended: str, kept_is_spurious: bool
) -> str:
    suspect = (
        " That maximum looks spurious: one of its groups has hardly more observations than its spread has "
        "parameters, and is much tighter than the data; fewer groups would be safer."
        if kept_is_spurious
        else ""
    )
    status = f" EM ended {ended}." if ended else ""
    return f"{_maxima(starts, best, n_maxima, degenerate, spurious)}{status}{suspect}"


def _maxima(starts: int, best: int, n_maxima: int, degenerate: int, spurious: int) -> str:
    runs = f"{count(starts, 'EM run')} to convergence"
    if n_maxima == 1 and starts == 1:
        return "The only EM run to convergence led to the maximum that was kept."
    if n_maxima == 1:
        return f"All {runs} led to one maximum."
    kinds = ((degenerate, "degenerate and not to be used"), (spurious, "likely spurious"))
    told = [f"{n} of them {kind}" if n_maxima > 2 else kind for n, kind in kinds if n]
    aside = f", {listed(told)}" if told else ""
    others = "1 other was" if n_maxima == 2 else f"{n_maxima - 1} others were"
    return f"{best} of the {runs} led to the maximum that was kept; {others} found{aside}."
