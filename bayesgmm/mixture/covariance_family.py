"""The covariance families: which numbers make up the covariances of a mixture, and who shares them.

The covariance of component k is made of standard deviations and a correlation matrix,

    Sigma_k = diag(tau_k) R_k diag(tau_k),

and a family says which standard deviation belongs to a component and a feature, and which correlation matrix,
if any, to a component. It does so by the dimensions along which they differ, and everything else follows from
these two: numbers of parameters, shapes, dimensions, the places in the vector that a sampler moves, and what
an M step averages. Only where correlations are shared and standard deviations are not, it is no average.

The families of mclust (Celeux and Govaert 1995, table 1) are those of the decomposition

    Sigma_k = lambda_k D_k A_k D_k'    with |A_k| = 1,

volume lambda_k, shape A_k, diagonal, and orientation D_k, orthogonal. Three letters say of each in this order
whether components share it (E), have their own (V), or it is the identity (I). Where one is shared and
another is not, the two maps are not enough: they tell the smallest family around it that they can tell, and
the M step is one of its own. Of these the posterior has those without orientations, VEI and EVI, whose
standard deviations are products of a volume and a shape; the others only EM fits.

The registry of them is `families`. Inside, every family is carried as covariances (K, D, D).
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import ParameterError
from bayesgmm.mixture.params import MixtureParams

__all__ = [
    "APART",
    "DIAGONAL",
    "ONE_CORRELATION",
    "OVER_COMPONENTS",
    "OVER_FEATURES",
    "OWN_AXES",
    "OWN_SHAPE",
    "OWN_VOLUME",
    "CovarianceFamily",
]

Array = NDArray[np.float64]

# What an M step does to the covariances of components on their own: flags of `CovarianceFamily.pooling`.
OVER_COMPONENTS, DIAGONAL, OVER_FEATURES = 1, 2, 4
# Volume, shape and axes are constrained apart from each other, and components have their own of these.
APART, OWN_VOLUME, OWN_SHAPE, OWN_AXES = 8, 16, 32, 64
# Components share their correlations, and have their own standard deviations.
ONE_CORRELATION = 128


@dataclass(frozen=True)
class CovarianceFamily:
    """A covariance family.

    Parameters
    ----------
    name : str
        What users call it: a value of ``covariance_type``.
    title : str
        What a component's covariance is, in words.
    std_dims : tuple of "cluster" and "feature"
        The dimensions along which standard deviations differ; along others they are shared.
    corr_dims : tuple, or None
        ("cluster",) where each component has its own correlation matrix, () where one is shared, None where
        there are no correlations.
    mclust : str
        What mclust calls it: the letters of volume, shape and orientation; empty where it does not have it.

    Raises
    ------
    ValueError
        Where standard deviations are shared by components or features whose correlations are not: such
        covariances have no M step here.
    """

    name: str
    title: str
    std_dims: tuple[str, ...]
    corr_dims: tuple[str, ...] | None
    mclust: str

    def __post_init__(self) -> None:
        known = [(("feature",), ()), (("cluster", "feature"), ()), (("cluster", "feature"), ("cluster",))]
        if self.corr_dims is not None and (self.std_dims, self.corr_dims) not in known:
            raise ValueError(
                f"Family {self.name!r} shares standard deviations, but not correlations, or not so."
            )

    @property
    def is_apart(self) -> bool:
        """Whether components share some of volume, shape and orientation, and have their own of others."""
        return len(set(self.mclust) - {"I"}) > 1

    @property
    def shares_correlations_alone(self) -> bool:
        """Whether components share their correlations, but not their standard deviations."""
        return self.corr_dims == () and self.by_component

    @property
    def has_own_m_step(self) -> bool:
        """Whether the M step is more than a mean over what is shared."""
        return self.is_apart or self.shares_correlations_alone

    @property
    def has_posterior(self) -> bool:
        """Whether the coordinates of the posterior express it: whether the two maps tell all of it, or
        volumes and shapes do."""
        return not (self.is_apart and self.has_correlations)

    def std_parts(self, n_components: int) -> tuple[int, int]:
        """How many volumes and shapes make up the standard deviations where components share only one of the
        two: (K, 1) or (1, K). (0, 0) where the two maps tell all."""
        if self.has_correlations or not self.is_apart:
            return 0, 0
        volumes, shapes = (n_components if letter == "V" else 1 for letter in self.mclust[:2])
        return volumes, shapes

    def n_free_stds(self, n_components: int, n_features: int) -> int:
        """How many numbers all standard deviations are made of."""
        volumes, shapes = self.std_parts(n_components)
        if volumes:
            return volumes + shapes * (n_features - 1)
        return prod(self.shapes(n_components, n_features)["stds"])

    def own_std_range(self, n_components: int, n_features: int) -> tuple[int, int]:
        """Where among those numbers components' own begin and end; they come component by component."""
        if not self.by_component:
            return 0, 0
        volumes, shapes = self.std_parts(n_components)
        if not volumes:
            return 0, self.n_free_stds(n_components, n_features)
        return (0, volumes) if self.mclust[0] == "V" else (1, 1 + shapes * (n_features - 1))

    def contains(self, other: "CovarianceFamily") -> bool:
        """Whether all mixtures of another family are of this: shared is within own, the identity in both."""
        if other is self or self.mclust == "VVV":
            return True
        if not other.mclust:
            return False
        if not self.mclust:
            # One correlation matrix: none at all is one, and so is that of proportional covariances.
            return other.mclust.endswith(("I", "EE"))
        return all("IEV".index(b) <= "IEV".index(a) for a, b in zip(self.mclust, other.mclust, strict=True))

    @property
    def equivariance(self) -> str:
        """The linear maps of the rows under which the family stays what it is.

        "affine": all. "columns": those that scale each. "rotations": a rotation and one scale for all.
        """
        if not self.mclust:
            return "columns"
        shape, axes = self.mclust[1], self.mclust[2]
        if axes == "I":
            return "columns" if self.by_feature else "rotations"
        return "affine" if shape == axes else "rotations"

    def fewest_rows(self, n_features: int) -> int:
        """Rows that a component needs for what it has of its own."""
        return n_features + 1 if self.mclust.endswith("V") else 2

    @property
    def has_correlations(self) -> bool:
        """Whether features are correlated within a component."""
        return self.corr_dims is not None

    @property
    def by_component(self) -> bool:
        """Whether components have standard deviations of their own."""
        return "cluster" in self.std_dims

    @property
    def by_feature(self) -> bool:
        """Whether features have standard deviations of their own.

        Where they have not, only a common scale of all columns keeps the family what it is.
        """
        return "feature" in self.std_dims

    @property
    def own_correlations(self) -> bool:
        """Whether components have correlation matrices of their own."""
        return self.corr_dims is not None and "cluster" in self.corr_dims

    @property
    def own(self) -> tuple[str, ...]:
        """Variables of which each component has its own, beside its weight: means, and of stds and corr_chol
        those that it has."""
        stds = ("stds",) if self.by_component else ()
        return ("means", *stds, "corr_chol") if self.own_correlations else ("means", *stds)

    def n_correlations(self, n_components: int) -> int:
        """Number of distinct correlation matrices: K, 1 or 0."""
        return 0 if self.corr_dims is None else n_components ** len(self.corr_dims)

    @cached_property
    def pooling(self) -> int:
        """What the M step does, as flags: average over components, keep the diagonal only, average over
        features; or constrain volume, shape and axes apart, and which of these components own; or one
        correlation matrix."""
        if self.shares_correlations_alone:
            return APART | ONE_CORRELATION
        if self.is_apart:
            own = zip((OWN_VOLUME, OWN_SHAPE, OWN_AXES), self.mclust, strict=True)
            diagonal = 0 if self.has_correlations else DIAGONAL
            return APART | diagonal | sum(flag for flag, letter in own if letter == "V")
        return (
            (0 if self.by_component else OVER_COMPONENTS)
            | (0 if self.has_correlations else DIAGONAL)
            | (0 if self.by_feature else OVER_FEATURES)
        )

    def strides(self, n_features: int) -> tuple[int, int, int]:
        """The two maps as numbers (a, b, c).

        Standard deviation a k + b i belongs to component k and feature i, and correlation matrix c k to
        component k; c is -1 where there are no correlations.
        """
        by_component = n_features if self.by_feature else 1
        own = 1 if self.own_correlations else 0
        return (
            by_component if self.by_component else 0,
            1 if self.by_feature else 0,
            own if self.has_correlations else -1,
        )

    def dims(self, n_features: int) -> dict[str, tuple[str, ...]]:
        """Dimensions of weights, means, stds and, where there are correlations, corr_chol, without chain and
        draw.

        One feature has no correlations, and their factor would be a constant that spoils summaries.
        """
        dims = {"weights": ("cluster",), "means": ("cluster", "feature"), "stds": self.std_dims}
        if self.corr_dims is not None and n_features > 1:
            dims["corr_chol"] = (*self.corr_dims, "feature", "feature_bis")
        return dims

    def shapes(self, n_components: int, n_features: int) -> dict[str, tuple[int, ...]]:
        """Shapes of weights, means, stds and, where the family has it, corr_chol, as the PyMC model has
        them."""
        k, d = n_components, n_features
        length = {"cluster": k, "feature": d}
        shapes = {"weights": (k,), "means": (k, d), "stds": tuple(length[x] for x in self.std_dims)}
        if self.corr_dims is not None:
            shapes["corr_chol"] = (*(length[x] for x in self.corr_dims), d, d)
        return shapes

    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Free parameters: K - 1 weights, K D means, the standard deviations, D (D - 1) / 2 for each
        correlation matrix; or 1, D - 1 and D (D - 1) / 2 for each volume, shape and orientation."""
        k, d = n_components, n_features
        below = d * (d - 1) // 2
        if self.is_apart:
            volumes, shapes, axes = ({"E": 1, "V": k, "I": 0}[letter] for letter in self.mclust)
            return k - 1 + k * d + volumes + shapes * (d - 1) + axes * below
        return k - 1 + k * d + self.n_free_stds(k, d) + self.n_correlations(k) * below

    @property
    def matrix_dims(self) -> tuple[str, ...]:
        """Dimensions of what stands for the covariances: matrices where there are correlations, otherwise the
        diagonal's distinct entries. scikit-learn's shapes, and those of ``GaussianMixture(cholesky=...)``."""
        if self.corr_dims is None:
            return self.std_dims
        return ("cluster", "feature", "feature") if self.by_component else ("feature", "feature")

    def compressed(self, matrices: Array) -> Array:
        """Matrices (K, D, D) in scikit-learn's shape: (K, D, D) full, (D, D) tied, (K, D) diag, (K,)
        spherical and so on."""
        if self.corr_dims is not None:
            return np.array(matrices if self.by_component else matrices[0])
        return self.std_values(np.diagonal(matrices, axis1=1, axis2=2)).copy()

    def expanded(self, values: ArrayLike, n_components: int, n_features: int, name: str) -> Array:
        """Matrices (K, D, D) of values in scikit-learn's shape.

        Raises
        ------
        ParameterError
            Where the shape is not the family's.
        """
        k, d = n_components, n_features
        a = np.asarray(values, dtype=float)
        shape = tuple({"cluster": k, "feature": d}[x] for x in self.matrix_dims)
        if a.shape != shape:
            raise ParameterError(
                f"{name} must have shape {shape} with covariance_type={self.name!r}; got {a.shape}.",
                name=name,
                expected=shape,
                shape=a.shape,
            )
        if self.corr_dims is not None:
            return np.broadcast_to(a, (k, d, d)).copy()
        return self.all_stds(a, k, d)[:, :, None] * np.eye(d)

    def std_values(self, stds: Array) -> Array:
        """The family's distinct standard deviations of those of every component and feature, shape (..., K,
        D)."""
        every = slice(None)
        return stds[..., every if self.by_component else 0, every if self.by_feature else 0]

    def values(self, params: MixtureParams) -> dict[str, Array]:
        """A mixture of this family as its variables, of the shapes that :meth:`shapes` tells."""
        values = {"weights": params.weights, "means": params.means, "stds": self.std_values(params.stds)}
        if self.has_correlations:
            values["corr_chol"] = self.corr_values(params.corr_chol)
        return values

    def all_stds(self, stds: Array, n_components: int, n_features: int) -> Array:
        """Standard deviations of every component and feature, shape (..., K, D); the inverse of
        :meth:`std_values`."""
        lead = stds.shape[: stds.ndim - len(self.std_dims)]
        shape = (n_components if self.by_component else 1, n_features if self.by_feature else 1)
        return np.broadcast_to(stds.reshape(*lead, *shape), (*lead, n_components, n_features))

    def corr_values(self, factors: Array) -> Array:
        """The family's distinct correlation factors of those of every component, shape (..., K, D, D)."""
        return factors if self.own_correlations else factors[..., 0, :, :]

    def all_factors(self, corr_chol: Array | None, n_components: int, n_features: int) -> Array:
        """Correlation factors of every component, shape (..., K, D, D); the identity where there are no
        correlations."""
        d = n_features
        if corr_chol is None:
            return np.broadcast_to(np.eye(d), (n_components, d, d))
        factors = corr_chol if self.own_correlations else corr_chol[..., None, :, :]
        return np.broadcast_to(factors, (*factors.shape[:-3], n_components, d, d))

    def of_stds(self, by_feature: Array) -> Array:
        """Numbers that go with the features, shape (D,), as they go with stds: the first where features share
        theirs."""
        return by_feature if self.by_feature else by_feature[0]

    def pooled(self, variances: Array) -> Array:
        """Of the columns, shape (D,): their mean for each where only a common scale keeps the family what it
        is."""
        alike = self.equivariance == "rotations"
        return np.full_like(variances, np.mean(variances)) if alike else variances

    def scales(self, scale: Array) -> Array:
        """By what the columns, of scales (D,), may be standardised: one scale where only a common one keeps
        the family what it is."""
        return np.sqrt(self.pooled(scale**2)) if self.equivariance == "rotations" else scale
