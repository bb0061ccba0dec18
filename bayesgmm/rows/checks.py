"""Every check of data that a user hands in: one place, one set of sentences.

A message says what is wrong, what was found and where, and what to try.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from bayesgmm.errors import DataError, DataTypeError
from bayesgmm.rows.labels import quoted
from bayesgmm.rows.outline import ROWS_AT_ONCE, Outline, outline_of
from bayesgmm.support.arguments import check_unmasked
from bayesgmm.support.sentences import count, shown_error, shown_value

__all__ = [
    "check_collinear",
    "check_data",
    "check_distinct_rows",
    "check_fittable",
    "check_varying_columns",
    "column_names",
]

Array = NDArray[np.float64]

# Of rows in the direction in which columns of unit standard deviation vary least.
LEAST_SPREAD = 1e-10
UNMASKING = "drop or impute them first and pass a plain array"


def column_names(X: Any) -> tuple[str, ...] | None:
    """Names of the columns of a data frame; None where they have none, or other names than strings.

    Raises
    ------
    DataError
        Where two have the same name.
    DataTypeError
        Where some names are strings and others are not, as scikit-learn refuses them, too.
    """
    columns = list(getattr(X, "columns", ()))
    strings = [c for c in columns if isinstance(c, str)]
    if 0 < len(strings) < len(columns):
        other = next(c for c in columns if not isinstance(c, str))
        raise DataTypeError(
            f"Some names of columns are strings and others are not (such as {strings[0]!r} and "
            f"{shown_value(other)}); make all of them strings by X.columns = X.columns.astype(str).",
            string=strings[0],
            other=other,
        )
    name, times = Counter(map(str, columns)).most_common(1)[0] if columns else ("", 1)
    if times > 1:
        raise DataError(
            f"{times} columns have the name {name!r}; give each a name of its own, or pass X.to_numpy() for "
            f"columns without names.",
            name=name,
            times=times,
        )
    return tuple(map(str, strings)) or None


def check_data(X: Any, may_miss: bool = False) -> Array:
    """X as a float64 array of shape (N, D), finite but for missing cells where these may be; the input itself
    is never written to.

    Raises
    ------
    DataTypeError
        For sparse matrices and for data that are not numbers.
    DataError
        For rows of different lengths, wrong dimensions, missing or infinite values, complex numbers, masked
        arrays.
    """
    values = _dense(X)
    _check_real(X, values)
    _check_shape(values.shape)
    floats = _to_float(values, X)
    _check_finite(floats, X, may_miss)
    return floats


def _dense(X: Any) -> NDArray[Any]:
    if sparse.issparse(X):
        raise DataTypeError(
            "Sparse data were passed, but a Gaussian mixture needs a dense array; try X.toarray().",
            got=type(X).__name__,
        )
    check_unmasked(X, "X", DataError, UNMASKING)
    # Of a class the same names are there, but no values.
    if not isinstance(X, type):
        if hasattr(X, "to_numpy") or hasattr(X, "__array__"):
            return _converted(X)
        if isinstance(X, Sequence):
            return _of_sequence(X)
    got = f"the class {X.__name__}" if isinstance(X, type) else type(X).__name__
    raise DataTypeError(f"X must be a two-dimensional array or data frame; got {got}.", got=got)


def _converted(X: Any) -> NDArray[Any]:
    """What converts itself to an array, which may raise anything."""
    try:
        return np.asarray(X.to_numpy() if hasattr(X, "to_numpy") else X)
    except Exception as error:
        raise DataTypeError(
            f"X cannot be read as an array; got {type(X).__name__}: {shown_error(error)}; pass a "
            f"two-dimensional array or a data frame.",
            got=type(X).__name__,
        ) from None


def _of_sequence(X: Sequence[Any]) -> NDArray[Any]:
    """A list of rows as an array."""
    try:
        return np.asarray(X)
    except ValueError:
        pass
    lengths = [len(row) if hasattr(row, "__len__") else None for row in X]
    odd = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is None:
        raise DataError("A row of X holds other lists; give each row one number for each column.")
    values = [count(n, "value") if n is not None else "no list of values" for n in (lengths[0], lengths[odd])]
    raise DataError(
        f"The rows of X have different lengths: row 0 has {values[0]}, and row {odd} has {values[1]}; give "
        f"each row one value for each column.",
        row=odd,
        expected=lengths[0],
        got=lengths[odd],
    )


def _check_real(X: Any, values: NDArray[Any]) -> None:
    if np.iscomplexobj(values):
        raise DataError("Complex data not supported: a Gaussian mixture is fitted to real numbers.")
    dates = next((str(t) for t in (values.dtype, *_column_types(X)) if _is_temporal(t)), None)
    if dates is not None or (
        values.dtype == object and any(isinstance(v, np.datetime64 | np.timedelta64) for v in values.flat)
    ):
        kind = dates or "in an object array"
        raise DataTypeError(
            f"X holds dates or durations ({kind}); convert them to numbers first, "
            f"such as days since a start.",
            kind=kind,
        )


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        hint = (
            "Reshape your data with X.reshape(-1, 1) if it has a single feature."
            if len(shape) == 1
            else "Pass one row per observation and one column per feature."
        )
        raise DataError(f"Expected 2D array, got {len(shape)}D array of shape {shape}. {hint}", shape=shape)
    if 0 in shape:
        raise DataError(
            f"Found array with {shape[0]} sample(s) and {shape[1]} feature(s) (shape={shape}) while a "
            f"minimum of 1 is required.",
            shape=shape,
        )


def _check_finite(floats: Array, X: Any, may_miss: bool) -> None:
    bad = np.isinf(floats) if may_miss else ~np.isfinite(floats)
    if not bad.any():
        if may_miss:
            _check_some_cells(np.isnan(floats), X)
        return
    row, column = map(int, np.argwhere(bad)[0])
    kinds = []
    if missing := int(np.isnan(floats).sum()):
        kinds.append(f"{missing} missing (NaN)")
    if infinite := int(np.isinf(floats).sum()):
        kinds.append(f"{infinite} infinite (inf)")
    raise DataError(
        f"X contains {' and '.join(kinds)} value(s), the first in {_cell(X, row, column)}; "
        + (
            "drop those rows first, or pass missing='model' to an estimator, which models cells that are "
            "missing at random."
            if missing and not infinite
            else "drop or impute those rows first."
        ),
        row=row,
        column=column,
    )


def _check_some_cells(missing: NDArray[np.bool_], X: Any) -> None:
    """Refuse rows of which nothing is known."""
    empty = np.flatnonzero(missing.all(axis=1))
    if len(empty):
        others = f" (and {count(len(empty) - 1, 'other row')})" if len(empty) > 1 else ""
        raise DataError(
            f"There is no value in any column of {_row(X, int(empty[0]))}{others}, which tells nothing then; "
            f"drop {'these rows' if others else 'that row'}.",
            row=int(empty[0]),
            n_rows=len(empty),
        )


def _cell(X: Any, row: int, column: int) -> str:
    """A cell by the names of its row and column, where X has any."""
    names = getattr(X, "columns", None)
    return f"{_row(X, row)}, column {column if names is None else repr(names[column])}"


def _row(X: Any, row: int) -> str:
    index = getattr(X, "index", None)
    return f"row {quoted(index[row], index) if isinstance(index, pd.Index) else row}"


def _column_types(X: Any) -> list[Any]:
    """Types of the columns of a data frame, pandas' or polars'."""
    types = getattr(X, "dtypes", None)
    return list(types) if types is not None and hasattr(X, "columns") else []


def _is_temporal(dtype: Any) -> bool:
    return getattr(dtype, "kind", "") in tuple("mM") or bool(getattr(dtype, "is_temporal", bool)())


def _to_float(values: NDArray[Any], X: Any) -> Array:
    for of in (values, None):
        try:
            # pandas' own mark of a missing value is not a number; asked for only where something is not.
            of = np.where(pd.isna(values), np.nan, values) if of is None else of
            return np.array(of, dtype=np.float64, copy=None)
        except (TypeError, ValueError, OverflowError):
            pass
    for j in range(values.shape[1]):
        for i, value in enumerate(values[:, j]):
            try:
                float(value)
            except (TypeError, ValueError, OverflowError):
                raise DataTypeError(
                    f"X must hold numbers, but {_cell(X, i, j)} holds {shown_value(value, typed=True)}; "
                    "drop or encode that column. An argument must be a string or a real number.",
                    row=i,
                    column=j,
                ) from None
    raise DataTypeError("X could not be converted to numbers.")  # pragma: no cover


def check_varying_columns(X: Array, names: Sequence[str], outline: Outline | None = None) -> None:
    """Refuse columns with a single value: their variance is zero in every component."""
    if len(X) == 1:
        return
    columns = zip(*(outline or outline_of(X)), strict=True)
    for j, (lowest, highest, _, spread) in enumerate(columns):
        if np.isnan(lowest):
            raise DataError(
                f"Column {names[j]!r} is missing in every row, so that nothing can be said of it; drop that "
                "column.",
                column=j,
            )
        if lowest == highest:
            raise DataError(
                f"Column {names[j]!r} is constant (every value is {lowest:g}), so that no Gaussian has a "
                "density for it; drop that column.",
                column=j,
            )
        if not (np.isfinite(spread) and spread > 0):
            what = "underflows" if spread == 0 else "overflows"
            raise DataError(
                f"Column {names[j]!r} spans {lowest:g} to {highest:g}: its variance {what}; rescale it.",
                column=j,
            )


def check_distinct_rows(X: Array, n_components: int) -> None:
    """Refuse more components than there are distinct rows."""
    if n_components == 1:
        return
    n = len(X)
    if n >= n_components:
        # A prefix settles it nearly always, and costs nothing.
        head = len(np.unique(X[: max(1000, 2 * n_components)], axis=0))
        if head >= n_components:
            return
    distinct = len(np.unique(X, axis=0))
    if distinct < n_components:
        raise DataError(
            f"n_components={n_components} components cannot be told apart with {distinct} distinct row(s) "
            f"(n_samples = {n}); choose n_components <= {distinct}.",
            distinct=distinct,
        )


def check_fittable(X: Array, names: Sequence[str], n_components: int, correlated: bool) -> None:
    """Refuse data to which no mixture can be fitted, where features are correlated or not; X holds the rows
    that count."""
    if len(X) < 2:
        raise DataError(
            f"A covariance needs at least 2 rows; got n_samples = {len(X)} sample(s) that count.",
            n_rows=len(X),
        )
    outline = outline_of(X)
    check_varying_columns(X, names, outline)
    check_distinct_rows(X, n_components)
    complete = ~np.isnan(X).any(axis=1) if correlated else np.empty(0, dtype=bool)
    if complete.sum() > X.shape[1]:
        every = bool(complete.all())
        check_collinear(X if every else X[complete], names, outline if every else None)


def check_collinear(X: Array, names: Sequence[str], outline: Outline | None = None) -> None:
    """Refuse a column that is a linear combination of others, and name all that take part."""
    _, _, mean, std = outline or outline_of(X)
    if not np.all(std > 0):
        return
    correlations = np.zeros((X.shape[1], X.shape[1]))
    for start in range(0, len(X), ROWS_AT_ONCE):
        scaled = (X[start : start + ROWS_AT_ONCE] - mean) / std
        correlations += scaled.T @ scaled / len(X)
    values, vectors = np.linalg.eigh(correlations)
    # Clusters that are far apart leave as little; what is left of a sum is rounding.
    if values[0] > 1e-11 or _spread(X, mean, std, vectors[:, 0]) > LEAST_SPREAD:
        return
    # Next to a giant outlier all other rows look like a single point.
    quartiles = np.quantile(X, [0.25, 0.75], axis=0)
    reach = 1e3 * np.ptp(quartiles, axis=0)
    near = np.all(np.abs(X - quartiles[0]) <= np.where(reach > 0, reach, np.inf), axis=1)
    if X.shape[1] < near.sum() < len(X):
        check_collinear(X[near], names)
        return
    involved = [name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 1e-6]
    total = X[:, [names.index(name) for name in involved]].sum(axis=1)
    is_whole = bool(np.ptp(total) <= 1e-9 * abs(total[0]))
    how = (
        f"add to {total[0]:g} in every row: each of them is known from the others"
        if is_whole
        else "are collinear: one of them is a linear combination of the others"
    )
    raise DataError(
        f"Columns {', '.join(map(repr, involved))} {how}, so that no full covariance has an inverse; drop "
        f"one of them, such as {involved[-1]!r} (on the command line with --except), or choose "
        f"covariance_type='diag'.",
        columns=involved,
        total=float(total[0]) if is_whole else None,
    )


def _spread(X: Array, mean: Array, std: Array, direction: Array) -> float:
    """Standard deviation of the rows in a direction of the scaled columns, about the mean; no cancellation in
    a covariance hides it."""
    total = 0.0
    for start in range(0, len(X), ROWS_AT_ONCE):
        along = ((X[start : start + ROWS_AT_ONCE] - mean) / std) @ direction
        total += float(along @ along)
    return float(np.sqrt(total / len(X)))
