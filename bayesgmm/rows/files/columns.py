"""Which columns to take, and which of them names the rows."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.doubts import is_named_like_cells
from bayesgmm.rows.files.preamble import looks_like_data
from bayesgmm.rows.files.remedies import numeric_columns
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.words import choice_of, columns_option, joined, listed_names, problem, quote
from bayesgmm.rows.labels import FILE_NUMBERS
from bayesgmm.support.sentences import count

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_has_rows", "choose", "row_names"]


def check_has_rows(source: Source) -> None:
    """Refuse a file with a header and nothing below it."""
    if len(source.frame) == 0:
        if _looks_like_data(source):
            raise _header_is_data(source)
        raise problem(
            source.path,
            f"{source.label} names {count(len(source.names), 'column')} ({listed_names(source.names)}) but "
            f"has no rows; it needs one row per observation.",
        )


def _looks_like_data(source: Source) -> bool:
    return source.is_text and (looks_like_data(source.names) or is_named_like_cells(source))


def choose(source: Source, columns: Sequence[str] | None) -> list[str]:
    """Names of the columns to take: those asked for, or all but the one that names the rows."""
    if columns is not None:
        _check_asked_for(source, columns)
    _check_left_out(source, columns)
    if source.id_column is not None:
        _check_id_column(source, source.id_column, columns)
    if columns is None:
        _check_all_named(source)
    _check_no_repeats(source)
    return source.features if columns is None else list(columns)


def _check_asked_for(source: Source, columns: Sequence[str]) -> None:
    if not columns:
        raise problem(
            source.path,
            f"No column of {source.label} was asked for; name at least "
            f"one{columns_option(numeric_columns(source))}.",
        )
    for name in columns:
        if name not in source.names:
            raise _unknown_column(source, name)
        if columns.count(name) > 1:
            raise problem(
                source.path,
                f"Column {quote(name)} of {source.label} was asked for {columns.count(name)} times; name it "
                f"once.",
                column=name,
            )


def _check_left_out(source: Source, columns: Sequence[str] | None) -> None:
    for name in source.left_out:
        if name not in source.names:
            raise _unknown_column(source, name)
        if name in (source.id_column, *(columns or ())):
            option = "--id-column" if name == source.id_column else "--columns"
            raise problem(
                source.path,
                f"Column {quote(name)} of {source.label} is both asked for by {option} and left out by "
                f"--except; name it in one of them.",
                column=name,
            )
    if not source.features and source.left_out:
        raise problem(
            source.path,
            f"--except leaves out every column of {source.label}, so that nothing is left to cluster; leave "
            f"out fewer.",
            columns=list(source.left_out),
        )


def _check_id_column(source: Source, name: str, columns: Sequence[str] | None) -> None:
    if name not in source.names:
        raise _unknown_column(source, name)
    if columns is not None and name in columns:
        raise problem(
            source.path,
            f"Column {quote(name)} of {source.label} names the rows, so that it is not clustered; leave it "
            f"out of --columns, or --id-column away.",
            column=name,
        )
    if not source.features:
        raise problem(
            source.path,
            f"Column {quote(name)} is the only one of {source.label} and names the rows, so that nothing is "
            f"left to cluster; leave --id-column away.",
            column=name,
        )


def _check_all_named(source: Source) -> None:
    if _looks_like_data(source):
        raise _header_is_data(source)
    if "" in source.features:
        j = source.names.index("")
        option = choice_of(numeric_columns(source), [""])
        other = "leave it out" if "--except" in option else "choose among the others"
        raise problem(
            source.path,
            f"Column {j + 1} of {source.label} has no name; give it one, or {other}{option}.",
            column_number=j + 1,
        )


def _check_no_repeats(source: Source) -> None:
    # Of those that are left out nothing need be known.
    seen = [name for name in source.names if name and name not in source.left_out]
    name, times = Counter(seen).most_common(1)[0]
    if times > 1:
        places = [j + 1 for j, other in enumerate(source.names) if other == name]
        raise problem(
            source.path,
            f"{times} columns of {source.label} are called {quote(name)} (numbers "
            f"{joined(places[:5], times)}); give each its own name.",
            column=name,
        )


def _header_is_data(source: Source) -> FileProblem:
    names = source.names
    numeric = numeric_columns(source) if len(set(names)) == len(names) else []
    otherwise = f", or, if these are the names, choose among them{columns_option(numeric)}" if numeric else ""
    return problem(
        source.path,
        f"The first line of {source.label} ({listed_names(names, quoted=False)}) looks like data; add a "
        f"header line with {count(len(names), 'column name')} above "
        f"it{otherwise}.",
        line=1,
    )


def _unknown_column(source: Source, name: str) -> FileProblem:
    if _looks_like_data(source):
        return _header_is_data(source)
    # Matching takes the square of the length, so that long names are compared by their beginnings.
    known = {other[:200].lower(): other for other in source.names if other}
    close = difflib.get_close_matches(name[:200].lower(), known, n=1)
    hint = (
        f"did you mean {quote(known[close[0]])}?"
        if close
        else f"its columns are {listed_names(source.names)}."
    )
    return problem(source.path, f"{source.label} has no column {quote(name)}; {hint}", column=name)


def row_names(source: Source, kept: NDArray[np.bool_]) -> "pd.Index":
    """Names of the rows that are kept: those of the column that was asked for, or their numbers from 1.

    Numbers stay numbers, unless a text writes one of them in another way, as 007.

    Raises
    ------
    FileProblem
        Where one of these rows has no name.
    """
    import pandas as pd

    if source.id_column is None:
        return pd.RangeIndex(1, len(kept) + 1, name=FILE_NUMBERS)[kept]
    column = source.frame[source.names.index(source.id_column)]
    missing = (column == "" if source.is_text else column.isna()).to_numpy(dtype=bool) & kept
    if missing.any():
        i = int(missing.argmax())
        raise problem(
            source.path,
            f"Column {quote(source.id_column)} of {source.label} names the rows, but is empty in "
            f"{source.row(i)}; fill it in, or leave --id-column away.",
            column=source.id_column,
            row=i + 1,
            count=int(missing.sum()),
        )
    return pd.Index(_numbers_if_written_so(column[kept]), name=source.id_column)


def _numbers_if_written_so(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Whole numbers where each name is one as a number is written; decimals that are whole, as missing cells
    make them."""
    if column.dtype.kind == "f" and (column == column.round()).all():
        return column.astype(np.int64)
    # Longer ones do not fit 64 bits.
    if column.dtype.kind in "OU" or str(column.dtype) == "str":
        whole = column.map(
            lambda name: isinstance(name, str) and re.fullmatch("0|-?[1-9][0-9]{0,17}", name) is not None
        )
        if whole.all():
            return column.astype(np.int64)
    return column
