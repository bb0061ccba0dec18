"""Columns that are no measurements: numbers of rows, designs, categories, many rows at a bound, codes, parts
of a whole.

A mixture of Gaussians takes every column for a measurement, and finds components in what is none: a column
1 to N splits the rows into equal parts, each of them sure. None of this is an error, since it may be meant.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import ColumnWarning
from bayesgmm.rows.outline import Outline
from bayesgmm.rows.rows import Rows
from bayesgmm.wording.reasons import Reason

__all__ = ["find_unmeasured", "tell_unmeasured"]

Array = NDArray[np.float64]

# With fewer rows, any few values look like any of these.
FEWEST_ROWS = 20
# So many of the rows say that of most columns nothing can be told, whose values need no sorting then.
MOST_SAMPLED, FEW = 2000, 40
# A numbering of which rows have gone has its gaps.
LARGEST_GAPS = 1.25
# Steps are equal but for rounding, also that of single precision.
FEWEST_SPACED, UNEQUAL = 20, 1e-3
MOST_CATEGORIES, MOST_COARSE, ROWS_PER_CATEGORY = 3, 7, 4
# At a bound: this share of the rows, and so many times as many as at any of the values next to it.
SHARE_AT_BOUND, FEWEST_AT_BOUND, PEAK_AT_BOUND, NEIGHBOURS = 0.05, 10, 4, 3
# Gaps from there on, in steps of rounding, or in the usual gap between values that are not rounded, which so
# many values tell.
STEPS_FROM_BOUND, GAPS_FROM_BOUND, USUAL = 2, 8, 10
# Bounds that say so themselves: nothing, and the whole of a share, a percentage or a sensor.
LOWEST_SCALES, HIGHEST_SCALES = (0.0,), (0.0, 1.0, 10.0, 100.0, 1000.0, 255.0, 1023.0, 4095.0, 65535.0)
# What programs write where there is no value, besides all nines: bounds of integers, and netCDF's.
FILLS = (-32768.0, 32767.0, -2147483648.0, 2147483647.0, -1e20, 1e20, -1e30, 1e30, 9.96920996838687e36)
WHOLES = (1.0, 100.0, 1000.0, 1e6)
MOST_DECIMALS = 6


class _Column(NamedTuple):
    """A column by its distinct values, in order, and how often each is there."""

    name: str
    values: Array
    counts: NDArray[np.intp]

    @property
    def n(self) -> int:
        return int(self.counts.sum())


def tell_unmeasured(rows: Rows, stacklevel: int = 3) -> None:
    """Warn of columns that are no measurements, once for the same rows."""
    if rows.told_unmeasured:
        return
    rows.told_unmeasured.append(True)
    for reason in find_unmeasured(rows.counting):
        warnings.warn(str(reason), ColumnWarning, stacklevel=stacklevel + 1)


def find_unmeasured(rows: Rows) -> list[Reason]:
    """What is found of the columns, a kind each; of rows with missing cells nothing is looked for."""
    if rows.has_missing:
        rows = rows.taken(~np.isnan(rows.values).any(axis=1))
    if len(rows) < FEWEST_ROWS:
        return []
    # Differences of the largest numbers are infinite, and so are no steps.
    with np.errstate(over="ignore", invalid="ignore"):
        outline, some = rows.outline, _some(rows.values)
        columns = [
            _Column(name, *np.unique(rows.values[:, j], return_counts=True))
            for j, name in enumerate(rows.names)
            if _may_be_unmeasured(len(rows), Outline(*(each[j] for each in outline)), some[:, j])
        ]
        found = [*_spaced(columns), *_categories(columns), *_bounds(columns), *_codes(columns, rows)]
        found += _wholes(rows, some)
    return [Reason(r.code, {**r.values, "d": rows.n_features, "is_file": bool(rows.source)}) for r in found]


# ------------------------------------------------------------ which columns are worth sorting


def _some(X: Array) -> Array:
    """Rows at random, since evenly spaced ones may keep step with a design; the same for the same rows."""
    n = len(X)
    return X if n <= MOST_SAMPLED else X[np.random.default_rng(0).integers(n, size=MOST_SAMPLED)]


def _may_be_unmeasured(n: int, outline: Outline, some: Array) -> bool:
    """Whether anything can be told of a column alone: what is not does not pass the checks of all rows."""
    low, high, mean = float(outline.low), float(outline.high), float(outline.mean)
    # Equally spaced values, each equally often, have their mean in the middle.
    is_even = abs(mean - (low / 2 + high / 2)) <= 1e-6 * (high - low)
    # A share that is reached by all rows is not halved in some by chance.
    at_bounds = max(np.mean(some == low), np.mean(some == high)) > SHARE_AT_BOUND / 2
    return bool(
        is_even
        or at_bounds
        or _spans_numbers(low, high, n)
        or _is_code(low)
        or _is_code(high)
        # A few settle it nearly always.
        or (len(np.unique(some[:FEW])) <= MOST_COARSE and len(np.unique(some)) <= MOST_COARSE)
    )


def _spans_numbers(low: float, high: float, n: int) -> bool:
    """Whether numbers of n rows lie between these, but for gaps."""
    return low in (0, 1) and n <= high - low + 1 <= LARGEST_GAPS * n


# ------------------------------------------------------------ columns by their distinct values


def _spaced(columns: Sequence[_Column]) -> Iterator[Reason]:
    numbers = [c for c in columns if _is_numbering(c)]
    if numbers:
        gaps = [bool(c.values[-1] - c.values[0] + 1 > len(c.values)) for c in numbers]
        yield Reason("columns_number_rows", {**_ranges(numbers), "gaps": gaps})
    designs = [c for c in columns if _is_design(c) and not _is_numbering(c)]
    if designs:
        times = [int(c.counts[0]) for c in designs]
        yield Reason("columns_equally_spaced", {**_ranges(designs), "times": times})


def _ranges(columns: Sequence[_Column]) -> dict[str, list[str] | list[float]]:
    return {
        "names": [c.name for c in columns],
        "first": [float(c.values[0]) for c in columns],
        "last": [float(c.values[-1]) for c in columns],
    }


def _is_numbering(column: _Column) -> bool:
    """Whether these are numbers as rows have, from 0 or 1, each once, but for gaps."""
    values = column.values
    return bool(
        column.counts.max() == 1
        and _spans_numbers(float(values[0]), float(values[-1]), len(values))
        and (values == np.round(values)).all()
    )


def _is_design(column: _Column) -> bool:
    """Whether each value is there as often as any other, in steps of one size."""
    values, counts = column.values, column.counts
    if len(values) < FEWEST_SPACED or counts.min() < counts.max():
        return False
    steps = np.diff(values)
    return bool(steps.max() - steps.min() <= UNEQUAL * steps.mean())


def _categories(columns: Sequence[_Column]) -> Iterator[Reason]:
    for code, fewest, most in (
        ("columns_of_few_values", 2, MOST_CATEGORIES),
        ("columns_of_coarse_values", MOST_CATEGORIES + 1, MOST_COARSE),
    ):
        found = [c for c in columns if fewest <= len(c.values) <= most and _is_repeated(c)]
        if found:
            values = [tuple(c.values.tolist()) for c in found]
            yield Reason(code, {"names": [c.name for c in found], "values": values})


def _is_repeated(column: _Column) -> bool:
    return column.n >= ROWS_PER_CATEGORY * len(column.values)


def _bounds(columns: Sequence[_Column]) -> Iterator[Reason]:
    names, bounds, rows = [], [], []
    for column in columns:
        if len(column.values) <= MOST_COARSE:
            continue
        for at, scales in ((0, LOWEST_SCALES), (-1, HIGHEST_SCALES)):
            inwards = slice(None, None, 1 if at == 0 else -1)
            if _is_bound(column.values[inwards], column.counts[inwards], scales):
                names.append(column.name)
                bounds.append(float(column.values[at]))
                rows.append(int(column.counts[at]))
    if names:
        yield Reason("columns_at_a_bound", {"names": names, "bounds": bounds, "rows": rows})


def _is_bound(values: Array, counts: NDArray[np.intp], scales: tuple[float, ...]) -> bool:
    """Whether the first of these values, in order from there, is one that others were cut off at."""
    first, rest = counts[0], counts[1:]
    enough = first >= max(FEWEST_AT_BOUND, SHARE_AT_BOUND * counts.sum())
    is_peak = first >= PEAK_AT_BOUND * max(rest[:NEIGHBOURS].max(), rest.mean())
    return bool(enough and is_peak and (values[0] in scales or _goes_on(values)))


def _goes_on(values: Array) -> bool:
    """Whether values follow upon the first without a gap: a cluster that rounding made one value has one."""
    gaps = np.abs(np.diff(values))
    usual = np.median(gaps[1 : 1 + USUAL])
    is_rounded = usual < 1.5 * gaps.min()
    # A little more, for the rounding of decimals.
    most = 1.01 * (STEPS_FROM_BOUND if is_rounded else GAPS_FROM_BOUND) * usual
    return bool(gaps[:NEIGHBOURS].max() <= most)


def _codes(columns: Sequence[_Column], rows: Rows) -> Iterator[Reason]:
    of_columns = {column.name: _codes_of(column) for column in columns}
    found = [(name, value, n) for name, codes in of_columns.items() for value, n in codes]
    if not found:
        return
    names, codes, cells = zip(*found, strict=True)
    # To take a code as missing would take these as missing as well.
    elsewhere = [
        [
            name
            for j, name in enumerate(rows.names)
            if value not in dict(of_columns.get(name, ())) and (rows.values[:, j] == value).any()
        ]
        for value in codes
    ]
    values = {"names": names, "codes": codes, "cells": cells, "elsewhere": elsewhere}
    yield Reason("codes_among_values", values)


def _codes_of(column: _Column) -> list[tuple[float, int]]:
    """Values of a column that look like codes and lie farther from all others than these lie apart."""
    values, counts = column.values, column.counts
    out: list[tuple[float, int]] = []
    while len(values) > MOST_COARSE:
        spread_below, spread_above = values[-2] - values[0], values[-1] - values[1]
        if _is_code(values[-1]) and values[-1] - values[-2] > spread_below:
            at = -1
        elif _is_code(values[0]) and values[1] - values[0] > spread_above:
            at = 0
        else:
            return out
        out.append((float(values[at]), int(counts[at])))
        kept = slice(1, None) if at == 0 else slice(None, -1)
        values, counts = values[kept], counts[kept]
    return out


def _is_code(value: float) -> bool:
    if any(math.isclose(value, fill, rel_tol=1e-6) for fill in FILLS):
        return True
    digits = f"{abs(value):.10g}".replace(".", "")
    return len(digits) >= 2 and set(digits) == {"9"} and abs(value) >= 9


def _wholes(rows: Rows, some: Array) -> Iterator[Reason]:
    """Columns that add to 1 or 100 but for rounding; those that do exactly are refused where that matters."""
    outline, scale = rows.outline, some.std(axis=0)
    for whole in WHOLES:
        # What does not vary has no coefficient of its own.
        parts = (outline.low >= 0) & (outline.high <= whole * (1 + 1e-9)) & (scale > 0)
        which = np.flatnonzero(parts)
        if len(which) < 2 or len(some) <= len(which):
            continue
        X = some[:, which]
        # Parts of the whole have coefficients of one, all others of zero.
        weights = np.linalg.lstsq(X / scale[which], np.full(len(X), whole), rcond=None)[0] / scale[which]
        which = which[weights > 0.5]
        if len(which) < 2 or not _add_up(some[:, which], whole):
            continue
        if _add_up(rows.values[:, which], whole):
            yield Reason("columns_add_up", {"names": [rows.names[j] for j in which], "whole": whole})
            return


def _add_up(X: Array, whole: float) -> bool:
    """Whether rows add to a whole, but for the rounding of their cells."""
    off = np.abs(X.sum(axis=1) - whole).max()
    decimals = next(
        (d for d in range(MOST_DECIMALS + 1) if np.allclose(X, X.round(d), rtol=0, atol=1e-9)), None
    )
    rounding = 0.0 if decimals is None else 0.5 * 10.0**-decimals * X.shape[1]
    # Cells as coarse as that add to anything.
    return bool(off <= max(rounding, 1e-9 * whole) + 1e-9 and rounding < 0.1 * whole)
