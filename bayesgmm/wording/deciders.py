"""Sentences of who decided, data or prior, where EM and the posterior differ."""

from collections.abc import Sequence

from bayesgmm.support.sentences import count, listed, with_sd
from bayesgmm.wording.numbers import percent
from bayesgmm.wording.reasons import worded

__all__: list[str] = []

MOST_NAMED = 4


def _named(quantity: str, owner: str) -> str:
    """Such as "the standard deviation of eruptions in component 1"."""
    kind, *of = quantity.split(" ", 1)
    kind = "standard deviation" if kind == "sd" else kind
    where = "all components" if owner == "all" else f"component {owner}"
    return f"the {' '.join([kind, *of])} {'of' if kind == 'weight' else 'in'} {where}"


def _all_named(quantities: Sequence[str], owners: Sequence[str]) -> str:
    return listed([_named(*one) for one in zip(quantities, owners, strict=True)], MOST_NAMED)


@worded
def prior_decides(
    quantities: tuple[str, ...],
    owners: tuple[str, ...],
    estimates: tuple[float, ...],
    posterior_means: tuple[float, ...],
    posterior_sds: tuple[float, ...],
) -> str:
    told = [
        f"{_named(quantity, owner)} (posterior {with_sd(mean, sd)} ± {with_sd(sd, sd)}, EM {with_sd(em, sd)})"
        for quantity, owner, em, mean, sd in zip(
            quantities, owners, estimates, posterior_means, posterior_sds, strict=True
        )
    ]
    n = len(told)
    what = told[0] if n == 1 else f"{count(n, 'parameter')}: {listed(told, MOST_NAMED)}"
    return (
        f"The prior, not the data, sets {what}. There the difference does not speak against EM; if that was "
        "not known before the data, choose a wider prior."
    )


@worded
def data_decide(
    quantities: tuple[str, ...], owners: tuple[str, ...], of_baseline: bool, ci_prob: float
) -> str:
    # An EM fit that was handed in may be anywhere.
    why = (
        ": the likelihood is skewed there, and most of its mass lies away from its maximum"
        if of_baseline
        else ""
    )
    return f"The data, not the prior, {_kept_away(quantities, owners, ci_prob)}{why}."


@worded
def both_decide(
    quantities: tuple[str, ...], owners: tuple[str, ...], of_baseline: bool, ci_prob: float
) -> str:
    return (
        f"Data and prior together {_kept_away(quantities, owners, ci_prob)}, so that the difference alone "
        "does not speak against EM."
    )


def _kept_away(quantities: Sequence[str], owners: Sequence[str], ci_prob: float) -> str:
    n = len(quantities)
    intervals = f"{percent(ci_prob)} posterior interval{'s' * (n > 1)}"
    whose = f"{count(n, 'parameter')} ({_all_named(quantities, owners)})" if n > 1 else ""
    of = whose or _all_named(quantities, owners)
    return f"keep EM's estimate{'s' * (n > 1)} of {of} outside the {intervals}"
