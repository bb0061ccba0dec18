"""Sentences of the choice of a method."""

from bayesgmm.wording.reasons import Reason, worded

__all__: list[str] = []


@worded
def tempered_after_nuts(why: Reason) -> str:
    return f"Tempering, after NUTS, whose verdict was: {why}"


@worded
def nuts_kept(obstacle: Reason, why: Reason) -> str:
    return f"NUTS, since {obstacle} But its verdict is: {why}"


# What kept it from tempering.


@worded
def components_not_alike() -> str:
    return "the prior does not treat all components alike."


@worded
def too_few_draws_to_temper(wanted: int) -> str:
    return f"tempering needs draws={wanted} or more."


@worded
def tempering_takes_long(minutes: float) -> str:
    return f"tempering would take {minutes:.0f} minutes or more; ask for it by method='smc'."


@worded
def tempering_failed(error: str) -> str:
    return f"tempering failed: {error}"


@worded
def tempering_was_worse(why: Reason) -> str:
    return f"tempering was worse: {why}"
