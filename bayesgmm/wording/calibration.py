"""Sentences of a check by refits of simulated rows."""

from bayesgmm.support.sentences import count, listed
from bayesgmm.wording.reasons import worded

__all__: list[str] = []

MOST_NAMED = 4


def _share(share: float) -> str:
    """With one decimal; two where it is so near to 0 or 1 that these would be shown."""
    digits = 1 if 0.0005 <= share <= 0.9995 or share in (0.0, 1.0) else 2
    return f"{100 * share:.{digits}f} %"


@worded
def ranks_uniform(n_quantities: int, n: int) -> str:
    """What was simulated lies where the posterior expects it."""
    told = count(n_quantities, "quantity", "quantities")
    return (
        f"In {count(n, 'refit')} of simulated rows the true values of {told} lie among the posterior's "
        f"draws as they should: their ranks stay in the band that holds all ranks of a right posterior in "
        f"99 % of checks."
    )


@worded
def ranks_not_uniform(quantities: tuple[str, ...], n: int) -> str:
    """Some of it does not."""
    return (
        f"In {count(n, 'refit')} of simulated rows the ranks of {listed(quantities, MOST_NAMED)} leave the "
        f"band that holds all ranks of a right posterior in 99 % of checks: do not trust intervals of "
        f"{'it' if len(quantities) == 1 else 'these'} for data like yours."
    )


@worded
def confidence_of_pairs(
    confidence: float, accuracy: float, se: float, em_confidence: float, em_accuracy: float, off: bool
) -> str:
    """Whether two simulated rows share a component."""
    return _confidence(
        "Whether two simulated rows share a component",
        confidence,
        accuracy,
        se,
        em_confidence,
        em_accuracy,
        off,
    )


@worded
def confidence_of_rows(
    confidence: float, accuracy: float, se: float, em_confidence: float, em_accuracy: float, off: bool
) -> str:
    """Which component a simulated row is of."""
    return _confidence(
        "Which component a simulated row is of", confidence, accuracy, se, em_confidence, em_accuracy, off
    )


def _confidence(
    what: str,
    confidence: float,
    accuracy: float,
    se: float,
    em_confidence: float,
    em_accuracy: float,
    off: bool,
) -> str:
    told = (
        f"{what}, the posterior is {_share(confidence)} sure of, and right in {_share(accuracy)} (standard "
        f"error of the difference {_share(se)}); EM is {_share(em_confidence)} sure, and right in "
        f"{_share(em_accuracy)}."
    )
    if not off:
        return told
    much = "surer" if confidence > accuracy else "less sure"
    return f"{told} The posterior's memberships of such rows are {much} than they are right."


@worded
def refits_failed(n: int, of: int) -> str:
    """Refits that ended with an error."""
    which = "is" if n == 1 else "are"
    return f"{n} of {count(of, 'refit')} ended with an error and {which} left out, which may hide faults."


@worded
def refits_refused(n: int, of: int) -> str:
    """Refits whose draws the verdict does not take for those of the posterior."""
    which = "is" if n == 1 else "are"
    return f"The verdict refuses {n} of {count(of, 'refit')}, which {which} not ranked."


@worded
def refits_components_refused(n: int, of: int) -> str:
    """Refits of which single components must not be read."""
    return (
        f"In {n} of {count(of, 'refit')} single components must not be read; ranks of their parameters, and "
        f"whether rows are given to the right one, are those of the others."
    )


@worded
def few_refits(n: int) -> str:
    """So many show gross faults only."""
    return f"With {count(n, 'refit')} gross faults alone can be seen; 50 or more see smaller ones."
