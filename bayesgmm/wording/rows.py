"""How the rows of the data are called, as clauses of other sentences."""

from typing import TYPE_CHECKING

from bayesgmm.support.sentences import plain, shorten

if TYPE_CHECKING:
    from bayesgmm.rows.rows import Rows

__all__ = ["axis_title", "called", "numbering"]


def called(rows: "Rows") -> str:
    """What follows "rows are"."""
    name, source = _quoted(rows.called["row_names"]), rows.source
    if rows.is_numbered:
        return "numbered from 0"
    if rows.has_file_numbers:
        return f"called by their numbers in {plain(source)}, counted from 1"
    if source:
        return f"called by column {name} of {plain(source)}"
    return (
        f"called by the index {name} of the data"
        if rows.has_named_index
        else "called by the index of the data"
    )


def numbering(rows: "Rows", what: str) -> str:
    """How `what`, such as groups, and observations are called: a clause."""
    if rows.is_numbered:
        return f"{what} and observations are numbered from 0"
    return f"{what} are numbered from 0, and observations are {called(rows)}"


def axis_title(rows: "Rows") -> str:
    """The title of an axis with rows on it."""
    if rows.is_numbered:
        return "observation (numbered from 0)"
    if rows.has_file_numbers:
        return f"row of {plain(rows.source)}"
    return shorten(plain(str(rows.index.name)), 40) if rows.has_named_index else "row"


def _quoted(name: object) -> str:
    return repr(shorten(plain(str(name))))
