"""How the rows of the data are called, as clauses of other sentences."""

from typing import TYPE_CHECKING

from bayesgmm.support.sentences import count, plain, shorten
from bayesgmm.wording.reasons import Reason, worded

if TYPE_CHECKING:
    from bayesgmm.rows.rows import Rows

__all__ = ["about_missing", "axis_title", "called", "numbering"]

# Columns that are named in a sentence on missing cells.
MOST_COLUMNS = 3


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


def about_missing(rows: "Rows") -> Reason | None:
    """How many cells are missing and in which columns, most first; None where none is."""
    if not rows.has_missing:
        return None
    n = rows.n_missing
    order = [j for j in (-n).argsort(kind="stable") if n[j] > 0]
    columns = [rows.shown[j] for j in order]
    share = float(n.sum() / rows.values.size)
    return Reason("cells_missing", {"share": share, "columns": columns, "missing": n[order]})


@worded
def cells_missing(share: float, columns: tuple[str, ...], missing: tuple[int, ...]) -> str:
    first = [f"{shorten(name, 40)!r} {n}" for name, n in zip(columns, missing, strict=True)][:MOST_COLUMNS]
    more = len(columns) - len(first)
    of_others = f" and {count(more, 'other column')} {sum(missing[MOST_COLUMNS:])}" if more else ""
    return (
        f"{count(sum(missing), 'cell is', 'cells are')} missing ({100 * share:.1f} %: {', '.join(first)}"
        f"{of_others}). They are modelled as missing at random: that a cell is missing must not depend on "
        "values that are not seen."
    )


def axis_title(rows: "Rows") -> str:
    """The title of an axis with rows on it."""
    if rows.is_numbered:
        return "observation (numbered from 0)"
    if rows.has_file_numbers:
        return f"row of {plain(rows.source)}"
    return shorten(plain(str(rows.index.name)), 40) if rows.has_named_index else "row"


def _quoted(name: object) -> str:
    return repr(shorten(plain(str(name))))
