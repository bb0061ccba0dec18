"""Sentences of the choice of a method."""

from bayesgmm.support.sentences import count
from bayesgmm.wording.reasons import Reason, worded

__all__: list[str] = []


@worded
def tempered_after_nuts(why: Reason) -> str:
    return f"Tempering, after NUTS, whose verdict was: {why}"


@worded
def tempered_instead(error: str) -> str:
    return f"Tempering, since NUTS failed: {error}"


@worded
def nuts_kept(obstacle: Reason, why: Reason) -> str:
    return f"NUTS, since {obstacle} But its verdict is: {why}"


# What kept it from tempering.


@worded
def components_not_alike() -> str:
    return "the prior does not treat all components alike."


@worded
def fit_takes_long(minutes: float, n_parameters: int, n_parameters_of_diag: int, n_rows: int) -> str:
    text = (
        f"A fit of {count(n_parameters, 'parameter')} to {count(n_rows, 'row')} will take about "
        f"{minutes:.0f} min on two cores; max_time limits it"
    )
    if n_parameters_of_diag:
        text += f", and covariance_type='diag' has {count(n_parameters_of_diag, 'parameter')}"
    return f"{text}."


@worded
def no_time_to_temper() -> str:
    return "max_time had passed."


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
