"""Rows with missing cells, NaN, in a pass over the rows: nothing is imputed beforehand.

Let W = L^-1 be the inverse of a component's Cholesky factor and M the cells that a row lacks. With these at
the mean, z_0 = W (x - mu) would stand for the row; since they are not known, it is what is left of z_0 beside
the columns of W that belong to M. With Q an orthonormal basis of these columns, W_M = Q R,

    z = E[L^-1 (x - mu) | x_O] = (I - Q Q') z_0,    Cov[L^-1 (x - mu) | x_O] = Q Q',
    log N(x_O) = -1/2 |z|^2 - |O|/2 log(2 pi) - sum log diag(L) - sum log diag(R).

So the sums of a pass become conditional expectations: Ghahramani and Jordan (1994), Supervised learning from
incomplete data via an EM approach, section 2; and by Fisher's identity the gradient takes the same sums. Q
belongs to a pattern of missing cells and a component; rows that lack the same share it where they follow each
other.
"""

import math
from typing import NamedTuple

import numpy as np

from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import inlined

LOG_2PI = math.log(2 * math.pi)


class Runs(NamedTuple):
    """Rows of a block that lack the same cells, one run after the other.

    ``rows`` and ``cells`` have where each run begins among the rows and in ``columns``, the numbers of the
    cells that are missing; ``bases``, shape (K, C, D), has a unit vector for each of these.
    """

    rows: np.ndarray
    cells: np.ndarray
    columns: np.ndarray
    bases: np.ndarray


@inlined
def no_runs(memory):
    """What stands for the memory until the first row with a missing cell is met."""
    none = np.empty(0, np.int64)
    return Runs(none, none, none, memory[:0].reshape((0, 0, 0)))


@inlined
def memory_of_runs(K, D, block):
    """For blocks of so many rows: half of the cells may be missing, or the block is cut short."""
    most = max(D, block * D // 2)
    return Runs(
        np.empty(block + 1, np.int64),
        np.empty(block + 1, np.int64),
        np.empty(most, np.int64),
        empty(K * most * D).reshape((K, most, D)),
    )


@inlined
def find_runs(block, size, runs, changes):
    """Fill in the runs of a block's rows; returns the number of runs and of rows that could be taken."""
    D = block.shape[0]
    for n in range(size):
        changes[n] = 0.0
    for j in range(D):
        for n in range(1, size):
            if np.isnan(block[j, n]) != np.isnan(block[j, n - 1]):
                changes[n] = 1.0
    n_runs, at = 0, 0
    for n in range(size):
        if n > 0 and changes[n] == 0.0:
            continue
        if at + D > runs.columns.shape[0]:
            size = n
            break
        runs.rows[n_runs], runs.cells[n_runs] = n, at
        n_runs += 1
        for j in range(D):
            if np.isnan(block[j, n]):
                runs.columns[at] = j
                at += 1
    runs.rows[n_runs], runs.cells[n_runs] = size, at
    return n_runs, size


@inlined
def put_at_mean(block, n_runs, runs, mean):
    """Set the missing cells of a block to a component's mean."""
    for run in range(n_runs):
        for c in range(runs.cells[run], runs.cells[run + 1]):
            j = runs.columns[c]
            for n in range(runs.rows[run], runs.rows[run + 1]):
                block[j, n] = mean[j]


@inlined
def take_out_missing(n_runs, runs, bases, component, z, log_density, along):
    """From z_0 to z, shape (D, size), and the log density of the cells that are there; fills `bases`, (C, D).

    `component` is an inverse factor and the constant of a complete row; `along` has a place for each row.
    """
    inverse, offset = component
    D = inverse.shape[0]
    for run in range(n_runs):
        first, end = runs.cells[run], runs.cells[run + 1]
        if first == end:
            continue
        constant = offset
        for c in range(first, end):
            constant += 0.5 * LOG_2PI - math.log(_fill_basis(bases, first, c, inverse, runs.columns[c]))
        begin, stop = runs.rows[run], runs.rows[run + 1]
        for c in range(first, end):
            for n in range(begin, stop):
                along[n] = 0.0
            for i in range(D):
                for n in range(begin, stop):
                    along[n] += bases[c, i] * z[i, n]
            for i in range(D):
                for n in range(begin, stop):
                    z[i, n] -= bases[c, i] * along[n]
        for n in range(begin, stop):
            log_density[n] = constant
        for i in range(D):
            for n in range(begin, stop):
                log_density[n] -= 0.5 * z[i, n] * z[i, n]


@inlined
def _fill_basis(bases, first, c, inverse, column):
    """A column of the inverse factor at unit length, without what lies along the unit vectors before it;
    returns the length that was left."""
    D = inverse.shape[0]
    for i in range(D):
        bases[c, i] = inverse[i, column] if i >= column else 0.0
    # Modified Gram-Schmidt: what it loses of orthogonality, rows taken out one by one do not feel.
    for other in range(first, c):
        s = 0.0
        for i in range(D):
            s += bases[other, i] * bases[c, i]
        for i in range(D):
            bases[c, i] -= s * bases[other, i]
    length = 0.0
    for i in range(column, D):
        length += bases[c, i] * bases[c, i]
    if c > first:
        for i in range(column):
            length += bases[c, i] * bases[c, i]
    length = math.sqrt(length)
    for i in range(D):
        bases[c, i] /= length
    return length


@inlined
def add_uncertainty(n_runs, runs, bases, r, s2):
    """Add sum r Q Q' over the rows of a block to the lower half of s2."""
    D = s2.shape[0]
    for run in range(n_runs):
        first, end = runs.cells[run], runs.cells[run + 1]
        if first == end:
            continue
        mass = 0.0
        for n in range(runs.rows[run], runs.rows[run + 1]):
            mass += r[n]
        for c in range(first, end):
            for i in range(D):
                a = mass * bases[c, i]
                for j in range(i + 1):
                    s2[i, j] += a * bases[c, j]
