"""How the numbers of a text are written: with which decimal mark, and with thousands apart or not.

A column is read as its cells can be read, all of them in one way. Where two ways are left that give other
numbers, the decimal mark of the other columns decides; ``1.234`` alone has a decimal point, ``30,000`` alone
cannot be told.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NOTATIONS",
    "Notation",
    "Reading",
    "is_a_number",
    "is_marked",
    "proven_decimal",
    "read_cells",
]

Array = NDArray[np.float64]

_EXPONENT = "(?:[eE][+-]?[0-9]+)?"
_SPACE = "[ \u00a0\u2009\u202f]"
_APOSTROPHE = "['’]"
# Other signs of minus than that of a keyboard.
_MINUS = str.maketrans(dict.fromkeys("\u2212\ufe63\uff0d", "-"))
_WORDS = re.compile("[+-]?(?:inf|infinity)", re.IGNORECASE)
# A mark between digits that a number of a program does not have.
_MARKED = re.compile(r"[0-9][,'’ \u00a0\u2009\u202f][0-9]")


@dataclass(frozen=True)
class Notation:
    """A decimal mark, and what separates groups of three digits: a regular expression, or nothing."""

    decimal: str
    thousands: str = ""

    @cached_property
    def _number(self) -> re.Pattern[str]:
        mark = re.escape(self.decimal)
        plain = f"(?:[0-9]+{mark}?[0-9]*|{mark}[0-9]+){_EXPONENT}"
        grouped = f"|[1-9][0-9]{{0,2}}(?:{self.thousands}[0-9]{{3}})+(?:{mark}[0-9]*)?"
        return re.compile(f"[+-]?(?:{plain}{grouped * bool(self.thousands)})")

    def number(self, cell: str) -> float | None:
        """The number that a cell stands for, or None."""
        if _WORDS.fullmatch(cell):
            return float(cell)
        if not self._number.fullmatch(cell):
            return None
        plain = re.sub(self.thousands, "", cell) if self.thousands else cell
        return float(plain.replace(self.decimal, "."))


POINT, COMMA = ".", ","
# Of two that give the same numbers the first is taken.
NOTATIONS = (
    Notation(POINT),
    Notation(COMMA),
    *(Notation(POINT, mark) for mark in (COMMA, _SPACE, _APOSTROPHE)),
    *(Notation(COMMA, mark) for mark in (re.escape(POINT), _SPACE, _APOSTROPHE)),
)


@dataclass(frozen=True, eq=False)
class Reading:
    """What the cells of a column are read as.

    Attributes
    ----------
    values : ndarray, shape (N,)
        NaN where a cell is no number.
    bad : ndarray of int
        Places of such cells.
    other : ndarray, shape (N,), or None
        The numbers that the same cells may stand for as well.
    """

    values: Array
    bad: NDArray[np.intp]
    other: Array | None = None


def is_a_number(cell: str) -> bool:
    """Whether a cell is a number in any notation."""
    plain = cell.strip().translate(_MINUS)
    return any(n.number(plain) is not None for n in NOTATIONS)


def is_marked(cells: Iterable[Any]) -> bool:
    """Whether a cell has a mark between digits other than a point."""
    return any(isinstance(cell, str) and _MARKED.search(cell) is not None for cell in cells)


def read_cells(cells: Sequence[str], decimal: str | None = None, spaces: bool = True) -> Reading:
    """Read the cells of a column, none of them missing.

    Parameters
    ----------
    cells : sequence of str
    decimal : str, optional
        The decimal mark of other columns.
    spaces : bool
        Whether a space may separate thousands; of a single column it may separate columns as well.
    """
    stripped = [c.strip().translate(_MINUS) for c in cells]
    if not stripped:
        return Reading(np.empty(0), np.empty(0, dtype=np.intp))
    found, places = np.unique(np.array(stripped, dtype=object), return_inverse=True)
    read = {n: _values(n, found) for n in _possible(found, spaces)}
    fewest = min(int(np.isnan(v).sum()) for v in read.values())
    fitting = [n for n, v in read.items() if int(np.isnan(v).sum()) == fewest]
    best = _decided(fitting, read, decimal)
    values = read[best]
    others = [read[n] for n in fitting if not np.array_equal(read[n], values, equal_nan=True)]
    doubt = best.decimal == COMMA and decimal is None and not fewest and others
    # A point alone is a decimal point.
    other = others[0][places] if doubt else None
    bad = np.flatnonzero(np.isnan(values)[places])
    return Reading(values[places], bad, other)


def _possible(cells: Iterable[str], spaces: bool = True) -> list[Notation]:
    """The notations whose marks are there; others would read the same, at the same cost."""
    text = "\n".join(cells)
    return [
        n
        for n in NOTATIONS
        if (not n.thousands or (re.search(n.thousands, text) and (spaces or n.thousands != _SPACE)))
        and (n != NOTATIONS[1] or COMMA in text)
    ]


def _values(notation: Notation, cells: Iterable[str]) -> Array:
    found = (notation.number(str(cell)) for cell in cells)
    return np.array([np.nan if value is None else value for value in found])


def _decided(fitting: list[Notation], read: dict[Notation, Array], decimal: str | None) -> Notation:
    """The notation to be taken of those that fit: one with the decimal mark of the file, if there is one."""
    return next((n for n in fitting if n.decimal == decimal), fitting[0])


def proven_decimal(columns: Iterable[Sequence[str]]) -> str | None:
    """The decimal mark that some columns can only be read with, or None where there is none, or two."""
    proven: set[str] = set()
    for cells in columns:
        found = {c.strip().translate(_MINUS) for c in cells}
        if not any(mark in cell for cell in found for mark in (POINT, COMMA)):
            continue
        # What is no number in any notation proves nothing.
        fitting = [n for n in NOTATIONS if all(n.number(c) is not None for c in found)]
        marks = {n.decimal for n in fitting}
        proven |= marks if len(marks) == 1 else set()
    return proven.pop() if len(proven) == 1 else None
