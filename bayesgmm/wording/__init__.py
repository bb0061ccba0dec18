"""Facts apart from words.

What is found is a :class:`Reason`: a code, and the numbers that belong to it. Logic makes reasons, compares
and stores them; tests assert their codes and values. The modules of this room turn them into sentences, each
fact once for each audience: the console and the notebook (``str(reason)``), and the page, for a reader who is
not a statistician (``reason.sentence("page")``). A sentence is a function with the name of the code and a
parameter for each value::

    @worded
    def transitions_diverged(n: int) -> str:
        return f"{count(n, 'transition')} diverged; raise target_accept."

    str(Reason("transitions_diverged", {"n": 7}))

A reason without a sentence of its own is told by its code and values, so that a method of the user's own
needs no words to be judged and reported.
"""

from bayesgmm.wording import (
    calibration,
    columns,
    comparison,
    deciders,
    em,
    methods,
    page,
    priors,
    rows,
    selection,
    verdict,
)
from bayesgmm.wording.reasons import Reason, worded, worded_for_page

__all__ = [
    "Reason",
    "calibration",
    "columns",
    "comparison",
    "deciders",
    "em",
    "methods",
    "page",
    "priors",
    "rows",
    "selection",
    "verdict",
    "worded",
    "worded_for_page",
]
