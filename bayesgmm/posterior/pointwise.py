"""What leave-one-out and predictive pictures need of every draw and row, which is large."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.mixture.density import simulate_from
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.kernels import evaluate
from bayesgmm.rows.rows import Rows
from bayesgmm.support.compilation import entry

__all__ = [
    "log_densities",
    "log_likelihood_dataset",
    "predictive_dataset",
    "predictive_rows",
    "replicated_rows",
]

Array = NDArray[np.float64]


def log_likelihood_dataset(draws: MixtureDraws, rows: Rows) -> xr.Dataset:
    """What each row adds to the log-likelihood of each draw: w_n log p(x_n), variable ``x`` of dimensions
    (chain, draw, obs).

    Parameters
    ----------
    draws : MixtureDraws
    rows : Rows
    """
    chains, n = draws.n_chains, draws.n_draws
    values = log_densities(rows.columns, *draws.stacked)
    if len(rows.weights):
        values *= rows.weights
    return xr.Dataset(
        {"x": (("chain", "draw", "obs"), values.reshape(chains, n, -1))},
        coords={"chain": np.arange(chains), "draw": np.arange(n), "obs": rows.obs},
    )


def log_densities(X: Array, log_weights: Array, means: Array, cholesky: Array) -> Array:
    """log p(x_n) of each draw, shape (S, N), for rows (N, D) and draws (S, K), (S, K, D), (S, K, D, D)."""
    values = np.empty((len(log_weights), len(X)))
    _log_densities(X, log_weights, means, cholesky, values)
    return values


def predictive_dataset(draws: MixtureDraws, rows: Rows, rng: np.random.Generator) -> xr.Dataset:
    """As many rows as there are, from each draw: variable ``x`` of dimensions (chain, draw, obs, feature)."""
    chains, n_draws, n = draws.n_chains, draws.n_draws, len(rows)
    values = np.empty((chains * n_draws, n, draws.n_features))
    for s, draw in enumerate(zip(*draws.stacked, strict=True)):
        values[s] = replicated_rows(*draw, n, rng)
    coords = {"chain": np.arange(chains), "draw": np.arange(n_draws), "obs": rows.obs}
    return xr.Dataset(
        {"x": (("chain", "draw", "obs", "feature"), values.reshape(chains, n_draws, n, -1))},
        coords={**coords, "feature": rows.features},
    )


def replicated_rows(
    log_weights: Array, means: Array, cholesky: Array, n: int, rng: np.random.Generator
) -> Array:
    """n rows of one draw's mixture, shape (n, D)."""
    return simulate_from(np.exp(log_weights), means, cholesky, n, rng)[0]


def predictive_rows(draws: MixtureDraws, n: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """n rows of the posterior predictive distribution, each of a draw of its own, and their components.

    Shapes (n, D) and (n,).
    """
    log_weights, means, cholesky = draws.stacked
    s = rng.integers(len(means), size=n)
    below = np.exp(log_weights[s]).cumsum(axis=1)
    # Not held against the last, which rounding might exceed.
    labels = (rng.random((n, 1)) * below[:, -1:] >= below[:, :-1]).sum(axis=1)
    noise = rng.standard_normal((n, draws.n_features))
    return means[s, labels] + np.einsum("nij,nj->ni", cholesky[s, labels], noise), labels


@entry
def _log_densities(X, log_weights, means, cholesky, out):
    """Fill log p(x_n) of every draw, shape (S, N)."""
    nothing = np.empty((0, log_weights.shape[1]))
    for s in range(log_weights.shape[0]):
        evaluate(X, log_weights[s], means[s], cholesky[s], out[s], nothing)
