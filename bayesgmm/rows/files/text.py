"""From the bytes of a text to columns."""

import codecs
import io
import re
import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.preamble import Layout, laid_out
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.words import label_of, problem
from bayesgmm.support.sentences import count, shorten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["parse_text"]


def parse_text(path: str, raw: bytes, id_column: str | None) -> Source:
    text = _decode(path, raw)
    if not text or text.isspace():
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
    body = layout.body.strip("\r\n")
    if len(names) == 1:
        _check_quotes(path, layout, body)
    frame = _read_csv(path, layout, body, as_text)
    n_lines = body.count("\n")
    one_line_each = layout.whole and n_lines + (not layout.has_header) == len(frame)
    first_line = layout.line + layout.has_header if one_line_each else None
    return Source(
        path,
        names,
        frame,
        True,
        first_line,
        separator=layout.separator,
        written=partial(_written, layout, body),
        titles=layout.titles,
        comments=layout.comments,
    )


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
    # Programs that join files, or write a mark before one that is there, leave more of them.
    return text.lstrip("\ufeff")


def _form(layout: Layout) -> dict[str, Any]:
    """How pandas reads a table that is laid out so."""
    width = len(layout.names)
    return {
        "sep": layout.separator,
        "header": 0 if layout.has_header else None,
        "names": range(width),
        "index_col": False,
        "skipinitialspace": True,
        # In a table of one column an empty line is a missing value.
        "skip_blank_lines": width > 1,
        "low_memory": False,
        "quotechar": layout.quote,
        "na_values": list(layout.missing) or None,
    }


def _written(layout: Layout, body: str, columns: Sequence[int], rows: int | None = None) -> "pd.DataFrame":
    """Cells as they are written, missing where pandas says so."""
    import pandas as pd

    return pd.read_csv(io.StringIO(body), **_form(layout), usecols=list(columns), dtype=str, nrows=rows)


def _read_csv(path: str, layout: Layout, body: str, as_text: Sequence[int]) -> "pd.DataFrame":
    import pandas as pd

    form = _form(layout)
    width = len(layout.names)
    if not body:
        return pd.DataFrame(columns=range(width))
    try:
        with warnings.catch_warnings():
            # Only a warning tells that values are dropped where the first row is too long.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(io.StringIO(body), **form)
        if as_text:
            form["na_values"] = None
            cells = pd.read_csv(io.StringIO(body), **form, usecols=as_text, dtype=str, na_filter=False)
            frame[as_text] = cells.apply(lambda column: column.str.strip())
        return frame
    except pd.errors.ParserError as error:
        raise _not_a_table(path, str(error).strip(), layout.line - 1, width) from None
    except pd.errors.ParserWarning:
        raise _surplus(path, width) from None


def _check_quotes(path: str, layout: Layout, body: str) -> None:
    """Refuse what follows a quotation mark that closes in a single column: pandas joins both, so that the
    names that R gives to rows become thousands."""
    mark = layout.quote
    if found := re.search(f"^ *{mark}[^{mark}\\r\\n]*{mark} +[^ \\r\\n][^\\r\\n]*", body, re.MULTILINE):
        line = layout.line + body.count("\n", 0, found.start())
        raise problem(
            path,
            f"Line {line} of {label_of(path)} goes on after a closing quotation mark ({shorten(found[0])}); "
            f"separate columns by commas, semicolons or tabs.",
            line=line,
        )


def _surplus(path: str, width: int) -> FileProblem:
    return problem(
        path,
        f"Rows of {label_of(path)} have more values than its header names columns ({width}); give every "
        f"column a name.",
    )


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
