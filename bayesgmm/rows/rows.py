"""`Rows`: what a user handed in, checked once: values, names of columns, names of rows, weights.

Everything after the check takes this record. It reads the values in the layout it wants (`values` as they
came, `columns` one feature after the other), calls a row by its own name, and never checks again.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import DataError
from bayesgmm.rows import checks, labels
from bayesgmm.rows.outline import Outline, outline_of
from bayesgmm.rows.sample_weight import check_sample_weight
from bayesgmm.support.sentences import distinct, shown

__all__ = ["Rows", "RowsLike", "default_names"]

Array = NDArray[np.float64]
# Rows that weights are made to stand for one by one.
MOST_REPEATED = 100_000
# Interquartile range of a Gaussian, in standard deviations.
NORMAL_RANGE = 1.349


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of data, checked.

    Make them with :meth:`of`; the fields are taken as they are.

    Parameters
    ----------
    values : ndarray, shape (N, D)
        Finite, in the units of the data; NaN where a cell is missing and that was asked for.
    names : tuple of D str
        Names of the columns.
    index : pandas.Index of length N
        The user's own names of the rows, of any kind; 0, 1, ... where there are none.
    weights : ndarray, shape (N,) or (0,)
        Weights of the rows; empty where every row counts once.
    source : str
        The file that the rows are from; empty where there is none.
    named : bool
        Whether the columns had names of their own.
    has_file_numbers : bool
        Whether the index holds the numbers that the rows have in that file, from 1.
    """

    values: Array
    names: tuple[str, ...]
    index: pd.Index
    weights: Array = field(default_factory=lambda: np.empty(0))
    source: str = ""
    named: bool = False
    has_file_numbers: bool = False

    @classmethod
    def of(
        cls,
        X: Any,
        sample_weight: ArrayLike | None = None,
        *,
        copy: bool = False,
        may_miss: bool = False,
    ) -> "Rows":
        """The one full check of what a user handed in; rows that were checked before are taken as they are.

        Parameters
        ----------
        X : array_like or data frame, shape (N, D), or Rows
        sample_weight : array_like, shape (N,), optional
            Replaces the weights of rows that have some.
        copy : bool, default False
            Whether a later change of X must not reach the rows; rows that were checked before are never
            copied.
        may_miss : bool, default False
            Whether cells may be missing: NaN, or what pandas has for it.

        Raises
        ------
        TypeError
            For sparse matrices and for data that are not numbers.
        DataError
            For missing or infinite values, wrong dimensions, row names that are missing, and weights that are
            no weights; where cells may be missing, for rows without any.

        Examples
        --------
        >>> import pandas as pd
        >>> from bayesgmm.rows.rows import Rows
        >>> rows = Rows.of(pd.DataFrame({"height": [1.6, 1.8]}, index=["Ann", "Bob"]))
        >>> rows.names, rows.row(1)
        (('height',), "row 'Bob'")
        """
        if isinstance(X, cls):
            if X.has_missing and not may_miss:
                checks.check_data(pd.DataFrame(X.values, columns=list(X.names), index=X.index))
            if sample_weight is None:
                return X
            return replace(X, weights=check_sample_weight(sample_weight, len(X), X.index))
        values = checks.check_data(X, may_miss)
        values = values.copy() if copy else values
        names = checks.column_names(X)
        index = labels.index_of(X, len(values))
        return cls(
            values,
            default_names(values.shape[1]) if names is None else names,
            index,
            check_sample_weight(sample_weight, len(values), index),
            named=names is not None,
        )

    @classmethod
    def unchecked(cls, values: Array) -> "Rows":
        """Rows that the package itself has made, such as simulated ones, shape (N, D)."""
        return cls(values, default_names(values.shape[1]), labels.default_index(len(values)))

    def __len__(self) -> int:
        return len(self.values)

    def __getstate__(self) -> dict[str, Any]:
        # What is made of the fields when first asked for is as large as they are, and quickly made again.
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def n_features(self) -> int:
        """Number of columns, D."""
        return self.values.shape[1]

    def renamed(self, index: Any) -> "Rows":
        """The same rows under other names, one for each.

        Raises
        ------
        DataError
            Where there are not as many names as rows, or one is missing.
        """
        if not isinstance(index, pd.Index):
            if np.ndim(index) != 1:
                raise DataError(
                    f"The names of rows must be a list, one for each; got {np.ndim(index)} axes.",
                    n_axes=np.ndim(index),
                )
            index = pd.Index(index)
        return replace(self, index=labels.index_of(index, len(self)), has_file_numbers=False)

    @cached_property
    def is_numbered(self) -> bool:
        """Whether rows are called by their place alone, since they have no names of their own."""
        return not self.source and labels.is_default(self.index)

    @property
    def has_named_index(self) -> bool:
        """Whether the names of the rows have a name together."""
        return self.index.name not in (None, labels.UNNAMED)

    @property
    def obs(self) -> NDArray[Any]:
        """Names of the rows as the coordinate ``obs`` of a labelled data set, which a file can hold, shape
        (N,)."""
        return labels.storable(self.index)

    @property
    def features(self) -> list[str]:
        """Names of the columns as the coordinate ``feature`` of a labelled data set, which a file can hold:
        equal ones with their places behind them."""
        return distinct([labels.storable_text(name) for name in self.names])

    @cached_property
    def shown(self) -> list[str]:
        """Names of the columns as sentences, tables and figures call them: on one line, nothing that would
        command a terminal, equal ones with their places behind them."""
        return shown(self.names)

    @property
    def called(self) -> dict[str, Any]:
        """How the rows are called together, as attributes of a labelled data set."""
        name = labels.UNNAMED if self.index.name is None else str(self.index.name)
        named = {"row_names": name, "source": self.source, "row_kinds": labels.kinds(self.index)}
        called = {key: labels.storable_text(value) for key, value in named.items()}
        return {**called, "file_numbers": int(self.has_file_numbers)}

    def label(self, i: int) -> str:
        """Row i, counted from 0, as tables and figures call it: ``18``, ``Ann``, ``a, 3``."""
        return labels.text(self.index[i])

    def row(self, i: int) -> str:
        """Row i, counted from 0, as sentences call it: ``row 18 of penguins.csv``, ``row 'Ann'``,
        ``row with number 18 of penguins.csv``, ``observation 17``."""
        if self.is_numbered:
            return f"observation {i}"
        name = labels.quoted(self.index[i], self.index)
        if not self.source:
            return f"row {name}"
        # A bare number would be taken for the row's place in the file.
        is_bare = not (name.startswith(("'", '"')) or self.has_file_numbers) and self.has_named_index
        return f"row {f'with {self.index.name} ' if is_bare else ''}{name} of {self.source}"

    @cached_property
    def columns(self) -> Array:
        """The values one feature after the other in memory, as compiled code reads fastest, shape (N, D)."""
        return np.asfortranarray(self.values)

    @cached_property
    def has_missing(self) -> bool:
        """Whether a cell is missing."""
        return bool(np.isnan(self.values).any())

    @property
    def n_missing(self) -> NDArray[np.intp]:
        """Missing cells of each column, shape (D,)."""
        return np.isnan(self.values).sum(axis=0)

    @cached_property
    def by_pattern(self) -> "Rows":
        """The same rows, those that lack the same cells one after the other, complete ones first; these
        themselves where none is missing."""
        if not self.has_missing:
            return self
        order = np.lexsort(np.isnan(self.values).T)
        return self if (np.diff(order) == 1).all() else self.taken(order)

    @property
    def counts(self) -> Array:
        """How many rows each stands for, shape (N,): its weight, or one."""
        return self.weights if len(self.weights) else np.ones(len(self))

    @property
    def total_weight(self) -> float:
        """Sum of the weights; N where every row counts once."""
        return float(self.weights.sum()) if len(self.weights) else float(len(self))

    def total(self, per_row: Array) -> float:
        """Sum over rows of a value of each, shape (N,), with their weights.

        Rows of weight zero may have any value, even none.
        """
        if not len(self.weights):
            return float(per_row.sum())
        counts = self.weights > 0
        return float(self.weights[counts] @ per_row[counts])

    @cached_property
    def location_scale(self) -> tuple[Array, Array]:
        """Means and scales of the columns, shape (D,) each; a scale of zero becomes one.

        The scale is the standard deviation, or what the interquartile range says it would be if that is
        smaller: one giant outlier then leaves the other rows a spread of about one.
        """
        scratch = np.empty(len(self))
        if len(self.weights):
            shift, scale = np.array([_location_scale(*known, scratch) for known in self._cells_there()]).T
        else:
            shift, std = self.outline.mean, self.outline.std
            columns = [x[~np.isnan(x)] for x in self.values.T] if self.has_missing else self.values.T
            robust = np.array([_robust_scale(x, scratch[: len(x)]) for x in columns])
            scale = np.where(robust > 0, np.minimum(std, robust), std)
        return shift, np.where(scale > 0, scale, 1.0)

    def _cells_there(self) -> Iterator[tuple[Array, Array]]:
        """Of each column the values that are there, and their weights."""
        for x in self.values.T:
            there = ~np.isnan(x) if self.has_missing else slice(None)
            yield x[there], self.weights[there]

    @cached_property
    def outline(self) -> Outline:
        """Of the columns, without weights."""
        return outline_of(self.values)

    @cached_property
    def repeated(self) -> "Rows":
        """Rows without weights: each as often as it weighs, or nearly so; these themselves where they have
        none.

        Whole weights are kept exactly. Others are added up from row to row, and a row is there once more each
        time that the sum passes the middle between two whole numbers. Of weights that stand for more than
        100,000 rows, or as many as there are, so many rows are made.
        """
        if not len(self.weights):
            return self
        most = max(MOST_REPEATED, len(self))
        scale = min(1.0, most / self.total_weight)
        ends = np.floor(np.cumsum(self.weights) * scale + 0.5).astype(np.intp)
        counts = np.diff(ends, prepend=0)
        unweighted = replace(self, weights=np.empty(0))
        return unweighted.taken(np.repeat(np.arange(len(self)), counts))

    def standardised(self, shift: Array, scale: Array) -> Array:
        """(values - shift) / scale, one feature after the other in memory, shape (N, D); shift and scale have
        shape (D,).

        Made once for each shift and scale, since EM and the posterior are both fitted in such coordinates.
        """
        key = shift.tobytes() + scale.tobytes()
        if key not in self._standardised:
            X = np.empty(self.values.shape, order="F")
            np.subtract(self.values, shift, out=X)
            X /= scale
            self._standardised[key] = X
        return self._standardised[key]

    @cached_property
    def _standardised(self) -> dict[bytes, Array]:
        return {}

    @cached_property
    def told_unmeasured(self) -> list[bool]:
        """Not empty once a fit has told which columns are no measurements."""
        return []

    @cached_property
    def counting(self) -> "Rows":
        """The rows whose weight is not zero; these themselves where that is all of them."""
        if not len(self.weights) or (self.weights > 0).all():
            return self
        return self.taken(self.weights > 0)

    def taken(self, which: NDArray[Any]) -> "Rows":
        """Some of the rows, by a mask or by places."""
        weights = self.weights[which] if len(self.weights) else self.weights
        return replace(self, values=self.values[which], index=self.index[which], weights=weights)

    @cached_property
    def sha256(self) -> str:
        """Digest of the values, which tells whether two fits saw the same data."""
        # NaN has many forms.
        values = np.where(np.isnan(self.values), np.nan, self.values) if self.has_missing else self.values
        return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


# What `Rows.of` takes: an array, a data frame of pandas or polars, or rows that were checked before.
type RowsLike = ArrayLike | Rows


def default_names(n_features: int) -> tuple[str, ...]:
    """``x0``, ``x1``, ...: names of columns that have none."""
    return tuple(f"x{j}" for j in range(n_features))


def _location_scale(x: Array, weights: Array, scratch: Array) -> tuple[float, float]:
    """Of one column. Copies go to `scratch`, since with many rows another would be felt."""
    scratch = scratch[: len(x)]
    shift = np.average(x, weights=weights)
    np.subtract(x, shift, out=scratch)
    np.square(scratch, out=scratch)
    scale = np.sqrt(np.average(scratch, weights=weights))
    scratch[:] = x
    # An observed value each, so that a weight of three is the same as three values.
    low, high = np.quantile(
        scratch, [0.25, 0.75], weights=weights, method="inverted_cdf", overwrite_input=True
    )
    robust = (high - low) / NORMAL_RANGE
    return float(shift), float(min(scale, robust) if robust > 0 else scale)


def _robust_scale(x: Array, scratch: Array) -> float:
    """The same quantiles without weights, by their places."""
    low, high = (max(0, math.ceil(q * len(x)) - 1) for q in (0.25, 0.75))
    scratch[:] = x
    scratch.partition((low, high))
    return float(scratch[high] - scratch[low]) / NORMAL_RANGE
