"""What to do about cells that are no numbers: a command that works, or the row that is to be corrected."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.words import (
    choice_of,
    joined,
    option_of,
    problem,
    quote,
)

__all__ = ["leaving_out", "not_numeric", "numeric_columns"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# Of different texts in place of missing values.
MOST_CODES = 3
# Of units and descriptions below a header.
MOST_ROWS = 3
DROP = " --drop-missing"


def not_numeric(source: Source, names: Sequence[str], values: Array, bad: dict[str, Rows]) -> FileProblem:
    """The refusal of cells that are no numbers.

    Parameters
    ----------
    source : Source
    names : sequence of str
        The columns that were to be taken.
    values : ndarray, shape (N, D)
        What they were read as.
    bad : dict of ndarray of int
        Places of cells that are no numbers, by column.
    """
    name, rows = next(iter(bad.items()))
    details = {"column": name, "columns": list(bad), "row": int(rows[0]) + 1}
    message = _of_rows(source, names, values, bad)
    if message is None:
        message = f"{_cells(source, bad)}; {_remedy(source, names, bad)}."
    return problem(source.path, message, **details)


def _cell(source: Source, name: str, i: int) -> str:
    return source.cell(name, i)


def _cells(source: Source, bad: dict[str, Rows]) -> str:
    """Which columns hold what, as the beginning of a sentence."""
    name, rows = next(iter(bad.items()))
    if len(bad) == 1:
        cell = quote(_cell(source, name, rows[0]))
        return (
            f"Column {quote(name)} of {source.label} holds {cell} in {source.row(rows[0])}, which is not a "
            f"number"
        )
    some = [
        f"{quote(n)} holds {quote(_cell(source, n, bad[n][0]))} in row {bad[n][0] + 1}" for n in list(bad)[:3]
    ]
    return f"{len(bad)} columns of {source.label} are not numeric ({joined(some, len(bad))})"


# ------------------------------------------------------------ rows that are no observations


def _of_rows(source: Source, names: Sequence[str], values: Array, bad: dict[str, Rows]) -> str | None:
    """The sentence where rows, rather than columns, are wrong: units, or the header once more."""
    which = np.unique(np.concatenate(list(bad.values())))
    header = [i for i in which if all(_cell(source, n, i) == n for n in bad)]
    n_rows = len(values)
    if header and len(header) == len(which) < n_rows:
        told = ", ".join(source.row(i) for i in header[:3])
        more = f" and {len(header) - 3} more" if len(header) > 3 else ""
        them = "that row" if len(header) == 1 else "those rows"
        verb = "repeats" if len(header) == 1 else "repeat"
        return f"{told}{more} of {source.label} {verb} the header; remove {them}."
    # A single column's cell is that column's matter, and so are a few cells of a row among numbers.
    alike = len(bad) > 1 and all(np.array_equal(rows, which) for rows in bad.values())
    most = which[0] == 0 or len(bad) > len(names) / 2
    if alike and most and len(which) <= MOST_ROWS and 2 * len(which) < n_rows + 1:
        cells = joined([quote(_cell(source, n, int(which[0]))) for n in list(bad)[:3]], len(bad))
        of = "any column" if len(bad) == len(names) else f"{len(bad)} of {len(names)} columns"
        one = len(which) == 1
        told = ", ".join(source.row(int(i)) for i in which)
        what = "units or descriptions" if which[0] == 0 else "no observations"
        return (
            f"{told} of {source.label} {'has' if one else 'have'} no number in {of} ({cells}); remove "
            f"{'that row if it holds' if one else 'those rows if they hold'} {what}, or correct "
            f"{'it' if one else 'them'}."
        )
    return None


# ------------------------------------------------------------ cells and columns


def _remedy(source: Source, names: Sequence[str], bad: dict[str, Rows]) -> str:
    n_rows, n_bad = len(source.frame), sum(map(len, bad.values()))
    if len(source.names) == 1 and n_bad >= n_rows / 2:
        return "write numbers, and separate columns by commas, semicolons or tabs"
    coded = {name: rows for name, rows in bad.items() if len(rows) < n_rows / 2}
    texts = [name for name in bad if name not in coded]
    codes = _codes(source, coded) if coded else []
    correct = "correct that value" if n_bad == 1 else f"correct these {n_bad} values"
    if codes and not texts:
        them = "it" if n_bad == 1 else "them"
        return f"{correct}, or take {them} as missing with{_missing(codes)}"
    if codes and (both := leaving_out(source, names, texts, list(coded), codes)):
        return both
    columns = leaving_out(source, names, list(bad))
    if not texts:
        return f"{correct}, or {columns}" if columns else correct
    return columns or "no other column is numeric, so that nothing is left to cluster"


def _missing(codes: Sequence[str]) -> str:
    return f" --missing-values {option_of(codes)}{DROP}"


def _codes(source: Source, bad: dict[str, Rows]) -> list[str]:
    """Texts in place of missing values: few different ones, without a digit, each a word at the most."""
    found = Counter(_cell(source, name, int(i)) for name, rows in bad.items() for i in rows)
    plain = all(not re.search(r"[0-9]", t.removesuffix("/0!")) and len(t) <= 20 for t in found)
    return sorted(found) if plain and len(found) <= MOST_CODES and all(map(str.isprintable, found)) else []


def leaving_out(
    source: Source,
    names: Sequence[str],
    wrong: Sequence[str],
    coded: Sequence[str] = (),
    codes: Sequence[str] = (),
) -> str:
    """How to go on without some columns: with the others by name, or where these are many, by those that are
    left out; empty where nothing would be left.

    Parameters
    ----------
    source : Source
    names, wrong : sequence of str
        The columns that were to be taken, and those that cannot be.
    coded : sequence of str, optional
        Columns that are numbers but for these codes of missing values.
    codes : sequence of str, optional
    """
    good = [name for name in numeric_columns(source, coded) if name not in wrong]
    of_those_asked_for = [name for name in names if name in good]
    rest = of_those_asked_for or good
    if not rest:
        return ""
    drop = DROP if any(map(source.has_missing, rest)) else ""
    unfit = list(dict.fromkeys(name for name in source.features if name not in good))
    option = choice_of(rest, unfit)
    what = f"leave {'it' if len(unfit) == 1 else 'them'} out" if "--except" in option else ""
    what = what or "choose the numeric columns"
    if any(name in coded for name in rest):
        return f"{what}, and take what is no number in the others as missing,{option}{_missing(codes)}"
    return f"{what}{option}{drop}"


def numeric_columns(source: Source, coded: Sequence[str] = ()) -> list[str]:
    """Names of the columns that hold numbers only, or are coded, and more than one number."""
    return [
        name
        for j, name in enumerate(source.names)
        if name in source.features and _is_usable(source, j, name in coded)
    ]


def _is_usable(source: Source, j: int, is_coded: bool) -> bool:
    if not source.names[j]:
        return False
    found = source.reading(j)
    if not (found.is_sure or is_coded):
        return False
    present = found.values[np.isfinite(found.values)]
    return len(source.frame) < 2 or (len(present) > 0 and bool(present.min() < present.max()))
