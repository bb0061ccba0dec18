"""Reading a user's table for the command line: csv, tsv or parquet in, a finite float64 array out.

Nothing is left out, filled in or guessed without a word. Whatever stands in the way of a fit is a `FileProblem`
of one sentence: what is wrong, in which column and row, and what to do. Rows are counted from 1, without the
header; the line of the file is given too where every row is a line.
"""

# This file is longer than most, since much of it is sentences.

import codecs
import csv
import difflib
import io
import math
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import FileProblem
from bayesgmm.support.sentences import LONGEST_NAME, count, shorten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "parse_columns", "read_table"]

Array = NDArray[np.float64]

_SEPARATORS = (",", ";", "\t")
_BLANKS = {"", "na", "n/a", "nan", "null", "none", "inf", "-inf"}


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file that are to be clustered.

    Attributes
    ----------
    X : ndarray, shape (N, D)
        Finite values in float64.
    names : list of str
        Names of the D columns.
    dropped : int
        Number of rows left out because a value was missing.
    row_numbers : ndarray of int, shape (N,)
        Which rows of data, counted from 1, the rows of X are.
    path : str
        The file as it was named; ``-`` is standard input.
    """

    X: Array
    names: list[str]
    dropped: int
    row_numbers: NDArray[np.intp]
    path: str


def read_table(
    path: str | os.PathLike[str], *, columns: str | Sequence[str] | None = None, drop_missing: bool = False
) -> Table:
    """Read the numeric columns of a csv, tsv or parquet file.

    Parameters
    ----------
    path : str or path
        The file; ``-`` reads standard input. Text is UTF-8 with a header line; a ``.tsv`` is separated by tabs,
        any other text by the comma, semicolon or tab that its header is. Parquet is known by its suffix or its
        first bytes.
    columns : str or sequence of str, optional
        Columns to take, in this order; a string is split as by `parse_columns`. Without it, all columns, which
        then must all be numeric.
    drop_missing : bool
        Leave out the rows with a missing value in these columns, and count them in `Table.dropped`. Infinite
        values are an error all the same.

    Raises
    ------
    FileProblem
        Whenever the columns cannot be had as finite numbers that vary; ``details`` holds the column and the row.

    Examples
    --------
    >>> from bayesgmm import datasets
    >>> from bayesgmm.rows.files import read_table
    >>> table = read_table(datasets.penguins().path, columns="bill_length_mm,body_mass_g", drop_missing=True)
    >>> table.X.shape, table.dropped, table.row_numbers[:5].tolist()
    ((342, 2), 2, [1, 2, 3, 5, 6])
    """
    path = os.fspath(path)
    if columns is not None:
        columns = parse_columns(columns) if isinstance(columns, str) else [name.strip() for name in columns]
    source = _parse(path, _read_bytes(path))
    names = _choose(source, columns)
    values = _numbers(source, names, asked=columns is not None)
    _check_finite(source, names, values)
    missing = np.isnan(values).any(axis=1)
    if missing.any():
        _check_missing(source, names, values, drop_missing)
        values = values[~missing]
    _check_varying(source, names, values)
    return Table(values, names, int(missing.sum()), np.flatnonzero(~missing) + 1, path)


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


# ------------------------------------------------------------ from path to bytes


def _read_bytes(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    if os.path.isdir(path):
        tables = [name for name in _files_in(path) or [] if name.endswith((".csv", ".tsv", ".parquet"))]
        hint = (
            f"such as {_quote_path(os.path.join(path, min(tables)))}"
            if tables
            else "a csv, tsv or parquet file"
        )
        raise _problem(path, f"{_label(path)} is a directory; name a file in it, {hint}.")
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise _problem(path, f"There is no file {_label(path)}; {_similar_file(path)}") from None
    except (OSError, ValueError) as error:  # a ValueError is a NUL character in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise _problem(
            path,
            f"{_label(path)} cannot be read ({reason[:1].lower()}{reason[1:]}); "
            "check its name and its permissions.",
        ) from None


def _similar_file(path: str) -> str:
    folder, name = Path(path).parent, Path(path).name
    found = _files_in(folder)
    if found is None:
        return f"there is no folder {_quote_path(str(folder))} either, so check the path."
    close = difflib.get_close_matches(name, found, n=1)
    return (
        f"did you mean {_quote_path(str(folder / close[0]))}?" if close else "check its name and its folder."
    )


def _files_in(folder: str | Path) -> list[str] | None:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_file()]
    except OSError:
        return None


# ------------------------------------------------------------ from bytes to columns


@dataclass(frozen=True, eq=False)
class _Source:
    """A parsed file: its columns are named 0, 1, ... in the frame, since names may be repeated or missing."""

    path: str
    names: list[str]
    frame: "pd.DataFrame"
    is_text: bool
    first_line: int | None = None
    """Line of the first row, where every row is one line."""

    @property
    def label(self) -> str:
        return _label(self.path)

    def row(self, i: int) -> str:
        """Row i, counted from 0, as messages call it."""
        return f"row {i + 1}" + (f" (line {self.first_line + i})" if self.first_line is not None else "")


def _parse(path: str, raw: bytes) -> _Source:
    is_parquet = raw.startswith(b"PAR1") or path.lower().endswith(".parquet")
    source = _parse_parquet(path, raw) if is_parquet else _parse_text(path, raw)
    if len(source.frame) == 0:
        if _looks_like_data(source):
            raise _header_is_data(source)
        raise _problem(
            path,
            f"{source.label} names {count(len(source.names), 'column')} ({_listed(source.names)}) but has no "
            "rows; it needs one row per observation.",
        )
    return source


def _parse_parquet(path: str, raw: bytes) -> _Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = pq.read_table(pa.BufferReader(raw)).to_pandas()
    except (pa.ArrowException, OSError) as error:
        reason = shorten(str(error).splitlines()[0].rstrip("."), 120)
        raise _problem(
            path, f"{_label(path)} cannot be read as parquet ({reason}); write it again."
        ) from None
    if any(name is not None for name in frame.index.names):
        # A named index is a column of the file like any other; an unnamed one only numbers the rows.
        frame = frame.reset_index()
    names = [str(name).strip() for name in frame.columns]
    frame.columns = range(len(names))
    return _Source(path, names, frame, is_text=False)


def _parse_text(path: str, raw: bytes) -> _Source:
    raw = raw.removeprefix(codecs.BOM_UTF8)
    text = _decode(path, raw)
    if not text.strip():
        raise _problem(
            path,
            f"{_label(path)} is empty; it needs a header line with column names and one line per observation.",
        )
    separator, names, first_row = _sniff(path, text)
    # pandas would take the surplus value for an index, or drop it, without a word.
    if len(first_row) > len(names):
        raise _problem(
            path,
            f"Row 1 of {_label(path)} has {len(first_row)} values, but its header names "
            f"{count(len(names), 'column')}; give every column a name.",
            row=1,
        )
    frame = _read_csv(path, raw, separator, len(names))
    one_line_each = raw.rstrip(b"\r\n").count(b"\n") == len(frame)
    return _Source(path, names, frame, is_text=True, first_line=2 if one_line_each else None)


def _decode(path: str, raw: bytes) -> str:
    text, bad = "", -1
    try:
        text = raw.decode()
        bad = raw.find(b"\0")
    except UnicodeDecodeError as error:
        bad = error.start
    if bad >= 0:
        line = raw[:bad].count(b"\n") + 1
        raise _problem(
            path,
            f"{_label(path)} is not UTF-8 text (byte 0x{raw[bad]:02x} in line {line}); export it as csv in UTF-8.",
            line=line,
        )
    return text


def _sniff(path: str, text: str) -> tuple[str, list[str], list[str]]:
    """Separator, names in the header, and fields of the first row (none where there is no row)."""
    candidates = ("\t",) if path.lower().endswith(".tsv") else _SEPARATORS
    heads = {}
    for separator in candidates:
        lines = io.StringIO(text, newline=None)
        records = (r for r in csv.reader(lines, delimiter=separator, skipinitialspace=True) if r)
        try:
            heads[separator] = next(records), next(records, [])
        except csv.Error as error:
            raise _problem(
                path, f"The header of {_label(path)} cannot be read ({error}); check its quotation marks."
            ) from None

    def plausibility(separator: str) -> tuple[bool, int]:
        # A comma may be part of a name or of a number as well; then header and row disagree.
        header, first_row = heads[separator]
        return len(header) == len(first_row) > 1, len(header)

    best = max(candidates, key=plausibility)
    header, first_row = heads[best]
    return best, [name.strip() for name in header], first_row


def _read_csv(path: str, raw: bytes, separator: str, width: int) -> "pd.DataFrame":
    import pandas as pd

    body = raw.strip(b"\r\n")
    try:
        return pd.read_csv(
            io.BytesIO(body),
            sep=separator,
            header=0,
            names=range(width),
            index_col=False,
            skipinitialspace=True,
            # In a table of one column an empty line is a missing value.
            skip_blank_lines=width > 1,
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        reason = str(error).strip()
    skipped = raw[: raw.find(body)].count(b"\n")
    if found := re.search(r"Expected \d+ fields in line (\d+), saw (\d+)", reason):
        line = int(found[1]) + skipped
        raise _problem(
            path,
            f"Line {line} of {_label(path)} has {found[2]} values, but the header names {count(width, 'column')}; "
            "put a value that contains the separator in double quotes.",
            line=line,
        )
    if found := re.search(r"EOF inside string starting at row (\d+)", reason):
        line = int(found[1]) + 1 + skipped
        raise _problem(
            path,
            f"A quotation mark opened in line {line} of {_label(path)} is never closed; close it or remove it.",
            line=line,
        )
    raise _problem(path, f"{_label(path)} cannot be read as a table ({reason}); export it again as csv.")


# ------------------------------------------------------------ the choice of columns


def _looks_like_data(source: _Source) -> bool:
    """Whether the header is a row of data: numbers only, or a number that is no whole one."""
    numbers = [name for name in source.names if _is_number(name)]
    only_numbers = bool(numbers) and all(_is_number(n) or n.lower() in _BLANKS for n in source.names)
    # Whole numbers among names, such as years, are names; 5.1 beside 'setosa' is not.
    return source.is_text and (only_numbers or any(not float(n).is_integer() for n in numbers))


def _choose(source: _Source, columns: Sequence[str] | None) -> list[str]:
    """Names of the columns to take: those asked for, or all."""
    if columns is None:
        _check_all_named(source)
        _check_no_repeats(source)
        return source.names
    if not columns:
        raise _problem(
            source.path,
            f"No column of {source.label} was asked for; name at least one{_columns_option(_numeric(source))}.",
        )
    for name in columns:
        if name not in source.names:
            raise _unknown_column(source, name)
        if columns.count(name) > 1:
            raise _problem(
                source.path,
                f"Column {_quote(name)} of {source.label} was asked for {columns.count(name)} times; name it once.",
                column=name,
            )
    _check_no_repeats(source)
    return list(columns)


def _check_all_named(source: _Source) -> None:
    if _looks_like_data(source):
        raise _header_is_data(source)
    if "" in source.names:
        j = source.names.index("")
        raise _problem(
            source.path,
            f"Column {j + 1} of {source.label} has no name; give it one, or choose among the others"
            f"{_columns_option(_numeric(source))}.",
            column_number=j + 1,
        )


def _check_no_repeats(source: _Source) -> None:
    name, times = Counter(filter(None, source.names)).most_common(1)[0]
    if times > 1:
        places = [j + 1 for j, other in enumerate(source.names) if other == name]
        raise _problem(
            source.path,
            f"{times} columns of {source.label} are called {_quote(name)} (numbers {_joined(places[:5], times)}); "
            "give each its own name.",
            column=name,
        )


def _header_is_data(source: _Source) -> FileProblem:
    names = source.names
    otherwise = f", or, if these are the names, choose among them{_columns_option(_numeric(source))}"
    return _problem(
        source.path,
        f"The first line of {source.label} ({_listed(names, quoted=False)}) looks like data; add a header line with "
        f"{count(len(names), 'column name')} above it{otherwise if len(set(names)) == len(names) else ''}.",
        line=1,
    )


def _unknown_column(source: _Source, name: str) -> FileProblem:
    if _looks_like_data(source):
        return _header_is_data(source)
    # Matching takes the square of the length, so that long names are compared by their beginnings.
    known = {other[:200].lower(): other for other in source.names if other}
    close = difflib.get_close_matches(name[:200].lower(), known, n=1)
    hint = (
        f"did you mean {_quote(known[close[0]])}?" if close else f"its columns are {_listed(source.names)}."
    )
    return _problem(source.path, f"{source.label} has no column {_quote(name)}; {hint}", column=name)


# ------------------------------------------------------------ from columns to numbers


def _numbers(source: _Source, names: Sequence[str], *, asked: bool) -> Array:
    """Values of the named columns, shape (N, D), NaN where one is missing."""
    values = np.empty((len(source.frame), len(names)))
    bad = {}
    for place, name in enumerate(names):
        values[:, place], wrong = _to_numbers(source.frame[source.names.index(name)])
        if len(wrong):
            bad[name] = wrong
    if bad:
        rest = [name for name in names if name not in bad] if asked else []
        raise _not_numeric(source, bad, rest or _numeric(source))
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


def _not_numeric(source: _Source, bad: dict[str, NDArray[np.intp]], numeric: list[str]) -> FileProblem:
    cells = {name: str(source.frame[source.names.index(name)].iloc[rows[0]]) for name, rows in bad.items()}
    name, rows = next(iter(bad.items()))
    if len(bad) == 1:
        what = (
            f"Column {_quote(name)} of {source.label} holds {_quote(cells[name])} in {source.row(rows[0])}, "
            "which is not a number"
        )
    else:
        some = [f"{_quote(n)} holds {_quote(cells[n])} in row {bad[n][0] + 1}" for n in list(bad)[:3]]
        what = f"{len(bad)} columns of {source.label} are not numeric ({_joined(some, len(bad))})"
    return _problem(
        source.path,
        f"{what}; {_remedy(source, bad, list(cells.values()), numeric)}.",
        column=name,
        columns=list(bad),
        row=int(rows[0]) + 1,
    )


def _remedy(source: _Source, bad: dict[str, NDArray[np.intp]], cells: list[str], numeric: list[str]) -> str:
    if any(re.fullmatch(r"[+-]?\d+,\d+", cell) for cell in cells):
        return "write decimals with a point, not with a comma"
    if len(source.names) == 1:
        return "write numbers, and separate columns by commas, semicolons or tabs"
    if not numeric:
        return "no other column is numeric, so that nothing is left to cluster"
    count = sum(map(len, bad.values()))
    correct = "correct that value, or " if count == 1 else f"correct these {count} values, or "
    few = count < len(source.frame) / 2
    return f"{correct if few else ''}choose the numeric columns{_columns_option(numeric)}"


def _numeric(source: _Source) -> list[str]:
    """Names of the columns that hold numbers only, for the remedy in a message."""
    return [n for j, n in enumerate(source.names) if n and not len(_to_numbers(source.frame[j])[1])]


# ------------------------------------------------------------ checks of the numbers


def _check_finite(source: _Source, names: Sequence[str], values: Array) -> None:
    cells = np.argwhere(np.isinf(values))
    if len(cells):
        i, j = cells[0]
        raise _problem(
            source.path,
            f"{source.label} has {count(len(cells), 'infinite value')}, the first in column {_quote(names[j])}, "
            f"{source.row(i)}; correct the value or remove the row.",
            column=names[j],
            row=int(i) + 1,
            count=len(cells),
        )


def _check_missing(source: _Source, names: Sequence[str], values: Array, drop_missing: bool) -> None:
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
        raise _problem(
            source.path,
            f"Every row of {source.label} lacks a value (column {_quote(names[j])} lacks {missing[:, j].sum()} of "
            f"{len(rows)}), so that nothing is left to fit; fill the values in"
            + (f", or leave that column out{_columns_option(rest)}." if rest else "."),
            column=names[j],
            count=int(missing.sum()),
        )
    if not drop_missing:
        i, j = np.argwhere(missing)[0]
        n = int(rows.sum())
        raise _problem(
            source.path,
            f"{source.label} has {count(int(missing.sum()), 'missing value')} in {count(n, 'row')}, the first in "
            f"column {_quote(names[j])}, {source.row(i)}; fill in what is missing, or leave out "
            f"{'that row' if n == 1 else 'those rows'} with --drop-missing.",
            column=names[j],
            row=int(i) + 1,
            count=int(missing.sum()),
        )


def _check_varying(source: _Source, names: Sequence[str], values: Array) -> None:
    constant = values.min(axis=0) == values.max(axis=0)
    if len(values) > 1 and constant.any():
        j = int(constant.argmax())
        rest = [name for name, same in zip(names, constant, strict=True) if not same]
        raise _problem(
            source.path,
            f"Column {_quote(names[j])} of {source.label} is constant (every value is {values[0, j]:g}), so that no "
            f"Gaussian has a density for it; "
            + (f"leave it out{_columns_option(rest)}." if rest else "choose another."),
            column=names[j],
        )


# ------------------------------------------------------------ words


def _problem(path: str, message: str, **details: Any) -> FileProblem:
    return FileProblem(message[:1].upper() + message[1:], path=path, **details)


def _label(path: str) -> str:
    return "standard input" if path == "-" else _quote_path(path)


def _quote_path(path: str) -> str:
    # The end of a path tells more than its beginning.
    return repr(path if len(path) <= LONGEST_NAME else "…" + path[1 - LONGEST_NAME :])


def _quote(name: str) -> str:
    return repr(shorten(name))


def _joined(words: Sequence[Any], total: int | None = None) -> str:
    """Words with commas, and how many of the total were left unsaid."""
    unsaid = (total or len(words)) - len(words)
    return ", ".join(map(str, words)) + (f" and {unsaid} more" if unsaid else "")


def _listed(names: Sequence[str], *, quoted: bool = True) -> str:
    return _joined([_quote(n) if quoted else shorten(n) for n in names[:5]], len(names))


def _columns_option(names: Sequence[str]) -> str:
    """An option ready to paste into a shell, as the end of a sentence; names too long to be read are left unsaid."""
    short = [n for n in names if len(n) <= LONGEST_NAME and n.isprintable()][:20]
    if not short:
        return " with --columns"
    record = io.StringIO()
    csv.writer(record, lineterminator="").writerow(short)
    unsaid = len(names) - len(short)
    return f" with --columns {shlex.quote(record.getvalue())}" + (f" and {unsaid} more" if unsaid else "")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
