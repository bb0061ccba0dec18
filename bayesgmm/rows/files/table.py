"""`read_table`: from a path to `Rows`."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayesgmm.rows.files.columns import check_has_rows, choose, row_names
from bayesgmm.rows.files.content import read_bytes
from bayesgmm.rows.files.numbers import check_finite, check_missing, check_varying, numbers
from bayesgmm.rows.files.source import parse
from bayesgmm.rows.rows import Rows
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
    drop_missing: bool = False,
) -> Table:
    """Read the numeric columns of a csv, tsv or parquet file.

    Parameters
    ----------
    path : str or path
        The file; ``-`` reads standard input. Text is UTF-8 with a header line; a ``.tsv`` is separated by
        tabs, any other text by the comma, semicolon or tab that its header is. Parquet is known by its suffix
        or its first bytes.
    columns : str or sequence of str, optional
        Columns to take, in this order; a string is split as by `parse_columns`. Without it, all columns,
        which then must all be numeric.
    id_column : str, optional
        The column that names the rows; it is no part of the data. Names may be equal, but not missing.
    drop_missing : bool
        Leave out the rows with a missing value in these columns, and count them in `Table.dropped`. Infinite
        values are an error all the same.

    Raises
    ------
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
    if columns is not None:
        columns = parse_columns(columns) if isinstance(columns, str) else [name.strip() for name in columns]
    source = parse(path, read_bytes(path), None if id_column is None else id_column.strip())
    check_has_rows(source)
    names = choose(source, columns)
    values = numbers(source, names, asked=columns is not None)
    check_finite(source, names, values)
    kept = ~np.isnan(values).any(axis=1)
    if not kept.all():
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
