"""How each column is to be read: by its own cells, and where two ways are left, by those of other columns.

All cells of a column are read in one way. Where two ways give other numbers, the decimal mark that other
columns of those to be taken can only be read with decides. Where none does, ``1.234`` alone has a decimal
point, and ``30,000`` alone cannot be told, nor ``30,000`` beside ``1.500``, nor can ``1.234`` where
semicolons separate and it stands above ``567``. Groups of digits that are all alike are identifiers and prove
nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.rows.files.notation import (
    COMMA,
    POINT,
    Notation,
    as_typed,
    has_marks,
    look_like_identifiers,
    mixes_groups_and_small_numbers,
    readings_of,
    stand_for,
)
from bayesgmm.rows.files.words import is_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cells", "Evidence", "Reading"]

Array = NDArray[np.float64]

# So many rows mostly show that a column has decimals.
ROWS_OF_A_SAMPLE = 1000


@dataclass(frozen=True, eq=False)
class Reading:
    """What the cells of a column are read as.

    Attributes
    ----------
    values : ndarray, shape (N,)
        NaN where a cell is missing or no number.
    bad : ndarray of int
        Places of cells that are no numbers.
    other : ndarray, shape (N,), or None
        The numbers that the same cells may stand for as well.
    identifiers : bool
        Whether the cells look like identifiers rather than measurements.
    """

    values: Array
    bad: NDArray[np.intp]
    other: Array | None = None
    identifiers: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether the cells are numbers and no others."""
        return not len(self.bad) and self.other is None and not self.identifiers

    @property
    def has_missing(self) -> bool:
        """Whether a cell is missing."""
        return int(np.isnan(self.values).sum()) > len(self.bad)


class Cells:
    """The cells of a column by their distinct values, as all notations that fit them read them.

    Parameters
    ----------
    column : Series
        Cells as they are written, or missing.
    codes : sequence of str
        What stands for a missing value, besides nothing; numbers stand for all ways to write them.
    spaces : bool
        Whether a space may separate thousands; of a single column it may separate columns as well.
    """

    def __init__(self, column: "pd.Series[Any]", codes: Sequence[str] = (), spaces: bool = True) -> None:
        import pandas as pd

        present = column.notna().to_numpy(dtype=bool)
        # Cells of other kinds of files may be anything.
        numbers, found = pd.factorize(column[present].astype(str).to_numpy(dtype=object))
        places = np.full(len(column), -1)
        places[present] = numbers
        typed = [as_typed(cell) for cell in found]
        texts = {code for code in codes if not is_number(code)}
        kept = np.array([cell not in texts for cell in typed], dtype=bool)
        self.cells = [cell for cell, keep in zip(typed, kept, strict=True) if keep] if texts else typed
        # The place of each row's cell among those that are kept; -1 where it is missing.
        of_kept = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
        self.places = of_kept[places]
        self._numbers = [float(code) for code in codes if is_number(code)]
        self.are_codes = np.zeros(len(self.cells), dtype=bool)
        if self._numbers:
            as_written = np.array([cell in codes for cell in self.cells], dtype=bool)
            self.are_codes = as_written | stand_for(self._numbers, self.cells, spaces)
        self.read = readings_of(self.cells, spaces, self.are_codes)

    @property
    def _measured(self) -> Iterator[str]:
        return (cell for cell, is_code in zip(self.cells, self.are_codes, strict=True) if not is_code)

    @cached_property
    def are_numbers(self) -> bool:
        return not any((np.isnan(values) & ~self.are_codes).any() for values in self.read.values())

    @cached_property
    def are_identifiers(self) -> bool:
        return self.are_numbers and look_like_identifiers(self._measured)

    @cached_property
    def may_be_thousands(self) -> bool:
        """Whether points look like those between thousands, though nothing else tells."""
        return len({n.decimal for n in self.read}) > 1 and mixes_groups_and_small_numbers(self._measured)

    @cached_property
    def decimals(self) -> set[str]:
        """The decimal marks that the cells may be read with; none where they say nothing of it."""
        if not self.are_numbers or self.are_identifiers or not has_marks(self.cells):
            return set()
        return {n.decimal for n in self.read}

    @property
    def is_proof(self) -> bool:
        return len(self.decimals) == 1

    def reading(self, notation: Notation, other: Notation | None = None) -> Reading:
        """The reading of all rows in a notation, and in the other one where it is not sure."""
        found = self.read[notation]
        missing = self.are_codes | np.isin(found, self._numbers)
        values = self._of_rows(np.where(missing, np.nan, found))
        bad = np.append(np.isnan(found) & ~missing, False)[self.places]
        others = None if other is None else self._of_rows(np.where(missing, np.nan, self.read[other]))
        return Reading(values, np.flatnonzero(bad), others, self.are_identifiers)

    def _of_rows(self, values: Array) -> Array:
        return np.append(values, np.nan)[self.places]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The columns of a file, each read in the light of those that are taken.

    Parameters
    ----------
    frame : DataFrame
        Columns 0, 1, ... as pandas reads them: numbers where all cells are numbers with a point.
    taken : sequence of int
        The columns that are to be taken; what is in others proves nothing.
    codes : sequence of str
    spaces : bool
        As of `Cells`.
    separator : str, optional
        What separates the columns of a text.
    written : callable, optional
        The cells of some columns of a text as they are written, of all rows or the first ones.
    """

    frame: "pd.DataFrame"
    taken: Sequence[int]
    codes: Sequence[str] = ()
    spaces: bool = True
    separator: str | None = None
    written: "Callable[[Sequence[int], int | None], pd.DataFrame] | None" = None
    _cells: dict[int, Cells] = field(default_factory=dict)
    _readings: dict[int, Reading] = field(default_factory=dict)

    def reading(self, j: int) -> Reading:
        """Column j as numbers."""
        if self._is_plain(j) and not self._may_be_thousands(j):
            return self._plain(j)
        if j not in self._readings:
            self._readings[j] = self._decided(self._weighed(j))
        return self._readings[j]

    def cell(self, j: int, i: int) -> str:
        """The cell of a row as it is written."""
        column = self._texts([j])[j] if j in self._cells and self._is_plain(j) else self.frame[j]
        return str(column.iloc[i]).strip()

    # -------------------------------------------------------- one column

    def _is_plain(self, j: int) -> bool:
        return self.frame[j].dtype.kind in "iuf"

    def _plain(self, j: int) -> Reading:
        values = self.frame[j].to_numpy(dtype=np.float64, na_value=np.nan)
        codes = [float(code) for code in self.codes if is_number(code)]
        if codes:
            values = np.where(np.isin(values, codes), np.nan, values)
        return Reading(values, np.empty(0, dtype=np.intp))

    def _weighed(self, j: int) -> Cells:
        if j not in self._cells:
            column = self._texts([j])[j] if self._is_plain(j) else self.frame[j]
            self._cells[j] = Cells(column, self.codes, self.spaces)
        return self._cells[j]

    def _texts(self, columns: Sequence[int], rows: int | None = None) -> "pd.DataFrame":
        assert self.written is not None
        return self.written(columns, rows)

    def _may_be_thousands(self, j: int) -> bool:
        """Whether the points of a plain column may stand between thousands, by its values and by the file."""
        if self.written is None or self.frame[j].dtype.kind != "f":
            return False
        if COMMA not in self._proven_by_texts and self.separator != ";":
            return False
        values = self.frame[j].to_numpy()
        values = values[np.isfinite(values)]
        whole = values == np.round(values)
        if COMMA not in self._proven_by_texts and not whole.any():
            return False
        rest = np.abs(values[~whole])
        thousands = rest * 1000
        return bool(((rest < 1000) & (rest > 1) & (np.abs(thousands - np.round(thousands)) < 1e-6)).all())

    def _decided(self, cells: Cells) -> Reading:
        """The reading in the notation that is proven, with the other one where it is doubtful."""
        best, *rest = cells.read
        others = [n for n in rest if not np.array_equal(cells.read[n], cells.read[best], equal_nan=True)]
        if not others or not cells.are_numbers:
            return cells.reading(self._preferred(cells, best) if others else best)
        proven = self._proven
        if len(proven) == 1:
            chosen = self._preferred(cells, best)
            # Among columns that are separated by commas three decimals are more likely than thousands.
            contradicts = chosen in others and best.decimal == POINT and self.separator == COMMA
            return cells.reading(best, chosen) if contradicts else cells.reading(chosen)
        thousands = self.separator == ";" and cells.may_be_thousands
        commas = best.decimal == COMMA or any(COMMA in cell for cell in cells.cells)
        # A point alone is a decimal point.
        doubtful = bool(proven) or commas or thousands
        return cells.reading(best, others[0] if doubtful else None)

    def _preferred(self, cells: Cells, best: Notation) -> Notation:
        """The notation with the decimal mark that is proven, if there is one."""
        return next((n for n in cells.read if {n.decimal} == self._proven), best)

    # -------------------------------------------------------- all columns

    @cached_property
    def _proven_by_texts(self) -> set[str]:
        """The decimal marks that columns which are no plain numbers can only be read with."""
        if self.written is None:
            return set()
        columns = [self._weighed(j) for j in self.taken if self.frame[j].dtype.kind not in "iufb"]
        return _marks(cells for cells in columns if cells.is_proof)

    @cached_property
    def _proven(self) -> set[str]:
        """The decimal marks that columns to be taken can only be read with; two contradict each other."""
        return self._proven_by_texts | self._proven_by_plain

    @cached_property
    def _proven_by_plain(self) -> set[str]:
        """The point, where a column of plain numbers needs it."""
        plain = [j for j in self.taken if self.frame[j].dtype.kind == "f"]
        if self.written is None or not plain:
            return set()
        sample = self._texts(plain, ROWS_OF_A_SAMPLE)
        if any(Cells(sample[j], self.codes, self.spaces).is_proof for j in plain):
            return {POINT}
        if len(sample) == len(self.frame):
            return set()
        return _marks(cells for cells in map(self._weighed, plain) if cells.is_proof)


def _marks(proofs: Iterable[Cells]) -> set[str]:
    return set().union(*(cells.decimals for cells in proofs))
