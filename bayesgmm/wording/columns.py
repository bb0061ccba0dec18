"""Sentences of columns that are no measurements, told before a fit."""

import csv
import io
import shlex
from collections.abc import Sequence

from bayesgmm.support.sentences import LONGEST_NAME, count, listed, shorten
from bayesgmm.wording.numbers import number
from bayesgmm.wording.reasons import worded

__all__ = ["leaving_out"]

MOST_NAMED, MOST_PASTED = 4, 20


def leaving_out(names: Sequence[str], is_file: bool) -> str:
    """How columns are left out: an option where the rows are from a file, and else of a data frame."""
    names = list(dict.fromkeys(names))
    them = "it" if len(names) == 1 else "them"
    if not is_file:
        return f"leave {them} out of X"
    short = len(names) <= MOST_PASTED and all(len(n) <= LONGEST_NAME and n.isprintable() for n in names)
    if not short:
        return f"leave {them} out with --except"
    record = io.StringIO()
    csv.writer(record, lineterminator="").writerow(names)
    return f"leave {them} out with --except {shlex.quote(record.getvalue())}"


def _columns(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    told = listed([repr(shorten(name)) for name in names], MOST_NAMED)
    return f"Column {told}" if len(names) == 1 else f"Columns {told}"


def _each(parts: Sequence[str]) -> str:
    return listed(list(parts), MOST_NAMED)


def _verb(names: Sequence[str], one: str, more: str) -> str:
    return one if len(set(names)) == 1 else more


@worded
def columns_number_rows(
    names: tuple[str, ...],
    first: tuple[float, ...],
    last: tuple[float, ...],
    times: tuple[int, ...],
    d: int,
    is_file: bool,
) -> str:
    ranges = _each([f"{number(a)} to {number(b)}" for a, b in zip(first, last, strict=True)])
    often = "once" if max(times) == 1 else "equally often"
    remedy = _instead(names, d, is_file, "cluster by another column")
    return (
        f"{_columns(names)} {_verb(names, 'numbers', 'number')} the rows rather than measuring them "
        f"({ranges} in equal steps, each value {often}), and components would divide that range; {remedy}."
    )


@worded
def columns_of_few_values(
    names: tuple[str, ...], values: tuple[tuple[float, ...], ...], d: int, is_file: bool
) -> str:
    shown = _each([", ".join(map(number, v)) for v in values[:1]]) if len(set(values)) == 1 else ""
    n = max(map(len, values))
    what = f"only {count(n, 'value')} ({shown})" if shown else f"at most {count(n, 'distinct value')} each"
    remedy = _instead(names, d, is_file, "use a model of categories, such as one of latent classes")
    return (
        f"{_columns(names)} {_verb(names, 'holds', 'hold')} {what}, on any of which a component can "
        f"collapse; {remedy}."
    )


@worded
def columns_at_a_bound(
    names: tuple[str, ...],
    bounds: tuple[float, ...],
    rows: tuple[int, ...],
    d: int,
    is_file: bool,
) -> str:
    told = _each([f"{count(n, 'row')} at exactly {number(b)}" for b, n in zip(bounds, rows, strict=True)])
    other = ", or leave those rows out" if len(set(names)) < d else ""
    return (
        f"{_columns(names)} {_verb(names, 'stops', 'stop')} at a bound ({told}), where a Gaussian does not; "
        f"{_instead(names, d, is_file, 'leave those rows out')}{other}."
    )


@worded
def codes_among_values(
    names: tuple[str, ...], codes: tuple[float, ...], cells: tuple[int, ...], d: int, is_file: bool
) -> str:
    found = zip(names, codes, cells, strict=True)
    told = _each([f"{number(c)} in {count(n, 'cell')} of {shorten(name)!r}" for name, c, n in found])
    unique = sorted(set(codes))
    remedy = (
        f"if so, use --missing-values {shlex.quote(','.join(f'{c:.15g}' for c in unique))} --drop-missing"
        if is_file
        else "if so, leave those rows out of X"
    )
    return f"A value far from all others looks like the code of a missing one ({told}); {remedy}."


@worded
def columns_add_up(names: tuple[str, ...], whole: float, d: int, is_file: bool) -> str:
    return (
        f"{_columns(names)} add to {whole:g} in every row but for rounding, so that the last is known from "
        f"the others; {leaving_out(names[-1:], is_file)}."
    )


def _instead(names: Sequence[str], d: int, is_file: bool, otherwise: str) -> str:
    """Leaving columns out, or what to do where no other is left."""
    return leaving_out(names, is_file) if len(set(names)) < d else otherwise
