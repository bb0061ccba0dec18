"""Sentences of a comparison of EM with the posterior, for the console and the notebook."""

from bayesgmm.support.sentences import count, listed
from bayesgmm.wording.numbers import percent
from bayesgmm.wording.reasons import worded

__all__ = ["LIKELIHOOD", "because_of_prior", "estimates_inside"]

# How each log-likelihood of a comparison is called in a list of them, by its name in the table.
LIKELIHOOD = {
    "em": "EM",
    "mean": "draws' mean",
    "sd": "their sd",
    "lower": "their interval from",
    "upper": "to",
    "largest": "largest draw",
    "at_posterior_mean": "at the posterior mean of the parameters",
}


@worded
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
    where = f"the largest difference is {largest:.1f} posterior sds, at {at}"
    lie = f"{estimates_inside(n, inside, ci_prob)}{because_of_prior(n - inside, by_prior)}"
    return f"{lie}; {where}.{_together(joint_inside, joint_share, pulled, ci_prob)}"


def because_of_prior(outside: int, by_prior: int) -> str:
    """How many of the estimates that lie outside do so because of the prior; nothing where none does."""
    if by_prior <= 0 or outside < by_prior:
        return ""
    which = "" if outside == 1 else "all of them " if by_prior == outside else f"{by_prior} of them "
    return f", {which}because of the prior"


def estimates_inside(n: int, inside: int, ci_prob: float) -> str:
    """How many of EM's estimates lie inside their intervals; the beginning of a sentence."""
    interval = f"{percent(ci_prob)} posterior interval"
    if n == 1:
        return f"The EM estimate lies {'inside' if inside else 'outside'} its {interval}"
    if inside == n:
        return f"All {n} EM estimates lie inside their {interval}s"
    if n - inside == 1:
        return f"1 of {n} EM estimates lies outside its {interval}"
    return f"{n - inside} of {n} EM estimates lie outside their {interval}s"


def _together(inside: bool, share: float | None, pulled: bool, ci_prob: float) -> str:
    if share is None:
        return " The draws are too few to judge all of them together."
    # Where the prior has moved the posterior, that is no fault of EM's.
    aside = "; the prior has its part in that" if pulled and not inside else ""
    return (
        f" Taken together the estimate lies {'inside' if inside else 'outside'} the {percent(ci_prob)} "
        f"region ({100 * share:.0f} % of the draws lie closer to the posterior mean){aside}."
    )


@worded
def assignments(
    n: int,
    alike: int,
    differing: int,
    largest: float,
    above_by_em: int,
    above_by_posterior: int,
    threshold: float,
) -> str:
    return (
        f"EM and the posterior assign {alike} of {count(n, 'observation')} alike; their probabilities differ "
        f"by more than 0.1 for {differing or 'none'} (by {largest:.2f} at the most). A probability above "
        f"{threshold} is given to {above_by_em} of the {n} by EM, and to {above_by_posterior} by the "
        f"posterior."
    )


@worded
def components_not_compared(label_free_ok: bool) -> str:
    rest = "" if label_free_ok else ", but may miss a part of the posterior"
    return (
        f"Parameters, memberships and shapes are not compared, since component-wise summaries must not be "
        f"used; what follows does not depend on labels{rest}."
    )


@worded
def draw_exceeds_em(em: float, largest: float) -> str:
    return (
        f"A posterior draw has a higher log-likelihood ({largest:.2f}) than the EM fit ({em:.2f}): EM has "
        f"missed the global maximum, or stayed away from a degenerate one."
    )


@worded
def no_draw_exceeds_em(em: float, mean: float) -> str:
    return f"No draw exceeds EM's log-likelihood of {em:.2f} (draws: {mean:.2f} on average)."


# Where the likelihood has no maximum.

_OF_POSTERIOR = {
    "": "The posterior exists even so, since the prior keeps components from becoming as tight as one likes.",
    "stds": "With this prior the posterior has no bound there either, and draws may be stuck: choose a "
    "std_prior that goes to zero faster, such as 'inversegamma' or 'lognormal'.",
    "correlations": "With this prior the posterior has no bound there either, since on such rows "
    "correlations of a component may come as near to one as one likes, and draws may be stuck: choose "
    "covariance_type='diag', or leave such rows out.",
}


@worded
def no_maximum(k: int, n_starts: int, onto: str, floor: float, of_baseline: bool, unbounded_by: str) -> str:
    starts = f"all {n_starts} starts of EM" if n_starts > 1 else "the only start of EM"
    figures = (
        f"EM's figures are those with a floor, which keeps standard deviations above "
        f"{100 * floor**0.5:g} % of the data's (reg_covar={floor:g}), and depend on it; where EM and the "
        f"posterior differ, neither is wrong for that."
        if of_baseline
        else "The given EM fit is no maximum either; where it and the posterior differ, neither is wrong for "
        "that."
    )
    return (
        f"EM has found no maximum of the likelihood with {count(k, 'component')} for these data: from "
        f"{starts} it grew without bound, at best as a component collapsed onto {onto}. {figures} "
        f"{_OF_POSTERIOR[unbounded_by]}"
    )


@worded
def log_likelihoods_beside(em: float, mean: float, largest: float) -> str:
    return (
        f"EM's log-likelihood is {em:.2f}, that of the draws {mean:.2f} on average and {largest:.2f} at the "
        f"most; where there is no maximum, the higher one is not the better fit."
    )


@worded
def rows_left_out_of_posterior(elpd: float, standard_error: float, n_bad: int, largest_k: float) -> str:
    text = (
        f"By leave-one-out the expected log predictive density (elpd) of the posterior is {elpd:.1f} ± "
        f"{standard_error:.1f}; it is not held against EM's, which a lower floor would raise."
    )
    return text + _not_trusted(n_bad, largest_k)


# Of an EM fit that was handed in.

_WHOSE = {"baseline": "EM from many starts has found one", "draw": "a posterior draw lies"}


@worded
def better_maximum_known(em: float, gain: float, highest: float, whose: str, reached: float) -> str:
    text = (
        f"A better maximum than that of the given EM fit is known: {_WHOSE[whose]} at a log-likelihood of "
        f"{highest:.2f}, {gain:.2f} above the {em:.2f} of the fit."
    )
    if reached - em >= 0.005:
        text += f" Run on from the fit, EM ends at {reached:.2f}, which is a maximum, but not that one."
    return text


@worded
def maximum_not_reached(em: float, gain: float, reached: float, spurious: bool) -> str:
    end = "a spurious or degenerate maximum" if spurious else "the highest maximum that is known"
    return (
        f"The given EM fit had not converged: run on from its log-likelihood of {em:.2f}, EM ends at "
        f"{reached:.2f}, {end}."
    )


@worded
def highest_maximum_known(em: float) -> str:
    return (
        "The given EM fit is at the highest maximum of the likelihood that is known (log-likelihood "
        f"{em:.2f})."
    )


@worded
def maximum_above_known(em: float, known: float, spurious: bool) -> str:
    doubt = (
        " It looks spurious, though: a component is much tighter than the data, with hardly more rows than "
        "its covariance has parameters."
        if spurious
        else ""
    )
    return (
        f"The given EM fit has a log-likelihood of {em:.2f}, {em - known:.2f} above all that EM from many "
        f"starts and the posterior's draws have found.{doubt}"
    )


@worded
def em_of_smaller_family(em: float, gain: float, highest: float, n_more: int) -> str:
    return (
        f"The given EM fit has a log-likelihood of {em:.2f}, {gain:.2f} below the highest that is known, but "
        "it also has "
        f"{count(n_more, 'free parameter')} fewer than the model of the posterior; whether its maximum is "
        "the best of its own covariance_type, a posterior with that covariance_type would tell."
    )


@worded
def rows_left_out(
    difference: float, standard_error: float, n_bad: int, largest_k: float, n_collapsed: int
) -> str:
    higher = "higher" if difference > 0 else "lower"
    clear = "" if abs(difference) > 2 * standard_error else ", which is within two standard errors"
    text = (
        f"By leave-one-out the posterior has a {higher} expected log predictive density (elpd) than EM: by "
        f"{abs(difference):.1f} ± {standard_error:.1f}{clear}."
    )
    text += _not_trusted(n_bad, largest_k)
    if n_collapsed:
        which = (
            "1 row EM collapses; it is"
            if n_collapsed == 1
            else f"one of {n_collapsed} rows EM collapses; these are"
        )
        text += f" Without {which} not counted."
    return text


def _not_trusted(n_bad: int, largest_k: float) -> str:
    if not n_bad:
        return ""
    return f" It is not to be trusted at {count(n_bad, 'row')} (Pareto k above {largest_k})."


@worded
def compared_in_part(
    n_rows: int,
    n_draws: int,
    n_repeated: int,
    rows_left_out: int,
    rows_left_out_of_em: int,
    rows_checked: int,
    draws_of_intervals: int,
) -> str:
    text = (
        f"Since rows are many, leave-one-out is of {count(rows_left_out, 'row')}, chosen at random among "
        f"{n_rows}, and of EM of {count(rows_left_out_of_em, 'row')}; replicated data sets are of "
        f"{count(rows_checked, 'row')}, of {n_repeated}"
    )
    if draws_of_intervals < n_draws:
        text += f"; intervals of memberships are of {count(draws_of_intervals, 'draw')}, of {n_draws}"
    return f"{text}."


@worded
def spurious_maximum() -> str:
    return (
        "The EM maximum looks spurious: a component has hardly more rows than its covariance has parameters, "
        "and is much tighter than the data; use fewer components."
    )


@worded
def replications_alike(n: int) -> str:
    if n == 1:
        return "The one check does not tell replicated data sets from the data."
    return f"None of {n} checks tells replicated data sets from the data."


@worded
def replications_differ(
    n: int, names: tuple[str, ...], p_values: tuple[float, ...], n_replications: int
) -> str:
    odd = ", ".join(f"{name} (p = {p:.3f})" for name, p in zip(names, p_values, strict=True))
    by_chance = 0.05 * n
    # Such p-values crowd around one half, since the parameters were learned from the same data.
    expected = f"about {by_chance:.0f} or fewer" if by_chance >= 1 else "fewer than 1"
    return (
        f"Replicated data sets differ from the data in {len(names)} of {count(n, 'check')}: {odd}; of a "
        f"mixture that is right, {expected} would."
    )


@worded
def data_not_described(n: int, odd: int, allowed: int, chance: float) -> str:
    return (
        f"The mixture does not describe the data: replicated data sets differ from them in {odd} of "
        f"{count(n, 'check')}, where more than {allowed} would be unusual (of a probability below "
        f"{chance:g} if checks were independent)."
    )


# Of the modes of a posterior.


@worded
def mode(sizes: tuple[int, ...], n_empty: int, changes: tuple[object, ...], is_first: bool) -> str:
    """What a mode is and how it differs from the first; a part of a sentence."""
    told = [str(size) for size in sizes]
    clusters = (
        f"clusters of {listed(told)} observations"
        if len(told) > 1
        else f"one cluster of {count(sizes[0], 'observation')}"
    )
    if n_empty:
        clusters += f", and {count(n_empty, 'component')} with no observation that is most probably its own"
    if is_first:
        return clusters
    if not changes:
        return f"{clusters}; observations clustered as at mode 1, with other parameters"
    return f"{clusters}; {', '.join(map(str, changes))}"


@worded
def cluster_split(cluster: int, into: int) -> str:
    return f"cluster {cluster} of mode 1 is split in {into}"


@worded
def clusters_joined(clusters: tuple[int, ...]) -> str:
    return f"clusters {listed([str(c) for c in clusters])} of mode 1 are one"


@worded
def clusters_divided(clusters: tuple[int, ...], every: bool, into: int) -> str:
    which = "all clusters" if every else f"clusters {listed([str(c) for c in clusters])}"
    return f"{which} of mode 1 are divided otherwise, into {into}"


@worded
def mode_share(number: int, share: float, share_se: float, what: object) -> str:
    return (
        f"Mode {number} holds {100 * share:.0f} % of the draws (standard error {100 * share_se:.0f}): {what}."
    )


@worded
def other_modes(share: float, smallest: float) -> str:
    return f"Modes with less than {100 * smallest:.0f} % each hold {100 * share:.0f} % together."
