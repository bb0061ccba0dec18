"""Where the table of a text begins: below Excel's line ``sep=;``, comments, titles and the header of ARFF."""

import csv
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from bayesgmm.rows.files.kinds import PACKED_ENDINGS
from bayesgmm.rows.files.notation import is_a_number
from bayesgmm.rows.files.words import is_number, label_of, problem

__all__ = ["Layout", "laid_out", "looks_like_data"]

SEPARATORS = (",", ";", "\t")
COMMENTS = ("#", "%")
BLANKS = {"", "na", "n/a", "nan", "null", "none", "inf", "-inf"}
# What Excel writes into a cell that it could not compute.
_ERROR = re.compile(r"#(?:DIV/0|REF|VALUE|NUM|NULL|SPILL|CALC)!|#NAME\?|#N/A")
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|$)")
# What stands for a missing value and never for a name.
_MARKS = re.compile("[?.*–—-]+")
_YEAR = re.compile("(?:18|19|20)[0-9]{2}")
# Titles are looked for in so many records.
MOST_TITLES = 20


@dataclass(frozen=True)
class Layout:
    """How the table of a text is laid out.

    Attributes
    ----------
    body : str
        The table: from the header on, or where the names stand elsewhere, from the first row on.
    line : int
        Line of the file in which the body begins.
    separator : str
    names : list of str
    first_row : list of str
        Empty where there is no row.
    has_header : bool
        Whether the body begins with the names.
    titles : tuple of str
        Lines above the header that are taken for titles.
    whole : bool
        Whether every line of the file from `line` on is in the body.
    missing : tuple of str
        What stands for a missing value by the definition of the format.
    quote : str
    comments : tuple of str
        Those that may name the columns, the one that was taken first.
    """

    body: str
    line: int
    separator: str
    names: list[str]
    first_row: list[str]
    has_header: bool = True
    titles: tuple[str, ...] = ()
    whole: bool = True
    missing: tuple[str, ...] = ()
    quote: str = '"'
    comments: tuple[str, ...] = ()


def looks_like_data(names: list[str]) -> bool:
    """Whether what should be a header is a row: numbers only, or a number that is no whole one."""
    numbers = [name for name in names if is_number(name)]
    filled = [name for name in names if name.lower() not in BLANKS]
    others = [name for name in filled if not is_a_number(name)]
    # Among numbers a cell without a letter, such as ? or a date, is no name; alone only the marks are none.
    marks = all(map(_is_mark, others)) if len(others) < len(filled) else all(map(_MARKS.fullmatch, others))
    only_numbers = bool(filled) and marks
    # Whole numbers among names, such as years, are names; 5.1 beside 'setosa' is not.
    return only_numbers or any(not float(n).is_integer() for n in numbers)


def _is_mark(name: str) -> bool:
    return not (any(map(str.isalpha, name)) or name.startswith(COMMENTS)) or bool(_ERROR.fullmatch(name))


def laid_out(path: str, text: str) -> Layout:
    """Find the table of a text that is not empty."""
    text, line = _below(text, 0, 1)
    separator = None
    if found := re.match(r'"?sep=([^"\r\n])"?[ ;,\t]*(?:\r\n|\r|\n|$)', text, re.IGNORECASE):
        separator = found[1]
        text, line = _below(text, found.end(), line)
    comments: list[tuple[str, int]] = []
    while text.startswith(COMMENTS) and not _ERROR.match(text) and _ends(text) < len(text):
        comments.append((text, line))
        text, line = _below(text, _ends(text), line)
    if re.match(r"@relation\b", text, re.IGNORECASE):
        return _arff(path, text, line)
    if not text.strip():
        if not comments:
            raise problem(path, f"{label_of(path)} has no table below its first line; export it again.")
        (text, line), comments = comments[-1], []
    stem = path.lower()
    for ending in PACKED_ENDINGS:
        stem = stem.removesuffix(ending)
    candidates = ("\t",) if stem.endswith(".tsv") else SEPARATORS
    candidates = candidates if separator is None else (separator,)
    records = {separator: _records(path, text, separator) for separator in candidates}
    above = [comment[: _ends(comment)] for comment, _ in comments]
    if layout := _header_in_comments(path, above, text, line, records):
        return layout
    separator = max(candidates, key=lambda candidate: _plausibility(records[candidate]))
    titles = []
    for _ in range(_n_titles(records[separator])):
        titles.append(text[: _ends(text)].strip().rstrip(separator))
        text, line = _below(text, _ends(text), line)
    header, first_row = _two(records[separator][len(titles) :])
    return Layout(text, line, separator, _stripped(header), first_row, titles=tuple(titles))


def _ends(text: str) -> int:
    """Where the first line of a text ends, with its line break."""
    found = re.search(r"\r\n|\r|\n", text)
    return len(text) if found is None else found.end()


def _below(text: str, at: int, line: int) -> tuple[str, int]:
    """What follows a place and the blank lines after it, and in which line that is."""
    rest = text[at:]
    blank = re.match(r"(?:[ \t]*[\r\n])*", rest)
    end = at + (blank.end() if blank is not None else 0)
    return text[end:], line + len(re.findall(r"\r\n|\r|\n", text[:end]))


def _records(path: str, text: str, separator: str, quote: str = '"') -> list[list[str]]:
    """The first records of a text."""
    # As needed, since a text may be long and only its beginning is looked at.
    lines = (line[1] + "\n" for line in _LINE.finditer(text) if line[0])
    cut = csv.reader(lines, delimiter=separator, quotechar=quote, skipinitialspace=True)
    # pandas reads over a line of blanks, too, unless these separate; that row tells nothing either.
    found = (r for r in cut if separator.join(r).strip())
    out: list[list[str]] = []
    try:
        out.extend(islice(found, 2))
        # What is wrong further below is said where it is read.
        out.extend(_until_error(islice(found, MOST_TITLES)))
    except csv.Error as error:
        raise problem(
            path, f"The header of {label_of(path)} cannot be read ({error}); check its quotation marks."
        ) from None
    return out


def _until_error(records: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from records
    except csv.Error:
        return


def _two(records: list[list[str]]) -> tuple[list[str], list[str]]:
    return records[0], records[1] if len(records) > 1 else []


def _stripped(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _plausibility(records: list[list[str]]) -> tuple[bool, float, int]:
    # A comma may be part of a name or of a number as well; then header and row disagree, or a row that is cut
    # at decimal commas has fewer numbers among its cells.
    header, *rows = records[_n_titles(records) :]
    alike = bool(rows) and len(header) == len(rows[0]) > 1
    cells = [cell for row in rows for cell in row if alike and cell.strip()]
    return alike, sum(map(is_a_number, cells)) / max(len(cells), 1), len(header)


def _n_titles(records: list[list[str]]) -> int:
    """Number of lines above the header that have fewer cells, or a single one that is filled.

    What is taken for a header below a title names every column, since a first row may have a name as well;
    and a line of several names is a header rather than a title, though it names too few.
    """
    for h in range(1, len(records) - 1):
        header, row = _stripped(records[h]), _stripped(records[h + 1])
        if not all(_is_title(_stripped(r), len(header)) for r in records[:h]):
            return 0
        if all(header) and len(header) == len(row) > 1 and _is_header(header, row):
            named = (
                _is_name(cell) or (_is_year(cell) and not _is_year(below))
                for cell, below in zip(header, row, strict=True)
            )
            return h if all(named) else 0
    return 0


def _is_title(cells: list[str], width: int) -> bool:
    filled = [cell for cell in cells if cell]
    if len(filled) > 1 and all(map(_is_name, filled)):
        return False
    return len(cells) < width or (bool(cells[0]) and len(filled) == 1)


def _is_name(cell: str) -> bool:
    """Whether a cell may be a name, rather than a number, a code of a missing one, or nothing."""
    has_letter = any(map(str.isalpha, cell))
    return has_letter and cell.lower() not in BLANKS and not is_a_number(cell) and not _ERROR.fullmatch(cell)


def _is_year(cell: str) -> bool:
    return _YEAR.fullmatch(cell) is not None


def _is_header(cells: list[str], below: list[str]) -> bool:
    """Whether a record names columns: it has a name above what is none; a row is like the next one."""
    return any(_is_name(cell) and not _is_name(other) for cell, other in zip(cells, below, strict=False))


def _are_years(cells: list[str], below: list[str]) -> bool:
    """Whether a record of numbers names columns by years, which no row below it has."""
    return all(map(_is_year, cells)) and len(set(cells)) == len(cells) > 1 and not any(map(_is_year, below))


def _width(records: list[list[str]]) -> tuple[bool, int, int]:
    """Whether two rows are alike in width, that width, and how many numbers they have."""
    first, second = _two(records)
    alike = len(second) in (0, len(first))
    return alike, len(first), sum(map(is_a_number, first + second))


def _header_in_comments(
    path: str, comments: list[str], text: str, line: int, records: dict[str, list[list[str]]]
) -> Layout | None:
    """The layout of a table where a comment above it names the columns, as NumPy writes it, or where a name
    begins with the mark of a comment: the first one that fits, since units may stand below it, but rather
    one without numbers."""
    for separator, rows in sorted(records.items(), key=lambda item: _width(item[1]), reverse=True):
        first, second = map(_stripped, _two(rows))
        if _are_years(first, second):
            return None
        has_numbers = any(map(is_a_number, first)) and not _is_header(first, second)
        if any(map(_is_name, first)) and not has_numbers:
            continue
        # Any comment fits a single column, and then the nearest one is meant.
        in_order = comments if len(first) > 1 else comments[::-1]
        found = [(_stripped(next(iter(_records(path, c, separator)), [])), c) for c in in_order]
        fitting = [(n, c) for n, c in found if len(n) == len(first) and not looks_like_data(n)]
        if fitting:
            fitting.sort(key=lambda pair: not all(map(_is_name, pair[0])))
            names = fitting[0][0]
            names[0] = re.sub(r"^#\s+", "", names[0])
            told = tuple(comment.strip() for _, comment in fitting)
            return Layout(text, line, separator, names, first, has_header=False, comments=told)
    return None


def _arff(path: str, text: str, line: int) -> Layout:
    """The layout of ARFF: names in lines of their own, rows after ``@data``, ``?`` where a value is
    missing."""
    names: list[str] = []
    while text:
        end = _ends(text)
        own = text[:end].strip()
        text, line = _below(text, end, line)
        if own.lower().startswith("@attribute"):
            names.append(_attribute(own))
        elif own.lower().startswith("@data"):
            break
    if not names:
        raise problem(path, f"{label_of(path)} is ARFF without attributes; export it again as csv.")
    kept = [
        part for part in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text) if not part.lstrip(" \t").startswith("%")
    ]
    body = "".join(kept)
    if body.lstrip().startswith("{"):
        raise problem(path, f"{label_of(path)} is sparse ARFF; export it as csv.", kind="sparse ARFF")
    separator = "\t" if "\t" in body[: _ends(body)] and "," not in body[: _ends(body)] else ","
    quote = "'" if "'" in body and '"' not in body else '"'
    first_row = next(iter(_records(path, body, separator, quote)), [])
    return Layout(body, line, separator, names, first_row, False, (), body == text, ("?",), quote)


def _attribute(line: str) -> str:
    """The name in a line ``@attribute NAME TYPE``, which may stand in quotation marks."""
    rest = line[len("@attribute") :].strip()
    try:
        return shlex.split(rest, posix=True)[0].strip()
    except (ValueError, IndexError):
        return rest.split()[0] if rest else ""
