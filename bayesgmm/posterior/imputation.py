"""What the posterior says of cells that are missing.

Of each draw of the parameters a missing cell has a mixture of normals, given the cells of its row that are
there (:mod:`bayesgmm.mixture.conditional`); over draws these are mixed once more, so that means, standard
deviations and draws of cells hold how uncertain the parameters are.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.mixture.conditional import Completion, Pattern, completed, patterns
from bayesgmm.mixture.draws import Stacked, evenly
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.posterior.passes import responsibility_draws
from bayesgmm.rows.rows import Rows

__all__ = ["Imputation", "imputation"]

Array = NDArray[np.float64]

# Numbers of an array of conditional means that is held at a time.
MOST_NUMBERS = 2_000_000


@dataclass(frozen=True, eq=False)
class Imputation:
    """Missing cells of rows, by the posterior and by EM.

    Attributes
    ----------
    values, sd : ndarrays, shape (N, D)
        The rows with the posterior means of their missing cells, and the posterior standard deviations of
        these, zero where a cell is there.
    em : Completion
        The same at EM's estimate, which is taken for the truth: ``values`` and ``sd``.
    cells : ndarray of int, shape (M, 2)
        Row and column of each missing cell, row by row.
    draws : ndarray, shape (S, M)
        Draws of the missing cells; those of a row belong together.
    table : DataFrame
        One line a missing cell, by the names of its row and column: ``mean``, ``sd``, ``em_mean``, ``em_sd``.
    """

    values: Array
    sd: Array
    em: Completion
    cells: NDArray[np.intp]
    draws: Array
    table: pd.DataFrame


def imputation(
    rows: Rows, draws: Stacked, em: MixtureParams, n_draws: int, rng: np.random.Generator
) -> Imputation:
    """Missing cells of rows.

    Parameters
    ----------
    rows : Rows
    draws : Stacked
        Of the posterior.
    em : MixtureParams
    n_draws : int
        How many of them are used, spread over all, or all where they are fewer.
    rng : numpy.random.Generator
    """
    X = rows.values
    used = Stacked(*(a[evenly(len(a), n_draws)] for a in draws))
    values, sd = X.copy(), np.zeros(X.shape)
    cells = np.argwhere(np.isnan(X))
    number = np.full(X.shape, -1)
    number[tuple(cells.T)] = np.arange(len(cells))
    drawn = np.empty((len(used.means), len(cells)))
    for pattern in patterns(X):
        each = len(used.means) * used.means.shape[1] * len(pattern.missing)
        step = max(1, MOST_NUMBERS // each)
        for start in range(0, len(pattern.rows), step):
            part = pattern._replace(rows=pattern.rows[start : start + step])
            at = np.ix_(part.rows, part.missing)
            r = np.swapaxes(responsibility_draws(np.asfortranarray(X[part.rows]), *used), 0, 1)
            values[at], sd[at], drawn[:, number[at]] = _of_pattern(X, part, used, r, rng)
    by_em = completed(X, em)
    at_cells = tuple(cells.T)
    names = np.array(rows.shown, dtype=object)
    index = pd.MultiIndex.from_arrays([rows.index[cells[:, 0]], names[cells[:, 1]]], names=["row", "column"])
    table = pd.DataFrame(
        {
            "mean": values[at_cells],
            "sd": sd[at_cells],
            "em_mean": by_em.values[at_cells],
            "em_sd": by_em.sd[at_cells],
        },
        index=index,
    )
    return Imputation(values, sd, by_em, cells, drawn, table)


def _of_pattern(
    X: Array, pattern: Pattern, draws: Stacked, r: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Posterior means and standard deviations, shape (n, m), and draws (S, n, m), of the cells that n rows
    lack; `r` has the responsibilities (S, n, K)."""
    rows, missing, there = pattern
    _, means, cholesky = draws
    covariances = cholesky @ np.swapaxes(cholesky, 2, 3)
    own = covariances[:, :, missing[:, None], missing]
    between = covariances[:, :, there[:, None], missing]
    slopes = np.linalg.solve(covariances[:, :, there[:, None], there], between)
    centred = X[np.ix_(rows, there)] - means[:, :, None, there]
    # Shape (S, K, n, m).
    expected = means[:, :, None, missing] + centred @ slopes
    own = own - np.swapaxes(between, 2, 3) @ slopes
    share = np.swapaxes(r, 1, 2)[..., None]
    of_draw = (share * expected).sum(axis=1)
    mean = of_draw.mean(axis=0)
    within = np.diagonal(own, axis1=2, axis2=3)[:, :, None]
    variance = (share * (within + (expected - mean) ** 2)).sum(axis=1).mean(axis=0)
    component = (rng.random((*r.shape[:2], 1)) > np.cumsum(r, axis=2)[..., :-1]).sum(axis=2)
    s, n = np.ogrid[: len(r), : len(rows)]
    factors = np.linalg.cholesky(own)[s, component]
    noise = rng.standard_normal((len(r), len(rows), len(missing)))
    return mean, np.sqrt(variance), expected[s, component, n] + np.einsum("snij,snj->sni", factors, noise)
