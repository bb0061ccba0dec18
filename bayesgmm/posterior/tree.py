"""Everything of a fit in one tree, and the labels read off it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.posterior.labelling import Certificate
from bayesgmm.posterior.relabel import Relabelling

__all__ = ["certificate", "posterior_tree", "relabelling"]

Array = NDArray[np.float64]


def posterior_tree(
    posterior: xr.Dataset,
    stats: Mapping[str, NDArray[Any]],
    X: Array,
    names: tuple[Relabelling, Certificate],
    membership: tuple[Array, Array],
    others: Mapping[str, xr.Dataset],
) -> xr.DataTree:
    """Everything of a fit in one tree: what ArviZ reads, and beside it labels, memberships and EM.

    Parameters
    ----------
    posterior : Dataset
        Relabelled draws.
    stats : mapping
        The sampler's statistics, each (chain, draw).
    X : ndarray, shape (N, D)
    names : Relabelling and Certificate
    membership : pair of ndarrays, shape (N, K)
        Posterior mean and standard deviation of the responsibilities.
    others : mapping of group names to Datasets
        Groups that are made elsewhere: the prior's density, and EM.
    """
    sampled = {d: posterior[d] for d in ("chain", "draw")}
    cluster, obs = posterior["cluster"], np.arange(len(X))
    per_row = {"obs": obs, "cluster": cluster}
    relabelling, certificate = names
    methods = list(certificate.agreement)
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
                "agreement": ("method", [certificate.agreement[m] for m in methods]),
                "non_permutation_rate": certificate.non_permutation_rate,
            },
            coords=sampled | {"cluster": cluster, "method": methods},
        ),
        "membership": xr.Dataset(
            {"mean": (("obs", "cluster"), membership[0]), "sd": (("obs", "cluster"), membership[1])},
            coords=per_row,
        ),
    }
    return xr.DataTree.from_dict(groups | dict(others))


def relabelling(tree: xr.DataTree) -> Relabelling:
    """The permutations stored in a tree."""
    group = tree["relabelling"]
    return Relabelling(group["permutations"].to_numpy(), group["margins"].to_numpy())


def certificate(tree: xr.DataTree) -> Certificate:
    """The certificate stored in a tree."""
    group = tree["relabelling"]
    shares = dict(zip(group["method"].to_numpy(), group["agreement"].to_numpy(), strict=True))
    found = relabelling(tree)
    return Certificate(
        {str(method): float(share) for method, share in shares.items()},
        found.nearly_tied,
        float(group["non_permutation_rate"]),
        tuple(int(n) for n in found.n_switches),
    )
