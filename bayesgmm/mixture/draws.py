"""Many mixtures: draws as arrays with leading axes (chain, draw), and their labelled form for ArviZ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.errors import DataError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import family_of
from bayesgmm.mixture.matching import permute
from bayesgmm.mixture.params import MixtureParams

__all__ = ["MixtureDraws", "Parameter", "Stacked", "evenly"]

Array = NDArray[np.float64]


class Stacked(NamedTuple):
    """S draws as compiled code reads them: shapes (S, K), (S, K, D) and (S, K, D, D)."""

    log_weights: Array
    means: Array
    cholesky: Array


class Parameter(NamedTuple):
    """One scalar that a person reads: its kind, its component (None where all share it), its features."""

    kind: str
    component: int | None
    features: tuple[int, ...]

    def label(self, feature_names: Sequence[str]) -> str:
        """Such as ``means[0, waiting]`` or ``correlations[1, eruptions, waiting]``."""
        index = [] if self.component is None else [str(self.component)]
        index += [feature_names[j] for j in self.features]
        return f"{self.kind}[{', '.join(index)}]" if index else self.kind


@dataclass(frozen=True, eq=False)
class MixtureDraws:
    """Many Gaussian mixtures of one covariance family, each array with leading axes (chain, draw).

    Shapes below are those after the leading axes. Where components or features share a value, its axis
    is missing.

    Parameters
    ----------
    weights : ndarray, shape (K,)
    means : ndarray, shape (K, D)
    stds : ndarray, shape (K, D), (D,), (K,) or ()
    corr_chol : ndarray, shape (K, D, D) or (D, D), or None
        Lower Cholesky factors of the correlation matrices; None where the family, or a single feature, has
        none.
    covariance_type : str

    Examples
    --------
    >>> from bayesgmm import MixtureParams
    >>> from bayesgmm.mixture.draws import MixtureDraws
    >>> p = MixtureParams([0.5, 0.5], [[0.0], [3.0]], [[[1.0]], [[4.0]]])
    >>> MixtureDraws.single(p, "full").stds
    array([[[[1.],
             [2.]]]])
    """

    weights: Array
    means: Array
    stds: Array
    corr_chol: Array | None
    covariance_type: str

    @classmethod
    def of(cls, values: Mapping[str, Array], covariance_type: str) -> "MixtureDraws":
        """From arrays by their names; a Cholesky factor that is a constant is left out."""
        has_correlations = "corr_chol" in family_of(covariance_type).dims(values["means"].shape[-1])
        corr_chol = values["corr_chol"] if has_correlations else None
        return cls(values["weights"], values["means"], values["stds"], corr_chol, covariance_type)

    @classmethod
    def single(cls, params: MixtureParams, covariance_type: str) -> "MixtureDraws":
        """One mixture of the family as the one draw of one chain."""
        values = family_of(covariance_type).values(params)
        return cls.of({name: np.array(v)[None, None] for name, v in values.items()}, covariance_type)

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return self.weights.shape[0]

    @property
    def n_draws(self) -> int:
        """Draws of each chain."""
        return self.weights.shape[1]

    @property
    def n_components(self) -> int:
        """Number of components, K."""
        return self.means.shape[2]

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return self.means.shape[3]

    @property
    def family(self) -> CovarianceFamily:
        """The covariance family."""
        return family_of(self.covariance_type)

    @property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of each array after (chain, draw)."""
        return self.family.dims(self.n_features)

    @property
    def values(self) -> dict[str, Array]:
        """The arrays that there are, by their names."""
        return {name: getattr(self, name) for name in self.dims}

    def __getstate__(self) -> dict[str, Any]:
        # What is read off the arrays is made again when asked for.
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @cached_property
    def stacked(self) -> Stacked:
        """All draws one after the other, for compiled code; log weights may be minus infinity.

        Raises
        ------
        DataError
            Where a draw is not finite, naming the chain and the draw.
        """
        s, k, d = self.n_chains * self.n_draws, self.n_components, self.n_features
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights.reshape(s, k))
        found = Stacked(log_weights, self.means.reshape(s, k, d), self.cholesky.reshape(s, k, d, d))
        _check_finite(found, self.n_draws)
        return found

    @property
    def component_stds(self) -> Array:
        """Standard deviations of every component and feature, shape (chain, draw, K, D)."""
        return np.array(self.family.all_stds(self.stds, self.n_components, self.n_features))

    @property
    def cholesky(self) -> Array:
        """Lower Cholesky factors of the covariances, shape (chain, draw, K, D, D)."""
        factors = self.family.all_factors(self.corr_chol, self.n_components, self.n_features)
        return self.component_stds[..., None] * factors

    @property
    def covariances(self) -> Array:
        """Covariance matrices, shape (chain, draw, K, D, D)."""
        factor = self.cholesky
        return factor @ np.swapaxes(factor, -1, -2)

    @property
    def correlations(self) -> Array | None:
        """Correlation matrices, shaped as their factors; None where there are none."""
        return None if self.corr_chol is None else self.corr_chol @ np.swapaxes(self.corr_chol, -1, -2)

    @property
    def mean_params(self) -> MixtureParams:
        """Means over all draws of weights, means and covariances, as one mixture."""
        w, m, c = (a.mean(axis=(0, 1)) for a in (self.weights, self.means, self.covariances))
        return MixtureParams(w / w.sum(), m, c)

    def permuted(self, permutations: NDArray[np.intp]) -> "MixtureDraws":
        """With component ``permutations[c, d, k]`` of each draw in place k; what components share stays."""
        dims = self.dims
        values = {v: permute(a, permutations) if "cluster" in dims[v] else a for v, a in self.values.items()}
        return self.of(values, self.covariance_type)

    @property
    def canonical_order(self) -> NDArray[np.intp]:
        """Each draw's components in the order of their means and weights, shape (chain, draw, K)."""
        keys = (self.weights, *np.moveaxis(self.means, -1, 0)[::-1])
        return np.lexsort(keys, axis=-1)

    @cached_property
    def in_canonical_order(self) -> "MixtureDraws":
        """With each draw's components in canonical order.

        Sums over components are then the same to the last bit whatever the components were called.
        """
        return self.permuted(self.canonical_order)

    @property
    def component_parameters(self) -> Array:
        """What tells a draw's components apart, shape (S, K, P).

        Means, logarithms of standard deviations, and, where components have their own correlations, those on
        Fisher's scale.
        """
        parts = [self.means, np.log(self.component_stds)]
        correlations = self.correlations
        if correlations is not None and self.family.own_correlations:
            rows, cols = np.tril_indices(self.n_features, -1)
            parts.append(np.arctanh(np.clip(correlations[..., rows, cols], -1 + 1e-12, 1 - 1e-12)))
        both = np.concatenate(parts, axis=-1)
        return both.reshape(-1, *both.shape[2:])

    @property
    def parameters(self) -> list[Parameter]:
        """What the scalars of :attr:`parameter_values` are, in their order."""
        i, j = np.triu_indices(self.n_features, 1)
        pairs = list(zip(i.tolist(), j.tolist(), strict=True))
        single = [(f,) for f in range(self.n_features)]
        found: list[Parameter] = []
        for name, dims in self.dims.items():
            own: Sequence[tuple[int, ...]] = single if "feature" in dims else [()]
            if name == "corr_chol":
                name, own = "correlations", pairs
            owners = range(self.n_components) if "cluster" in dims else [None]
            found += [Parameter(name, owner, features) for owner in owners for features in own]
        return found

    @cached_property
    def parameter_values(self) -> Array:
        """Every scalar that a person reads, shape (chain, draw, parameter); :attr:`parameters` says which."""
        lead = self.weights.shape[:2]
        blocks = [a.reshape(*lead, -1) for a in (self.weights, self.means, self.stds)]
        correlations = self.correlations
        if correlations is not None:
            i, j = np.triu_indices(self.n_features, 1)
            blocks.append(correlations[..., i, j].reshape(*lead, -1))
        return np.concatenate(blocks, axis=-1)

    def to_dataset(self, feature_names: Sequence[str]) -> xr.Dataset:
        """The draws with named dimensions and the features' names, for ArviZ."""
        names = list(feature_names)
        coords: dict[str, Any] = {
            "chain": np.arange(self.n_chains),
            "draw": np.arange(self.n_draws),
            "cluster": np.arange(self.n_components),
            "feature": names,
        }
        if self.corr_chol is not None:
            coords["feature_bis"] = names
        variables = {v: (("chain", "draw", *self.dims[v]), a) for v, a in self.values.items()}
        return xr.Dataset(variables, coords=coords)

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset, covariance_type: str) -> "MixtureDraws":
        """The draws that :meth:`to_dataset` has labelled."""
        return cls.of({str(v): x.to_numpy() for v, x in dataset.data_vars.items()}, covariance_type)


def evenly(size: int, at_most: int) -> NDArray[np.intp]:
    """Indices of all of `size` things, or of so many of them, evenly spaced."""
    return np.linspace(0, size - 1, min(size, at_most)).astype(np.intp)


def _check_finite(draws: Stacked, n_draws: int) -> None:
    """Refuse draws that are not finite, each chain of `n_draws`; log weights may be minus infinity."""
    lost = (
        np.isnan(draws.log_weights).any(axis=1)
        | ~np.isfinite(draws.means).all(axis=(1, 2))
        | ~np.isfinite(draws.cholesky).all(axis=(1, 2, 3))
    )
    if lost.any():
        chain, draw = divmod(int(lost.argmax()), n_draws)
        raise DataError(
            f"{int(lost.sum())} of {len(lost)} draws are not finite, the first draw {draw} of chain {chain}; "
            "drop them first.",
            chain=chain,
            draw=draw,
        )
