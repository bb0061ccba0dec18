"""Free coordinates of the covariances of a mixture around an estimate, which lies at their origin.

There are four kinds of families, and in each but the last the coordinates are such that a step of one is of
about one standard deviation, in whatever units and however tilted a component is:

* linear: Cholesky factors L G, with G = I + sum_p c_p B_p. Where components share all or nothing.
* triangular: L G exp(v), with G lower triangular and |G| = 1. VEI, EVI, VEE and EVV, whose axes are those of
  the coordinates, or go with the shapes.
* turned: D R diag(exp(v + h)) R' D', with h of sum zero and R a rotation. EVE, VVE, EEV and VEV.
* of one correlation matrix: exp(v) L G, with v diagonal, one for each component, and G lower triangular with
  ones on its diagonal, one for all.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import helmert

from bayesgmm.em.steps import Sums
from bayesgmm.em.volume_shape import common_axes
from bayesgmm.mixture.covariance_family import OWN_AXES, OWN_SHAPE, OWN_VOLUME, CovarianceFamily

__all__ = ["FactorChart", "factor_chart"]

Array = NDArray[np.float64]
Places = NDArray[np.intp]


class FactorChart(Protocol):
    """What a kind of coordinates does; L is the factor of the covariance at the origin."""

    @property
    def size(self) -> int:
        """Number of coordinates."""

    def places(self, k: int) -> Places:
        """Which of them the covariance of component k depends on, shape (P,)."""

    def cholesky(self, at: Array) -> Array:
        """Lower Cholesky factors of all components, shape (K, D, D)."""

    def pulled_back(self, at: Array, by_factor: Array, cholesky: Array, sums: Sums) -> Array:
        """Gradient by the coordinates.

        Parameters
        ----------
        at : ndarray, shape (size,)
        by_factor : ndarray, shape (K, D, D)
            The gradient by the factors.
        cholesky : ndarray, shape (K, D, D)
            The factors there.
        sums : Sums
            Of the E step there.
        """

    def moves(self, k: int) -> Array:
        """How the covariance of component k moves at the origin, as L^-1 dSigma L'^-1 for each of its places,
        shape (P, D, D)."""


def factor_chart(origin: Array, family: CovarianceFamily) -> FactorChart:
    """The coordinates for a family around the factors (K, D, D) of an estimate."""
    if family.shares_correlations_alone:
        return _OneCorrelation(origin)
    if not family.is_apart:
        return _Linear(origin, family)
    return _Turned(origin, family) if family.equivariance == "rotations" else _Triangular(origin, family)


@dataclass(frozen=True)
class _Linear:
    origin: Array
    family: CovarianceFamily

    @cached_property
    def basis(self) -> Array:
        """B, the directions in which the family lets a factor move, shape (P, D, D)."""
        d = self.origin.shape[1]
        if not self.family.by_feature:
            return np.eye(d)[None]
        i, j = np.diag_indices(d) if not self.family.has_correlations else np.tril_indices(d)
        return _units(i, j, d)

    @property
    def n_covariances(self) -> int:
        return len(self.origin) if self.family.by_component else 1

    @property
    def size(self) -> int:
        return self.n_covariances * len(self.basis)

    def places(self, k: int) -> Places:
        p = len(self.basis)
        return np.arange(p) + (k * p if self.family.by_component else 0)

    def cholesky(self, at: Array) -> Array:
        d = self.origin.shape[1]
        inner = np.eye(d) + np.einsum("kp,pij->kij", at.reshape(self.n_covariances, -1), self.basis)
        return np.asarray(self.origin @ inner)

    def pulled_back(self, at: Array, by_factor: Array, cholesky: Array, sums: Sums) -> Array:
        back = np.swapaxes(self.origin, 1, 2)
        by_c = np.einsum("kij,pij->kp", back @ by_factor, self.basis)
        if not self.family.by_component:
            by_c = by_c.sum(axis=0)
        return by_c.ravel()

    def moves(self, k: int) -> Array:
        return self.basis + np.swapaxes(self.basis, 1, 2)


@dataclass(frozen=True)
class _OneCorrelation:
    origin: Array

    @property
    def n_scales(self) -> int:
        """Number of standard deviations, K D."""
        return self.origin.shape[0] * self.origin.shape[1]

    @cached_property
    def below(self) -> Array:
        """Directions of G, shape (P, D, D)."""
        d = self.origin.shape[1]
        return _units(*np.tril_indices(d, -1), d)

    @property
    def size(self) -> int:
        return self.n_scales + len(self.below)

    def places(self, k: int) -> Places:
        d = self.origin.shape[1]
        return np.concatenate([k * d + np.arange(d), self.n_scales + np.arange(len(self.below))])

    def parts(self, at: Array) -> tuple[Array, Array]:
        """Factors of the standard deviations, shape (K, D, 1), and G, shape (D, D)."""
        (k, d, _), n = self.origin.shape, self.n_scales
        g = np.eye(d) + np.einsum("p,pij->ij", at[n:], self.below)
        return np.exp(at[:n]).reshape(k, d, 1), g

    def cholesky(self, at: Array) -> Array:
        scales, g = self.parts(at)
        return scales * (self.origin @ g)

    def pulled_back(self, at: Array, by_factor: Array, cholesky: Array, sums: Sums) -> Array:
        scales, _ = self.parts(at)
        by_g = np.einsum("kji,kjm->im", self.origin, scales * by_factor)
        by_below = np.einsum("im,pim->p", by_g, self.below)
        return np.concatenate([np.sum(by_factor * cholesky, axis=2).ravel(), by_below])

    def moves(self, k: int) -> Array:
        # A standard deviation moves a row of L: L^-1 times that row.
        inverse = np.linalg.inv(self.origin[k])
        rows = inverse.T[:, :, None] * self.origin[k][:, None, :]
        g = np.concatenate([rows, self.below])
        return g + np.swapaxes(g, 1, 2)


@dataclass(frozen=True)
class _Apart:
    """What families with volume, shape and axes apart have in common: coordinates of the volumes, of the
    shapes, and for each pair of features those of a third kind."""

    origin: Array
    family: CovarianceFamily

    @property
    def shape(self) -> tuple[int, int]:
        """K and D."""
        return self.origin.shape[0], self.origin.shape[1]

    @cached_property
    def contrasts(self) -> Array:
        """Orthonormal, of sum zero, shape (D, D - 1)."""
        d = self.shape[1]
        return np.asarray(helmert(d).T) if d > 1 else np.empty((1, 0))

    @cached_property
    def pairs(self) -> tuple[Places, Places]:
        """Of features, the second below the first; none without correlations."""
        return np.tril_indices(self.shape[1] if self.family.has_correlations else 1, -1)

    @property
    def pairs_are_own(self) -> bool:
        """Whether each component has its own coordinates of pairs."""
        return bool(self.family.pooling & OWN_AXES)

    @cached_property
    def parts(self) -> list[Places]:
        """Places of each component's coordinates of volume, shape and pairs: (K, 1), (K, D - 1), (K, P)."""
        k, d = self.shape
        own = self.family.pooling & OWN_VOLUME, self.family.pooling & OWN_SHAPE, self.pairs_are_own
        found, start = [], 0
        for each, n in zip(own, (1, d - 1, len(self.pairs[0])), strict=True):
            numbers = np.arange(n) + (n * np.arange(k)[:, None] if each else np.zeros((k, 1), dtype=int))
            found.append(start + numbers)
            start += n * (k if each else 1)
        return found

    @cached_property
    def size(self) -> int:
        k, d = self.shape
        return self.family.n_parameters(k, d) - (k - 1) - k * d

    def places(self, k: int) -> Places:
        return np.concatenate([part[k] for part in self.parts])

    def gathered(self, *by: Array) -> Array:
        """The sum of components' gradients by their coordinates of volume, shape and pairs."""
        out = np.zeros(self.size)
        for part, values in zip(self.parts, by, strict=True):
            np.add.at(out, part, values)
        return out


class _Triangular(_Apart):
    @property
    def pairs_are_own(self) -> bool:
        # A factor's entries below the diagonal make shape and axes together.
        return bool(self.family.pooling & OWN_SHAPE)

    def inner(self, at: Array) -> tuple[Array, Array]:
        """Factors of volume, shape (K, 1, 1), and G, shape (K, D, D)."""
        k, d = self.shape
        v, h, below = (at[part] for part in self.parts)
        g = np.exp(h @ self.contrasts.T)[:, :, None] * np.eye(d)
        g[:, self.pairs[0], self.pairs[1]] = below
        return np.exp(v)[:, :, None], g

    def cholesky(self, at: Array) -> Array:
        volume, g = self.inner(at)
        return volume * (self.origin @ g)

    def pulled_back(self, at: Array, by_factor: Array, cholesky: Array, sums: Sums) -> Array:
        volume, g = self.inner(at)
        by_g = volume * (np.swapaxes(self.origin, 1, 2) @ by_factor)
        by_log = np.diagonal(by_g, axis1=1, axis2=2) * np.diagonal(g, axis1=1, axis2=2)
        by_volume = np.sum(by_factor * cholesky, axis=(1, 2))[:, None]
        return self.gathered(by_volume, by_log @ self.contrasts, by_g[:, self.pairs[0], self.pairs[1]])

    def moves(self, k: int) -> Array:
        d = self.shape[1]
        diagonal = np.concatenate([np.ones((1, d)), self.contrasts.T])[:, :, None] * np.eye(d)
        g = np.concatenate([diagonal, _units(*self.pairs, d)])
        return g + np.swapaxes(g, 1, 2)


class _Turned(_Apart):
    @cached_property
    def axes(self) -> Array:
        """D at the origin, shape (K, D, D)."""
        if self.pairs_are_own:
            return np.linalg.eigh(self.origin @ np.swapaxes(self.origin, 1, 2))[1]
        return np.tile(common_axes(self.origin), (len(self.origin), 1, 1))

    @cached_property
    def variances(self) -> Array:
        """Along the axes at the origin, shape (K, D)."""
        return np.sum((np.swapaxes(self.origin, 1, 2) @ self.axes) ** 2, axis=1)

    @cached_property
    def units(self) -> Array:
        """Angles by which a component turns a standard deviation or so, shape (K, P)."""
        one, other = (self.variances[:, side] for side in self.pairs)
        unlike = (one - other) ** 2 / (one * other)
        if not self.pairs_are_own:
            unlike = np.broadcast_to(unlike.mean(axis=0), unlike.shape)
        return 1 / np.sqrt(np.maximum(unlike, 1.0))

    def turned(self, at: Array) -> tuple[Array, Array, Array]:
        """Variances along the axes (K, D); the skew matrices K, and R = (I - K / 2)^-1 (I + K / 2), Cayley's
        rotations, shape (K, D, D)."""
        v, h, angles = (at[part] for part in self.parts)
        skew = np.zeros(self.origin.shape)
        skew[:, self.pairs[0], self.pairs[1]] = angles * self.units
        skew -= np.swapaxes(skew, 1, 2)
        one = np.eye(self.shape[1])
        variances = self.variances * np.exp(v + h @ self.contrasts.T)
        return variances, skew, np.linalg.solve(one - skew / 2, one + skew / 2)

    def cholesky(self, at: Array) -> Array:
        variances, _, rotation = self.turned(at)
        root = self.axes @ rotation * np.sqrt(variances)[:, None, :]
        lower = np.swapaxes(np.linalg.qr(np.swapaxes(root, 1, 2), mode="r"), 1, 2)
        return lower * np.sign(np.diagonal(lower, axis1=1, axis2=2))[:, None, :]

    def pulled_back(self, at: Array, by_factor: Array, cholesky: Array, sums: Sums) -> Array:
        variances, skew, rotation = self.turned(at)
        one = np.eye(self.shape[1])
        # The gradient by Sigma is L'^-1 (S2 - S0 I) L^-1 / 2; seen along the axes.
        along = np.linalg.solve(cholesky, self.axes @ rotation)
        centre = sums.s2 - sums.s0[:, None, None] * one
        by_inside = np.swapaxes(along, 1, 2) @ centre @ along / 2
        by_log = np.diagonal(by_inside, axis1=1, axis2=2) * variances
        # dR = (I - K / 2)^-1 dK (R + I) / 2.
        by_rotation = 2 * rotation @ (by_inside * variances[:, None, :])
        back = np.linalg.solve(np.swapaxes(one - skew / 2, 1, 2), by_rotation)
        by_skew = back @ np.swapaxes(rotation + one, 1, 2) / 2
        i, j = self.pairs
        by_angle = (by_skew[:, i, j] - by_skew[:, j, i]) * self.units
        return self.gathered(by_log.sum(axis=1, keepdims=True), by_log @ self.contrasts, by_angle)

    def moves(self, k: int) -> Array:
        d, variances = self.shape[1], self.variances[k]
        logs = np.concatenate([np.ones((1, d)), self.contrasts.T])
        scaled = (logs * variances)[:, :, None] * np.eye(d)
        i, j = self.pairs
        unit = _units(i, j, d) * self.units[k][:, None, None]
        skew = unit - np.swapaxes(unit, 1, 2)
        inside = np.concatenate([scaled, skew * variances - variances[:, None] * skew])
        along = np.linalg.solve(self.origin[k], self.axes[k])
        return np.asarray(along @ inside @ along.T)


def _units(i: Places, j: Places, d: int) -> Array:
    """Matrices with a one at (i, j), shape (P, D, D)."""
    units = np.zeros((len(i), d, d))
    units[np.arange(len(i)), i, j] = 1.0
    return units
