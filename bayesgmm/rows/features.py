"""The columns that an estimator has seen, as scikit-learn records them: ``n_features_in_`` and
``feature_names_in_``."""

from typing import Any

import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import validate_data

from bayesgmm.errors import printable
from bayesgmm.rows.rows import Rows, RowsLike

__all__ = ["MISSING", "MODEL", "REFUSE", "missing_of", "note_columns", "rows_for"]

# What estimators do where cells are missing.
MISSING = REFUSE, MODEL = "refuse", "model"


def missing_of(rows: Rows) -> str:
    """What an estimator is to do that is fitted to these rows, which were let in with their missing cells."""
    return MODEL if rows.has_missing else REFUSE


def rows_for(estimator: Any, X: RowsLike, sample_weight: ArrayLike | None = None, *, reset: bool) -> Rows:
    """The rows of X, checked, for an estimator that then knows their columns, or holds them against those
    that it knows.

    Parameters
    ----------
    estimator : scikit-learn estimator
    X : array_like or data frame, shape (N, D), or Rows
    sample_weight : array_like, shape (N,), optional
    reset : bool
        Whether the estimator is to learn the columns; otherwise they must be those that it knows.

    Raises
    ------
    DataError, TypeError
        Where X is not usable; see :meth:`bayesgmm.rows.rows.Rows.of`.
    ValueError
        Where the columns are not those that the estimator knows, in scikit-learn's words.
    """
    rows = Rows.of(X, sample_weight, may_miss=getattr(estimator, "missing", REFUSE) == MODEL)
    note_columns(estimator, X, reset=reset)
    return rows


def note_columns(estimator: Any, X: RowsLike, *, reset: bool) -> None:
    """Let an estimator learn the columns of X, which was checked before, or hold them against those that it
    knows."""
    if isinstance(X, Rows):
        # As objects: pandas has no texts of its own that are not Unicode.
        names = pd.Index(X.names, dtype=object)
        X = pd.DataFrame(X.values, columns=names, copy=False) if X.named else X.values
    try:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    except ValueError as error:
        # It lists names as they are.
        raise type(error)(printable(str(error))) from None
