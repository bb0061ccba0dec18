"""A parsed file, whatever its columns hold."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bayesgmm.rows.files.evidence import Evidence, Reading
from bayesgmm.rows.files.words import label_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source"]


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
    asked_for: tuple[str, ...] | None = None
    """The columns to be taken, where they were asked for."""
    codes: tuple[str, ...] = ()
    """What cells hold in place of a missing value."""
    separator: str | None = None
    """What separates the columns of a text."""
    written: "Callable[[Sequence[int], int | None], pd.DataFrame] | None" = None
    """Some columns of a text as their cells are written, of all rows or so many."""
    titles: tuple[str, ...] = ()
    """Lines above the header that were taken for titles."""
    comments: tuple[str, ...] = ()
    """Comments that may name the columns, the one that was taken for their names first."""

    @property
    def features(self) -> list[str]:
        """Names of the columns that do not name the rows, and are not left out."""
        return [name for name in self.names if name != self.id_column and name not in self.left_out]

    def reading(self, j: int) -> Reading:
        """Column j as numbers."""
        return self._evidence.reading(j)

    def cell(self, name: str, i: int) -> str:
        """The cell of a column in row i as it is written."""
        return self._evidence.cell(self.names.index(name), i)

    def has_missing(self, name: str) -> bool:
        """Whether a cell of a column is missing."""
        return self.reading(self.names.index(name)).has_missing

    @cached_property
    def _evidence(self) -> Evidence:
        taken = self.features if self.asked_for is None else self.asked_for
        return Evidence(
            self.frame,
            [j for j, name in enumerate(self.names) if name in taken],
            self.codes,
            self._may_have_spaces,
            self.separator,
            self.written,
        )

    @property
    def _may_have_spaces(self) -> bool:
        """Whether a space may separate thousands; in a file that is read as one column it may separate
        columns, and does where what stands before it counts the rows."""
        return len(self.names) > 1 or not (re.search(r"\s", self.names[0]) or self._counts_rows)

    @property
    def _counts_rows(self) -> bool:
        cells = self.frame[0]
        if len(cells) < 2 or cells.dtype.kind in "iufb":
            return False
        return all(str(cell).strip().startswith(f"{i} ") for i, cell in enumerate(cells, start=1))

    @property
    def label(self) -> str:
        return label_of(self.path)

    def row(self, i: int) -> str:
        """Row i, counted from 0, as messages call it."""
        return f"row {i + 1}" + (f" (line {self.first_line + i})" if self.first_line is not None else "")
