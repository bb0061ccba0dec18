"""Exceptions and warnings, each carrying the numbers that caused it.

Every message is one sentence or two: what is wrong, what was found, what to try.
Errors of input derive from ``ValueError`` (or ``TypeError``), so that code written
against scikit-learn keeps catching them.
"""

__all__ = [
    "BayesGMMError",
    "ColumnWarning",
    "DataError",
    "DataTypeError",
    "DegenerateFitError",
    "FileProblem",
    "ParameterError",
    "PriorWarning",
    "SamplingError",
    "printable",
]

from typing import Any


def printable(message: str) -> str:
    """A message whose characters a terminal shows and does not obey: others become escapes, as in ``repr``;
    lines stay."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in message)


class BayesGMMError(Exception):
    """Base of this package's exceptions; ``details`` holds the numbers behind the sentence."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(printable(message))
        self.details = details


class DataError(BayesGMMError, ValueError):
    """The data cannot be fitted as they are."""


class DataTypeError(DataError, TypeError):
    """The data are not numbers."""


class ParameterError(BayesGMMError, ValueError):
    """An argument is not what it has to be."""


class FileProblem(BayesGMMError, ValueError):
    """A file cannot be read, or cannot be written."""


class DegenerateFitError(BayesGMMError, ValueError):
    """Every start of EM ended in a component that collapsed onto a few points."""


class SamplingError(BayesGMMError, RuntimeError):
    """The sampler could not start, or a chain stopped early."""


class ColumnWarning(UserWarning):
    """Columns look like no measurements: numbers of rows, categories, codes of missing values and others."""


class PriorWarning(UserWarning):
    """Under a given prior the posterior is improper on these data."""
