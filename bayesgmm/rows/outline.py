"""Bounds, means and standard deviations of columns, in parts of the rows; missing cells take no part."""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROWS_AT_ONCE", "Outline", "outline_of"]

Array = NDArray[np.float64]

# Copies of many rows are made in parts.
ROWS_AT_ONCE = 65_536


class Outline(NamedTuple):
    """Of each column, shape (D,) each."""

    low: Array
    high: Array
    mean: Array
    std: Array


def outline_of(X: Array) -> Outline:
    """What is quickly known of all columns, infinite or undefined where numbers are too large.

    Parameters
    ----------
    X : ndarray, shape (N, D)
    """
    # Of values beyond 1e154 the squares overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        found = [(x.min(axis=1), x.max(axis=1), x.sum(axis=1)) for x in _parts(X)]
        low, high, total = (np.array(each) for each in zip(*found, strict=True))
        if np.isnan(low).any():
            return _of_cells_there(X)
        mean = total.sum(axis=0) / len(X)
        squares = sum(np.square(x - mean[:, None]).sum(axis=1) for x in _parts(X))
        return Outline(low.min(axis=0), high.max(axis=0), mean, np.sqrt(squares / len(X)))


def _of_cells_there(X: Array) -> Outline:
    # Of a column without any cell they warn, and give NaN.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return Outline(*(of(X, axis=0) for of in (np.nanmin, np.nanmax, np.nanmean, np.nanstd)))


def _parts(X: Array) -> Iterator[Array]:
    """Some rows after others, one column after the other in memory: so they are read fastest."""
    for start in range(0, len(X), ROWS_AT_ONCE):
        yield np.ascontiguousarray(X[start : start + ROWS_AT_ONCE].T)
