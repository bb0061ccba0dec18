"""The mode map: which modes a posterior has, what each holds of it, and what separates them.

A draw belongs to the mode that optimisation from it ends at. Components are relabelled freely: modes that
differ by their labels only are one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from bayesgmm.bayes.target import Target
from bayesgmm.methods.laplace_approximation import optimised
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import MixtureDraws, evenly
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows
from bayesgmm.support.threads import shared
from bayesgmm.wording import Reason

__all__ = ["ModeMap", "find_modes", "mode_map", "modes_dataset"]

Array = NDArray[np.float64]

RUNS, RUNS_IN_MANY_DIMENSIONS = 400, 200
MANY_DIMENSIONS = 30
# Two optimisations ended at the same mode when their log posteriors are this close and so many rows clustered
# alike; one along a flat ridge stops early.
SAME_MODE = 1.0
SAME_ROWS = 0.98
# A mode that holds less is counted among the others.
SMALLEST_SHARE = 0.02
# Of a group's rows, what counts as a part of it.
PART = 0.15


@dataclass(frozen=True, eq=False)
class ModeMap:
    """The modes of a posterior, the largest first.

    Attributes
    ----------
    table : DataFrame
        One row a mode: ``share`` of the draws, which is that of the posterior where chains or runs agree, and
        its standard error ``share_se``, from the scatter between chains; ``n_chains``, how many of them have
        seen it; ``log_posterior`` relative to the highest mode; ``n_occupied``, the number of components with
        rows, and ``what``, in words what it is and how it differs from the first.
    params : list of MixtureParams
        The mixture at each mode, in the user's units, components in the order of decreasing weight.
    partitions : ndarray of int, shape (M, N)
        The most probable component of each row at each mode.
    others : float
        Share of the posterior at modes that hold less than 2 % each.
    """

    table: pd.DataFrame
    params: list[MixtureParams]
    partitions: NDArray[np.int64]
    others: float

    @property
    def n_modes(self) -> int:
        """Number of modes that hold 2 % or more."""
        return len(self.table)

    @property
    def findings(self) -> list[Reason]:
        """What each mode is and holds, the first of them the largest, and what the others hold."""
        first, k = self.partitions[0], self.params[0].n_components
        out = [
            Reason(
                "mode_share",
                {
                    "number": m + 1,
                    "share": row["share"],
                    "share_se": row["share_se"],
                    "what": _about(self.partitions[m], k, first if m else None),
                },
            )
            for m, row in enumerate(self.table.to_dict("records"))
        ]
        if self.others > 0:
            out.append(Reason("other_modes", {"share": self.others, "smallest": SMALLEST_SHARE}))
        return out

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


def find_modes(target: Target, draws: MixtureDraws, cores: int) -> ModeMap:
    """Optimise from evenly spaced draws, and count where that ends.

    Parameters
    ----------
    target : Target
    draws : MixtureDraws
        In the user's units.
    cores : int
        Threads; the result does not depend on it.
    """
    q = _unconstrained(target, draws)
    many = q.shape[1] > MANY_DIMENSIONS
    some = evenly(len(q), RUNS_IN_MANY_DIMENSIONS if many else RUNS)
    ends = shared(
        lambda start: optimised(target, start, tolerance=1e-9, iterations=400), list(q[some]), cores
    )
    order = np.argsort([-value for _, value in ends], kind="stable")
    found: list[tuple[float, MixtureParams, NDArray[np.int64]]] = []
    ended = np.empty(len(some), np.int64)
    for i in order:
        end, value = ends[i]
        params = _params(target, end)
        labels = density.responsibilities(target.X, params).argmax(axis=1)
        m = _known(found, value, labels)
        if m is None:
            found.append((value, params, labels))
            m = len(found) - 1
        ended[i] = m
    chains = some // draws.n_draws
    table = np.zeros((draws.n_chains, len(found)))
    np.add.at(table, (chains, ended), 1.0)
    return _mapped(found, table)


def _known(
    found: list[tuple[float, MixtureParams, NDArray[np.int64]]],
    value: float,
    labels: NDArray[np.int64],
) -> int | None:
    for m, (other, _, other_labels) in enumerate(found):
        if abs(other - value) < SAME_MODE and _alike(labels, other_labels) >= SAME_ROWS:
            return m
    return None


def _alike(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Share of rows that two groupings put alike: in the largest parts that groups of both share."""
    table = _overlap(first, second)
    return float(min(table.max(axis=0).sum(), table.max(axis=1).sum()) / len(first))


def _overlap(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    k = int(max(first.max(), second.max())) + 1
    return np.bincount(first * k + second, minlength=k * k).reshape(k, k)


def _unconstrained(target: Target, draws: MixtureDraws) -> Array:
    q = target.vectors(draws.values)
    return q.reshape(-1, q.shape[-1])


def _params(target: Target, q: Array) -> MixtureParams:
    values = target.constrained(q)
    (k, d), family = target.shape, target.family
    stds, factors = family.all_stds(values["stds"], k, d), family.all_factors(values.get("corr_chol"), k, d)
    factor = stds[:, :, None] * factors
    order = np.argsort(-values["weights"], kind="stable")
    weights = values["weights"] / values["weights"].sum()
    return MixtureParams(weights[order], values["means"][order], (factor @ np.swapaxes(factor, 1, 2))[order])


def _mapped(found: list[tuple[float, MixtureParams, NDArray[np.int64]]], table: Array) -> ModeMap:
    """From how many optimisations of each chain ended at each mode."""
    shares = table.sum(axis=0) / table.sum()
    errors = np.sqrt(shares * (1 - shares) / table.sum())
    if len(table) > 1:
        # Draws of a chain belong together: what chains scatter tells more than the number of optimisations.
        by_chain = table / table.sum(axis=1, keepdims=True)
        errors = np.maximum(errors, by_chain.std(axis=0, ddof=1) / np.sqrt(len(table)))
    order = [m for m in np.argsort(-shares, kind="stable") if shares[m] >= SMALLEST_SHARE]
    # A posterior without any large mode still has a largest.
    order = order or [int(np.argmax(shares))]
    first = found[order[0]]
    best = max(value for value, _, _ in found)
    rows = []
    for m in order:
        value, params, labels = found[m]
        sizes = np.bincount(labels, minlength=params.n_components)
        rows.append(
            {
                "share": float(shares[m]),
                "share_se": float(errors[m]),
                "n_chains": int((table[:, m] > 0).sum()),
                "log_posterior": value - best,
                "n_occupied": int((sizes > 0).sum()),
                "what": str(_about(labels, params.n_components, None if m == order[0] else first[2])),
            }
        )
    return ModeMap(
        pd.DataFrame(rows),
        [found[m][1] for m in order],
        np.array([found[m][2] for m in order]),
        max(0.0, 1.0 - float(shares[order].sum())),
    )


def _about(labels: NDArray[np.int64], n_components: int, first: NDArray[np.int64] | None) -> Reason:
    """What a mode is: the sizes of its groups, and how they differ from those of the first mode."""
    sizes = np.bincount(labels, minlength=n_components)
    return Reason(
        "mode",
        {
            "sizes": np.sort(sizes[sizes > 0])[::-1],
            "n_empty": int((sizes == 0).sum()),
            "changes": () if first is None else _changes(first, labels),
            "is_first": first is None,
        },
    )


def _changes(first: NDArray[np.int64], labels: NDArray[np.int64]) -> tuple[Reason, ...]:
    """How a grouping differs from the first mode's, whose groups are numbered by weight from 1.

    Groups of both that share a substantial part belong together; each such set of groups is a group split,
    groups joined, or both.
    """
    table = _overlap(first, labels)
    own, other = table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True)
    linked = (table > 0) & ((table >= PART * own) | (table >= PART * other))
    k = len(table)
    graph = csr_array(
        (np.ones(int(linked.sum())), (np.nonzero(linked)[0], k + np.nonzero(linked)[1])), (2 * k, 2 * k)
    )
    _, belongs = connected_components(graph, directed=False)
    out = []
    for b in np.unique(belongs[:k]):
        before = tuple(int(a) + 1 for a in np.flatnonzero(belongs[:k] == b) if own[a, 0])
        after = int((other[0, belongs[k:] == b] > 0).sum())
        if len(before) == 1 and after > 1:
            out.append(Reason("cluster_split", {"cluster": before[0], "into": after}))
        elif len(before) > 1 and after == 1:
            out.append(Reason("clusters_joined", {"clusters": before}))
        elif len(before) > 1:
            every = len(before) == int((own[:, 0] > 0).sum())
            out.append(Reason("clusters_divided", {"clusters": before, "every": every, "into": after}))
    return tuple(out)


def modes_dataset(found: ModeMap, rows: Rows) -> xr.Dataset:
    """A mode map of these rows as labelled data; see :func:`mode_map`."""
    variables: dict[str, Any] = {
        str(c): ("mode", found.table[c].to_numpy()) for c in found.table.columns if c != "what"
    }
    stacked = {
        "weights": ("cluster",),
        "means": ("cluster", "feature"),
        "covariances": ("cluster", "feature", "feature_bis"),
    }
    for name, dims in stacked.items():
        variables[name] = (("mode", *dims), np.stack([getattr(p, name) for p in found.params]))
    variables["partition"] = (("mode", "obs"), found.partitions)
    variables["what"] = ("mode", found.table["what"].to_numpy().astype(str))
    variables["others"] = found.others
    return xr.Dataset(variables, coords={"obs": rows.obs})


def mode_map(group: xr.Dataset) -> ModeMap:
    """The mode map that :func:`modes_dataset` was made of."""
    columns = ["share", "share_se", "n_chains", "log_posterior", "n_occupied", "what"]
    table = pd.DataFrame({c: group[c].to_numpy() for c in columns})
    table["what"] = table["what"].astype(str)
    params = [
        MixtureParams(*(group[v][m].to_numpy() for v in ("weights", "means", "covariances")))
        for m in range(group.sizes["mode"])
    ]
    return ModeMap(table, params, group["partition"].to_numpy(), float(group["others"]))
