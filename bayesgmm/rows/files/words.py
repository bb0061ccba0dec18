"""What the sentences about files are made of."""

import csv
import io
import math
import shlex
from collections.abc import Sequence
from typing import Any

from bayesgmm.errors import FileProblem
from bayesgmm.support.sentences import LONGEST_NAME, shorten

__all__ = [
    "choice_of",
    "columns_option",
    "except_option",
    "is_number",
    "joined",
    "label_of",
    "listed_names",
    "option_of",
    "problem",
    "quote",
    "quote_path",
]

# A list of columns to be taken that is longer is harder to read than one of those to be left out.
MOST_COLUMNS, MOST_PASTED = 6, 20


def problem(path: str, message: str, **details: Any) -> FileProblem:
    return FileProblem(message[:1].upper() + message[1:], path=path, **details)


def label_of(path: str) -> str:
    return "standard input" if path == "-" else quote_path(path)


def quote_path(path: str) -> str:
    # The end of a path tells more than its beginning.
    return repr(path if len(path) <= LONGEST_NAME else "…" + path[1 - LONGEST_NAME :])


def quote(name: str) -> str:
    return repr(shorten(name))


def joined(words: Sequence[Any], total: int | None = None) -> str:
    """Words with commas, and how many of the total were left unsaid."""
    unsaid = (total or len(words)) - len(words)
    return ", ".join(map(str, words)) + (f" and {unsaid} more" if unsaid else "")


def listed_names(names: Sequence[str], *, quoted: bool = True) -> str:
    return joined([quote(n) if quoted else shorten(n) for n in names[:5]], len(names))


def columns_option(names: Sequence[str]) -> str:
    """An option ready to paste into a shell, as the end of a sentence; without its value where that would be
    too long to be read, or not be taken as it stands."""
    return _option("--columns", names)


def except_option(names: Sequence[str]) -> str:
    """The same of columns to be left out."""
    return _option("--except", names)


def choice_of(kept: Sequence[str], left_out: Sequence[str]) -> str:
    """The shorter of both options: with some columns, or without others."""
    shorter = len(kept) <= MOST_COLUMNS and _can_be_pasted(kept)
    return columns_option(kept) if shorter or not _can_be_pasted(left_out) else except_option(left_out)


def _option(option: str, names: Sequence[str]) -> str:
    return f" with {option} {option_of(names)}" if _can_be_pasted(names) else f" with {option}"


def _can_be_pasted(names: Sequence[str]) -> bool:
    fit = all(len(name) <= LONGEST_NAME and name.isprintable() for name in names)
    return fit and 0 < len(names) <= MOST_PASTED


def option_of(names: Sequence[str]) -> str:
    """Names as the value of an option, for a shell."""
    record = io.StringIO()
    csv.writer(record, lineterminator="").writerow(names)
    return shlex.quote(record.getvalue())


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
