"""Sentences of priors that leave a posterior without a bound, told before a fit."""

from bayesgmm.support.sentences import count
from bayesgmm.wording.numbers import number
from bayesgmm.wording.reasons import worded

__all__ = ["improper_by_equal_rows", "improper_by_line", "improper_by_ties"]

REMEDY = (
    "Give the prior a resolution=, such as the unit that values are rounded to, or leave prior out for the "
    "default, which has one."
)


@worded
def improper_by_ties(column: str, value: float, n: int) -> str:
    return (
        f"{count(n, 'row')} have the value {number(value)} in column {column!r}: under this std_prior, which "
        f"allows standard deviations near zero, a component on them gains density without a bound, and the "
        f"posterior is improper. {REMEDY}"
    )


@worded
def improper_by_equal_rows(n: int) -> str:
    return (
        f"{count(n, 'row')} are equal in all columns: under this prior the covariance of a component on them "
        f"may collapse, its density gains without a bound, and the posterior is improper. {REMEDY}"
    )


@worded
def improper_by_line(columns: tuple[str, str], n: int) -> str:
    first, second = columns
    return (
        f"{count(n, 'row')} lie exactly on a line in columns {first!r} and {second!r}: under this lkj_eta "
        f"the correlation of a component on them may go to one, its density gains without a bound, and the "
        f"posterior is improper. {REMEDY}"
    )
