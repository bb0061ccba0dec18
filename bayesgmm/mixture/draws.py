"""Between draws as arrays and the tree of labelled data that ArviZ reads."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.errors import DataError
from bayesgmm.mixture.matching import permute
from bayesgmm.mixture.params import MixtureParams

__all__ = [
    "canonical_order",
    "component_parameters",
    "covariance_draws",
    "dims_of",
    "evenly",
    "finite",
    "in_canonical_order",
    "mean_params",
    "parameter_draws",
    "permuted",
    "posterior_dataset",
    "stacked",
    "std_draws",
]

Array = NDArray[np.float64]

_DIMS = {
    "weights": ("cluster",),
    "means": ("cluster", "feature"),
    "stds": ("cluster", "feature"),
    "corr_chol": ("cluster", "feature", "feature_bis"),
}
# Where a family shares or lacks what full covariances have one of per component and feature.
_FAMILY_DIMS: dict[str, dict[str, tuple[str, ...] | None]] = {
    "full": {},
    "tied": {"stds": ("feature",), "corr_chol": ("feature", "feature_bis")},
    "diag": {"corr_chol": None},
    "spherical": {"stds": ("cluster",), "corr_chol": None},
}


def dims_of(covariance_type: str, n_features: int) -> dict[str, tuple[str, ...]]:
    """Dimensions of the variables of a family, without chain and draw."""
    dims: dict[str, tuple[str, ...] | None] = {**_DIMS, **_FAMILY_DIMS[covariance_type]}
    # One feature has no correlations, and its factor would be a constant that spoils summaries.
    if n_features == 1:
        dims["corr_chol"] = None
    return {name: d for name, d in dims.items() if d is not None}


def posterior_dataset(
    values: Mapping[str, Array], feature_names: Sequence[str], covariance_type: str = "full"
) -> xr.Dataset:
    """Draws with named dimensions.

    Parameters
    ----------
    values : mapping
        weights, means, stds and, where the family has it, corr_chol, each with leading axes (chain, draw).
    feature_names : sequence of D str
    covariance_type : str
    """
    chains, draws, k = values["weights"].shape
    names = list(feature_names)
    dims = dims_of(covariance_type, len(names))
    coords: dict[str, Any] = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "cluster": np.arange(k),
        "feature": names,
    }
    if "corr_chol" in dims:
        coords["feature_bis"] = names
    return xr.Dataset({v: (("chain", "draw", *d), values[v]) for v, d in dims.items()}, coords=coords)


def permuted(posterior: xr.Dataset, permutations: NDArray[np.intp]) -> xr.Dataset:
    """The draws with their components renamed; what components share stays."""
    renamed = {
        name: (v.dims, permute(v.to_numpy(), permutations))
        for name, v in posterior.data_vars.items()
        if "cluster" in v.dims
    }
    return posterior.assign(renamed)


def component_parameters(posterior: xr.Dataset) -> Array:
    """What tells a draw's components apart, shape (S, K, P): means, logarithms of standard deviations, and where components have
    their own correlations, those on Fisher's scale."""
    parts = [posterior["means"].to_numpy(), np.log(std_draws(posterior))]
    if "corr_chol" in posterior and "cluster" in posterior["corr_chol"].dims:
        factor = posterior["corr_chol"].to_numpy()
        rows, cols = np.tril_indices(factor.shape[-1], -1)
        correlations = (factor @ np.swapaxes(factor, -1, -2))[..., rows, cols]
        parts.append(np.arctanh(np.clip(correlations, -1 + 1e-12, 1 - 1e-12)))
    both = np.concatenate(parts, axis=-1)
    return both.reshape(-1, *both.shape[2:])


def canonical_order(log_weights: Array, means: Array) -> NDArray[np.intp]:
    """The order of each draw's components by their means, feature by feature, and weights, shape (..., K).

    Sums over components in this order are the same by a bit whatever the components were called. Shapes (..., K) and
    (..., K, D).
    """
    keys = (log_weights, *np.moveaxis(means, -1, 0)[::-1])
    return np.lexsort(keys, axis=-1)


def in_canonical_order(draws: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Log weights (S, K), means and Cholesky factors of draws, see :func:`canonical_order`."""
    log_weights, means, cholesky = draws
    at = np.arange(len(means))[:, None], canonical_order(log_weights, means)
    return log_weights[at], means[at], cholesky[at]


def evenly(size: int, at_most: int) -> NDArray[np.intp]:
    """Indices of all of `size` things, or of so many of them, evenly spaced."""
    return np.linspace(0, size - 1, min(size, at_most)).astype(np.intp)


def finite(draws: tuple[Array, Array, Array], n_draws: int) -> tuple[Array, Array, Array]:
    """The draws, if all of them are finite; log weights may be minus infinity.

    Raises
    ------
    DataError
        Naming the chain and the draw; each chain has `n_draws`.
    """
    log_weights, means, cholesky = draws
    lost = (
        np.isnan(log_weights).any(axis=1)
        | ~np.isfinite(means).all(axis=(1, 2))
        | ~np.isfinite(cholesky).all(axis=(1, 2, 3))
    )
    if lost.any():
        chain, draw = divmod(int(lost.argmax()), n_draws)
        raise DataError(
            f"{int(lost.sum())} of {len(means)} draws are not finite, the first draw {draw} of chain {chain}; drop them first.",
            chain=chain,
            draw=draw,
        )
    return draws


def stacked(posterior: xr.Dataset) -> tuple[Array, Array, Array]:
    """Log weights (S, K), means (S, K, D) and Cholesky factors of the covariances (S, K, D, D)."""
    weights = posterior["weights"].to_numpy()
    s, k = weights.shape[0] * weights.shape[1], weights.shape[2]
    means = posterior["means"].to_numpy().reshape(s, k, -1)
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights.reshape(s, k))
    return log_weights, means, _cholesky(posterior).reshape(s, k, means.shape[2], means.shape[2])


def std_draws(posterior: xr.Dataset) -> Array:
    """Standard deviations of every component and feature, shape (chain, draw, K, D), whatever the family shares."""
    return np.array(posterior["stds"].broadcast_like(posterior["means"]).transpose(*posterior["means"].dims))


def _cholesky(posterior: xr.Dataset) -> Array:
    stds = std_draws(posterior)
    if "corr_chol" not in posterior:
        return stds[..., None] * np.eye(stds.shape[-1])
    corr_chol = posterior["corr_chol"].to_numpy()
    if "cluster" not in posterior["corr_chol"].dims:
        corr_chol = corr_chol[:, :, None]
    return stds[..., None] * corr_chol


def covariance_draws(posterior: xr.Dataset) -> Array:
    """Covariance matrices, shape (chain, draw, K, D, D)."""
    factor = _cholesky(posterior)
    return factor @ np.swapaxes(factor, -1, -2)


def mean_params(posterior: xr.Dataset) -> MixtureParams:
    """Posterior means of weights, means and covariances, as one mixture."""
    w = posterior["weights"].to_numpy().mean(axis=(0, 1))
    m = posterior["means"].to_numpy().mean(axis=(0, 1))
    return MixtureParams(w / w.sum(), m, covariance_draws(posterior).mean(axis=(0, 1)))


def parameter_draws(posterior: xr.Dataset) -> xr.DataArray:
    """Every scalar parameter that a person reads, shape (chain, draw, parameter).

    Weights, means, standard deviations and correlations; one label each, such as
    ``means[0, waiting]`` or ``correlations[1, eruptions, waiting]``.
    """
    chains, draws = posterior["weights"].shape[:2]
    blocks, labels = [], []
    for name in ("weights", "means", "stds"):
        variable = posterior[name]
        blocks.append(variable.to_numpy().reshape(chains, draws, -1))
        labels += [_label(name, index) for index in _indices(variable)]
    if "corr_chol" in posterior:
        factor = posterior["corr_chol"].to_numpy()
        correlations = factor @ np.swapaxes(factor, -1, -2)
        features = [str(f) for f in posterior["feature"].to_numpy()]
        i, j = np.triu_indices(len(features), 1)
        blocks.append(correlations[..., i, j].reshape(chains, draws, -1))
        owners = [(c,) for c in range(posterior.sizes["cluster"])] if factor.ndim == 5 else [()]
        labels += [
            _label("correlations", (*owner, features[a], features[b]))
            for owner in owners
            for a, b in zip(i, j, strict=True)
        ]
    return xr.DataArray(
        np.concatenate(blocks, axis=-1),
        dims=("chain", "draw", "parameter"),
        coords={"chain": posterior["chain"], "draw": posterior["draw"], "parameter": labels},
        name="value",
    )


def _indices(variable: xr.DataArray) -> Iterator[tuple[Any, ...]]:
    return product(*(variable[d].to_numpy().tolist() for d in variable.dims[2:]))


def _label(name: str, index: tuple[Any, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]"
