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
    "columns_option",
    "is_number",
    "joined",
    "label_of",
    "listed_names",
    "problem",
    "quote",
    "quote_path",
]


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
    """An option ready to paste into a shell, as the end of a sentence; names too long to be read are left
    unsaid."""
    short = [n for n in names if len(n) <= LONGEST_NAME and n.isprintable()][:20]
    if not short:
        return " with --columns"
    record = io.StringIO()
    csv.writer(record, lineterminator="").writerow(short)
    unsaid = len(names) - len(short)
    return f" with --columns {shlex.quote(record.getvalue())}" + (f" and {unsaid} more" if unsaid else "")


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
