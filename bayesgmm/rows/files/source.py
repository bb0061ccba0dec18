"""From bytes to columns, whatever these hold."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.words import label_of, problem
from bayesgmm.support.sentences import count, shorten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source", "parse"]

SEPARATORS = (",", ";", "\t")


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

    @property
    def features(self) -> list[str]:
        """Names of the columns that do not name the rows."""
        return [name for name in self.names if name != self.id_column]

    @property
    def label(self) -> str:
        return label_of(self.path)

    def row(self, i: int) -> str:
        """Row i, counted from 0, as messages call it."""
        return f"row {i + 1}" + (f" (line {self.first_line + i})" if self.first_line is not None else "")


def parse(path: str, raw: bytes, id_column: str | None = None) -> Source:
    """The columns of a file.

    Parameters
    ----------
    path : str
        What the file is called.
    raw : bytes
        What it holds.
    id_column : str, optional
        The column that names the rows, whose cells in text are taken as they are: 007 and NA are names.
    """
    is_parquet = raw.startswith(b"PAR1") or path.lower().endswith(".parquet")
    return (_parse_parquet if is_parquet else _parse_text)(path, raw, id_column)


def _parse_parquet(path: str, raw: bytes, id_column: str | None) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = pq.read_table(pa.BufferReader(raw)).to_pandas()
    except (pa.ArrowException, OSError) as error:
        reason = shorten(str(error).splitlines()[0].rstrip("."), 120)
        raise problem(
            path, f"{label_of(path)} cannot be read as parquet ({reason}); write it again."
        ) from None
    if any(name is not None for name in frame.index.names):
        # A named index is a column of the file like any other; an unnamed one only numbers the rows.
        frame = frame.reset_index()
    names = [str(name).strip() for name in frame.columns]
    frame.columns = range(len(names))
    return Source(path, names, frame, is_text=False, id_column=id_column)


def _parse_text(path: str, raw: bytes, id_column: str | None) -> Source:
    raw = raw.removeprefix(codecs.BOM_UTF8)
    text = _decode(path, raw)
    if not text.strip():
        raise problem(
            path,
            f"{label_of(path)} is empty; it needs a header line with column names and one line per "
            f"observation.",
        )
    separator, names, first_row = _sniff(path, text)
    # pandas would take the surplus value for an index, or drop it, without a word.
    if len(first_row) > len(names):
        raise problem(
            path,
            f"Row 1 of {label_of(path)} has {len(first_row)} values, but its header names "
            f"{count(len(names), 'column')}; give every column a name.",
            row=1,
        )
    as_text = [j for j, name in enumerate(names) if name == id_column]
    frame = _read_csv(path, raw, separator, len(names), as_text)
    one_line_each = raw.rstrip(b"\r\n").count(b"\n") == len(frame)
    return Source(path, names, frame, True, 2 if one_line_each else None, id_column)


def _decode(path: str, raw: bytes) -> str:
    text, bad = "", -1
    try:
        text = raw.decode()
        bad = raw.find(b"\0")
    except UnicodeDecodeError as error:
        bad = error.start
    if bad >= 0:
        line = raw[:bad].count(b"\n") + 1
        raise problem(
            path,
            f"{label_of(path)} is not UTF-8 text (byte 0x{raw[bad]:02x} in line {line}); export it as csv in "
            f"UTF-8.",
            line=line,
        )
    return text


def _sniff(path: str, text: str) -> tuple[str, list[str], list[str]]:
    """Separator, names in the header, and fields of the first row (none where there is no row)."""
    candidates = ("\t",) if path.lower().endswith(".tsv") else SEPARATORS
    heads = {}
    for separator in candidates:
        lines = io.StringIO(text, newline=None)
        records = (r for r in csv.reader(lines, delimiter=separator, skipinitialspace=True) if r)
        try:
            heads[separator] = next(records), next(records, [])
        except csv.Error as error:
            raise problem(
                path, f"The header of {label_of(path)} cannot be read ({error}); check its quotation marks."
            ) from None

    def plausibility(separator: str) -> tuple[bool, int]:
        # A comma may be part of a name or of a number as well; then header and row disagree.
        header, first_row = heads[separator]
        return len(header) == len(first_row) > 1, len(header)

    best = max(candidates, key=plausibility)
    header, first_row = heads[best]
    return best, [name.strip() for name in header], first_row


def _read_csv(path: str, raw: bytes, separator: str, width: int, as_text: Sequence[int]) -> "pd.DataFrame":
    import pandas as pd

    body = raw.strip(b"\r\n")
    # In a table of one column an empty line is a missing value.
    form: dict[str, Any] = {
        "sep": separator,
        "header": 0,
        "names": range(width),
        "index_col": False,
        "skipinitialspace": True,
        "skip_blank_lines": width > 1,
        "low_memory": False,
    }
    try:
        frame = pd.read_csv(io.BytesIO(body), **form)
        if as_text:
            cells = pd.read_csv(io.BytesIO(body), **form, usecols=as_text, dtype=str, na_filter=False)
            frame[as_text] = cells.apply(lambda column: column.str.strip())
        return frame
    except pd.errors.ParserError as error:
        skipped = raw[: raw.find(body)].count(b"\n")
        raise _not_a_table(path, str(error).strip(), skipped, width) from None


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
