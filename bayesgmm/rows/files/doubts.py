"""Tables that can be read, but are likely to be other ones than what is read."""

import re

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.notation import is_a_number
from bayesgmm.rows.files.preamble import SEPARATORS
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.words import problem, quote

__all__ = ["check_split", "is_named_like_cells"]

_CALLED = {",": "commas", ";": "semicolons", "\t": "tabs"}


def check_split(source: Source) -> None:
    """Refuse rows that were read as one value each, as where lines stand in quotation marks."""
    if not source.is_text or source.frame[0].dtype.kind in "iufb":
        return
    if not all(source.frame[j].isna().all() for j in range(1, len(source.names))):
        return
    cells = source.frame[0].dropna().astype(str)
    for mark in SEPARATORS:
        width = max(len(source.names), source.names[0].count(mark) + 1)
        if width > 1 and len(cells) and (cells.str.count(mark) == width - 1).all():
            raise _not_split(source, mark, width, int(cells.index[0]))


def _not_split(source: Source, mark: str, width: int, i: int) -> FileProblem:
    cell, marks = quote(source.cell(source.names[0], i)), _CALLED[mark]
    if len(source.names) > 1:
        return problem(
            source.path,
            f"Each row of {source.label} is one value ({cell} in {source.row(i)}), though its header names "
            f"{width} columns; save it without quotation marks around whole lines.",
            row=i + 1,
        )
    return problem(
        source.path,
        f"Column {quote(source.names[0])} is the only one of {source.label}, but its cells hold as many "
        f"{marks} as its name ({cell} in {source.row(i)}), as if it were {width} columns; save it as csv "
        f"that is separated by {marks}, without quotation marks around whole lines, or, if it is one column, "
        f"give it a name without {marks}.",
        column=source.names[0],
        row=i + 1,
    )


def is_named_like_cells(source: Source) -> bool:
    """Whether what should be a header is a row of texts and numbers: each text is one of its column's cells,
    or like the first of them but for its digits, as dates and numbers with a unit are."""
    texts = [j for j, name in enumerate(source.names) if not is_a_number(name)]
    if len(texts) == len(source.names) > 1 or not len(source.frame):
        return False
    return all(source.names[j] in source.features and _is_like_cells(source, j) for j in texts)


def _is_like_cells(source: Source, j: int) -> bool:
    name, cells = source.names[j], source.frame[j].dropna()
    if not name or cells.dtype.kind in "iufb" or not len(cells):
        return False
    cells = cells.astype(str).str.strip()
    # Below names that are repeated numbers come first.
    if is_a_number(cells.iloc[0]):
        return False
    alike = any(map(str.isdigit, name)) and _shape(name) == _shape(cells.iloc[0])
    return alike or bool((cells == name).any())


def _shape(text: str) -> str:
    return re.sub(r"[0-9]+([.,][0-9]+)?", "0", text)
