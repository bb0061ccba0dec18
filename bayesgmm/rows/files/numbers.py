"""From columns to finite numbers that vary, or to the cell that is none."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.words import columns_option, joined, problem, quote
from bayesgmm.support.sentences import count

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_finite", "check_missing", "check_varying", "numbers", "numeric_columns"]

Array = NDArray[np.float64]


def numbers(source: Source, names: Sequence[str], *, asked: bool) -> Array:
    """Values of the named columns, shape (N, D), NaN where one is missing."""
    values = np.empty((len(source.frame), len(names)))
    bad = {}
    for place, name in enumerate(names):
        values[:, place], wrong = _to_numbers(source.frame[source.names.index(name)])
        if len(wrong):
            bad[name] = wrong
    if bad:
        rest = [name for name in names if name not in bad] if asked else []
        raise _not_numeric(source, bad, rest or numeric_columns(source))
    return values


def _to_numbers(column: "pd.Series[Any]") -> tuple[Array, NDArray[np.intp]]:
    """Values of one column, NaN where missing, and the positions of those that are no numbers."""
    import pandas as pd

    if column.dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64, na_value=np.nan), np.empty(0, dtype=np.intp)
    # One bad cell makes a whole column text; integers beyond 64 bits and decimals are objects.
    present = np.flatnonzero(column.notna())
    numbers = pd.to_numeric(column.iloc[present].astype(str), errors="coerce").to_numpy(dtype=np.float64)
    values = np.full(len(column), np.nan)
    values[present] = numbers
    return values, present[np.isnan(numbers)]


def _not_numeric(source: Source, bad: dict[str, NDArray[np.intp]], numeric: list[str]) -> FileProblem:
    cells = {name: str(source.frame[source.names.index(name)].iloc[rows[0]]) for name, rows in bad.items()}
    name, rows = next(iter(bad.items()))
    if len(bad) == 1:
        what = (
            f"Column {quote(name)} of {source.label} holds {quote(cells[name])} in {source.row(rows[0])}, "
            "which is not a number"
        )
    else:
        some = [f"{quote(n)} holds {quote(cells[n])} in row {bad[n][0] + 1}" for n in list(bad)[:3]]
        what = f"{len(bad)} columns of {source.label} are not numeric ({joined(some, len(bad))})"
    return problem(
        source.path,
        f"{what}; {_remedy(source, bad, list(cells.values()), numeric)}.",
        column=name,
        columns=list(bad),
        row=int(rows[0]) + 1,
    )


def _remedy(source: Source, bad: dict[str, NDArray[np.intp]], cells: list[str], numeric: list[str]) -> str:
    if any(re.fullmatch(r"[+-]?\d+,\d+", cell) for cell in cells):
        return "write decimals with a point, not with a comma"
    if len(source.names) == 1:
        return "write numbers, and separate columns by commas, semicolons or tabs"
    if not numeric:
        return "no other column is numeric, so that nothing is left to cluster"
    count = sum(map(len, bad.values()))
    correct = "correct that value, or " if count == 1 else f"correct these {count} values, or "
    few = count < len(source.frame) / 2
    return f"{correct if few else ''}choose the numeric columns{columns_option(numeric)}"


def numeric_columns(source: Source) -> list[str]:
    """Names of the columns that hold numbers only, for the remedy in a message."""
    return [
        name
        for j, name in enumerate(source.names)
        if name and name != source.id_column and not len(_to_numbers(source.frame[j])[1])
    ]


def check_finite(source: Source, names: Sequence[str], values: Array) -> None:
    cells = np.argwhere(np.isinf(values))
    if len(cells):
        i, j = cells[0]
        raise problem(
            source.path,
            f"{source.label} has {count(len(cells), 'infinite value')}, the first in column "
            f"{quote(names[j])}, {source.row(i)}; correct the value or remove the row.",
            column=names[j],
            row=int(i) + 1,
            count=len(cells),
        )


def check_missing(source: Source, names: Sequence[str], values: Array, drop_missing: bool) -> None:
    """Refuse missing values that may not be dropped, or whose rows are all there are."""
    missing = np.isnan(values)
    rows = missing.any(axis=1)
    if rows.all():
        j = int(missing.sum(axis=0).argmax())
        rest = [
            name
            for name, column in zip(names, missing.T, strict=True)
            if not column.all() and name != names[j]
        ]
        raise problem(
            source.path,
            f"Every row of {source.label} lacks a value (column {quote(names[j])} lacks "
            f"{missing[:, j].sum()} of {len(rows)}), so that nothing is left to fit; fill the values in"
            + (f", or leave that column out{columns_option(rest)}." if rest else "."),
            column=names[j],
            count=int(missing.sum()),
        )
    if not drop_missing:
        i, j = np.argwhere(missing)[0]
        n = int(rows.sum())
        raise problem(
            source.path,
            f"{source.label} has {count(int(missing.sum()), 'missing value')} in {count(n, 'row')}, the "
            f"first in column {quote(names[j])}, {source.row(i)}; fill in what is missing, or leave out "
            f"{'that row' if n == 1 else 'those rows'} with --drop-missing.",
            column=names[j],
            row=int(i) + 1,
            count=int(missing.sum()),
        )


def check_varying(source: Source, names: Sequence[str], values: Array) -> None:
    constant = values.min(axis=0) == values.max(axis=0)
    if len(values) > 1 and constant.any():
        j = int(constant.argmax())
        rest = [name for name, same in zip(names, constant, strict=True) if not same]
        raise problem(
            source.path,
            f"Column {quote(names[j])} of {source.label} is constant (every value is {values[0, j]:g}), so "
            f"that no Gaussian has a density for it; "
            + (f"leave it out{columns_option(rest)}." if rest else "choose another."),
            column=names[j],
        )
