"""`read_table`: from a path to `Rows`."""

import csv
import io
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayesgmm.errors import ParameterError
from bayesgmm.rows.features import MISSING, MODEL, REFUSE
from bayesgmm.rows.files.columns import check_has_rows, choose, row_names
from bayesgmm.rows.files.content import read_bytes
from bayesgmm.rows.files.doubts import check_split
from bayesgmm.rows.files.numbers import check_finite, check_missing, check_some_cells, check_varying, numbers
from bayesgmm.rows.files.parsing import parse
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.words import joined, listed_names
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import check_choice, check_flag, check_kind
from bayesgmm.support.sentences import shorten

__all__ = ["Table", "parse_columns", "read_table"]


@dataclass(frozen=True, eq=False)
class Table:
    """What a file gives to a fit.

    Attributes
    ----------
    rows : Rows
        The columns to be clustered. A row's name is its number in the file, counted from 1 without the
        header, or its cell in the column that names the rows.
    dropped : int
        Number of rows left out because a value was missing.
    """

    rows: Rows
    dropped: int


def read_table(
    path: str | os.PathLike[str],
    *,
    columns: str | Sequence[str] | None = None,
    id_column: str | None = None,
    left_out: str | Sequence[str] | None = None,
    missing_values: str | Sequence[str | float] | None = None,
    drop_missing: bool = False,
    missing: str = REFUSE,
) -> Table:
    """Read the numeric columns of a csv, tsv, parquet or feather file.

    Parameters
    ----------
    path : str or path
        The file; ``-`` reads standard input. What kind it is its first bytes tell; it may be packed by gzip,
        bzip2 or xz. Text is UTF-8, or UTF-16 with its mark, with a header line; a ``.tsv`` is separated by
        tabs, any other text by the comma, semicolon or tab that its header is, or that a first line ``sep=;``
        names. Comments (``#``, ``%``) and titles above the header, and the header of ARFF, are no rows.
        Decimals have a point, or a comma where that is the only way to read a column, or other columns
        to be taken prove it; thousands may be apart. What may be both is refused.
    columns : str or sequence of str, optional
        Columns to take, in this order; a string is split as by `parse_columns`. Without it, all columns,
        which then must all be numeric.
    id_column : str, optional
        The column that names the rows; it is no part of the data. Names may be equal, but not missing.
    left_out : str or sequence of str, optional
        Columns to leave out; a string is split in the same way.
    missing_values : str or sequence, optional
        What cells hold in place of a missing value, such as ``?`` or ``-999``, besides what is always taken
        for one (nothing, NA, NaN, NULL, None, #N/A); a number stands for all ways to write it.
    drop_missing : bool
        Leave out the rows with a missing value in these columns, and count them in `Table.dropped`. Infinite
        values are an error all the same.
    missing : {"refuse", "model"}
        Whether missing values are refused, or kept as NaN to be modelled.

    Warns
    -----
    UserWarning
        Where lines above the header are taken for a title, and where several comments may name the columns.

    Raises
    ------
    ParameterError
        Where an argument is of another type.
    FileProblem
        Whenever the columns cannot be had as finite numbers that vary; ``details`` holds the column and the
        row.

    Examples
    --------
    >>> from bayesgmm import datasets
    >>> from bayesgmm.rows.files import read_table
    >>> table = read_table(datasets.penguins().path, columns="bill_length_mm,body_mass_g", drop_missing=True)
    >>> table.rows.values.shape, table.dropped, table.rows.row(3)
    ((342, 2), 2, 'row 5 of penguins.csv')
    """
    path = os.fspath(path)
    asked_for = None if columns is None else _names(columns, "columns")
    if id_column is not None:
        check_kind(id_column, "id_column", str, "the name of a column")
        id_column = id_column.strip()
    drop_missing = check_flag(drop_missing, "drop_missing")
    check_choice(missing, "missing", MISSING)
    if drop_missing and missing == MODEL:
        raise ParameterError(
            "Rows with missing values can be dropped or modelled, not both; give --drop-missing "
            "(drop_missing=True) or --missing model (missing='model').",
            name="missing",
            value=missing,
        )
    excluded = [] if left_out is None else _names(left_out, "left_out")
    codes = [] if missing_values is None else _names(missing_values, "missing_values")
    source = parse(path, read_bytes(path), id_column, excluded, codes, asked_for)
    if source.titles:
        _tell_titles(source)
    if len(source.comments) > 1:
        _tell_comments(source)
    check_has_rows(source)
    check_split(source)
    names = choose(source, asked_for)
    values = numbers(source, names)
    check_finite(source, names, values)
    kept = ~np.isnan(values).any(axis=1)
    if missing == MODEL:
        kept = np.ones(len(values), dtype=bool)
        check_some_cells(source, names, values)
    elif not kept.all():
        check_missing(source, names, values, drop_missing)
        values = values[kept]
    check_varying(source, names, values)
    rows = Rows(
        values,
        tuple(names),
        row_names(source, kept),
        source=_called(path),
        named=True,
        has_file_numbers=source.id_column is None,
    )
    return Table(rows, int((~kept).sum()))


def _names(given: str | Sequence[str | float], name: str) -> list[str]:
    if isinstance(given, str):
        return parse_columns(given)
    expected = "a string, or a list of strings" + (" and numbers" if name == "missing_values" else "")
    kinds = () if isinstance(given, bytes) else Iterable  # bytes would give numbers
    check_kind(given, name, kinds, expected)
    names = list(given)
    for one in names:
        check_kind(one, f"an element of {name}", (str, int, float, np.number), "a string or a number")
    return [str(one).strip() for one in names]


def _tell_titles(source: Source) -> None:
    n, shown = len(source.titles), shorten(source.titles[0])
    lines = f"a line above the header ({shown!r}) is" if n == 1 else f"{n} lines above the header are"
    warnings.warn(
        f"In {source.label} {lines} taken for a title; the header names {listed_names(source.names)}.",
        UserWarning,
        stacklevel=3,
    )


def _tell_comments(source: Source) -> None:
    taken, *others = [repr(shorten(comment)) for comment in source.comments]
    warnings.warn(
        f"In {source.label} more than one comment may name the columns; the names are taken from {taken}, "
        f"not from {joined(others[:2], len(others))}.",
        UserWarning,
        stacklevel=3,
    )


def _called(path: str) -> str:
    """The file as sentences about its rows call it."""
    return "standard input" if path == "-" else shorten(Path(path).name)


def parse_columns(text: str) -> list[str]:
    """Split ``a,b`` into names; a name with a comma stands in double quotes, as in a csv file.

    Examples
    --------
    >>> from bayesgmm.rows.files import parse_columns
    >>> parse_columns('width,"length, in mm"')
    ['width', 'length, in mm']
    """
    records = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    return [name.strip() for record in records for name in record]
