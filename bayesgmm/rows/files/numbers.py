"""From columns to finite numbers that vary, or to the cell that is none."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.evidence import Reading
from bayesgmm.rows.files.notation import COMMA
from bayesgmm.rows.files.remedies import leaving_out, not_numeric
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.words import choice_of, problem, quote
from bayesgmm.support.sentences import count

__all__ = ["check_finite", "check_missing", "check_some_cells", "check_varying", "numbers"]

Array = NDArray[np.float64]


def numbers(source: Source, names: Sequence[str]) -> Array:
    """Values of the named columns, shape (N, D), NaN where one is missing."""
    values = np.empty((len(source.frame), len(names)))
    bad, doubtful = {}, {}
    for place, name in enumerate(names):
        found = source.reading(source.names.index(name))
        values[:, place] = found.values
        if len(found.bad):
            bad[name] = found.bad
        elif not found.is_sure:
            doubtful[name] = found
    if bad:
        raise not_numeric(source, names, values, bad)
    for name, found in doubtful.items():
        raise (
            _identifiers(source, names, name, found) if found.identifiers else _ambiguous(source, name, found)
        )
    return values


def _identifiers(source: Source, names: Sequence[str], name: str, found: Reading) -> FileProblem:
    i = int(np.flatnonzero(~np.isnan(found.values))[0])
    out = leaving_out(source, names, [name])
    return problem(
        source.path,
        f"Column {quote(name)} of {source.label} holds {quote(source.cell(name, i))} in {source.row(i)}, "
        f"groups of digits that are alike in every row, as of telephone numbers and identifiers rather than "
        f"measurements; {f'{out}, or, ' if out else ''}if they were measured, write them without separators "
        f"of thousands.",
        column=name,
        row=i + 1,
    )


def _ambiguous(source: Source, name: str, found: Reading) -> FileProblem:
    values, other = found.values, found.other
    assert other is not None
    i = int(np.flatnonzero(~np.isnan(values) & (values != other))[0])
    cell = source.cell(name, i)
    # The larger one is that with thousands.
    large, small = sorted((float(other[i]), float(values[i])), key=abs, reverse=True)
    readings = large, small
    if COMMA in cell:
        what = "the comma separates thousands and {1:.15g} if it is a decimal comma"
        instead = "write that column without separators of thousands, and decimals with a point"
    else:
        what = "the point separates thousands and {1:.15g} if it is a decimal point"
        instead = (
            f"write that column without separators of thousands ({{0:.15g}}), or with other than three "
            f"decimals ({cell}0)"
        )
    told = f"which is {{0:.15g}} if {what}; {instead}.".format(*readings)
    return problem(
        source.path,
        f"Column {quote(name)} of {source.label} holds {quote(cell)} in {source.row(i)}, {told}",
        column=name,
        row=i + 1,
        readings=readings,
    )


def check_finite(source: Source, names: Sequence[str], values: Array) -> None:
    cells = np.argwhere(np.isinf(values))
    if len(cells):
        i, j = cells[0]
        raise problem(
            source.path,
            f"{source.label} has {count(len(cells), 'infinite value')}, the first in column "
            f"{quote(names[j])}, {source.row(i)}; correct the value or remove the row.",
            column=names[j],
            row=int(i) + 1,
            count=len(cells),
        )


def check_missing(source: Source, names: Sequence[str], values: Array, drop_missing: bool) -> None:
    """Refuse missing values that may not be dropped, or whose rows are all there are."""
    missing = np.isnan(values)
    rows = missing.any(axis=1)
    if rows.all():
        j = int(missing.sum(axis=0).argmax())
        rest = [
            name
            for name, column in zip(names, missing.T, strict=True)
            if not column.all() and name != names[j]
        ]
        raise problem(
            source.path,
            f"Every row of {source.label} lacks a value (column {quote(names[j])} lacks "
            f"{missing[:, j].sum()} of {len(rows)}), so that none is complete; model what is missing at "
            "random with --missing model"
            + (f", or leave that column out{choice_of(rest, [names[j]])}." if rest else "."),
            column=names[j],
            count=int(missing.sum()),
        )
    if not drop_missing:
        i, j = np.argwhere(missing)[0]
        n = int(rows.sum())
        raise problem(
            source.path,
            f"{source.label} has {count(int(missing.sum()), 'missing value')} in {count(n, 'row')}, the "
            f"first in column {quote(names[j])}, {source.row(i)}; model what is missing at random with "
            f"--missing model, or leave out {'that row' if n == 1 else 'those rows'} with --drop-missing.",
            column=names[j],
            row=int(i) + 1,
            count=int(missing.sum()),
        )


def check_some_cells(source: Source, names: Sequence[str], values: Array) -> None:
    """Refuse rows and columns of which nothing is known."""
    missing = np.isnan(values)
    if missing.all(axis=0).any():
        j = int(missing.all(axis=0).argmax())
        raise problem(
            source.path,
            f"Column {quote(names[j])} of {source.label} has no value in any row; leave it out.",
            column=names[j],
        )
    empty = np.flatnonzero(missing.all(axis=1))
    if len(empty):
        more = f" (and {count(len(empty) - 1, 'other row')})" if len(empty) > 1 else ""
        raise problem(
            source.path,
            f"There is no value in these columns in {source.row(int(empty[0]))} of {source.label}{more}, "
            f"which tells nothing then; remove {'these rows' if more else 'that row'}.",
            row=int(empty[0]) + 1,
            count=len(empty),
        )


def check_varying(source: Source, names: Sequence[str], values: Array) -> None:
    lowest = np.fmin.reduce(values)
    constant = lowest == np.fmax.reduce(values)
    if len(values) > 1 and constant.any():
        j = int(constant.argmax())
        rest = [name for name, same in zip(names, constant, strict=True) if not same]
        raise problem(
            source.path,
            f"Column {quote(names[j])} of {source.label} is constant (every value is {lowest[j]:g}), so "
            f"that no Gaussian has a density for it; "
            + (
                f"leave it out{choice_of(rest, [names[k] for k in np.flatnonzero(constant).tolist()])}."
                if rest
                else "choose another."
            ),
            column=names[j],
        )
