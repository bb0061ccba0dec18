"""Fits with a verdict other than their own."""

import copy
import dataclasses

from bayesgmm.wording import Reason

MADE_UP = Reason("made_up_fault", {"of": "tests"})


def judged(bayes, ok, **changes):
    """The same fit with a verdict that allows a reading of components, or forbids it."""
    other = copy.copy(bayes)
    other.verdict_ = dataclasses.replace(bayes.verdict_, ok=ok, reasons=() if ok else (MADE_UP,), **changes)
    return other
