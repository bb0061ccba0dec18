"""From bytes to columns, whatever these hold."""

import codecs
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.kinds import check_kind, kind_of, unpacked
from bayesgmm.rows.files.notation import Reading, is_marked, proven_decimal, read_cells
from bayesgmm.rows.files.preamble import Layout, laid_out
from bayesgmm.rows.files.words import is_number, label_of, problem
from bayesgmm.support.sentences import count, shorten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source", "parse"]


@dataclass(frozen=True, eq=False)
class Source:
    """A parsed file: its columns are named 0, 1, ... in the frame, since names may be repeated or missing."""

    path: str
    names: list[str]
    frame: "pd.DataFrame"
    is_text: bool
    first_line: int | None = None
    """Line of the first row, where every row is one line."""
    id_column: str | None = None
    """The column that names the rows, as it was asked for."""
    left_out: tuple[str, ...] = ()
    """Columns that are not looked at."""
    titles: tuple[str, ...] = ()
    """Lines above the header that were taken for titles."""

    @property
    def features(self) -> list[str]:
        """Names of the columns that do not name the rows, and are not left out."""
        return [name for name in self.names if name != self.id_column and name not in self.left_out]

    def reading(self, j: int) -> Reading:
        """Column j as numbers."""
        column = self.frame[j]
        if column.dtype.kind in "iuf":
            return Reading(column.to_numpy(dtype=np.float64, na_value=np.nan), np.empty(0, dtype=np.intp))
        # One bad cell makes a whole column text; integers beyond 64 bits and decimals are objects.
        present = np.flatnonzero(column.notna())
        cells = column.iloc[present].astype(str).to_list()
        found = read_cells(cells, self._decimal, self._may_have_spaces)
        values, other = np.full(len(column), np.nan), None
        values[present] = found.values
        if found.other is not None:
            other = np.full(len(column), np.nan)
            other[present] = found.other
        return Reading(values, present[found.bad], other)

    def has_missing(self, name: str) -> bool:
        """Whether a cell of a column is empty."""
        return bool(self.frame[self.names.index(name)].isna().any())

    @cached_property
    def _decimal(self) -> str | None:
        """The decimal mark that some columns prove."""
        if not self.is_text:
            return None
        columns = (c.dropna() for _, c in self.frame.items() if c.dtype.kind not in "iufb")
        return proven_decimal([[cell for cell in c if isinstance(cell, str)] for c in columns])

    @property
    def _may_have_spaces(self) -> bool:
        """Whether a space may separate thousands; in a file that is read as one column it may separate
        columns."""
        return len(self.names) > 1 or not re.search(r"\s", self.names[0])

    @property
    def label(self) -> str:
        return label_of(self.path)

    def row(self, i: int) -> str:
        """Row i, counted from 0, as messages call it."""
        return f"row {i + 1}" + (f" (line {self.first_line + i})" if self.first_line is not None else "")


def parse(
    path: str,
    raw: bytes,
    id_column: str | None = None,
    left_out: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> Source:
    """The columns of a file.

    Parameters
    ----------
    path : str
        What the file is called.
    raw : bytes
        What it holds.
    id_column : str, optional
        The column that names the rows, whose cells in text are taken as they are: 007 and NA are names.
    left_out : sequence of str, optional
        Columns that are not looked at.
    missing : sequence of str, optional
        What cells hold in place of a missing value.
    """
    raw = unpacked(path, raw)
    kind = kind_of(raw)
    if kind is not None:
        source = _parse_arrow(path, raw, kind)
    else:
        check_kind(path, raw)
        # A file of that name which is text is one of text; another one is damaged.
        is_named_so = path.lower().endswith(".parquet") and not _is_text(raw)
        source = _parse_arrow(path, raw, "parquet") if is_named_so else _parse_text(path, raw, id_column)
    source = replace(source, id_column=id_column, left_out=tuple(left_out))
    return source if not missing else replace(source, frame=_without(source, missing))


def _is_text(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False


def _without(source: Source, missing: Sequence[str]) -> "pd.DataFrame":
    """The columns, with what stands for a missing value taken away."""
    numbers = [float(text) for text in missing if is_number(text)]

    def kept(column: "pd.Series[Any]") -> "pd.Series[Any]":
        if source.names[int(str(column.name))] == source.id_column:
            return column
        if column.dtype.kind in "iuf":
            return column.mask(column.isin(numbers))
        same = column.map(lambda cell: isinstance(cell, str) and _is_one_of(cell.strip(), missing, numbers))
        return column.mask(same.astype(bool))

    return source.frame.apply(kept)


def _is_one_of(cell: str, texts: Sequence[str], numbers: Sequence[float]) -> bool:
    return cell in texts or (bool(numbers) and is_number(cell) and float(cell) in numbers)


def _parse_arrow(path: str, raw: bytes, kind: str) -> Source:
    import pyarrow as pa

    try:
        frame = _read_arrow(pa.BufferReader(raw), kind)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = shorten((str(error).splitlines() or ["damaged"])[0].rstrip("."), 120)
        raise problem(
            path, f"{label_of(path)} cannot be read as {kind} ({reason}); write it again."
        ) from None
    if any(name is not None for name in frame.index.names):
        # A named index is a column of the file like any other; an unnamed one only numbers the rows.
        frame = frame.reset_index()
    names = [str(name).strip() for name in frame.columns]
    frame.columns = range(len(names))
    return Source(path, names, frame, is_text=False)


def _read_arrow(stream: Any, kind: str) -> "pd.DataFrame":
    import pyarrow.feather
    import pyarrow.ipc
    import pyarrow.parquet

    if kind == "parquet":
        table = pyarrow.parquet.read_table(stream)
    elif kind == "feather":
        table = pyarrow.feather.read_table(stream)
    else:
        table = pyarrow.ipc.open_stream(stream).read_all()
    return table.to_pandas()


def _parse_text(path: str, raw: bytes, id_column: str | None) -> Source:
    text = _decode(path, raw)
    if not text.strip():
        raise problem(
            path,
            f"{label_of(path)} is empty; it needs a header line with column names and one line per "
            f"observation.",
        )
    layout = laid_out(path, text)
    names = layout.names
    # pandas would take the surplus value for an index, or drop it, without a word.
    if len(layout.first_row) > len(names):
        decimal = layout.separator == "," and len(layout.first_row) == 2 and len(names) == 1
        other = ", or put a line sep=; above it if the comma is a decimal comma" if decimal else ""
        raise problem(
            path,
            f"Row 1 of {label_of(path)} has {len(layout.first_row)} values, but its header names "
            f"{count(len(names), 'column')}; give every column a name{other}.",
            row=1,
        )
    as_text = [j for j, name in enumerate(names) if name == id_column]
    frame = _read_csv(path, layout, as_text)
    n_lines = len(re.findall(r"\r\n|\n", layout.body.rstrip("\r\n")))
    one_line_each = layout.whole and n_lines + (not layout.has_header) == len(frame)
    first_line = layout.line + layout.has_header if one_line_each else None
    return Source(path, names, frame, True, first_line, titles=layout.titles)


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # The longer mark begins with the shorter one.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _decode(path: str, raw: bytes) -> str:
    mark, encoding = next(((m, e) for m, e in _MARKS if raw.startswith(m)), (b"", "utf-8"))
    text, bad = "", -1
    try:
        text = raw[len(mark) :].decode(encoding)
        bad = raw.find(b"\0") if encoding == "utf-8" else 2 * text.find("\0")
    except UnicodeDecodeError as error:
        bad = error.start + len(mark)
    if bad >= 0:
        line = raw[:bad].count(b"\n") + 1
        raise problem(
            path,
            f"{label_of(path)} is not {encoding[:6].upper().rstrip('-')} text (byte 0x{raw[bad]:02x} in line "
            f"{line}); export it as csv in UTF-8.",
            line=line,
        )
    return text


def _read_csv(path: str, layout: Layout, as_text: Sequence[int]) -> "pd.DataFrame":
    import pandas as pd

    width = len(layout.names)
    body = layout.body.strip("\r\n")
    # In a table of one column an empty line is a missing value.
    form: dict[str, Any] = {
        "sep": layout.separator,
        "header": 0 if layout.has_header else None,
        "names": range(width),
        "index_col": False,
        "skipinitialspace": True,
        "skip_blank_lines": width > 1,
        "low_memory": False,
        "quotechar": layout.quote,
        "na_values": list(layout.missing) or None,
    }
    if not body:
        return pd.DataFrame(columns=range(width))
    try:
        frame = pd.read_csv(io.StringIO(body), **form)
        texts = [j for j in frame if frame[j].dtype.kind in "OU" or str(frame[j].dtype) == "str"]
        if any(is_marked(frame[j].dropna()) for j in texts):
            # How one column is written tells how another one is.
            frame = pd.read_csv(io.StringIO(body), **form, dtype=str)
        if as_text:
            form["na_values"] = None
            cells = pd.read_csv(io.StringIO(body), **form, usecols=as_text, dtype=str, na_filter=False)
            frame[as_text] = cells.apply(lambda column: column.str.strip())
        return frame
    except pd.errors.ParserError as error:
        raise _not_a_table(path, str(error).strip(), layout.line - 1, width) from None


def _not_a_table(path: str, reason: str, skipped: int, width: int) -> FileProblem:
    """What is wrong with a text, from pandas' reason and the number of lines that pandas has not seen."""
    if found := re.search(r"Expected \d+ fields in line (\d+), saw (\d+)", reason):
        line = int(found[1]) + skipped
        return problem(
            path,
            f"Line {line} of {label_of(path)} has {found[2]} values, but the header names "
            f"{count(width, 'column')}; put a value that contains the separator in double quotes.",
            line=line,
        )
    if found := re.search(r"EOF inside string starting at row (\d+)", reason):
        line = int(found[1]) + 1 + skipped
        return problem(
            path,
            f"A quotation mark opened in line {line} of {label_of(path)} is never closed; close it or remove "
            f"it.",
            line=line,
        )
    return problem(path, f"{label_of(path)} cannot be read as a table ({reason}); export it again as csv.")
