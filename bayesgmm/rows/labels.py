"""Names of rows: the index of a data frame, or the row numbers of a file, as sentences, figures and files
call them.

A row's own name is a value of a pandas index, of any kind: a string, a date, a number, or one of each of
several levels; two rows may have the same. Files cannot hold all of these. What they cannot hold is stored as
text; what is one of several kinds, such as numbers among texts, is stored with its kind beside it.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.errors import DataError

__all__ = [
    "FILE_NUMBERS",
    "UNNAMED",
    "default_index",
    "index_of",
    "is_default",
    "kinds",
    "quoted",
    "restored",
    "storable",
    "storable_text",
    "text",
]

# What an index is called that has no name of its own, and one of the numbers that rows have in their file.
UNNAMED, FILE_NUMBERS = "obs", "row"
# Names of these kinds come back from text as they were; each has a letter in a file.
_KINDS = {"s": str, "i": int, "f": float, "b": bool}


def default_index(n: int) -> pd.Index:
    """0, 1, ...: names of rows that have none."""
    return pd.RangeIndex(n, name=UNNAMED)


def is_default(index: pd.Index) -> bool:
    """Whether rows are called by their place alone: 0, 1, ... under no name of their own."""
    if index.nlevels > 1 or index.name not in (None, UNNAMED):
        return False
    if isinstance(index, pd.RangeIndex):
        return index.start == 0 and index.step == 1
    return index.dtype.kind in "iu" and np.array_equal(index, np.arange(len(index)))


def index_of(X: Any, n: int) -> pd.Index:
    """The names of n rows: the index of a data frame of pandas, a pandas index itself, or 0, 1, ...

    Raises
    ------
    DataError
        Where there are not as many names as rows, or one is missing.
    """
    index = X if isinstance(X, pd.Index) else getattr(X, "index", None)
    if not isinstance(index, pd.Index):
        return default_index(n)
    if len(index) != n:
        raise DataError(
            f"The index has {len(index)} row name(s), but there are {n} row(s); give one for each.",
            n_names=len(index),
            n_rows=n,
        )
    # Level by level, since pandas has no frame for a name that is not Unicode.
    levels = [index.get_level_values(level) for level in range(index.nlevels)]
    lost = np.any([pd.isna(level) for level in levels], axis=0)
    if lost.any():
        raise DataError(
            f"The index has {int(lost.sum())} missing row name(s), the first in place {int(lost.argmax())}; "
            f"name those rows, or drop the index by X.reset_index(drop=True).",
            row=int(lost.argmax()),
            n_missing=int(lost.sum()),
        )
    return index.rename(UNNAMED) if index.nlevels == 1 and index.name is None else index


def text(label: Any) -> str:
    """A row's name as figures, tables and pages show it.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesgmm.rows.labels import text
    >>> text(("a", 3)), text(pd.Timestamp("2024-02-29")), text(7)
    ('a, 3', '2024-02-29', '7')
    """
    if isinstance(label, tuple):
        return ", ".join(map(text, label))
    if isinstance(label, np.datetime64):
        label = pd.Timestamp(label)
    if isinstance(label, datetime):
        at_midnight = label.tzinfo is None and label.time() == time()
        return label.date().isoformat() if at_midnight else label.isoformat(sep=" ")
    return label.isoformat() if isinstance(label, date) else str(label)


def quoted(label: Any, index: pd.Index) -> str:
    """A row's name as sentences call it: bare where a file can hold the index as it is, such as numbers and
    dates, and in quotation marks where it becomes text, so that a loaded fit says the same."""
    return text(label) if _is_storable(index) else repr(text(label))


def storable(index: pd.Index) -> NDArray[Any]:
    """The names as an array that a netCDF file can hold and xarray can have as a coordinate, shape (N,).

    Numbers and most dates without a time zone stay what they are; all else, and names of several levels,
    become text.
    """
    if _is_storable(index):
        return index.to_numpy()
    texts = [storable_text(text(label)) for label in index]
    out = np.empty(len(texts), dtype=object)
    out[:] = texts
    return out


def kinds(index: pd.Index) -> str:
    """A letter for each name of an index of several kinds, or of whole numbers of more than 64 bits, which
    become text; empty where all names are text, or one is of a kind that only text is left of."""
    if index.nlevels > 1 or index.dtype != object:
        return ""
    letters = "".join(next((s for s, kind in _KINDS.items() if type(x) is kind), "?") for x in index)
    return "" if "?" in letters or set(letters) == {"s"} else letters


def storable_text(text: str) -> str:
    """A text that a netCDF file can hold: HDF5 ends one at its first zero byte, and knows UTF-8 alone."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _is_storable(index: pd.Index) -> bool:
    """Whether the names stay what they are."""
    if index.nlevels > 1 or isinstance(index.dtype, pd.DatetimeTZDtype):
        return False
    values = index.to_numpy()
    return values.dtype.kind in "iufb" or (values.dtype.kind == "M" and _in_nanoseconds(values))


def _in_nanoseconds(dates: NDArray[np.datetime64]) -> bool:
    """Whether dates come back from a file: between the years 1678 and 2261."""
    years = dates.astype("datetime64[Y]").astype(int) + 1970
    return bool(years.min() >= 1678 and years.max() <= 2261)


def restored(values: NDArray[Any], called: Mapping[str, Any]) -> pd.Index:
    """The index that :func:`storable` made an array of, and ``Rows.called`` the attributes; of several levels
    the text.

    Raises
    ------
    DataError
        Where a name is missing, or is not of its kind.
    """
    lost = np.asarray(pd.isna(values))
    if lost.any():
        raise DataError(
            f"The coordinate obs lacks {int(lost.sum())} row name(s), the first in place "
            f"{int(lost.argmax())}; it must name every row.",
            row=int(lost.argmax()),
            n_missing=int(lost.sum()),
        )
    name, kinds = str(called["row_names"]), str(called.get("row_kinds", ""))
    if kinds:
        return pd.Index(_of_kinds(values, kinds), dtype=object, name=name)
    index = pd.Index(values.astype(object) if values.dtype.kind in "OUT" else values, name=name)
    return default_index(len(index)) if is_default(index) else index


def _of_kinds(texts: NDArray[Any], kinds: str) -> list[Any]:
    """Names from their texts."""
    try:
        # Any text but an empty one counts as true.
        return [
            str(text) == "True" if kind == "b" else _KINDS[kind](text)
            for text, kind in zip(texts, kinds, strict=True)
        ]
    except (KeyError, ValueError):
        raise DataError(
            "The kinds of the row names are not those of the names; the file was changed.", kinds=kinds
        ) from None
