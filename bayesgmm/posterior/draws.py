"""Between draws as arrays and the tree of labelled data that ArviZ reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.params import MixtureParams
from bayesgmm.posterior.relabel import Relabelling

__all__ = [
    "covariance_draws",
    "mean_params",
    "parameter_draws",
    "posterior_dataset",
    "posterior_tree",
    "relabelling",
    "stacked",
]

Array = NDArray[np.float64]

_DIMS = {
    "weights": ("cluster",),
    "means": ("cluster", "feature"),
    "stds": ("cluster", "feature"),
    "corr_chol": ("cluster", "feature", "feature_bis"),
}


def posterior_dataset(values: Mapping[str, Array], feature_names: Sequence[str]) -> xr.Dataset:
    """Draws with named dimensions.

    Parameters
    ----------
    values : mapping
        weights, means, stds and corr_chol, each with leading axes (chain, draw).
    feature_names : sequence of D str
    """
    chains, draws, k = values["weights"].shape
    names = list(feature_names)
    coords: dict[str, Any] = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "cluster": np.arange(k),
        "feature": names,
    }
    kept = list(_DIMS)
    # One feature has no correlations, and its factor would be a constant that spoils summaries.
    if len(names) == 1:
        kept.remove("corr_chol")
    else:
        coords["feature_bis"] = names
    return xr.Dataset({v: (("chain", "draw", *_DIMS[v]), values[v]) for v in kept}, coords=coords)


def posterior_tree(
    posterior: xr.Dataset,
    stats: Mapping[str, NDArray[Any]],
    X: Array,
    relabelling: Relabelling,
    membership: tuple[Array, Array],
    em: Mapping[str, xr.Dataset],
) -> xr.DataTree:
    """Everything of a fit in one tree: what ArviZ reads, and beside it labels, memberships and EM.

    Parameters
    ----------
    posterior : Dataset
        Relabelled draws.
    stats : mapping
        The sampler's statistics, each (chain, draw).
    X : ndarray, shape (N, D)
    relabelling : Relabelling
    membership : pair of ndarrays, shape (N, K)
        Posterior mean and standard deviation of the responsibilities.
    em : mapping of group names to Datasets
    """
    sampled = {d: posterior[d] for d in ("chain", "draw")}
    cluster, obs = posterior["cluster"], np.arange(len(X))
    per_row = {"obs": obs, "cluster": cluster}
    groups = {
        "posterior": posterior,
        "sample_stats": xr.Dataset({k: (("chain", "draw"), v) for k, v in stats.items()}, coords=sampled),
        "observed_data": xr.Dataset(
            {"x": (("obs", "feature"), X)}, coords={"obs": obs, "feature": posterior["feature"]}
        ),
        "relabelling": xr.Dataset(
            {
                "permutations": (("chain", "draw", "cluster"), relabelling.permutations),
                "margins": (("chain", "draw"), relabelling.margins),
            },
            coords=sampled | {"cluster": cluster},
        ),
        "membership": xr.Dataset(
            {"mean": (("obs", "cluster"), membership[0]), "sd": (("obs", "cluster"), membership[1])},
            coords=per_row,
        ),
    }
    return xr.DataTree.from_dict(groups | dict(em))


def relabelling(tree: xr.DataTree) -> Relabelling:
    """The permutations stored in a tree."""
    group = tree["relabelling"]
    return Relabelling(group["permutations"].to_numpy(), group["margins"].to_numpy())


def stacked(posterior: xr.Dataset) -> tuple[Array, Array, Array]:
    """Log weights (S, K), means (S, K, D) and Cholesky factors of the covariances (S, K, D, D)."""
    weights = posterior["weights"].to_numpy()
    s, k = weights.shape[0] * weights.shape[1], weights.shape[2]
    means = posterior["means"].to_numpy().reshape(s, k, -1)
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights.reshape(s, k))
    return log_weights, means, _cholesky(posterior).reshape(s, k, means.shape[2], means.shape[2])


def _cholesky(posterior: xr.Dataset) -> Array:
    stds = posterior["stds"].to_numpy()
    if "corr_chol" not in posterior:
        return stds[..., None]
    return stds[..., None] * posterior["corr_chol"].to_numpy()


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
    chains, draws, k = posterior["weights"].shape
    features = [str(f) for f in posterior["feature"].to_numpy()]
    blocks = [posterior["weights"].to_numpy()]
    labels = [f"weights[{c}]" for c in range(k)]
    for name in ("means", "stds"):
        blocks.append(posterior[name].to_numpy().reshape(chains, draws, -1))
        labels += [f"{name}[{c}, {f}]" for c in range(k) for f in features]
    if "corr_chol" in posterior:
        factor = posterior["corr_chol"].to_numpy()
        correlations = factor @ np.swapaxes(factor, -1, -2)
        i, j = np.triu_indices(len(features), 1)
        blocks.append(correlations[..., i, j].reshape(chains, draws, -1))
        labels += [
            f"correlations[{c}, {features[a]}, {features[b]}]"
            for c in range(k)
            for a, b in zip(i, j, strict=True)
        ]
    return xr.DataArray(
        np.concatenate(blocks, axis=-1),
        dims=("chain", "draw", "parameter"),
        coords={"chain": posterior["chain"], "draw": posterior["draw"], "parameter": labels},
        name="value",
    )
