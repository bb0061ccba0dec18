"""Standard errors from the curvature of the log-likelihood at the estimate.

The curvature is that of free coordinates in which the estimate lies at the origin and every component is a
standard normal: means mu + L a and Cholesky factors L G, with `a` near 0 and G near I. One step then fits all
differences, however tight or tilted a component is, and nothing depends on units. The delta method leads from
there to the parameters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from bayesgmm.em.problem import Problem, state_of
from bayesgmm.em.spread import Spread
from bayesgmm.em.steps import State
from bayesgmm.errors import DataError, DegenerateFitError
from bayesgmm.mixture.families import CovarianceFamily
from bayesgmm.mixture.kernels import gradient
from bayesgmm.mixture.params import MixtureParams

__all__ = ["Chart", "delta_method"]

Array = NDArray[np.float64]

# Differences of fourth order: at this step their error, of the order of step^4, and that of rounding, of the
# order of 1e-16 / step, are both far below what the inverse of an information can magnify.
STEP = 3e-4
# The smallest eigenvalue of an information of unit diagonal that still counts as positive.
SINGULAR = 1e-8
# An estimate further from the maximum than this many standard errors is not the maximum.
FAR = 0.1


@dataclass(frozen=True)
class Chart:
    """Free coordinates around an estimate, which lies at their origin.

    In this order: K - 1 logits of the weights against component 0; `a`, shape (K, D), with means mu + L a;
    for each covariance that the family has, the coefficients c of G = I + sum_p c_p B_p, with Cholesky
    factors L G.
    """

    origin: State
    family: CovarianceFamily

    @property
    def shape(self) -> tuple[int, int]:
        """K and D."""
        return self.origin.means.shape

    @cached_property
    def basis(self) -> Array:
        """B, the directions in which the family lets a factor move, shape (P, D, D)."""
        d = self.shape[1]
        if not self.family.by_feature:
            return np.eye(d)[None]
        i, j = np.diag_indices(d) if not self.family.has_correlations else np.tril_indices(d)
        basis = np.zeros((len(i), d, d))
        basis[np.arange(len(i)), i, j] = 1.0
        return basis

    @property
    def n_covariances(self) -> int:
        """Covariances that the family has: one or K."""
        return self.shape[0] if self.family.by_component else 1

    @property
    def size(self) -> int:
        """Number of free coordinates."""
        k, d = self.shape
        return k - 1 + k * d + self.n_covariances * len(self.basis)

    def of_mean(self, k: int) -> slice:
        """Where the mean of component k stands."""
        n, d = self.shape
        return slice(n - 1 + k * d, n - 1 + (k + 1) * d)

    def of_covariance(self, k: int) -> slice:
        """Where the covariance of component k stands."""
        n, d = self.shape
        start = n - 1 + n * d + (k if self.family.by_component else 0) * len(self.basis)
        return slice(start, start + len(self.basis))

    def state(self, at: Array) -> State:
        """The mixture at these coordinates."""
        k, d = self.shape
        logits, a, c = np.split(at, [k - 1, k - 1 + k * d])
        log_weights = self.origin.log_weights + np.concatenate([[0.0], logits])
        log_weights -= np.logaddexp.reduce(log_weights)
        means = self.origin.means + np.einsum("kij,kj->ki", self.origin.cholesky, a.reshape(k, d))
        inner = np.eye(d) + np.einsum("kp,pij->kij", c.reshape(self.n_covariances, -1), self.basis)
        return State(log_weights, means, self.origin.cholesky @ inner)

    def score(self, problem: Problem, at: Array) -> Array:
        """Gradient of the log-likelihood by the coordinates."""
        return self.value_and_score(problem, at)[1]

    def value_and_score(self, problem: Problem, at: Array) -> tuple[float, Array]:
        """Log-likelihood and its gradient by the coordinates: the kernel's, and the chain rule."""
        state = self.state(at)
        sums = problem.expect(state)
        by_weight, by_mean, by_factor = gradient(sums.s0, sums.s1, sums.s2, state.cholesky)
        by_logit = by_weight - np.exp(state.log_weights) * by_weight.sum()
        back = np.swapaxes(self.origin.cholesky, 1, 2)
        by_a = np.einsum("kij,kj->ki", back, by_mean)
        by_c = np.einsum("kij,pij->kp", back @ by_factor, self.basis)
        if not self.family.by_component:
            by_c = by_c.sum(axis=0)
        return sums.log_likelihood, np.concatenate([by_logit[1:], by_a.ravel(), by_c.ravel()])


def delta_method(problem: Problem, estimate: MixtureParams, params: MixtureParams) -> Spread:
    """Standard errors of the parameters, from the covariance of the free coordinates.

    Parameters
    ----------
    problem : Problem
    estimate, params : MixtureParams
        The same mixture in the problem's coordinates, and in those of the standard errors. The free
        coordinates are the same in both.
    """
    chart = Chart(state_of(estimate), problem.family)
    covariance = _covariance(chart, problem)
    k, d = chart.shape
    by_logit = (np.diag(params.weights) - np.outer(params.weights, params.weights))[1:]
    weights = _errors(by_logit, covariance[: k - 1, : k - 1])
    means, stds, correlations = np.empty((k, d)), np.empty((k, d)), np.empty((k, d, d))
    for j in range(k):
        m, c = chart.of_mean(j), chart.of_covariance(j)
        means[j] = _errors(params.cholesky[j].T, covariance[m, m])
        by_std, by_correlation = _shape_jacobian(params, j, chart.basis)
        stds[j] = _errors(by_std, covariance[c, c])
        correlations[j] = _errors(by_correlation.reshape(len(by_std), -1), covariance[c, c]).reshape(d, d)
    return Spread(weights, means, stds, correlations)


def _shape_jacobian(params: MixtureParams, k: int, basis: Array) -> tuple[Array, Array]:
    """Derivatives of a component's standard deviations (P, D) and correlations (P, D, D) by its P
    coordinates.

    With R the correlations and C their factor, Sigma = L G G' L' moves by t_i t_j W_ij, where W = C (B + B')
    C' and t are the standard deviations: so t_i moves by t_i W_ii / 2, and R_ij by W_ij - R_ij (W_ii + W_jj)
    / 2.
    """
    factor = params.corr_chol[k]
    moved = factor @ (basis + np.swapaxes(basis, 1, 2)) @ factor.T
    relative = np.diagonal(moved, axis1=1, axis2=2) / 2
    by_correlation = moved - factor @ factor.T * (relative[:, :, None] + relative[:, None, :])
    i = np.arange(params.n_features)
    by_correlation[:, i, i] = 0.0
    return params.stds[k] * relative, by_correlation


def _errors(jacobian: Array, covariance: Array) -> Array:
    """Standard errors of M functions of P coordinates; the Jacobian is (P, M)."""
    return np.sqrt(np.maximum(np.sum(jacobian * (covariance @ jacobian), axis=0), 0.0))


def _covariance(chart: Chart, problem: Problem) -> Array:
    """Inverse of the observed information, by way of a matrix of unit diagonal."""
    information = _information(chart, problem)
    size = np.sqrt(np.maximum(np.diagonal(information), np.finfo(float).tiny))
    smallest = float(np.linalg.eigvalsh(information / np.outer(size, size))[0])
    if not smallest > SINGULAR:
        raise DegenerateFitError(
            "The observed information is not positive definite: scaled to a unit diagonal, its smallest "
            "eigenvalue "
            f"is {smallest:.3g}, so that the data do not determine the estimate's {chart.size} free "
            "parameters; use fewer components or a simpler covariance_type, or try method='bootstrap'.",
            eigenvalue=smallest,
        )
    factor = np.linalg.cholesky(information / np.outer(size, size))
    inverse = solve_triangular(factor, np.diag(1 / size), lower=True)
    # What Newton's method would still move, measured in standard errors.
    away = float(np.linalg.norm(inverse @ chart.score(problem, np.zeros(chart.size))))
    if away > FAR:
        raise DataError(
            f"The estimate is {away:.2g} standard errors from the maximum of the log-likelihood, so that the "
            "curvature there says nothing; fit with a smaller tol and a larger max_iter.",
            distance=away,
        )
    return inverse.T @ inverse


def _information(chart: Chart, problem: Problem) -> Array:
    """Observed information, shape (P, P): minus the derivative of the exact score, by central differences."""
    columns = np.empty((chart.size, chart.size))
    for p, direction in enumerate(np.eye(chart.size)):
        once, twice = (
            chart.score(problem, h * direction) - chart.score(problem, -h * direction)
            for h in (STEP, 2 * STEP)
        )
        columns[p] = (twice - 8 * once) / (12 * STEP)
    return (columns + columns.T) / 2
