"""Fits with a verdict other than their own."""

from examples import with_verdict

from bayesgmm.wording import Reason

MADE_UP = Reason("made_up_fault", {"of": "tests"})


def judged(bayes, ok, **changes):
    """The same fit with a verdict that allows a reading of components, or forbids it."""
    return with_verdict(bayes, ok=ok, reasons=() if ok else (MADE_UP,), **changes)
