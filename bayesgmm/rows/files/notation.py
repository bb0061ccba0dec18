"""How numbers of a text are written: with which decimal mark, and with thousands apart or not."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COMMA",
    "NOTATIONS",
    "POINT",
    "Notation",
    "as_typed",
    "has_marks",
    "is_a_number",
    "look_like_identifiers",
    "mixes_groups_and_small_numbers",
    "possible_notations",
    "readings_of",
    "stand_for",
]

Array = NDArray[np.float64]

POINT, COMMA = ".", ","
_EXPONENT = "(?:[eE][+-]?[0-9]+)?"
_SPACE = "[ \u00a0\u2009\u202f]"
_APOSTROPHE = "['’]"
# Other signs of minus than that of a keyboard.
_MINUS = str.maketrans(dict.fromkeys("\u2212\ufe63\uff0d", "-"))
_WORDS = re.compile("[+-]?(?:inf|infinity)", re.IGNORECASE)
# Three groups of digits or more, alike in what separates them.
_GROUPS = re.compile(r"\+?[0-9]{1,3}(?:([.,'’]|[ \u00a0\u2009\u202f])[0-9]{3})(?:\1[0-9]{3})+")
# Shorter ones are numbers rather than identifiers or telephone numbers, though all of one length.
SHORTEST_IDENTIFIER, GROUPS_OF_AN_ADDRESS = 8, 4
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_BELOW_THOUSAND = re.compile(r"[+-]?[0-9]{1,3}")


@dataclass(frozen=True)
class Notation:
    """A decimal mark, and what separates groups of three digits: a regular expression, or nothing."""

    decimal: str
    thousands: str = ""

    @cached_property
    def pattern(self) -> str:
        """What a number looks like, as a regular expression."""
        mark = re.escape(self.decimal)
        plain = f"(?:[0-9]+{mark}?[0-9]*|{mark}[0-9]+){_EXPONENT}"
        grouped = f"|[1-9][0-9]{{0,2}}(?:{self.thousands}[0-9]{{3}})+(?:{mark}[0-9]*)?"
        return f"[+-]?(?:{plain}{grouped * bool(self.thousands)})"

    @cached_property
    def _number(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def number(self, cell: str) -> float | None:
        """The number that a cell stands for, or None."""
        if _WORDS.fullmatch(cell):
            return float(cell)
        if not self._number.fullmatch(cell):
            return None
        plain = re.sub(self.thousands, "", cell) if self.thousands else cell
        return float(plain.replace(self.decimal, "."))

    def numbers(self, cells: Sequence[str]) -> Array:
        """The numbers that cells stand for, NaN where one is none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        # One regular expression after the other over all cells; a loop takes ten times as long.
        texts = pa.array(cells, pa.string())
        fits = pc.match_substring_regex(texts, f"^{self.pattern}$").to_numpy(zero_copy_only=False)
        plain = pc.utf8_ltrim(texts, "+")
        if self.thousands:
            plain = pc.replace_substring_regex(plain, self.thousands, "")
        if self.decimal != POINT:
            plain = pc.replace_substring(plain, self.decimal, POINT)
        values = np.full(len(cells), np.nan)
        try:
            values[fits] = pc.cast(plain.filter(pa.array(fits)), pa.float64()).to_numpy()
        except pa.ArrowInvalid:  # a number beyond 1e308 among them, which Python calls infinite
            return readings_one_by_one(self, cells)
        for i in np.flatnonzero(~fits).tolist():
            if _WORDS.fullmatch(cells[i]):
                values[i] = float(cells[i])
        return values


# Of two that give the same numbers the first is taken.
NOTATIONS = (
    Notation(POINT),
    Notation(COMMA),
    *(Notation(POINT, mark) for mark in (COMMA, _SPACE, _APOSTROPHE)),
    *(Notation(COMMA, mark) for mark in (re.escape(POINT), _SPACE, _APOSTROPHE)),
)
# So many cells rule a notation out before it is tried on all.
SAMPLE = 500


def as_typed(cell: str) -> str:
    """A cell without blanks around it, and with the minus of a keyboard."""
    plain = cell.strip()
    # Few cells have it, and to look each letter up takes long.
    return plain if plain.isascii() else plain.translate(_MINUS)


def is_a_number(cell: str) -> bool:
    """Whether a cell is a number in any notation."""
    plain = as_typed(cell)
    return any(n.number(plain) is not None for n in NOTATIONS)


def has_marks(cells: Iterable[str]) -> bool:
    """Whether a cell has a point or a comma."""
    return any(POINT in cell or COMMA in cell for cell in cells)


def possible_notations(cells: Sequence[str], spaces: bool = True) -> list[Notation]:
    """The notations whose marks are there; others would read the same, at the same cost."""
    text = "\n".join(cells)
    there = {mark: re.search(mark, text) is not None for mark in {n.thousands for n in NOTATIONS}}
    there[_SPACE] &= spaces
    return [n for n in NOTATIONS if there[n.thousands] and (n != NOTATIONS[1] or COMMA in text)]


def readings_one_by_one(notation: Notation, cells: Iterable[str]) -> Array:
    """The slow way of :meth:`Notation.numbers`."""
    found = (notation.number(cell) for cell in cells)
    return np.array([np.nan if value is None else value for value in found])


def readings_of(
    cells: Sequence[str], spaces: bool = True, are_codes: NDArray[np.bool_] | None = None
) -> dict[Notation, Array]:
    """What cells are read as by each notation that leaves fewest of them unread.

    Parameters
    ----------
    cells : sequence of str
        Distinct ones, as typed.
    spaces : bool
        Whether a space may separate thousands.
    are_codes : ndarray of bool, optional
        Which stand for a missing value; these count only where the others do not tell.
    """
    notations = possible_notations(cells, spaces)
    weights = np.ones(len(cells)) if are_codes is None else np.where(are_codes, 1 / (len(cells) + 1), 1.0)
    # A notation that reads all cells reads those of a sample.
    if len(notations) > 1 and len(cells) > SAMPLE:
        step = len(cells) // SAMPLE
        some = {n: readings_one_by_one(n, cells[::step]) for n in notations}
        notations = list(_with_fewest_bad(some, weights[::step]))
    return _with_fewest_bad({n: n.numbers(cells) for n in notations}, weights)


def _with_fewest_bad(read: dict[Notation, Array], weights: Array) -> dict[Notation, Array]:
    bad = {n: float(weights[np.isnan(values)].sum()) for n, values in read.items()}
    return {n: values for n, values in read.items() if bad[n] <= min(bad.values()) + 1e-12}


def stand_for(numbers: Sequence[float], cells: Sequence[str], spaces: bool = True) -> NDArray[np.bool_]:
    """Which cells stand for one of these numbers in each notation that they can be read in."""
    read = np.array([n.numbers(cells) for n in possible_notations(cells, spaces)])
    same = np.isin(read, numbers)
    return np.asarray(same.any(axis=0) & (same | np.isnan(read)).all(axis=0))


def look_like_identifiers(cells: Iterable[str]) -> bool:
    """Whether cells are groups of digits that are all alike, as of telephones, taxes and addresses.

    Numbers differ in length; those of a telephone and of a person do not, nor have they decimals. Of four
    numbers with points between them that are an address of the Internet the first may be of any length.
    """
    digits, points = set(), set()
    for cell in cells:
        found = _GROUPS.fullmatch(cell)
        if found is None:
            return False
        digits.add(sum(map(str.isdigit, cell)))
        points.add(cell.count(POINT) + 1)
        if len(digits) > 1 and points != {GROUPS_OF_AN_ADDRESS}:
            return False
    long = len(digits) == 1 and min(digits) >= SHORTEST_IDENTIFIER
    return points == {GROUPS_OF_AN_ADDRESS} or long


def mixes_groups_and_small_numbers(cells: Iterable[str]) -> bool:
    """Whether some cells are one to three digits, a point and three digits, and all others are whole numbers
    below 1000: 1.234 and 567 are what thousands look like, and decimals seldom."""
    some = {True: False, False: False}
    for cell in cells:
        has_point = POINT in cell
        if not (_THOUSANDS if has_point else _BELOW_THOUSAND).fullmatch(cell):
            return False
        some[has_point] = True
    return all(some.values())
