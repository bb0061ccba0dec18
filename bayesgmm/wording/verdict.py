"""Sentences of the verdict: what speaks against component-wise summaries, and what for them."""

from collections.abc import Sequence

from bayesgmm.support.sentences import count, listed
from bayesgmm.wording.reasons import worded

__all__ = ["readable_sentence", "refused_sentence"]

# Of which quantities something is told.
_SCOPES = {
    "label_free": "label-free quantities",
    "components": "relabelled parameters",
    "own_components": "parameters of the components",
}
_RELABELLED_BY = {
    "iterative ECR": "by the posterior memberships instead of EM's",
    "Stephens": "by the Kullback-Leibler divergence of the memberships",
    "parameters": "by the parameters of the components",
}
_EXPLORATION = {
    "not explored": "There may be more of the posterior than the draws have seen. ",
    "several modes, explored": "The posterior has several modes, and draws that began at those that were "
    "found agree. ",
    "not identified": "The data do not tell the components apart. ",
    "one mode": "",
}
_BY_PRIOR = {"not identified": "The prior does not tell the components apart. "}


def readable_sentence(grounds: str, nearly_tied: float, by_prior: float | None = None) -> str:
    """The verdict where nothing speaks against it.

    Parameters
    ----------
    grounds : str
        What speaks for it, in words.
    nearly_tied : float
        Share of the draws in which labels are ambiguous.
    by_prior : float, optional
        Where labels are those of the prior, the probability that it gives these.
    """
    if by_prior is not None:
        return (
            f"Component-wise summaries are identifiable: {grounds}, and labels are those of the prior, which "
            f"gives other labels {_percent(1 - by_prior)} of the probability."
        )
    tied = f"and the label assignment is ambiguous in {100 * nearly_tied:.1f} % of the draws."
    return f"Component-wise summaries are identifiable: {grounds}, {tied}"


def _percent(share: float) -> str:
    """Never none where there is some."""
    return "less than 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def refused_sentence(
    exploration: str, reasons: Sequence[str], label_free_ok: bool, by_prior: bool = False
) -> str:
    """The verdict where something speaks against it.

    Parameters
    ----------
    exploration : str
        What is known of the posterior as a whole; see ``Verdict.exploration``.
    reasons : sequence of str
        What speaks against it, in words.
    label_free_ok : bool
        Whether at least what does not depend on labels may be used.
    by_prior : bool
        Whether labels are those of the prior.
    """
    left = (
        " What does not depend on labels may be used: densities, similarities and the partition."
        if label_free_ok
        else ""
    )
    known = (_EXPLORATION | _BY_PRIOR if by_prior else _EXPLORATION)[exploration]
    return f"Component-wise summaries must not be used: {known}{' '.join(reasons)}{left}"


# What speaks for it. On the console these are parts of the verdict's sentence.


@worded
def chains_agree(r_hat: float, ess: float, wanted: float) -> str:
    return f"chains agree (largest R-hat {r_hat:.3f}, smallest effective sample size {ess:.0f})"


@worded
def runs_agree(r_hat: float, ess: float, wanted: float) -> str:
    return f"independent runs agree (largest R-hat {r_hat:.3f}, smallest effective sample size {ess:.0f})"


@worded
def gaussian_fits(pareto_k: float, wanted: float, ess: float) -> str:
    return (
        f"the Gaussian at the posterior mode fits there (Pareto k {pareto_k:.2f}, effective sample size "
        f"{ess:.0f})"
    )


# What speaks against it.


@worded
def single_chain() -> str:
    return "A single chain cannot show whether chains agree; use chains=4."


@worded
def chains_disagree(scope: str, r_hat: float, at: str, wanted: float, chain_means: tuple[float, ...]) -> str:
    means = ", ".join(f"{m:.4g}" for m in chain_means)
    by_chain = f"; by chain its mean is {means}" if means else ""
    return (
        f"Chains disagree on {_SCOPES[scope]}: R-hat is {r_hat:.3f} at {at} (below {wanted} is "
        f"wanted{by_chain})."
    )


@worded
def too_few_effective_draws(scope: str, ess: float, at: str, wanted: int) -> str:
    return (
        f"Too few effective draws of {_SCOPES[scope]}: {ess:.0f} at {at} (at least {wanted} are wanted); "
        f"increase draws."
    )


@worded
def rows_on_a_needle(n: int, are_equal: bool, columns: tuple[str, ...]) -> str:
    where = "are equal" if are_equal else f"lie exactly on a line in {listed(columns)}"
    return (
        f"Of the rows, {n} {where}, although values are not rounded: a component that is as narrow as these "
        f"may hold much of the posterior, and cannot be drawn from. Give the prior the resolution= of the "
        f"measurements, or leave such rows out where they were filled in."
    )


@worded
def too_collinear_to_draw(left: float) -> str:
    return (
        f"Within a component the other columns tell a column to {left:.0e} of its standard deviation, which "
        f"no sampler can follow; drop a column, or use covariance_type='diag'."
    )


# Of the sampler.


@worded
def transitions_diverged(n: int) -> str:
    return (
        f"{count(n, 'transition')} diverged, so that a part of the posterior may be missing; raise "
        f"target_accept."
    )


@worded
def low_energy_fraction(bfmi: float, wanted: float) -> str:
    return (
        f"The energy of a chain moves too slowly: E-BFMI is {bfmi:.2f} (at least {wanted} is wanted), so "
        f"that the tails of the posterior may be missing; try a narrower prior."
    )


@worded
def trajectories_cut_off(share: float) -> str:
    return (
        f"In {100 * share:.0f} % of the draws the trajectory was cut off at the largest tree depth; "
        f"increase tune."
    )


@worded
def modes_without_chains(share: float) -> str:
    return (
        f"Modes that no chain started from hold {100 * share:.0f} % of the posterior, by Laplace's method; "
        f"method='smc' draws from all, where it can."
    )


@worded
def modes_beside_gaussian(share: float) -> str:
    return (
        f"Modes beside the one that draws are from hold {100 * share:.0f} % of the posterior, by Laplace's "
        "method; use method='auto', or 'smc' where it can be used."
    )


@worded
def empty_component_unseen(expected: float, seen: float) -> str:
    return (
        f"By Laplace's method a component has no rows in {100 * expected:.0f} % of the posterior, and in "
        f"{100 * seen:.0f} % of the draws; use method='smc'."
    )


@worded
def draws_cut_short(n: int, wanted: int) -> str:
    return (
        f"When max_time had passed, each chain had {count(n, 'draw')} of {wanted}; allow more time, or ask "
        "for fewer draws."
    )


# Of weighted draws.


@worded
def gaussian_does_not_fit(pareto_k: float, wanted: float) -> str:
    return (
        f"The Gaussian at the posterior mode does not fit the posterior there: Pareto k is {pareto_k:.2f} "
        f'(below {wanted:.2f} is wanted); use method="nuts".'
    )


@worded
def too_few_weighted_draws(ess: float, wanted: int) -> str:
    return (
        f"The effective sample size of the weighted draws is {ess:.0f} (at least {wanted} is wanted); "
        'increase draws, or use method="nuts".'
    )


# Of tempered draws.


@worded
def tempering_stopped(beta: float) -> str:
    return (
        f"Tempering was stopped at inverse temperature {beta:.3g}, where max_time had passed; only at 1 are "
        f"the draws those of the posterior, so allow more time."
    )


@worded
def too_few_ancestors(n: int, wanted: int) -> str:
    return (
        f"The draws of a run descend from {count(n, 'ancestor')} (at least {wanted} are wanted), too few for "
        f"their effective sample size to be known; increase draws."
    )


@worded
def no_dominant_mode(n_modes: int, largest_share: float) -> str:
    largest = f"{100 * largest_share:.0f} %"
    found = {
        0: f"None of the posterior's modes holds 5 % or more, the largest {largest}",
        1: f"The posterior has 1 mode that holds 5 % or more, and it holds {largest} only",
    }.get(n_modes, f"The posterior has {n_modes} modes that hold 5 % or more each, the largest {largest}")
    return f"{found}: the summary of a component would average over different clusterings."


# Of the labels.


@worded
def labels_nearly_tied(share: float) -> str:
    return (
        f"The label assignment is ambiguous in {100 * share:.0f} % of the draws, where two components could "
        f"exchange their labels at next to no cost: a label does not stand for one component."
    )


@worded
def labels_differ(method: str, share: float) -> str:
    return (
        f"Relabelling the draws {_RELABELLED_BY[method]} gives other labels in {100 * share:.0f} % of them."
    )


@worded
def components_of_one_kind(share: float) -> str:
    those = (
        "the data do not show this many different ones"
        if share > 0.5
        else "there they cannot be told apart, and labels mean nothing"
    )
    return f"In {100 * share:.0f} % of the draws two components are of the same kind: {those}."


@worded
def prior_leaves_labels_open(share: float) -> str:
    return (
        f"Labels are those of the prior, but given the components of the draws it gives other labels "
        f"{100 * share:.0f} % of the probability (at most 5 % is wanted), of which the draws need not have "
        "seen any; make the prior tell components apart, or treat them alike."
    )
