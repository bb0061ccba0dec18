"""What leave-one-out and predictive pictures need of every draw and row; made on request, since it is large."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.mixture.draws import stacked
from bayesgmm.mixture.kernels import evaluate
from bayesgmm.rows.rows import Rows
from bayesgmm.support.compilation import entry

__all__ = ["log_densities", "log_likelihood_dataset", "predictive_dataset", "replicated_rows"]

Array = NDArray[np.float64]


def log_likelihood_dataset(posterior: xr.Dataset, rows: Rows) -> xr.Dataset:
    """log p(x_n) of each draw, variable ``x`` of dimensions (chain, draw, obs).

    Parameters
    ----------
    posterior : Dataset
    rows : Rows
    """
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    values = log_densities(rows.columns, *stacked(posterior))
    return xr.Dataset(
        {"x": (("chain", "draw", "obs"), values.reshape(chains, draws, -1))},
        coords={"chain": posterior["chain"], "draw": posterior["draw"], "obs": np.arange(len(rows))},
    )


def log_densities(X: Array, log_weights: Array, means: Array, cholesky: Array) -> Array:
    """log p(x_n) of each draw, shape (S, N), for rows (N, D) and draws (S, K), (S, K, D), (S, K, D, D)."""
    values = np.empty((len(log_weights), len(X)))
    _log_densities(X, log_weights, means, cholesky, values)
    return values


def predictive_dataset(posterior: xr.Dataset, n: int, rng: np.random.Generator) -> xr.Dataset:
    """A data set of n rows from each draw, variable ``x`` of dimensions (chain, draw, obs, feature)."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    mixtures = stacked(posterior)
    rows = np.empty((chains * draws, n, mixtures[1].shape[2]))
    for s, draw in enumerate(zip(*mixtures, strict=True)):
        rows[s] = replicated_rows(*draw, n, rng)
    return xr.Dataset(
        {"x": (("chain", "draw", "obs", "feature"), rows.reshape(chains, draws, n, -1))},
        coords={d: posterior[d] for d in ("chain", "draw", "feature")} | {"obs": np.arange(n)},
    )


def replicated_rows(
    log_weights: Array, means: Array, cholesky: Array, n: int, rng: np.random.Generator
) -> Array:
    """n rows of one draw's mixture, shape (n, D)."""
    weights = np.exp(log_weights)
    labels = rng.choice(len(weights), n, p=weights / weights.sum())
    noise = rng.standard_normal((n, means.shape[1]))
    return means[labels] + np.einsum("nij,nj->ni", cholesky[labels], noise)


@entry
def _log_densities(X, log_weights, means, cholesky, out):
    """Fill log p(x_n) of every draw, shape (S, N)."""
    nothing = np.empty((0, log_weights.shape[1]))
    for s in range(log_weights.shape[0]):
        evaluate(X, log_weights[s], means[s], cholesky[s], out[s], nothing)
