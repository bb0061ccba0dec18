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


def _ranges(first: Sequence[float], last: Sequence[float]) -> str:
    return _each([f"{number(a)} to {number(b)}" for a, b in zip(first, last, strict=True)])


def _verb(names: Sequence[str], one: str, more: str) -> str:
    return one if len(set(names)) == 1 else more


@worded
def columns_number_rows(
    names: tuple[str, ...],
    first: tuple[float, ...],
    last: tuple[float, ...],
    gaps: tuple[bool, ...],
    d: int,
    is_file: bool,
) -> str:
    steps = f"in steps of 1{' but for gaps' * any(gaps)}, each value once"
    remedy = _instead(names, d, is_file, "cluster by another column")
    return (
        f"{_columns(names)} {_verb(names, 'numbers', 'number')} the rows rather than measuring them "
        f"({_ranges(first, last)} {steps}), and components would divide that range; {remedy}."
    )


@worded
def columns_equally_spaced(
    names: tuple[str, ...],
    first: tuple[float, ...],
    last: tuple[float, ...],
    times: tuple[int, ...],
    d: int,
    is_file: bool,
) -> str:
    often = "once" if max(times) == 1 else "equally often"
    return (
        f"{_columns(names)} {_verb(names, 'is', 'are')} equally spaced, as a design or a time is "
        f"({_ranges(first, last)}, each value {often}): a Gaussian has no shape to find there, and "
        f"components would divide that range; cluster by what was measured at these values, and compare them "
        f"between the clusters afterwards."
    )


@worded
def columns_of_few_values(
    names: tuple[str, ...], values: tuple[tuple[float, ...], ...], d: int, is_file: bool
) -> str:
    remedy = _instead(names, d, is_file, "use a model of categories, such as one of latent classes")
    return (
        f"{_columns(names)} {_verb(names, 'holds', 'hold')} {_few(values)}, on any of which a component can "
        f"collapse; {remedy}."
    )


@worded
def columns_of_coarse_values(
    names: tuple[str, ...], values: tuple[tuple[float, ...], ...], d: int, is_file: bool
) -> str:
    return (
        f"{_columns(names)} {_verb(names, 'is', 'are')} coarse, as rounding, small counts or a rating scale "
        f"are: {_few(values)}, on one of which a component can collapse; prefer fewer components, or a model "
        f"of ordered categories."
    )


def _few(values: Sequence[Sequence[float]]) -> str:
    n = max(map(len, values))
    if len(set(values)) > 1:
        return f"at most {count(n, 'distinct value')} each"
    return f"only {count(n, 'value')} ({', '.join(map(number, values[0]))})"


@worded
def columns_at_a_bound(
    names: tuple[str, ...],
    bounds: tuple[float, ...],
    rows: tuple[int, ...],
    d: int,
    is_file: bool,
) -> str:
    told = _each([f"{count(n, 'row')} at exactly {number(b)}" for b, n in zip(bounds, rows, strict=True)])
    apart = "look at those rows apart: without them, clusters are of the rows within the bounds alone"
    remedy = f"{leaving_out(names, is_file)}, or {apart}" if len(set(names)) < d else apart
    return (
        f"{_columns(names)} {_verb(names, 'has', 'have')} many rows at a lowest or highest value ({told}), "
        f"as at a detection limit or on a saturated scale, where no Gaussian has a peak; {remedy}."
    )


@worded
def codes_among_values(
    names: tuple[str, ...],
    codes: tuple[float, ...],
    cells: tuple[int, ...],
    d: int,
    is_file: bool,
    elsewhere: tuple[tuple[str, ...], ...] = (),
) -> str:
    found = zip(names, codes, cells, strict=True)
    told = _each([f"{number(c)} in {count(n, 'cell')} of {shorten(name)!r}" for name, c, n in found])
    what = f"A value far from all others looks like the code of a missing one ({told}); if so,"
    if not is_file:
        return f"{what} leave those rows out of X."
    elsewhere = elsewhere or len(codes) * ((),)
    measured = {c for c, others in zip(codes, elsewhere, strict=True) if others}
    unique = sorted(set(codes) - measured)
    text = shlex.quote(",".join(f"{c:.15g}" for c in unique))
    option = f"use --missing-values {text} --drop-missing" if unique else ""
    if not measured:
        return f"{what} {option}."
    own = list(dict.fromkeys(name for name, c in zip(names, codes, strict=True) if c in measured))
    others = list(dict.fromkeys(name for some in elsewhere for name in some))
    them = _each([number(c) for c in sorted(measured)])
    cells_of = _each([repr(shorten(name)) for name in own])
    left_out = f", or {leaving_out(own, is_file)}" if len(own) < d else ""
    return (
        f"{what} {f'{option}, but ' if option else ''}make the cells of {cells_of} with {them} empty in the "
        f"file{left_out}: {_each([repr(shorten(name)) for name in others])} {_verb(others, 'has', 'have')} "
        f"{them} among {_verb(others, 'its', 'their')} ordinary values, and --missing-values would drop "
        f"those rows as well."
    )


@worded
def columns_add_up(names: tuple[str, ...], whole: float, d: int, is_file: bool) -> str:
    return (
        f"{_columns(names)} add to {whole:g} in every row but for rounding, so that the last is known from "
        f"the others; {leaving_out(names[-1:], is_file)}."
    )


def _instead(names: Sequence[str], d: int, is_file: bool, otherwise: str) -> str:
    """Leaving columns out, or what to do where no other is left."""
    return leaving_out(names, is_file) if len(set(names)) < d else otherwise
